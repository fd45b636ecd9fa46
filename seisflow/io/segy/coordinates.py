"""Easting and northing of traces: where they stand, in which unit, and which of them are none."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.io.segy.headers import COORDINATE_SCALAR, COORDINATE_UNIT

Columns = dict[int, NDArray[np.int32]]

_X, _Y, _RECEIVER_X, _RECEIVER_Y, _CDP_X, _CDP_Y = 73, 77, 81, 85, 181, 185
_SECONDS, _DEGREES, _DMS = 2, 3, 4  # coordinate units of bytes 89-90
_LARGEST_ANGLE = {"arcsec": 360 * 3600.0, "degrees": 360.0}
_SCALARS = (0, 1, 10, 100, 1000, 10000)
_NONE = (-(2**31), 2**31 - 1)  # what a cast leaves of NaN
_FAR = 100  # times the spread of nearly all, from where on a place is none
_LEAST_FLOAT, _FLOATS = 0x3F800000, (1.0, 1e8)  # words of floats of such sizes are huge whole numbers
_MOST_FLOAT = 0x4CBEBC20  # the word of 1e8
_MOST_STANDING = 0.3  # share of steps of a line that are none
_LEAST_WAY = 0.3  # from end to end of a line, of the way along it


@dataclass(frozen=True)
class Coordinates:
    """Easting and northing of each trace, NaN where there is none; ``unit`` is m, ft, arcsec or degrees."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    unit: str
    warnings: tuple[str, ...] = ()


def find_coordinates(
    columns: Columns,
    kind: str,
    *,
    revision: int = 1,
    length_unit: str = "m",
    stated: tuple[int, int] | None = None,
    cdp_x: int | None = None,
    cdp_y: int | None = None,
) -> Coordinates | None:
    """Find the coordinates of traces, scaled; None where the headers have none.

    Parameters
    ----------
    columns : dict
        Trace header fields, as of `headers.trace_columns`.
    kind : {"3d", "2d", "gathers"}
        Gathers without CDP coordinates get the midpoints of source and receiver.
    revision : int
        Bytes 181 / 185 are unassigned in revision 0: there they count if they agree with 73 / 77, or look
        like a line.
    length_unit : {"m", "ft"}
        Unit of coordinates that are lengths.
    stated : tuple of int, optional
        Bytes that the text header names, tried first.
    cdp_x, cdp_y : int, optional
        Bytes that are asked for.
    """
    places = _places(columns, kind, revision, stated, cdp_x, cdp_y)
    if places is None:
        return None
    warnings: list[str] = []
    scalar = columns[COORDINATE_SCALAR]
    if (odd := ~np.isin(np.abs(scalar), _SCALARS)).any():
        warnings.append(
            f"coordinate scalar {scalar[odd][0]} (byte 71) of {odd.sum()} traces is none of 1, 10, 100, 1000 "
            "and 10000: not applied"
        )
        scalar = np.where(odd, 0, scalar)
    pairs = [places]
    if places == (_X, _Y) and kind == "gathers" and cdp_x is None and cdp_y is None:
        pairs.append((_RECEIVER_X, _RECEIVER_Y))
    both: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for pair in pairs:
        floats = [_as_floats(columns[byte]) for byte in pair]
        if all(found is not None for found in floats):
            warnings.append(
                f"bytes {pair[0]} / {pair[1]} hold IEEE floats: coordinates are these, without the scalar"
            )
            both.append((floats[0], floats[1]))  # type: ignore[arg-type]
        else:
            both.append((scaled(columns[pair[0]], scalar), scaled(columns[pair[1]], scalar)))
            for values, byte in zip(both[-1], pair, strict=True):
                values[_is_none(columns[byte])] = np.nan
    x, y = (sum(parts) / len(parts) for parts in zip(*both, strict=True))
    x, y, unit, said = _in_unit(x, y, columns[COORDINATE_UNIT], length_unit)
    x, y, missing = _without_absurd(x, y)
    if missing:
        said = (*said, f"coordinates of {missing} traces are none: far from all others")
    if not np.isfinite(x).any() or not (_spread(x) or _spread(y)):
        return None
    return Coordinates(x, y, unit, (*warnings, *said))


def scaled(values: NDArray[Any], scalar: NDArray[np.int32]) -> NDArray[np.float64]:
    """Apply a SEG-Y scalar: 10 is times 10, -10 divides by 10, 0 is 1."""
    size = np.maximum(np.abs(scalar), 1)
    return np.where(scalar < 0, values / size, values * size.astype(np.float64))


def whole_numbers(columns: Columns, words: tuple[int, ...]) -> tuple[Columns, list[int]]:
    """Put whole numbers in the place of fields that hold them as floats, IEEE or IBM.

    Returns
    -------
    columns : dict
    found : list of int
        Bytes of these fields.
    """
    found = {}
    for byte in words:
        words_ = columns[byte].view(np.uint32)
        if not words_.size or int(np.abs(columns[byte][:1])[0]) < _LEAST_FLOAT // 2:
            continue
        for numbers in (words_.view(np.float32).astype(np.float64), _ibm(words_)):
            with np.errstate(invalid="ignore"):
                if (np.abs(numbers) < 1e6).all() and (np.rint(numbers) == numbers).all() and np.ptp(numbers):
                    found[byte] = numbers.astype(np.int32)
                    break
    return columns | found, list(found)


def distinct_steps(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Return the steps (n, 2) from each place to the next other one, in the order of the traces."""
    places = np.stack([x, y], axis=1).astype(np.float64)
    places = places[np.isfinite(places).all(axis=1)]
    steps = np.diff(places, axis=0)
    moved: NDArray[np.float64] = steps[(steps != 0).any(axis=1)]
    return moved


def _places(
    columns: Columns,
    kind: str,
    revision: int,
    stated: tuple[int, int] | None,
    cdp_x: int | None,
    cdp_y: int | None,
) -> tuple[int, int] | None:
    if cdp_x is not None or cdp_y is not None:
        return cdp_x or _CDP_X, cdp_y or _CDP_Y
    cdp, source = (_CDP_X, _CDP_Y), (_X, _Y)
    if stated is not None and stated[0] in columns and stated[1] in columns and _vary(columns, stated):
        return stated
    if not _vary(columns, cdp):
        receivers = kind == "gathers" and _vary(columns, (_RECEIVER_X, _RECEIVER_Y))
        return source if _vary(columns, source) or receivers else None
    if revision >= 1:
        return cdp
    if _vary(columns, source) and not _agree(columns, cdp, source):
        return source
    return cdp if kind != "2d" or _looks_like_a_line(columns, cdp) else None


def _vary(columns: Columns, pair: tuple[int, int]) -> bool:
    """Tell whether a pair of fields differs from trace to trace, in more than what stands for nothing."""
    x, y = (columns[byte] for byte in pair)
    there = ~_is_none(x) & ~_is_none(y) & ((x != 0) | (y != 0))
    return bool(there.any() and (np.ptp(x[there]) or np.ptp(y[there])))


def _is_none(column: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return where a field holds what a cast leaves of NaN."""
    return (column == _NONE[0]) | (column == _NONE[1])


def _agree(columns: Columns, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two pairs of fields are about the same area."""
    for a, b in zip(one, other, strict=True):
        values, beside = columns[a].astype(float), columns[b].astype(float)
        reach = 10 * float(np.ptp(np.quantile(beside, (0.05, 0.95)))) + 0.2 * abs(float(np.median(beside)))
        if abs(float(np.median(values)) - float(np.median(beside))) > reach:
            return False
    return True


def _looks_like_a_line(columns: Columns, pair: tuple[int, int]) -> bool:
    x, y = (columns[byte].astype(float) for byte in pair)
    if _as_floats(columns[pair[0]]) is not None:
        return True
    steps = np.hypot(np.diff(x), np.diff(y))
    if not len(steps) or float((steps == 0).mean()) > _MOST_STANDING:
        return False
    goes_on = np.hypot(x[-1] - x[0], y[-1] - y[0]) > _LEAST_WAY * float(steps.sum())
    return bool(goes_on and float(np.median(steps)) * 10 > float(np.quantile(steps, 0.9)))


def _as_floats(column: NDArray[np.int32]) -> NDArray[np.float64] | None:
    """Return what whole numbers are as IEEE floats, if they are such floats."""
    there = (column != 0) & ~_is_none(column)
    size = np.abs(column[there].view(np.float32))
    words = column[there] & 0x7FFFFFFF
    if not there.any() or not ((words >= _LEAST_FLOAT) & (words <= _MOST_FLOAT)).all():
        return None
    low, high = _FLOATS
    if not ((size >= low) & (size <= high)).all():
        return None
    floats = column.view(np.float32).astype(np.float64)
    floats[~there] = np.where(column[~there] == 0, 0.0, np.nan)
    return floats


def _ibm(words: NDArray[np.uint32]) -> NDArray[np.float64]:
    fraction = (words & 0xFFFFFF).astype(np.float64) / 2**24
    exponent = ((words >> 24) & 0x7F).astype(np.float64) - 64
    return np.where(words >> 31, -1.0, 1.0) * fraction * 16.0**exponent


def _in_unit(
    x: NDArray[np.float64], y: NDArray[np.float64], units: NDArray[np.int32], length: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], str, tuple[str, ...]]:
    """Return coordinates in their unit; degrees, minutes and seconds as degrees."""
    told = units[(units >= _SECONDS) & (units <= _DMS)]
    if 2 * len(told) <= len(units):
        return x, y, length, ()
    values, counts = np.unique(told, return_counts=True)
    code = int(values[counts.argmax()])
    unit = "arcsec" if code == _SECONDS else "degrees"
    angles = [_from_dms(values) for values in (x, y)] if code == _DMS else [x, y]
    largest = _LARGEST_ANGLE[unit]
    with np.errstate(invalid="ignore"):
        if (np.abs(angles[0]) > largest).any() or (np.abs(angles[1]) > largest / 4).any():
            name = {_SECONDS: "arc seconds", _DEGREES: "degrees", _DMS: "degrees, minutes, seconds"}[code]
            return (
                x,
                y,
                length,
                (f"coordinates are called {name} (byte 89), and too large: taken for {length}",),
            )
    said = ("coordinates in degrees, minutes and seconds: converted to degrees",) if code == _DMS else ()
    return angles[0], angles[1], unit, said


def _from_dms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return degrees of numbers DDDMMSS.ss."""
    size = np.abs(values)
    degrees, minutes = np.floor(size / 1e4), np.floor(size % 1e4 / 100)
    return np.sign(values) * (degrees + minutes / 60 + size % 100 / 3600)


def _without_absurd(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Put NaN where a place is (0, 0) far from all others, or far from them; count the latter."""
    there = np.isfinite(x) & np.isfinite(y)
    zero = there & (x == 0) & (y == 0)
    others = there & ~zero
    if not others.any():
        return x, y, 0
    absurd = np.zeros(len(x), bool)
    zero_is_far = False
    for values in (x, y):
        low, high = np.quantile(values[others], (0.05, 0.95))
        reach = max(high - low, 1.0)
        zero_is_far |= not low - reach <= 0 <= high + reach
        with np.errstate(invalid="ignore"):
            absurd |= np.abs(values - (low + high) / 2) > _FAR * reach
    absurd &= others
    if absurd.mean() > 0.05:  # a survey that is spread so far
        absurd[:] = False
    drop = absurd | (zero & zero_is_far) | ~there
    return np.where(drop, np.nan, x), np.where(drop, np.nan, y), int(absurd.sum())


def _spread(values: NDArray[np.float64]) -> bool:
    real = values[np.isfinite(values)]
    return bool(real.size and np.ptp(real))
