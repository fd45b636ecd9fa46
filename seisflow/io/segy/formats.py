"""SEG-Y sample formats: raw bytes to float32 and back."""

import numpy as np
import segyio._segyio  # noqa: F401  tools.native calls it without importing it
from numpy.typing import NDArray
from segyio import tools

from seisflow.errors import OutputError

# Format code (binary header bytes 3225-3226) to numpy type, without byte order. IBM floats and the
# two 24-bit formats have no numpy type and are taken apart below.
_NATIVE = {2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 9: "i8", 10: "u4", 11: "u2", 12: "u8", 16: "u1"}
_IBM, _INT24, _UINT24 = 1, 7, 15

NAMES = {
    1: "IBM float 32",
    2: "int32",
    3: "int16",
    5: "IEEE float 32",
    6: "IEEE float 64",
    7: "int24",
    8: "int8",
    9: "int64",
    10: "uint32",
    11: "uint16",
    12: "uint64",
    15: "uint24",
    16: "uint8",
}
WRITABLE = tuple(_NATIVE)


def sample_size(code: int) -> int:
    """Bytes per sample of format ``code``."""
    if code == _IBM:
        return 4
    return 3 if code in (_INT24, _UINT24) else np.dtype(_NATIVE[code]).itemsize


def is_integer(code: int) -> bool:
    """Tell whether samples of format ``code`` are whole numbers."""
    return code in (_INT24, _UINT24) or (code != _IBM and np.dtype(_NATIVE[code]).kind in "iu")


def decode(
    raw: NDArray[np.uint8],
    code: int,
    endian: str,
    samples: slice | NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Convert some of the raw samples of each trace to numbers.

    Parameters
    ----------
    raw : array (n_trace, bytes per trace), uint8
        Samples as they stand in the file; rows may be strided.
    code : int
        SEG-Y sample format code, one of `NAMES`.
    endian : {"big", "little"}
    samples : slice or array of int
        Which samples to convert.
    out : array (n_trace, n_sample), float32, contiguous
        Filled with the numbers.
    """
    # The samples of a trace are contiguous, even if the rows are not: views need no copy.
    if code == _IBM:
        out.view(">u4")[...] = raw.view(_order(endian) + "u4")[:, samples]
        tools.native(out, format=_IBM, copy=False)
    elif code in (_INT24, _UINT24):
        out[...] = _decode_24_bit(raw, code == _INT24, endian)[:, samples]
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # doubles beyond float32 become infinite
            out[...] = raw.view(_order(endian) + _NATIVE[code])[:, samples]


def encode(samples: NDArray[np.float32], code: int, endian: str) -> NDArray[np.uint8]:
    """Convert numbers to raw samples: the inverse of `decode`, for the formats in `WRITABLE`.

    Whole-number formats are rounded; NaN becomes 0.

    Raises
    ------
    OutputError
        If a value does not fit the format.
    """
    dtype = np.dtype(_order(endian) + _NATIVE[code])
    values = np.nan_to_num(samples, nan=0.0, posinf=np.inf, neginf=-np.inf)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.rint(values)
        if values.size and not limits.min <= values.min() <= values.max() <= limits.max:
            raise OutputError(
                f"values {values.min():g} to {values.max():g} do not fit {NAMES[code]} "
                f"({limits.min} to {limits.max}): scale them, or write format 5 (IEEE float 32)"
            )
    return np.ascontiguousarray(values, dtype=dtype).view(np.uint8)


def _decode_24_bit(raw: NDArray[np.uint8], signed: bool, endian: str) -> NDArray[np.int32]:
    parts = raw.reshape(len(raw), -1, 3)
    high, low = (0, 2) if endian == "big" else (2, 0)
    top = parts[..., high].view(np.int8) if signed else parts[..., high]
    whole: NDArray[np.int32] = (top.astype(np.int32) << 16) | (parts[..., 1].astype(np.int32) << 8)
    return whole | parts[..., low]


def _order(endian: str) -> str:
    return ">" if endian == "big" else "<"
