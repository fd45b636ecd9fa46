"""Plausibility of a trace header at a place, by what headers of one file have in common.

Samples taken for a header have neither the sample count nor the interval of the first trace, and where
scalars, units and codes should be, large numbers. No field is decisive alone: each is wrong in some files.
"""

import numpy as np
from numpy.typing import NDArray

from seisflow.io.segy import headers
from seisflow.io.segy.headers import (
    COORDINATE_SCALAR,
    COORDINATE_UNIT,
    ELEVATION_SCALAR,
    IN_FILE,
    IN_LINE,
    TRACE_ID,
    TRACE_INTERVAL,
    TRACE_SAMPLES,
)

_LEAST_ID, _LARGEST_ID = -2, 255  # of trace identification codes; 41 ends the standard's
_SCALARS = (0, *(sign * 10**power for power in range(6) for sign in (1, -1)))
_LARGEST_UNIT = 5
_LARGEST_NUMBER = 2**30  # of a trace within its file
_MOST_STRANGE = 1  # oddities of a first header, which has no other to be compared with
_BLANK = 0x20, 0x40  # what a text header is padded with, in ASCII and EBCDIC


def evidence(
    found: dict[int, NDArray[np.int32]], first: dict[int, int], rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which trace headers are plausible beside the first of the file.

    Parameters
    ----------
    found : dict
        First byte of a field to its value in some traces, as `headers.trace_columns` gives them.
    first : dict
        The same of the first trace.
    rows : array (n_trace,), int64
        Positions of the traces in the file, from 0.

    Returns
    -------
    array (n_trace,), bool
        True where more speaks for a header than against it, or nothing against it.
    """
    good = np.zeros(len(rows), np.int64)
    bad = np.zeros(len(rows), np.int64)
    for byte in (TRACE_SAMPLES, TRACE_INTERVAL):
        same = found[byte] == first[byte]
        good += same & (first[byte] != 0)
        bad += ~same
    good += (found[TRACE_ID] == first[TRACE_ID]) & (first[TRACE_ID] != 0)
    bad += _is_strange(found, first)
    counted = np.zeros(len(rows), bool)
    for byte in (IN_LINE, IN_FILE):
        counted |= found[byte].astype(np.int64) - first[byte] == rows
    good += counted & (rows > 0)
    for byte in (IN_LINE, IN_FILE):
        if abs(first[byte]) < _LARGEST_NUMBER:
            bad += np.abs(found[byte].astype(np.int64)) > _LARGEST_NUMBER
    plausible: NDArray[np.bool_] = (bad == 0) | (good > bad)
    return plausible


def is_first_plausible(first: dict[int, int]) -> bool:
    """Tell whether a header can be the first of a file."""
    nothing: dict[int, int] = dict.fromkeys(first, 0)
    found = {byte: np.array([value], np.int32) for byte, value in first.items()}
    strange = int(_is_strange(found, nothing)[0])
    numbers = sum(abs(first[byte]) > _LARGEST_NUMBER for byte in (IN_LINE, IN_FILE))
    return strange + numbers <= _MOST_STRANGE


def is_text(raw: bytes) -> bool:
    """Tell whether bytes are a text header: nearly all characters, and some blanks."""
    if not raw:
        return False
    for encoding, blank in zip(("ascii", "ebcdic"), _BLANK, strict=True):
        codec = "cp037" if encoding == "ebcdic" else "latin-1"
        printed = sum(c.isascii() and c.isprintable() for c in raw.decode(codec))
        if printed > 0.9 * len(raw) and raw.count(blank) > 0.1 * len(raw):
            return True
    return False


def first_fields(header: bytes, endian: str) -> dict[int, int]:
    """Return the fields of one trace header that `evidence` compares."""
    raw = np.frombuffer(header[: headers.TRACE_HEADER_BYTES], np.uint8)[None]
    return {byte: int(values[0]) for byte, values in headers.fields_of(raw, endian).items()}


def _is_strange(found: dict[int, NDArray[np.int32]], first: dict[int, int]) -> NDArray[np.int64]:
    """Count codes, scalars and units that no file has, unless its first header has them too."""
    code, unit = found[TRACE_ID], found[COORDINATE_UNIT]
    strange = ((code < _LEAST_ID) | (code > _LARGEST_ID)) & (code != first[TRACE_ID])
    count = strange.astype(np.int64)
    for byte in (ELEVATION_SCALAR, COORDINATE_SCALAR):
        if (found[byte] == first[byte]).all():
            continue
        count += ~np.isin(found[byte], _SCALARS) & (found[byte] != first[byte])
    return count + (((unit < 0) | (unit > _LARGEST_UNIT)) & (unit != first[COORDINATE_UNIT]))
