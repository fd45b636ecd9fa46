"""Bad input: one line that names the file and the remedy, at little cost, whatever the bytes."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seisflow.errors import DataError
from seisflow.io import open_section

from .conftest import cube, segy_bytes, whole_numbers

FIELDS = cube([10, 11, 12], [1, 2, 3, 4])
GOOD = segy_bytes(whole_numbers((12, 20)), FIELDS)
CASES = {
    "empty": (b"", "empty"),
    "one byte": (b"C", "1 bytes"),
    "headers only": (GOOD[:3600], "3600 bytes"),
    "within the first trace header": (GOOD[:3700], "3700 bytes"),
    "within the first samples": (GOOD[:3850], "At least one whole trace"),
    "text": (b"Dear geophysicist,\n" * 1000, "sample format code"),
    "zeros": (bytes(10_000), "sample format code 0"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "sample format code"),
    "unknown format": (segy_bytes(whole_numbers((12, 20)), FIELDS, binary={(3225, "i2"): 99}), "code 99"),
    "fixed point with gain": (
        segy_bytes(whole_numbers((12, 20)), FIELDS, binary={(3225, "i2"): 4}),
        "code 4 .fixed point with gain",
    ),
    "no samples": (segy_bytes(whole_numbers((12, 20)), FIELDS, samples=0, trace_samples=0), "0 samples"),
    "too many samples": (
        segy_bytes(whole_numbers((12, 20)), FIELDS, samples=60_000, trace_samples=60_000),
        "60000 samples",
    ),
    "text headers that are not there": (
        segy_bytes(whole_numbers((12, 20)), FIELDS, revision=(1, 0), binary={(3505, "i2"): 9}),
        "byte 32400 of",
    ),
    "text headers without end": (
        segy_bytes(whole_numbers((12, 20)), FIELDS, revision=(1, 0), binary={(3505, "i2"): -1}),
        "EndText",
    ),
}


@pytest.mark.parametrize(("data", "message"), CASES.values(), ids=CASES)
def test_bad_files_are_refused_in_one_line(tmp_path, data, message):
    path = tmp_path / "bad.sgy"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as error:
        open_section(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.sgy: no such file"):
        open_section(tmp_path / "nowhere.sgy")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        np.array(["a"]),
        np.zeros(5),
        np.zeros((2, 2), complex),
        np.array([[{}]]),
        np.zeros((0, 5)),
    ],
    ids=["empty", "cut", "text", "1D", "complex", "objects", "no traces"],
)
def test_bad_arrays_are_refused(tmp_path, data):
    path = tmp_path / "bad.npy"
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        np.save(path, data)
    with pytest.raises(DataError, match=r"bad\.npy") as error:
        open_section(path, dt=4)
    assert "\n" not in str(error.value)


def fuzz(headers, others):
    script = Path(__file__).parent / "fuzz.py"
    seed = os.environ.get("SEISFLOW_FUZZ_SEED", "0")
    command = [sys.executable, str(script), str(headers), str(others), seed]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("headers", "others"), [(250, 100), pytest.param(5000, 1000, marks=pytest.mark.slow)]
)
def test_damage_of_any_kind_gives_a_report_or_one_line_in_less_than_1_gb(headers, others):
    result = fuzz(headers, others)
    print(result["found"], f"slowest {result['slowest']:.2f} s, peak {result['peak_mb']:.0f} MB")
    assert result["failures"] == []
    assert sum(result["found"].values()) == headers + others
    assert min(result["found"]["read"], result["found"]["refused"]) > 0.1 * headers
    assert result["peak_mb"] < 1000


def test_a_lying_count_does_not_allocate(tmp_path):
    binary = {(3269, "i4"): 2**31 - 1, (3513, "u8"): 2**63}
    path = tmp_path / "lying.sgy"
    path.write_bytes(segy_bytes(whole_numbers((12, 20)), FIELDS, revision=(2, 0), binary=binary))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert open_section(path)["amplitude"].shape == (3, 4, 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
