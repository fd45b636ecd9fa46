"""The script for a GPU, rehearsed on the CPU with tiny sizes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "benchmarks" / "gpu.py"


@pytest.mark.slow
def test_the_script_for_a_gpu_measures_every_part(tmp_path):
    path = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "run", "--tiny", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    results = json.loads(path.read_text())
    metrics = {(one["dataset"], one["metric"]) for one in results}
    assert ("f3-small", "log p, largest relative error") in metrics
    assert ("seismic", "train") in metrics
    assert ("2 inlines", "scoring (samples/s)") in metrics
    trained = [one for one in results if one["metric"].startswith("test ")]
    assert len(trained) == 5
    assert all(one["steps"] == 2 and one["value"] < 20 for one in trained)
