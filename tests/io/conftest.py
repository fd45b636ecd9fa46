"""A SEG-Y writer for tests, written from the standard and independent of the one in seisflow."""

from pathlib import Path

import numpy as np
import pytest

NUMPY = {2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 9: "i8", 10: "u4", 11: "u2", 12: "u8", 16: "u1"}


def ibm_words(values):
    """IBM hexadecimal floats: sign, exponent of 16 with excess 64, and 24 bits of fraction."""
    fraction, exponent = np.frexp(np.abs(values).astype(np.float64))
    hexadecimal = -(-exponent // 4)
    mantissa = np.rint(fraction * 2.0 ** (exponent - 4 * hexadecimal + 24)).astype(np.uint32)
    words = (
        (np.signbit(values).astype(np.uint32) << 31) | ((hexadecimal + 64).astype(np.uint32) << 24) | mantissa
    )
    return np.where(values == 0, 0, words).astype(np.uint32)


def raw_samples(values, code, order):
    if code == 1:
        return ibm_words(values).astype(order + "u4").view(np.uint8)
    if code in (7, 15):
        words = values.astype(np.int64).astype(order + "i4").view(np.uint8).reshape(*values.shape, 4)
        return words[..., slice(1, 4) if order == ">" else slice(0, 3)].reshape(len(values), -1)
    return np.ascontiguousarray(values.astype(order + NUMPY[code])).view(np.uint8)


def put(raw, first, values, kind, order):
    """Write a field of every row; ``first`` counts from 1."""
    field = np.broadcast_to(values, len(raw)).astype(order + kind)
    raw[:, first - 1 : first - 1 + field.itemsize] = field.view(np.uint8).reshape(len(raw), -1)


def segy_bytes(
    values,
    fields,
    *,
    code=5,
    endian="big",
    encoding="ebcdic",
    text="C 1 SYNTHETIC TEST FILE",
    interval=4000,
    trace_interval=None,
    samples=None,
    trace_samples=None,
    delay=0,
    revision=(0, 0),
    extended=0,
    binary=None,
):
    """Return a SEG-Y file.

    ``values`` (n_trace, n_sample); ``fields`` maps the first byte of 4-byte trace header fields to
    values; ``binary`` maps (first byte, kind) of further binary header fields to values.
    """
    order = ">" if endian == "big" else "<"
    codec = "cp037" if encoding == "ebcdic" else "ascii"
    count, size = values.shape
    lines = "".join(line.ljust(80) for line in text.split("\n"))
    head = bytearray(lines.ljust(3200).encode(codec) + bytes(400) + " ".ljust(3200).encode(codec) * extended)
    given = {
        (3217, "u2"): interval,
        (3221, "u2"): size if samples is None else samples,
        (3225, "i2"): code,
        (3501, "u1"): revision[0],
        (3502, "u1"): revision[1],
        (3505, "i2"): extended,
    } | (binary or {})
    for (first, kind), value in given.items():
        raw = np.array(value, order + kind).tobytes()
        head[first - 1 : first - 1 + len(raw)] = raw
    headers = np.zeros((count, 240), np.uint8)
    put(headers, 1, np.arange(1, count + 1), "i4", order)
    put(headers, 29, 1, "i2", order)
    put(headers, 115, size if trace_samples is None else trace_samples, "u2", order)
    put(headers, 117, interval if trace_interval is None else trace_interval, "u2", order)
    put(headers, 109, delay, "i2", order)
    for first, numbers in fields.items():
        put(headers, first, numbers, "i2" if first in (71, 89, 215) else "i4", order)
    return bytes(head) + np.hstack([headers, raw_samples(values, code, order)]).tobytes()


def whole_numbers(shape, low=-100, high=100):
    """Return values that every sample format holds exactly."""
    return np.random.default_rng(0).integers(low, high, shape).astype(np.float32)


def cube(inlines, crosslines, iline=189, xline=193):
    """Return line numbers of a full cube, sorted by inline."""
    return {iline: np.repeat(inlines, len(crosslines)), xline: np.tile(crosslines, len(inlines))}


def parts(path, samples, size=4, start=3600):
    """Return text header, binary header, and trace headers (n_trace, 240) of a file."""
    raw = np.fromfile(path, np.uint8)
    return raw[:3200], raw[3200:start], raw[start:].reshape(-1, 240 + samples * size)[:, :240]


@pytest.fixture
def segy(tmp_path):
    """Function that writes a synthetic SEG-Y file and returns its path; see `segy_bytes`."""

    def write(values=None, fields=None, name="synthetic.sgy", **options) -> Path:
        fields = cube([10, 11, 12], [1, 2, 3, 4]) if fields is None else fields
        if values is None:
            values = whole_numbers((len(next(iter(fields.values()))), 20))
        path = tmp_path / name
        path.write_bytes(segy_bytes(values, fields, **options))
        return path

    return write
