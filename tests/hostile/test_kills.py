"""Commands killed at random moments leave the old or the new under the final name, whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SHM = Path("/dev/shm")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and kills by number")
@pytest.mark.parametrize("disks", ["one", "two"])
def test_a_killed_command_leaves_the_old_or_the_new(tmp_path, disks):
    scratch = tmp_path
    if disks == "two":
        if not os.access(SHM, os.W_OK):
            pytest.skip("no second file system")
        scratch = SHM / f"seisflow-{os.getpid()}"
        scratch.mkdir()
    folder = tmp_path / "work"
    folder.mkdir()
    seed = os.environ.get("SEISFLOW_FUZZ_SEED", "0")
    command = [sys.executable, str(HERE / "kills.py"), "25", seed, str(folder), str(scratch)]
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent / "io")}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | quiet)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(result["found"], f"{result['seconds']:.0f} s")
    assert result["failures"] == []
    assert sum(result["found"].values()) == 25
