"""Find out from trace headers what a file is: a 3D cube, gathers, or a 2D line.

Line numbers stand in different bytes in different files. Each usual place is judged by what is found
there: every trace must have its own pair of numbers, and the pairs must fill a good part of a grid.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisflow.errors import GeometryError
from seisflow.io.segy.coordinates import Columns, distinct_steps
from seisflow.io.segy.stated import stated_lines

Axis = tuple[str, int]  # name of the dimension, first byte of the field

STANDARD = (189, 193)
CUBE_PLACES = (STANDARD, (9, 21), (5, 21), (17, 13), (17, 21), (9, 13), (181, 185), (21, 25))
_FIELD_RECORDS: tuple[Axis, ...] = (("shot", 9), ("channel", 13))
_GATHER_PLACES: tuple[tuple[Axis, ...], ...] = (
    _FIELD_RECORDS,
    (("shot", 17), ("channel", 13)),
    (("cdp", 21), ("offset", 37)),
    (("cdp", 21), ("fold", 25)),
    (("inline", 189), ("crossline", 193), ("offset", 37)),
)
_X, _Y, _CDP_X, _CDP_Y = 73, 77, 181, 185
_CDP, _SHOT_POINT, _OFFSET, _RECORD, _CHANNEL = 21, 17, 37, 9, 13

_LEAST_FILL = 0.1  # of a cube's grid; irregular outlines leave holes
_LEAST_PER_LINE = 1.5  # traces on average; two numbers that both count along a line make a grid with one
_LEAST_GATHER_FILL = 0.3
_MOST_FIRST_CHANNEL = 10  # crosslines begin anywhere, channels near 1
_FULL = 0.9  # of the grid of field records without offsets, and of a cube that comes before them
_MOST_PLACES = 20  # per trace, beyond which a grid is refused
_MOST_DUPLICATES = 0.01


@dataclass(frozen=True)
class Geometry:
    """Places of the traces of a file in a section.

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
    """Find line numbers in their usual bytes, unless told where they are, and place the traces by them.

    Parameters
    ----------
    path : str
        For messages.
    columns : dict
        First byte of a field to its value in every trace; of all fields in `headers.TRACE_WORDS`, and of
        those given or named in the text header.
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
        grid = _as_told(path, columns, iline, xline)
    else:
        found = _volume(columns, text)
        if found is None:
            if _is_line(columns):
                return _line(count)
            raise GeometryError(f"{path}: {_what_was_found(columns, count)}")
        grid = found
    if not grid.duplicates:
        return grid.geometry()
    shared = f"{grid.duplicates} traces share a position with an earlier one"
    if strict or grid.duplicates > _MOST_DUPLICATES * count:
        places = " / ".join(str(byte) for _, byte in grid.axes)
        raise GeometryError(
            f"{path}: by bytes {places}, {shared}. One trace each was expected: {_remedy(columns, count)}"
        )
    return grid.geometry(f"{shared} and are left out")


def _line(count: int) -> Geometry:
    return Geometry("2d", (("trace", 0),), (np.arange(1, count + 1),), np.arange(count))


@dataclass(frozen=True)
class _Grid:
    """Traces by their distinct labels, ascending; ``index`` has the first trace of each place, or -1."""

    axes: tuple[Axis, ...]
    labels: tuple[NDArray[np.int64], ...]
    index: NDArray[np.int64]
    duplicates: int

    @property
    def fill(self) -> float:
        """Part of the places that have a trace."""
        return float((self.index >= 0).mean())

    def geometry(self, *warnings: str) -> Geometry:
        """Put in missing lines, and keep the direction in which the file counts."""
        is_cube = [name for name, _ in self.axes] == ["inline", "crossline"]
        labels = tuple(regular(values) if is_cube else values for values in self.labels)
        index = np.full([len(values) for values in labels], -1, np.int64)
        there = [np.searchsorted(every, some) for every, some in zip(labels, self.labels, strict=True)]
        index[np.ix_(*there)] = self.index
        falling = tuple(axis for axis in range(index.ndim) if self._is_falling(axis))
        return Geometry(
            "3d" if is_cube else "gathers",
            self.axes,
            tuple(values[::-1] if axis in falling else values for axis, values in enumerate(labels)),
            np.ascontiguousarray(np.flip(index, falling)),
            warnings,
        )

    def _is_falling(self, axis: int) -> bool:
        """Tell whether the labels of an axis first come up in falling order."""
        others = tuple(other for other in range(self.index.ndim) if other != axis)
        positions = np.where(self.index < 0, np.iinfo(np.int64).max, self.index)
        first = np.min(positions, axis=others)
        return len(first) > 1 and bool((np.diff(first) < 0).all())


def _grid(columns: Columns, axes: tuple[Axis, ...], most: float) -> _Grid | None:
    """Sort traces into the grid of their labels; None if it has more than ``most`` places."""
    count = len(columns[_X])
    factors = [_factor(columns[byte]) for _, byte in axes]
    sizes = [len(values) for values, _ in factors]
    if np.prod(sizes, dtype=float) > most:
        return None
    places = np.ravel_multi_index([which for _, which in factors], sizes)
    index = np.full(int(np.prod(sizes)), -1, np.int64)
    index[places[::-1]] = np.arange(count)[::-1]  # of traces that share a place, the first comes last
    duplicates = count - int(np.count_nonzero(index >= 0))
    return _Grid(axes, tuple(values for values, _ in factors), index.reshape(sizes), duplicates)


def _factor(column: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return distinct values, ascending, and which of them each trace has."""
    low, high = int(column.min()), int(column.max())
    if high - low > 4 * len(column):
        values, which = np.unique(column, return_inverse=True)
        return values.astype(np.int64), which
    present = np.zeros(high - low + 1, bool)
    present[column - low] = True
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[column - low]


def _as_told(path: str, columns: Columns, iline: int | None, xline: int | None) -> _Grid:
    partner = dict(CUBE_PLACES[:4]) | {x: i for i, x in CUBE_PLACES[:4]} | {21: 9}
    iline = iline if iline is not None else partner.get(xline or 0, STANDARD[0])
    xline = xline if xline is not None else partner.get(iline, STANDARD[1])
    count = len(columns[iline])
    grid = _grid(columns, _cube_axes((iline, xline)), _MOST_PLACES * count)
    if grid is None:
        shape = " x ".join(str(len(np.unique(columns[byte]))) for byte in (iline, xline))
        raise GeometryError(
            f"{path}: bytes {iline} / {xline} hold {shape} line numbers for {count} traces. "
            f"That is no grid: {_remedy(columns, count)}"
        )
    return grid


def _volume(columns: Columns, text: str) -> _Grid | None:
    """Try what the text header states, the standard place of a cube, gathers, then other places of a cube."""
    told = stated_lines(text)
    for places in ((told,) if told else ()) + (STANDARD,):
        if (cube := _good_grid(columns, _cube_axes(places), least=0.5)) is not None:
            return cube
    if np.ptp(columns[_OFFSET]) > 0:
        found = [_good_grid(columns, axes, _LEAST_GATHER_FILL, fewest=1) for axes in _GATHER_PLACES]
        gathers = [grid for grid in found if grid is not None and _is_gathered(columns, grid)]
        if gathers:  # the one that the file is sorted by
            return min(gathers, key=lambda grid: np.count_nonzero(np.diff(columns[grid.axes[0][1]])))
    elif (records := _field_records(columns)) is not None:
        return records
    if _is_stack(columns):
        return None
    for places in ((told,) if told else ()) + CUBE_PLACES:
        if (cube := _good_grid(columns, _cube_axes(places))) is not None:
            return cube
    return None


def _field_records(columns: Columns) -> _Grid | None:
    """Return records by channel where no offset tells that they are; not where lines by CDP fill a grid."""
    records = _good_grid(columns, _FIELD_RECORDS, _FULL)
    if records is None or _has_cdps(columns) or not 0 <= int(columns[_CHANNEL].min()) <= _MOST_FIRST_CHANNEL:
        return None
    within = np.diff(columns[_RECORD]) == 0
    if any(np.any(np.diff(columns[byte])[within]) for byte in (_X, _Y)):
        return None  # one record has one source
    lines = [_good_grid(columns, _cube_axes((byte, _CDP)), _FULL) for byte in (_RECORD, 5)]
    return records if all(grid is None for grid in lines) else None


def _is_gathered(columns: Columns, grid: _Grid) -> bool:
    """Tell whether offsets, channels or folds are those of gathers, and not left over in a stack."""
    if not _has_cdps(columns):
        return True
    if grid.axes[0][1] == _CDP:
        return False
    same = np.diff(columns[grid.axes[0][1]]) == 0
    steps = np.sign(np.diff(columns[_OFFSET])[same])  # from channel to channel of a record
    return bool(same.any() and abs(steps.mean()) >= _FULL)


def _is_stack(columns: Columns) -> bool:
    """Tell whether CDP numbers count all traces, which then follow one another along a line."""
    return _has_cdps(columns) and _is_line(columns)


def _has_cdps(columns: Columns) -> bool:
    """Tell whether each trace has a CDP of its own; numbers from 0 or 1 on count the traces of any file."""
    return _counts(columns[_CDP]) and int(columns[_CDP][0]) > 1


def _counts(numbers: NDArray[np.int32]) -> bool:
    """Tell whether numbers rise or fall from trace to trace."""
    steps = np.diff(numbers)
    return bool(len(steps) and ((steps > 0).all() or (steps < 0).all()))


def _good_grid(
    columns: Columns, axes: tuple[Axis, ...], least: float = _LEAST_FILL, fewest: int = 2
) -> _Grid | None:
    """Return the grid if its traces have places of their own and fill it, and its axes go through."""
    count = len(columns[_X])
    if any(not np.ptp(columns[byte]) for _, byte in axes[2 - fewest :]):
        return None
    grid = _grid(columns, axes, count / least)
    if grid is not None and fewest > 1 and count < _LEAST_PER_LINE * max(grid.index.shape):
        return None
    if grid is None or grid.duplicates > _MOST_DUPLICATES * count or grid.fill < least:
        return None
    return grid


def _cube_axes(places: tuple[int, int]) -> tuple[Axis, ...]:
    return ("inline", places[0]), ("crossline", places[1])


def regular(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put in missing lines, where the numbers otherwise step evenly, so that neighbours are neighbours."""
    if len(values) < 3:
        return values
    step = np.gcd.reduce(np.diff(values))
    size = (values[-1] - values[0]) // step + 1
    return np.arange(size) * step + values[0] if size <= 2 * len(values) else values


def _is_line(columns: Columns) -> bool:
    """Tell whether the traces follow one another along a line, by their numbers and by coordinates."""
    numbered = any(_counts(columns[byte]) for byte in (_CDP, _SHOT_POINT))
    numbered |= _counts(columns[_RECORD]) and not np.ptp(columns[_CHANNEL])
    numbered |= line_numbers(columns) is not None
    for x, y in ((_CDP_X, _CDP_Y), (_X, _Y)):
        steps = distinct_steps(columns[x], columns[y])
        if len(steps) > 1:
            return _goes_on(steps) and bool(numbered or len(steps) > 0.5 * len(columns[x]))
    return numbered


def _goes_on(steps: NDArray[np.float64]) -> bool:
    """Tell whether steps (n, 2) are those of a line: one jump, or gaps shorter than what they part."""
    lengths = np.hypot(*steps.T)
    jumps = np.flatnonzero(lengths > 10 * np.median(lengths))
    if len(jumps) < 2:
        return True
    before = steps[np.maximum(jumps - 1, 0)]
    ahead = (steps[jumps] * before).sum(axis=1) > 0  # not back to the start of a next line
    return bool(ahead.all() and 2 * lengths[jumps].sum() < lengths.sum())


def line_numbers(columns: Columns, text: str = "") -> tuple[int, int] | None:
    """Return the bytes of inline and crossline of a file that is one line of a volume; None if it is none."""
    told = stated_lines(text)
    for places in ((told,) if told else ()) + (STANDARD,):
        if any(byte not in columns for byte in places):
            continue
        one, other = (columns[byte] for byte in places)
        for fixed, counted in ((one, other), (other, one)):
            if fixed[0] > 0 and not np.ptp(fixed) and _counts(counted):
                return places
    return None


def _what_was_found(columns: Columns, count: int) -> str:
    flat = all(not columns[byte].any() for byte in STANDARD)
    found = "all zero" if flat else f"no grid in {count} traces"
    return f"inline / crossline not found at bytes 189 / 193 ({found}). {_remedy(columns, count)}"


def _remedy(columns: Columns, count: int) -> str:
    """Name the fullest of the usual places, and what else can be passed."""
    found = [_good_grid(columns, _cube_axes(places), fewest=1) for places in CUBE_PLACES]
    grids = [grid for grid in found if grid is not None]
    if not grids:
        return (
            "No usual place holds regular values: pass iline and xline (--iline, --xline), "
            f"or --line to read the {count} traces as a 2D line"
        )
    best = max(grids, key=lambda grid: grid.fill)
    (_, inline), (_, crossline) = best.axes
    shape = " x ".join(map(str, best.index.shape))
    return (
        f"Bytes {inline} / {crossline} hold {shape} regular values: "
        f"pass --iline {inline} --xline {crossline}, or --line to read it as a 2D line"
    )
