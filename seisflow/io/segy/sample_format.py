"""Check of the sample format and byte order that headers say, by the amplitudes they decode to.

IBM and IEEE floats differ in a way that a single number does not show: reading one as the other gives sizes
that are squared, or square roots. But IBM fractions never begin with a zero digit, and the bits where IBM has
this digit are zero in one of twelve IEEE floats.
"""

import numpy as np
from numpy.typing import NDArray

from seisflow.io.nulls import NULL_FROM
from seisflow.io.segy import formats

_IBM, _INT32, _INT16, _IEEE, _FLOATS = 1, 2, 3, 5, (1, 5, 6)
_MOST_SPREAD = 12.0  # standard deviation of log2 of the size, which real amplitudes stay far below
_USUAL = 80.0  # largest log2 of the usual size, either way
_LEAST_WORDS, _LEAST_DIFFERENT = 1000, 100
_IEEE_ZERO_DIGITS, _IBM_ZERO_DIGITS = 0.02, 0.001  # share of leading digits; IEEE floats have 0.085
_IEEE_HIGH_DIGITS, _IBM_HIGH_DIGITS = 0.38, 0.42  # share of digits of 8 and more; 0.5 and 0.25
_ROUGH, _SMOOTH = 1.2, 0.8  # mean step over mean size; noise has 1.3 and more
_MOST_WHOLE = 2.0**27  # usual size of whole numbers that are none
_LEAST_MIXED = 0.02


def judge_format(raw: NDArray[np.uint8], code: int, endian: str) -> str | None:
    """Say what samples look like, if not like what they are called.

    Parameters
    ----------
    raw : array (n_trace, bytes per trace), uint8
        Samples as they stand in the file.
    code : int
        Sample format code.
    endian : {"big", "little"}

    Returns
    -------
    str or None
        ``"big"`` or ``"little"`` if that order makes sense; ``"1"``, ``"2"``, ``"5"`` if that format does;
        ``"nothing"`` if the amplitudes are none, and nothing else is better; None if all is well.
    """
    with np.errstate(all="ignore"):  # what is misread holds NaN, and overflows
        return _judge(raw, code, endian, "little" if endian == "big" else "big")


def _judge(raw: NDArray[np.uint8], code: int, endian: str, other: str) -> str | None:
    values = _decode(raw, code, endian)
    if not (values != 0).any():
        return None
    if code in _FLOATS:
        if not _is_sane(values):
            if _is_sane(_decode(raw, code, other)):
                return other
            whole = code != 6 and _are_whole(_decode(raw, _INT32, endian))
            return str(_INT32) if whole else "nothing"
        return _other_float(raw, code, endian) if code != 6 else None
    if code == _INT32 and not _are_whole(values):
        if _are_whole(_decode(raw, code, other)):
            return other
        for order in (endian, other):
            if _is_sane(_decode(raw, _IEEE, order)):
                found = _other_float(raw, _IEEE, order)
                return found or (str(_IEEE) if order == endian else order)
    if code in (_INT16, _INT32) and _are_swapped(values, _decode(raw, code, other), raw, code, endian):
        return other
    return None


def _decode(raw: NDArray[np.uint8], code: int, endian: str) -> NDArray[np.float32]:
    count = raw.shape[1] // formats.sample_size(code)
    out = np.empty((len(raw), count), np.float32)
    formats.decode(raw[:, : count * formats.sample_size(code)], code, endian, slice(None), out)
    return out


def _is_sane(values: NDArray[np.float32]) -> bool:
    """Tell whether numbers are of sizes that amplitudes of one file have."""
    finite = np.isfinite(values)
    size = np.abs(values[finite & (values != 0)])
    huge = size >= NULL_FROM
    if huge.any() and len(np.unique(size[huge])) <= 4:  # null values
        size = size[~huge]
    if not finite.any() or finite.mean() < 0.99:
        return False
    if not size.size:
        return True
    logs = np.log2(size.astype(np.float64))
    return bool(logs.std() < _MOST_SPREAD and abs(np.median(logs)) < _USUAL)


def _other_float(raw: NDArray[np.uint8], code: int, endian: str) -> str | None:
    """Return "1" for IBM floats that are called IEEE, "5" for the reverse."""
    words = np.ascontiguousarray(raw).view((">" if endian == "big" else "<") + "u4")
    words = words[(words & 0xFFFFFF) != 0]
    some = np.sort(words[:: max(1, len(words) // _LEAST_WORDS)])  # np.unique is slow on bits of floats
    if len(words) < _LEAST_WORDS or np.count_nonzero(np.diff(some)) < _LEAST_DIFFERENT:
        return None
    digits = (words >> 20) & 0xF
    zero, high = float((digits == 0).mean()), float((digits >= 8).mean())
    if code == _IBM and zero > _IEEE_ZERO_DIGITS and high > _IEEE_HIGH_DIGITS:
        return str(_IEEE) if _is_sane(_decode(raw, _IEEE, endian)) else None
    several = np.count_nonzero(np.bincount(words >> 24 & 0x7F)) > 1
    if code == _IEEE and zero < _IBM_ZERO_DIGITS and high < _IBM_HIGH_DIGITS and several:
        return str(_IBM) if _is_sane(_decode(raw, _IBM, endian)) else None
    return None


def _are_whole(values: NDArray[np.float32]) -> bool:
    """Tell whether 32-bit whole numbers are of sizes that recorded ones have."""
    real = np.abs(values[values != 0])
    return not real.size or float(np.median(real)) < _MOST_WHOLE


def _are_swapped(
    values: NDArray[np.float32],
    other: NDArray[np.float32],
    raw: NDArray[np.uint8],
    code: int,
    endian: str,
) -> bool:
    """Tell whether whole numbers make sense in the other byte order only."""
    if _roughness(values) > _ROUGH and _roughness(other) < _SMOOTH:
        return True
    size = formats.sample_size(code)
    parts = raw.reshape(len(raw), -1, size)
    low = parts[..., -1 if endian == "big" else 0]  # of small numbers swapped, this is the sign
    high = parts[..., 0 if endian == "big" else -1]
    zeros, ones = float((low == 0).mean()), float((low == 0xFF).mean())
    mixed = min(float(((low == 0) & (high != 0)).mean()), ones) > _LEAST_MIXED
    return mixed and zeros + ones > 0.99 and len(np.unique(high)) > 8


def _roughness(values: NDArray[np.float32]) -> float:
    size = float(np.abs(values - values.mean(dtype=np.float64)).mean())
    if values.shape[1] < 2 or not np.isfinite(size) or size == 0:
        return 0.0
    return float(np.abs(np.diff(values.astype(np.float64), axis=1)).mean()) / size
