"""Several files as one volume: lines of a cube that were written one a file, or parts of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.errors import DataError
from seisflow.io.segy.geometry import regular

_NAMES = ("inline", "crossline")
_OVER_TRACES = ("cdp_x", "cdp_y")


@dataclass(frozen=True)
class _Part:
    """A file of some lines: its section, and the inline and crossline of each of its traces."""

    section: xr.Dataset
    inline: NDArray[np.int64]
    crossline: NDArray[np.int64]

    @property
    def name(self) -> str:
        return Path(str(self.section.attrs["source_file"])).name


class JoinedArray(BackendArray):
    """Samples of several files over (inline, crossline, time); NaN where there is no trace.

    Parameters
    ----------
    variables : sequence of xr.Variable
        Amplitudes of the files.
    file, place : arrays (n_inline, n_crossline), int64
        Number of the file of each trace, and position of the trace in it; -1 where there is none.
    """

    def __init__(
        self, variables: Sequence[xr.Variable], file: NDArray[np.int64], place: NDArray[np.int64]
    ) -> None:
        self.variables, self.file, self.place = list(variables), file, place
        self.shape = (*file.shape, variables[0].shape[-1])
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        one, other, vertical = (
            np.arange(size)[k] if isinstance(k, slice) else np.atleast_1d(k)
            for k, size in zip(key, self.shape, strict=True)
        )
        files, places = (array[np.ix_(one, other)].ravel() for array in (self.file, self.place))
        found = np.full((files.size, len(vertical)), np.nan, np.float32)
        for number in np.unique(files[files >= 0]):
            rows = files == number
            found[rows] = _traces(self.variables[number], places[rows], vertical)
        single = tuple(axis for axis, k in enumerate(key) if isinstance(k, int | np.integer))
        return found.reshape(len(one), len(other), len(vertical)).squeeze(axis=single)


def _traces(
    variable: xr.Variable, places: NDArray[np.int64], vertical: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Read traces by their positions over all leading dimensions."""
    *leading, _ = variable.shape
    at = np.unravel_index(places, leading)
    if len(leading) == 1:
        return variable[at[0], vertical].to_numpy()
    found = np.empty((len(places), len(vertical)), np.float32)
    for line in np.unique(at[0]):  # whole lines: two arrays would ask for their product
        rows = at[0] == line
        found[rows] = variable[int(line), at[1][rows], vertical].to_numpy()
    return found


def join(sections: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join sections, each of some lines of one volume, to (inline, crossline, time).

    Parameters
    ----------
    sections : sequence of xr.Dataset
        Cubes, or lines with coordinates ``inline`` and ``crossline``, as `open_section` gives them. Samples
        are still read when they are asked for.

    Raises
    ------
    DataError
        If one is no line of a volume, if two hold the same trace, or if their vertical axes differ.
    """
    parts = [_part(section) for section in sections]
    first = parts[0]
    axis = str(first.section["amplitude"].dims[-1])
    for part in parts[1:]:
        if not _same_axis(first.section, part.section):
            raise DataError(
                f"{part.name}: {_axis_in_words(part.section)}, {first.name} has "
                f"{_axis_in_words(first.section)}. Lines of one volume were expected: open them one by one"
            )
    labels = [regular(np.unique(np.concatenate([getattr(part, name) for part in parts]))) for name in _NAMES]
    file = np.full([len(values) for values in labels], -1, np.int64)
    place, index = file.copy(), file.copy()
    used = np.zeros(file.shape, bool)
    coordinates = {name: np.full(file.shape, np.nan) for name in _OVER_TRACES}
    offset = 0
    for number, part in enumerate(parts):
        known = part.section["trace_index"].to_numpy().ravel()
        there = np.flatnonzero(known >= 0)
        at = tuple(
            np.searchsorted(values, getattr(part, name)[there])
            for values, name in zip(labels, _NAMES, strict=True)
        )
        if (file[at] >= 0).any():
            taken = parts[int(file[at].max())]
            raise DataError(
                f"{part.name}: holds traces that {taken.name} holds too. Lines of one volume, each once, "
                "were expected: leave one out"
            )
        file[at], place[at] = number, there
        index[at] = known[there] + offset
        used[at] = part.section["trace_mask"].to_numpy().ravel()[there]
        for name, values in coordinates.items():
            if name in part.section.coords:
                values[at] = part.section[name].to_numpy().ravel()[there]
        offset += int(known.max()) + 1
    lazy = JoinedArray(
        [part.section["amplitude"].variable for part in parts], np.where(used, file, -1), place
    )
    joined = xr.Dataset(
        {
            "amplitude": (
                (*_NAMES, axis),
                indexing.LazilyIndexedArray(lazy),
                first.section["amplitude"].attrs,
            ),
            "trace_mask": (_NAMES, used),
            "trace_index": (_NAMES, index),
        },
        coords=dict(zip(_NAMES, ((n, v) for n, v in zip(_NAMES, labels, strict=True)), strict=True))
        | {axis: first.section[axis].variable},
        attrs=_attributes(parts),
    )
    for name, values in coordinates.items():
        if np.isfinite(values).any():
            unit = next(p.section[name].attrs for p in parts if name in p.section.coords)
            joined = joined.assign_coords({name: (_NAMES, values, unit)})
    return joined


def group_lines(paths: Sequence[Path], sections: Iterable[xr.Dataset | None]) -> list[list[Path]]:
    """Group files that are each one line of the same volume; others stay alone, in order.

    Parameters
    ----------
    paths : sequence of Path
    sections : iterable of xr.Dataset or None
        What is in them; None for what cannot be opened.
    """
    groups: list[tuple[list[Path], list[xr.Dataset]]] = []
    for path, section in zip(paths, sections, strict=True):
        if section is not None and is_line_of_volume(section):
            for known, others in groups:
                if others and _is_beside(section, others):
                    known.append(path)
                    others.append(section)
                    break
            else:
                groups.append(([path], [section]))
        else:
            groups.append(([path], []))
    return [known for known, _ in groups]


def is_line_of_volume(section: xr.Dataset) -> bool:
    """Tell whether a section is one line of a volume."""
    return line_of_volume(section) is not None


def line_of_volume(section: xr.Dataset) -> tuple[str, int, str, NDArray[np.int64]] | None:
    """Return which line of a volume a section of traces is: inline 103, crossline 300 to 369; else None."""
    if "trace" not in section.dims or not set(_NAMES) <= set(section.coords):
        return None
    numbers = {name: section[name].to_numpy() for name in _NAMES}
    for across, along in (_NAMES, _NAMES[::-1]):
        steps = np.diff(numbers[along])
        if not np.ptp(numbers[across]) and ((steps > 0).all() or (steps < 0).all()):
            return across, int(numbers[across][0]), along, numbers[along].astype(np.int64)
    return None


def _is_beside(section: xr.Dataset, others: list[xr.Dataset]) -> bool:
    """Tell whether a line is one more of the volume that others are of."""
    mine, known = line_of_volume(section), [line_of_volume(one) for one in others]
    first = known[0]
    if mine is None or first is None or mine[0] != first[0] or not _same_axis(others[0], section):
        return False
    overlap = min(mine[3].max(), first[3].max()) - max(mine[3].min(), first[3].min())
    return overlap >= 0 and all(one is not None and one[1] != mine[1] for one in known)


def _part(section: xr.Dataset) -> _Part:
    if not set(_NAMES) <= set(section.coords) or not {"trace", "inline"} & set(section.dims):
        name = Path(str(section.attrs["source_file"])).name
        raise DataError(
            f"{name}: no inline and crossline numbers. Lines of one volume were expected: open the files one "
            "by one, or pass iline and xline (--iline, --xline)"
        )
    shape = section["trace_mask"].dims
    grids = [section[n].broadcast_like(section["trace_mask"]).transpose(*shape) for n in _NAMES]
    inline, crossline = (grid.to_numpy().ravel().astype(np.int64) for grid in grids)
    return _Part(section, inline, crossline)


def _same_axis(one: xr.Dataset, other: xr.Dataset) -> bool:
    axis = str(one["amplitude"].dims[-1])
    return bool(
        axis == str(other["amplitude"].dims[-1])
        and one[axis].size == other[axis].size
        and np.allclose(one[axis], other[axis])
        and one[axis].attrs.get("units") == other[axis].attrs.get("units")
    )


def _axis_in_words(section: xr.Dataset) -> str:
    axis = section[str(section["amplitude"].dims[-1])]
    step = float(axis[1] - axis[0]) if axis.size > 1 else 0.0
    return f"{axis.size} {axis.name} samples every {step:g} {axis.attrs.get('units', '')}"


def _attributes(parts: Sequence[_Part]) -> dict[str, Any]:
    first = parts[0].section.attrs
    said = [f"{part.name}: {text}" for part in parts for text in part.section.attrs.get("warnings", ())]
    steps = {float(part.section.attrs.get("quantisation_step", 0.0)) for part in parts}
    kept = ("text_header", "encoding", "crs")
    return {name: first[name] for name in kept if name in first} | {
        "source_file": first["source_file"],
        "source_files": [str(part.section.attrs["source_file"]) for part in parts],
        "source_format": "joined",
        "quantisation_step": steps.pop() if len(steps) == 1 else 0.0,
        "warnings": said,
    }
