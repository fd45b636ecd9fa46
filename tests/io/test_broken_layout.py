"""Files whose traces do not stand where headers say: bytes inserted, removed, traces of other lengths."""

import numpy as np
import pytest

from seisflow.errors import SeisflowError
from seisflow.io import open_section

from .conftest import cube, segy_bytes
from .odd_files import earth

COUNT, SIZE = 40, 50
EARTHS = [earth(COUNT, SIZE, seed=seed) for seed in range(5)]
FIELDS = {
    "cube": cube(np.arange(10, 14), np.arange(100, 110))
    | {181: np.arange(40), 185: np.arange(40) * 3, 71: -10},
    "gathers": cube(np.arange(5, 9), np.arange(1, 11), 9, 13) | {37: np.tile(np.arange(10) * 25 - 900, 4)},
    "line": {21: np.arange(101, 141), 73: np.arange(40) * 10, 77: np.arange(40) * 20},
}


def a_file(rng):
    """Return the bytes of a lawful file of a random kind, and the bytes of a trace."""
    code = int(rng.choice([1, 3, 5, 8]))
    values = EARTHS[rng.integers(len(EARTHS))]
    data = segy_bytes(
        np.rint(values / 20) if code in (3, 8) else values,
        FIELDS[str(rng.choice(list(FIELDS)))],
        code=code,
        endian=str(rng.choice(["big", "little"])),
        revision=[(0, 0), (1, 0), (2, 0)][rng.integers(3)],
    )
    return data, (len(data) - 3600) // COUNT


def broken(rng):
    """Return a file with bytes too many or too few somewhere after its file headers."""
    data, stride = a_file(rng)
    kind = rng.integers(5)
    at = int(rng.integers(3600, len(data)))
    count = int(rng.integers(1, 2 * stride))
    count += count % stride == 0  # a whole trace more or less is another file
    if kind == 0:  # noise, blanks, or bytes of the file itself, inserted
        source = [rng.bytes(count), bytes(count), data[at : at + count].ljust(count, b"\1")][rng.integers(3)]
        return data[:at] + source + data[at:]
    if kind == 1:  # removed
        at = min(at, len(data) - count)
        return data[:at] + data[at + count :]
    if kind == 2:  # removed here, and as many added there
        first = int(rng.integers(3600, len(data) - count - stride))
        second = int(rng.integers(first + stride, len(data) - count))  # a header at least lies between
        return data[:first] + data[first + count : second + count] + rng.bytes(count) + data[second + count :]
    if kind == 3:  # some traces are shorter or longer
        traces = [data[3600 + k * stride :][:stride] for k in range(COUNT)]
        for k in rng.choice(COUNT, rng.integers(1, COUNT), replace=False):
            size = int(rng.integers(1, 40))
            traces[k] = traces[k][:-size] if rng.random() < 0.5 else traces[k] + rng.bytes(size)
        return data[:3600] + b"".join(traces)
    other, _ = a_file(rng)  # another file behind
    return data + other


def outcome(path):
    """Return "refused", "warned", or what is wrong."""
    try:
        section = open_section(path, line=True)
        section["amplitude"].to_numpy()
    except SeisflowError as error:
        return "refused" if "\n" not in str(error) else f"more than one line: {error}"
    return "warned" if section.attrs["warnings"] else f"read {dict(section.sizes)} without a warning"


@pytest.mark.parametrize("files", [150, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_broken_layout_is_never_read_without_a_warning(tmp_path, files):
    found = {}
    for number in range(files):
        rng = np.random.default_rng([19, number])
        path = tmp_path / "broken.sgy"
        path.write_bytes(broken(rng))
        found.setdefault(outcome(path), []).append(number)
    print({said: len(numbers) for said, numbers in found.items()})
    assert set(found) <= {"refused", "warned"}, found
    assert len(found["refused"]) > files / 2


@pytest.mark.parametrize("number", range(60))
def test_a_lawful_layout_is_read_without_a_warning(tmp_path, number):
    path = tmp_path / "lawful.sgy"
    path.write_bytes(a_file(np.random.default_rng([20, number]))[0])
    section = open_section(path)
    assert section.attrs["warnings"] == []
    assert int(section["trace_mask"].sum()) == COUNT
