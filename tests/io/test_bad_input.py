"""Bad input: one line that names the file and the remedy, at little cost, whatever the bytes."""

import resource

import numpy as np
import pytest

from seisflow.errors import DataError, SeisflowError
from seisflow.io import open_section, scan

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
    "unknown format": (segy_bytes(whole_numbers((12, 20)), FIELDS, binary={(3225, "i2"): 4}), "code 4"),
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


def mutated(rng):
    """Return a SEG-Y file with damage of one of four kinds."""
    data = bytearray(GOOD)
    kind = rng.integers(4)
    if kind == 0:  # binary header
        for _ in range(rng.integers(1, 30)):
            data[3200 + rng.integers(400)] = rng.integers(256)
    elif kind == 1:  # the fields that decide, and trace headers
        places = [3217, 3221, 3225, 3501, 3505, 3507, 3513, 3521, 3529]
        for _ in range(rng.integers(1, 4)):
            data[rng.choice(places) + rng.integers(2)] = rng.integers(256)
        for _ in range(rng.integers(200)):
            data[rng.integers(3600, len(data))] = rng.integers(256)
    elif kind == 2:  # length
        del data[rng.integers(len(data)) :]
    else:  # noise with a likely format and sample count
        data = bytearray(rng.bytes(int(rng.integers(20_000))))
        data[3220:3226] = bytes([0, rng.integers(200), 0, 0, 0, rng.integers(1, 9)])
    return bytes(data)


def what_scan_says(path):
    try:
        return scan(path).kind
    except SeisflowError as error:
        return str(error)


@pytest.mark.filterwarnings("error")
def test_damage_of_any_kind_gives_a_report_or_one_line(tmp_path):
    path = tmp_path / "damaged.sgy"
    rng = np.random.default_rng(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        path.write_bytes(mutated(rng))
        assert "\n" not in what_scan_says(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_lying_count_does_not_allocate(tmp_path):
    binary = {(3269, "i4"): 2**31 - 1, (3513, "u8"): 2**63}
    path = tmp_path / "lying.sgy"
    path.write_bytes(segy_bytes(whole_numbers((12, 20)), FIELDS, revision=(2, 0), binary=binary))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert open_section(path)["amplitude"].shape == (3, 4, 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
