"""Find out from trace headers what a file is: a 3D cube, gathers, or a 2D line.

Line numbers stand in different bytes in different files. Each usual place is judged by what is found
there: every trace must have its own pair of numbers, and the pairs must fill a good part of a grid.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.errors import GeometryError
from seisflow.io.headers import COORDINATE_SCALAR

Columns = dict[int, NDArray[np.int64]]
Axis = tuple[str, int]  # name of the dimension, first byte of the field

STANDARD = (189, 193)
CUBE_PLACES = (STANDARD, (9, 21), (5, 21), (17, 13), (17, 21), (9, 13), (181, 185), (21, 25))
_GATHER_PLACES: tuple[tuple[Axis, ...], ...] = (
    (("shot", 9), ("channel", 13)),
    (("shot", 17), ("channel", 13)),
    (("cdp", 21), ("offset", 37)),
    (("cdp", 21), ("fold", 25)),
    (("inline", 189), ("crossline", 193), ("offset", 37)),
)
_X, _Y, _RECEIVER_X, _RECEIVER_Y, _CDP_X, _CDP_Y = 73, 77, 81, 85, 181, 185
_CDP, _SHOT_POINT, _OFFSET = 21, 17, 37

_LEAST_FILL = 0.1  # of a cube's grid; irregular outlines leave holes
_LEAST_GATHER_FILL = 0.3
_MOST_GRID = 20  # grid cells per trace, beyond which a grid is refused
_MOST_DUPLICATES = 0.01


@dataclass(frozen=True)
class Geometry:
    """Where each trace of a file stands in a section.

    Attributes
    ----------
    kind : {"3d", "2d", "gathers"}
    axes : tuple of (name, byte)
        Leading dimensions and the trace header bytes they come from; byte 0 for the trace's position.
    labels : tuple of arrays
        Coordinate of each leading dimension, int64.
    index : array over the leading dimensions, int64
        Position of the trace in the file, -1 where there is none.
    """

    kind: str
    axes: tuple[Axis, ...]
    labels: tuple[NDArray[np.int64], ...]
    index: NDArray[np.int64]
    warnings: tuple[str, ...] = ()


def find_geometry(
    path: str,
    columns: Columns,
    *,
    iline: int | None = None,
    xline: int | None = None,
    line: bool = False,
    text: str = "",
    strict: bool = False,
) -> Geometry:
    """Judge the usual places of line numbers, unless told where they are.

    Parameters
    ----------
    path : str
        For messages.
    columns : dict
        First byte of a field to its value in every trace.
    iline, xline : int, optional
        First bytes of the inline and crossline numbers.
    line : bool
        Take the traces as they come, as one 2D line.
    text : str
        Text header, which may tell the bytes.
    strict : bool
        Refuse duplicate positions instead of keeping the first.

    Raises
    ------
    GeometryError
        If the numbers do not make a grid, or nothing tells a line from a volume; says what was found
        and what to pass.
    """
    count = len(columns[_X])
    if line:
        return _line(count)
    if iline is not None or xline is not None:
        return _as_told(path, columns, iline, xline, strict)
    if (cube := _cube(columns, STANDARD, least=0.5)) is not None:
        return cube
    if np.ptp(columns[_OFFSET]) > 0 and (gathers := _gathers(columns)) is not None:
        return gathers
    told = stated_bytes(text)
    for places in ((told,) if told else ()) + CUBE_PLACES:
        if set(places) <= columns.keys() and (cube := _cube(columns, places)) is not None:
            return cube
    if _is_line(columns):
        return _line(count)
    raise GeometryError(f"{path}: {_what_was_found(columns, count)}")


def stated_bytes(text: str) -> tuple[int, int] | None:
    """Return the bytes of inline and crossline that a text header names, if it names both."""
    found = []
    for name in (r"\bi(?:n-?\s?)?line", r"\b(?:x|cross)-?\s?line"):
        match = re.search(name + r"[^\n]*?\bbytes?\s*:?\s*(\d{1,3})", text, re.IGNORECASE)
        if match is None or not 1 <= int(match[1]) <= 237:
            return None
        found.append(int(match[1]))
    return found[0], found[1]


def cdp_coordinates(
    columns: Columns, kind: str, cdp_x: int | None = None, cdp_y: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return easting and northing of each trace, scaled; None where the headers have none.

    Gathers without CDP coordinates get the midpoints of source and receiver.
    """
    scalar = columns[COORDINATE_SCALAR]
    if cdp_x is not None or cdp_y is not None:
        return scaled(columns[cdp_x or _CDP_X], scalar), scaled(columns[cdp_y or _CDP_Y], scalar)
    x: NDArray[Any] = columns[_CDP_X]
    y: NDArray[Any] = columns[_CDP_Y]
    if not np.ptp(x) and not np.ptp(y):
        x, y = columns[_X], columns[_Y]
        if kind == "gathers":
            x, y = (x + columns[_RECEIVER_X]) / 2, (y + columns[_RECEIVER_Y]) / 2
    return (scaled(x, scalar), scaled(y, scalar)) if np.ptp(x) or np.ptp(y) else None


def scaled(values: NDArray[Any], scalar: NDArray[np.int64]) -> NDArray[np.float64]:
    """Apply a SEG-Y scalar: 10 is times 10, -10 divides by 10, 0 is 1."""
    size = np.maximum(np.abs(scalar), 1)
    return np.where(scalar < 0, values / size, values * size.astype(np.float64))


def _line(count: int) -> Geometry:
    return Geometry("2d", (("trace", 0),), (np.arange(1, count + 1),), np.arange(count))


def _as_told(path: str, columns: Columns, iline: int | None, xline: int | None, strict: bool) -> Geometry:
    partner = dict(CUBE_PLACES[:4]) | {x: i for i, x in CUBE_PLACES[:4]} | {21: 9}
    iline = iline if iline is not None else partner.get(xline or 0, STANDARD[0])
    xline = xline if xline is not None else partner.get(iline, STANDARD[1])
    axes = _cube_axes((iline, xline))
    count = len(columns[iline])
    labels = [_regular(np.unique(columns[byte])) for _, byte in axes]
    shape = " x ".join(str(len(values)) for values in labels)
    here = f"{path}: bytes {iline} / {xline} hold {shape} line numbers for {count} traces"
    if len(labels[0]) * len(labels[1]) > _MOST_GRID * count:
        raise GeometryError(f"{here}. That is no grid: {_remedy(columns, count)}")
    duplicates = count - len(_distinct(columns, axes))
    if duplicates > (0 if strict else _MOST_DUPLICATES * count):
        raise GeometryError(
            f"{here}: {duplicates} traces share a position. One each was expected: {_remedy(columns, count)}"
        )
    return _grid(columns, axes, "3d")


def _cube(columns: Columns, places: tuple[int, int], least: float = _LEAST_FILL) -> Geometry | None:
    axes = _cube_axes(places)
    return _grid(columns, axes, "3d") if _fill(columns, axes) >= least else None


def _cube_axes(places: tuple[int, int]) -> tuple[Axis, ...]:
    return ("inline", places[0]), ("crossline", places[1])


def _gathers(columns: Columns) -> Geometry | None:
    """Take the first usual pair of places that separates the traces, best one that the file is sorted by."""
    possible = [axes for axes in _GATHER_PLACES if _fill(columns, axes, 1) >= _LEAST_GATHER_FILL]
    if not possible:
        return None
    return _grid(columns, min(possible, key=lambda axes: _changes(columns[axes[0][1]])), "gathers")


def _changes(column: NDArray[np.int64]) -> int:
    """Count how often a column changes beyond what its distinct values need."""
    return int(np.count_nonzero(np.diff(column))) - len(np.unique(column)) + 1


def _fill(columns: Columns, axes: tuple[Axis, ...], fewest: int = 2) -> float:
    """Return which part of the grid has a trace; 0 where traces share positions or an axis is flat."""
    count = len(columns[_X])
    sizes = [len(np.unique(columns[byte])) for _, byte in axes]
    if min(sizes) < fewest or sizes[-1] < 2 or np.prod(sizes, dtype=float) > count / _LEAST_FILL:
        return 0.0
    distinct = len(_distinct(columns, axes))
    return distinct / float(np.prod(sizes)) if count - distinct <= _MOST_DUPLICATES * count else 0.0


def _distinct(columns: Columns, axes: tuple[Axis, ...]) -> NDArray[np.int64]:
    """Return the file position of the first trace at each distinct position of the grid."""
    positions = [np.unique(columns[byte], return_inverse=True) for _, byte in axes]
    sizes = [len(values) for values, _ in positions]
    cells = np.ravel_multi_index([inverse for _, inverse in positions], sizes)
    first: NDArray[np.int64] = np.unique(cells, return_index=True)[1]
    return first


def _grid(columns: Columns, axes: tuple[Axis, ...], kind: str) -> Geometry:
    count = len(columns[_X])
    first = _distinct(columns, axes)
    labels, places = [], []
    for _, byte in axes:
        values = np.unique(columns[byte])
        if kind == "3d":
            values = _regular(values)
        places.append(np.searchsorted(values, columns[byte][first]))
        if _is_descending(columns[byte]):
            values, places[-1] = values[::-1], len(values) - 1 - places[-1]
        labels.append(values)
    index = np.full([len(values) for values in labels], -1, np.int64)
    index[tuple(places)] = first
    warnings: tuple[str, ...] = ()
    if len(first) < count:
        warnings = (f"{count - len(first)} traces share a position with an earlier one and are left out",)
    return Geometry(kind, axes, tuple(labels), index, warnings)


def _regular(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put in missing lines, where the numbers otherwise step evenly, so that neighbours are neighbours."""
    if len(values) < 3:
        return values
    step = np.gcd.reduce(np.diff(values))
    size = (values[-1] - values[0]) // step + 1
    return np.arange(size) * step + values[0] if size <= 2 * len(values) else values


def _is_descending(column: NDArray[np.int64]) -> bool:
    """Tell whether the distinct values come in falling order."""
    values, first = np.unique(column, return_index=True)
    return len(values) > 1 and bool((np.diff(first) < 0).all())


def _is_line(columns: Columns) -> bool:
    """Tell whether the traces follow one another along a line, by CDP or shot point, and by coordinates."""
    count = len(columns[_X])
    numbered = any(
        len(np.unique(columns[byte])) == count and (np.diff(np.sign(np.diff(columns[byte]))) == 0).all()
        for byte in (_CDP, _SHOT_POINT)
    )
    for x, y in ((_CDP_X, _CDP_Y), (_X, _Y)):
        if np.ptp(columns[x]) or np.ptp(columns[y]):
            steps = np.hypot(np.diff(columns[x].astype(float)), np.diff(columns[y].astype(float)))
            jumps = np.count_nonzero(steps > 10 * np.median(steps))
            return bool(jumps < 2 and (numbered or np.median(steps) > 0))
    return numbered


def _what_was_found(columns: Columns, count: int) -> str:
    flat = all(not columns[byte].any() for byte in STANDARD)
    found = "all zero" if flat else f"no grid in {count} traces"
    return f"inline / crossline not found at bytes 189 / 193 ({found}). {_remedy(columns, count)}"


def _remedy(columns: Columns, count: int) -> str:
    """Name the most regular usual place, and what else can be passed."""
    fills = {places: _fill(columns, _cube_axes(places), fewest=1) for places in CUBE_PLACES}
    best = max(fills, key=fills.__getitem__)
    if fills[best] == 0:
        return (
            "No usual place holds regular values: pass iline and xline (--iline, --xline), "
            f"or --line to read the {count} traces as a 2D line"
        )
    shape = " x ".join(str(len(np.unique(columns[byte]))) for byte in best)
    return (
        f"Bytes {best[0]} / {best[1]} hold {shape} regular values: pass --iline {best[0]} --xline {best[1]}, "
        "or --line to read it as a 2D line"
    )
