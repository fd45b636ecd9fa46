"""Names and places of SEG-Y header fields, and how to read them."""

import string
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

# Makes the trace headers of some traces of a panel: from the position of the panel followed by the slice of
# traces, and a mask of those that are there, to an array (n_trace, bytes per header).
HeaderSource = Callable[[tuple[int | slice, ...], NDArray[np.bool_]], NDArray[np.uint8]]

TEXT_BYTES, BINARY_BYTES, TRACE_HEADER_BYTES = 3200, 400, 240

# Name: (first byte in the file, counted from 1 as the standard does; numpy type without byte order).
BINARY_FIELDS = {
    "job": (3201, "i4"),
    "line": (3205, "i4"),
    "reel": (3209, "i4"),
    "traces_per_ensemble": (3213, "i2"),
    "auxiliary_traces_per_ensemble": (3215, "i2"),
    "sample_interval": (3217, "u2"),
    "sample_interval_original": (3219, "u2"),
    "samples": (3221, "u2"),
    "samples_original": (3223, "u2"),
    "format": (3225, "i2"),
    "ensemble_fold": (3227, "i2"),
    "sorting": (3229, "i2"),
    "vertical_sum": (3231, "i2"),
    "amplitude_recovery": (3253, "i2"),
    "measurement_system": (3255, "i2"),
    "impulse_polarity": (3257, "i2"),
    "vibratory_polarity": (3259, "i2"),
    "revision_major": (3501, "u1"),
    "revision_minor": (3502, "u1"),
    "fixed_length": (3503, "i2"),
    "extended_text_headers": (3505, "i2"),
}
# These bytes are unassigned before revision 2, and may hold anything there.
BINARY_FIELDS_2 = {
    "samples_extended": (3269, "i4"),
    "sample_interval_extended": (3273, "f8"),
    "additional_trace_headers": (3507, "i4"),
    "traces": (3513, "u8"),
    "first_trace_offset": (3521, "u8"),
    "trailer_stanzas": (3529, "i4"),
}

# Trace header fields by first byte, counted from 1. Every 4-byte place where line, shot, channel, ensemble
# or offset numbers are usually kept, and what is needed to place a trace in space and time.
IN_LINE, IN_FILE = 1, 5  # counts of traces
TRACE_WORDS = (IN_LINE, IN_FILE, 9, 13, 17, 21, 25, 37, 73, 77, 81, 85, 181, 185, 189, 193)
TRACE_ID, ELEVATION_SCALAR, COORDINATE_SCALAR, COORDINATE_UNIT, TIME_SCALAR = 29, 69, 71, 89, 215
DELAY, TRACE_SAMPLES, TRACE_INTERVAL = 109, 115, 117
TRACE_HALVES = {
    TRACE_ID: "i2",
    ELEVATION_SCALAR: "i2",
    COORDINATE_SCALAR: "i2",
    COORDINATE_UNIT: "i2",
    DELAY: "i2",
    TRACE_SAMPLES: "u2",
    TRACE_INTERVAL: "u2",
    TIME_SCALAR: "i2",
}

MOST_TEXT_HEADERS, MOST_TRACE_HEADERS = 100, 100
_LARGEST_MINOR, _FLAGS = 9, (-1, 0, 1, 256)  # 256 is 1 in the other byte order
_CHUNK_BYTES = 64 * 2**20


def order(endian: str) -> str:
    """Return numpy's sign for a byte order."""
    return ">" if endian == "big" else "<"


def field(header: bytes, place: tuple[int, str], endian: str, base: int = TEXT_BYTES) -> float:
    """Read one field of a header whose first byte is number ``base + 1``."""
    first, kind = place
    value: float = np.frombuffer(header, order(endian) + kind, count=1, offset=first - 1 - base)[0].item()
    return value


def binary_fields(header: bytes, endian: str) -> dict[str, int]:
    """Read the fields of a 400-byte binary header that are whole numbers, by name."""
    values = {name: int(field(header, place, endian)) for name, place in BINARY_FIELDS.items()}
    revision = _revision(values, endian)
    values["revision_major"], values["revision_minor"] = revision
    if revision >= (2, 0):
        whole = {name: place for name, place in BINARY_FIELDS_2.items() if place[1] != "f8"}
        values |= {name: int(field(header, place, endian)) for name, place in whole.items()}
    if revision >= (2, 1) or not 0 <= values.get("additional_trace_headers", 0) <= MOST_TRACE_HEADERS:
        # Revision 2.1 halves the field: the other half is the survey type.
        values["additional_trace_headers"] = int(field(header, (3507, "i2"), endian))
    return values


def _revision(values: dict[str, int], endian: str) -> tuple[int, int]:
    """Return the revision if bytes 3501 to 3506 make sense together: revision 0 leaves them unassigned."""
    major, minor = values["revision_major"], values["revision_minor"]
    if endian == "little" and (major in (0, 100) and minor in (0, 1, 2)):
        # Revision 1 calls it one 16-bit number, so its bytes are swapped in a little-endian file.
        major, minor = minor, major
    if (major, minor) == (0, 100):  # written as the decimal number 100 instead of the bytes 1 and 0
        major, minor = 1, 0
    told = major in (1, 2) and minor <= _LARGEST_MINOR
    beside = -1 <= values["extended_text_headers"] <= MOST_TEXT_HEADERS
    return (major, minor) if told and beside and values["fixed_length"] in _FLAGS else (0, 0)


def decode_text(raw: bytes, encoding: str) -> str:
    """Return a 3200-byte text header as 40 lines; what cannot be printed becomes a space."""
    text = raw.decode("cp037" if encoding == "ebcdic" else "latin-1")
    text = "".join(c if c.isprintable() else " " for c in text)
    return "\n".join(text[i : i + 80].rstrip() for i in range(0, len(text), 80))


def guess_encoding(raw: bytes) -> str:
    """Tell EBCDIC from ASCII by which gives more letters, digits and spaces."""
    plain = string.ascii_letters + string.digits + " "
    as_ascii = len(raw) - len(raw.translate(None, delete=plain.encode("ascii")))
    as_ebcdic = len(raw) - len(raw.translate(None, delete=plain.encode("cp037")))
    return "ascii" if as_ascii > as_ebcdic else "ebcdic"


def trace_columns(
    file: BinaryIO, start: int, stride: int, traces: int, endian: str, words: tuple[int, ...] = TRACE_WORDS
) -> dict[int, NDArray[np.int32]]:
    """Read fields of every trace header.

    Only the pages that hold headers are touched, and only a part of the file is mapped at a time, so
    that neither the time nor the memory is that of the samples.

    Parameters
    ----------
    file : binary file
    start, stride : int
        Position of the first trace and bytes from one trace to the next.
    traces : int
        Number of traces.
    endian : {"big", "little"}
    words : tuple of int
        First bytes of the 4-byte fields to read; the 2-byte fields of `TRACE_HALVES` come with them.

    Returns
    -------
    dict
        First byte of the field (from 1) to an array (traces,), int32.
    """
    kinds = dict.fromkeys(words, "i4") | TRACE_HALVES
    columns = {first: np.empty(traces, np.int32) for first in kinds}
    step = max(1, _CHUNK_BYTES // stride)
    for begin in range(0, traces, step):
        count = min(step, traces - begin)
        part = _header_rows(file, start + begin * stride, stride, count)
        for first, values in fields_of(part, endian, words).items():
            columns[first][begin : begin + count] = values
    return columns


def fields_of(
    raw: NDArray[np.uint8], endian: str, words: tuple[int, ...] = TRACE_WORDS
) -> dict[int, NDArray[np.int32]]:
    """Take fields out of trace headers ``raw`` (n_trace, 240), as `trace_columns` does."""
    kinds = dict.fromkeys(words, "i4") | TRACE_HALVES
    return {
        first: raw[:, first - 1 : first - 1 + np.dtype(kind).itemsize]
        .view(order(endian) + kind)[:, 0]
        .astype(np.int32)
        for first, kind in kinds.items()
    }


def _header_rows(file: BinaryIO, position: int, stride: int, count: int) -> NDArray[np.uint8]:
    """Return the headers (count, 240) of successive traces; a remote file is read whole."""
    try:
        file.fileno()
    except (AttributeError, OSError):
        file.seek(position)
        raw = np.frombuffer(file.read(count * stride), np.uint8)
    else:
        raw = np.memmap(file, np.uint8, "r", offset=position, shape=(count * stride,))
    return np.array(raw.reshape(count, stride)[:, :TRACE_HEADER_BYTES])
