"""Files as other software leaves them: an earth to fill them with, and a writer that breaks any rule."""

import numpy as np

from .conftest import put, raw_samples


def earth(traces, samples, *, interval=0.004, seed=1, amplitude=1000.0):
    """Return reflections, dipping gently, with a little noise: (n_trace, n_sample) float32."""
    rng = np.random.default_rng(seed)
    reflectivity = rng.laplace(size=samples + 200) * (rng.random(samples + 200) < 0.25)
    time = np.arange(-20, 21) * interval
    square = (np.pi * 25 * time) ** 2
    trace = np.convolve(reflectivity, (1 - 2 * square) * np.exp(-square), "same")
    shift = 6 * np.sin(2 * np.pi * np.arange(traces) / 90) + 50
    places = np.arange(samples) + shift[:, None]
    values = np.interp(places, np.arange(len(trace)), trace) + 0.05 * rng.standard_normal(places.shape)
    return (amplitude * values).astype(np.float32)


def grid(inlines, crosslines, *, iline=189, xline=193, x=500_000, y=6_000_000, places=(181, 185), factor=100):
    """Return trace header fields of a cube: numbers, and coordinates over ``factor``."""
    il, xl = np.repeat(inlines, len(crosslines)), np.tile(crosslines, len(inlines))
    east, north = x + 25 * (xl - crosslines[0]), y + 25 * (il - inlines[0])
    return {
        iline: ("i4", il),
        xline: ("i4", xl),
        71: ("i2", -factor),
        places[0]: ("i4", factor * east),
        places[1]: ("i4", factor * north),
        21: ("i4", np.arange(1, len(il) + 1)),
    }


def write(
    path,
    values,
    fields,
    *,
    code=5,
    data_code=None,
    endian="big",
    data_endian=None,
    text="",
    encoding="ebcdic",
    interval=4000,
    trace_interval=None,
    samples=None,
    trace_samples=None,
    binary=None,
    extended=b"",
    tail=b"",
):
    """Write a file and return its path.

    ``fields`` maps the first byte of trace header fields to (kind, values), ``binary`` that of binary header
    fields to (kind, value), or to bytes; ``data_code`` and ``data_endian`` are what the samples really have.
    """
    order = ">" if endian == "big" else "<"
    lines = "".join(line.ljust(80)[:80] for line in text.split("\n")).ljust(3200)
    head = bytearray(lines.encode("cp037" if encoding == "ebcdic" else "latin-1") + bytes(400))
    count, size = values.shape
    told = {3217: ("u2", interval), 3221: ("u2", size if samples is None else samples), 3225: ("i2", code)}
    for first, value in (told | (binary or {})).items():
        raw = value if isinstance(value, bytes) else np.array(value[1], order + value[0]).tobytes()
        head[first - 1 : first - 1 + len(raw)] = raw
    headers = np.zeros((count, 240), np.uint8)
    usual = {
        1: ("i4", np.arange(1, count + 1)),
        5: ("i4", np.arange(1, count + 1)),
        29: ("i2", 1),
        115: ("u2", size if trace_samples is None else trace_samples),
        117: ("u2", interval if trace_interval is None else trace_interval),
    }
    for first, (kind, numbers) in (usual | fields).items():
        put(headers, first, np.asarray(numbers), kind, order)
    data = raw_samples(values, data_code or code, ">" if (data_endian or endian) == "big" else "<")
    path.write_bytes(bytes(head) + extended + np.hstack([headers, data]).tobytes() + tail)
    return path
