"""Open a SEG-Y or SU file as a section: headers now, samples when they are asked for."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.errors import DataError
from seisflow.io.files import full_name, open_binary
from seisflow.io.segy import formats, headers
from seisflow.io.segy.coordinates import Columns, find_coordinates, scaled, whole_numbers
from seisflow.io.segy.geometry import Geometry, find_geometry, line_numbers
from seisflow.io.segy.layout import Layout
from seisflow.io.segy.look import look
from seisflow.io.segy.plausible import evidence
from seisflow.io.segy.stated import stated_bytes, stated_coordinates
from seisflow.io.segy.traces import read_traces

_MOST_SHIFT = 4  # times the length of a trace; delays further apart are no delays
_ROUNDING = 0.01  # of a sample
_MOST_DAMAGED = 0.1  # of all trace headers
_DEAD, _AUXILIARY = (2, 3), (4, 5, 6, 7, 8, 9, 10)  # trace identification codes
_MOST_UNUSED = 0.5  # of all traces
_NUMBERS = (5, 9, 13, 17, 21, 25, 37, 189, 193)  # 4-byte fields that count


class SegyArray(BackendArray):
    """Samples of a SEG-Y file over the dimensions of a section; NaN where there is no trace.

    Holds no open file, so it can be pickled and read from several threads or processes.

    Parameters
    ----------
    layout : Layout
    index : array over the leading dimensions, int64
        Position of each trace in the file, -1 where there is none.
    axis : TimeAxis
        Common to all traces; NaN before and after those that cover a part of it.
    """

    def __init__(self, layout: Layout, index: NDArray[np.int64], axis: "TimeAxis") -> None:
        self.layout = layout
        self.index = index
        self.axis = axis
        self.shape = (*index.shape, axis.samples)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        *leading, vertical = key
        index = self.index
        for axis in reversed(range(len(leading))):  # from the last: an integer drops its axis
            index = index[(slice(None),) * axis + (leading[axis],)]
        rows = np.ravel(index)
        single = isinstance(vertical, int | np.integer)
        wanted = np.array([vertical]) if single else vertical
        there = rows >= 0
        samples = self._traces(rows[there], wanted)
        if not there.all():
            everywhere = np.full((len(rows), samples.shape[1]), np.nan, np.float32)
            everywhere[there] = samples
            samples = everywhere
        return samples.reshape(np.shape(index) + (() if single else samples.shape[1:]))

    def _traces(self, rows: NDArray[np.int64], wanted: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        if self.axis.shifts is None:
            return read_traces(self.layout, rows, wanted)
        place = np.arange(self.axis.samples)[wanted][None, :] - self.axis.shifts[rows][:, None]
        inside = (place >= 0) & (place < self.layout.samples)
        samples = read_traces(self.layout, rows)
        found = np.take_along_axis(samples, np.where(inside, place, 0), axis=1)
        return np.where(inside, found, np.float32(np.nan))


@dataclass(frozen=True)
class TimeAxis:
    """Times (depths) of a section's samples: ``start``, and how many there are.

    ``shifts`` is where each trace of the file begins on it, in samples; None where all begin with it.
    """

    start: float
    samples: int
    shifts: NDArray[np.int64] | None = None


def open_layout(
    layout: Layout,
    *,
    iline: int | None = None,
    xline: int | None = None,
    cdp_x: int | None = None,
    cdp_y: int | None = None,
    line: bool = False,
    strict: bool = False,
) -> xr.Dataset:
    """Open a file whose layout is known; see `seisflow.io.open_section`."""
    columns = read_columns(layout, iline, xline, cdp_x, cdp_y, *stated_bytes(layout.text))
    layout, columns, rows = without_damaged(layout, columns)
    columns, floats = whole_numbers(
        columns, tuple(b for b in columns if b in _NUMBERS or b in (iline, xline))
    )
    if floats:
        places = " / ".join(map(str, floats))
        layout = layout.warn(f"bytes {places} hold numbers as floats, where whole ones belong: read as such")
    geometry = find_geometry(
        layout.path,
        {byte: values[rows] for byte, values in columns.items()} if len(rows) < layout.traces else columns,
        iline=iline,
        xline=xline,
        line=line,
        text=layout.text,
        strict=strict,
    )
    if len(rows) < layout.traces:
        geometry = replace(geometry, index=np.where(geometry.index < 0, -1, rows[geometry.index]))
    axis, layout = time_axis(layout, columns, strict)
    unused, said = unused_traces(columns[headers.TRACE_ID])
    layout = look(layout, np.flatnonzero(~unused) if len(rows) == layout.traces else rows, strict)
    return _section(layout.warn(*geometry.warnings, *said), columns, geometry, axis, cdp_x, cdp_y, unused)


def read_columns(layout: Layout, *bytes_wanted: int | None) -> Columns:
    """Read the trace header fields that geometry needs, and those asked for besides."""
    for byte in bytes_wanted:
        if byte is not None and not 1 <= byte <= 237:
            raise DataError(f"{layout.path}: trace header byte {byte}. A 4-byte field starts at 1 to 237")
    words = tuple(dict.fromkeys((*headers.TRACE_WORDS, *(b for b in bytes_wanted if b))))
    with open_binary(layout.path) as file:
        return headers.trace_columns(
            file, layout.first_trace, layout.stride, layout.traces, layout.endian, words
        )


def without_damaged(layout: Layout, columns: Columns) -> tuple[Layout, Columns, NDArray[np.int64]]:
    """Find traces whose headers are none, as where bytes are missing in between.

    Returns
    -------
    layout : Layout
        With a warning, if there are any.
    columns : dict
        With the first trace's fields in their place, so that nothing depends on what stands there.
    rows : array of int64
        The other traces.

    Raises
    ------
    DataError
        If they are more than a tenth.
    """
    every = np.arange(layout.traces)
    good = evidence(columns, {byte: int(values[0]) for byte, values in columns.items()}, every)
    if good.all():
        return layout, columns, every
    bad = int((~good).sum())
    first = int(np.flatnonzero(~good)[0])
    found = (
        f"{bad} of {layout.traces} trace headers are no headers, that of trace {first + 1} at byte "
        f"{layout.first_trace + first * layout.stride} first"
    )
    if bad > _MOST_DAMAGED * layout.traces:
        raise DataError(f"{layout.path}: {found}. Bytes are missing or added there: copy it again")
    columns = {byte: np.where(good, values, values[0]) for byte, values in columns.items()}
    return layout.warn(f"{found}: these traces are left out"), columns, np.flatnonzero(good)


def unused_traces(codes: NDArray[np.int32]) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which traces their identification code (byte 29) calls dead, dummy or auxiliary, and a warning.

    Where it calls more than half so, it means something else.
    """
    if (codes == codes[0]).all():
        return np.zeros(len(codes), bool), []
    dead, auxiliary = np.isin(codes, _DEAD), np.isin(codes, _AUXILIARY)
    unused = dead | auxiliary
    if not unused.any() or unused.mean() > _MOST_UNUSED:
        return np.zeros(len(codes), bool), []
    kinds = [f"{n} {kind}" for n, kind in ((dead.sum(), "dead"), (auxiliary.sum(), "auxiliary")) if n]
    return unused, [f"{' and '.join(kinds)} of {len(codes)} traces, by byte 29: masked"]


def time_axis(layout: Layout, columns: Columns, strict: bool = False) -> tuple[TimeAxis, Layout]:
    """Return the axis that all traces fit on, and the layout with warnings on what was odd.

    Raises
    ------
    DataError
        If ``strict`` and traces start at different times.
    """
    claimed = columns[headers.TRACE_SAMPLES]
    if ((claimed != layout.samples % 2**16) & (claimed != 0)).any():
        low, high = claimed.min(), claimed.max()
        said = f"{low}" if low == high else f"{low} to {high}"
        layout = layout.warn(
            f"trace headers say {said} samples, the file holds {layout.samples}: {layout.samples} is used"
        )
    # Byte 215 is unassigned before revision 1, and holds anything there.
    scalar = columns[headers.TIME_SCALAR] * (layout.revision >= 1)
    if scalar.any():
        scalar = np.where(np.isin(np.abs(scalar), (1, 10, 100, 1000, 10000)), scalar, 0)
    delays = scaled(columns[headers.DELAY], scalar)
    first, last = float(delays.min()), float(delays.max())
    if first == last:
        return TimeAxis(first, layout.samples), layout
    found = f"delay times {first:g} to {last:g} {layout.unit}"
    if strict:
        raise DataError(f"{layout.path}: {found}. One start was expected: leave out strict to shift traces")
    shifts = (delays - first) / layout.interval
    if shifts.max() > _MOST_SHIFT * layout.samples:
        values, counts = np.unique(delays, return_counts=True)
        layout = layout.warn(f"{found}: too far apart, the most frequent is used and traces are not shifted")
        return TimeAxis(float(values[counts.argmax()]), layout.samples), layout
    whole = np.rint(shifts).astype(np.int64)
    rounded = ", to the nearest sample" if np.abs(shifts - whole).max() > _ROUNDING else ""
    layout = layout.warn(f"{found}: traces are shifted onto one axis{rounded}, and masked beyond their ends")
    return TimeAxis(first, layout.samples + int(whole.max()), whole), layout


def _section(
    layout: Layout,
    columns: Columns,
    geometry: Geometry,
    axis: TimeAxis,
    cdp_x: int | None,
    cdp_y: int | None,
    unused: NDArray[np.bool_],
) -> xr.Dataset:
    leading = tuple(name for name, _ in geometry.axes)
    index = geometry.index
    mask = index >= 0
    used = mask & ~unused[index]
    lazy = indexing.LazilyIndexedArray(SegyArray(layout, np.where(used, index, -1), axis))
    section = xr.Dataset(
        {
            "amplitude": ((*leading, layout.domain), lazy, {"long_name": "seismic amplitude"}),
            "trace_mask": (leading, used, {"long_name": "there is a trace, not called dead or auxiliary"}),
            "trace_index": (leading, index, {"long_name": "position of the trace in the source file"}),
        },
        coords={
            name: (name, values, {"segy_byte": byte} if byte else {})
            for (name, byte), values in zip(geometry.axes, geometry.labels, strict=True)
        }
        | {layout.domain: vertical_axis(layout, axis)},
        attrs={
            "source_file": full_name(layout.path),
            "source_format": layout.kind,
            "text_header": layout.text,
            "binary_header": json.dumps(layout.binary),
            "segy_format": layout.format,
            "endian": layout.endian,
            "encoding": layout.encoding,
            "quantisation_step": 1.0 if formats.is_integer(layout.format) else 0.0,
            "warnings": list(layout.warnings),
        },
    )

    def over_grid(values: NDArray[Any], missing: float) -> NDArray[Any]:
        return values[index] if mask.all() else np.where(mask, values[index], missing).astype(values.dtype)

    coordinates = find_coordinates(
        columns,
        geometry.kind,
        revision=layout.revision,
        length_unit=layout.length_unit,
        stated=stated_coordinates(layout.text),
        cdp_x=cdp_x,
        cdp_y=cdp_y,
    )
    if coordinates is not None:
        section.attrs["warnings"] += coordinates.warnings
        for name, values in (("cdp_x", coordinates.x), ("cdp_y", coordinates.y)):
            unit = {"units": coordinates.unit}
            section = section.assign_coords({name: (leading, over_grid(values, np.nan), unit)})
    numbers = line_numbers(columns, layout.text) if geometry.kind == "2d" else None
    for name, byte in zip(("inline", "crossline"), numbers or (), strict=False):
        section = section.assign_coords({name: ("trace", over_grid(columns[byte], 0), {"segy_byte": byte})})
    for name, byte in (("cdp", 21), ("offset", 37)):
        if geometry.kind != "3d" and name not in leading and np.ptp(columns[byte]):
            section = section.assign_coords({name: (leading, over_grid(columns[byte], 0))})
    return section


def vertical_axis(layout: Layout, axis: TimeAxis) -> tuple[str, NDArray[Any], dict[str, str]]:
    """Return time or depth of each sample, as xarray takes a coordinate."""
    values = axis.start + layout.interval * np.arange(axis.samples)
    return layout.domain, values, {"units": layout.unit}
