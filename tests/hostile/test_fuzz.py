"""Damage to Zarr, models, runs and configurations gives a result or one line, soon and in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def fuzz(kind, count):
    """Run the fuzzer with the seed that SEISFLOW_FUZZ_SEED gives, 0 without."""
    seed = os.environ.get("SEISFLOW_FUZZ_SEED", "0")
    command = [sys.executable, str(HERE / "fuzz.py"), kind, str(count), seed]
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent / "io")}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | quiet)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["zarr", "model", "config"])
def test_damage_gives_a_result_or_one_line(kind, count):
    result = fuzz(kind, count)
    print(result["found"], f"slowest {result['slowest']:.2f} s, peak {result['peak_mb']:.0f} MB")
    assert not result["failures"], "\n".join(f"{one['number']}: {one['said']}" for one in result["failures"])
    assert result["found"]["read"] + result["found"]["refused"] == count
    assert result["found"]["read"] > 0
    assert result["slowest"] < 20
    assert result["peak_mb"] < 1000
