"""Open a SEG-Y file as a section: headers now, samples when they are asked for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.errors import DataError
from seisflow.io import formats, headers
from seisflow.io.geometry import Columns, Geometry, cdp_coordinates, find_geometry, scaled, stated_bytes
from seisflow.io.layout import Layout, read_layout
from seisflow.io.traces import read_traces


class SegyArray(BackendArray):
    """Samples of a SEG-Y file over the dimensions of a section; NaN where there is no trace.

    Holds no open file, so it can be pickled and read from several threads or processes.
    """

    def __init__(self, layout: Layout, index: NDArray[np.int64]) -> None:
        self.layout = layout
        self.index = index
        self.shape = (*index.shape, layout.samples)
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
        samples = read_traces(self.layout, rows[there], wanted)
        if not there.all():
            everywhere = np.full((len(rows), samples.shape[1]), np.nan, np.float32)
            everywhere[there] = samples
            samples = everywhere
        return samples.reshape(np.shape(index) + (() if single else samples.shape[1:]))


def open_segy(
    path: Path,
    *,
    iline: int | None = None,
    xline: int | None = None,
    cdp_x: int | None = None,
    cdp_y: int | None = None,
    dt: float | None = None,
    endian: str | None = None,
    encoding: str | None = None,
    domain: str | None = None,
    line: bool = False,
    strict: bool = False,
) -> xr.Dataset:
    """Open a SEG-Y file; see `seisflow.io.open_section`."""
    layout = read_layout(path, dt=dt, endian=endian, encoding=encoding, domain=domain, strict=strict)
    columns = read_columns(layout, iline, xline, cdp_x, cdp_y, *(stated_bytes(layout.text) or ()))
    geometry = find_geometry(
        str(path), columns, iline=iline, xline=xline, line=line, text=layout.text, strict=strict
    )
    start, layout = start_time(layout, columns)
    return _section(layout.warn(*geometry.warnings), columns, geometry, start, cdp_x, cdp_y)


def read_columns(layout: Layout, *bytes_wanted: int | None) -> Columns:
    """Read the trace header fields that geometry needs, and those asked for besides."""
    for byte in bytes_wanted:
        if byte is not None and not 1 <= byte <= 237:
            raise DataError(f"{layout.path}: trace header byte {byte}. A 4-byte field starts at 1 to 237")
    words = tuple(dict.fromkeys((*headers.TRACE_WORDS, *(b for b in bytes_wanted if b))))
    with Path(layout.path).open("rb") as file:
        return headers.trace_columns(
            file, layout.first_trace, layout.stride, layout.traces, layout.endian, words
        )


def start_time(layout: Layout, columns: Columns) -> tuple[float, Layout]:
    """Return time or depth of the first sample, and the layout with warnings on what was odd."""
    claimed = columns[headers.TRACE_SAMPLES]
    if ((claimed != layout.samples) & (claimed != 0)).any():
        low, high = claimed.min(), claimed.max()
        said = f"{low}" if low == high else f"{low} to {high}"
        layout = layout.warn(
            f"trace headers say {said} samples, the file holds {layout.samples}: {layout.samples} is used"
        )
    delays = scaled(columns[headers.DELAY], columns[headers.TIME_SCALAR])
    values, counts = np.unique(delays, return_counts=True)
    if len(values) > 1:
        layout = layout.warn(
            f"delay times {values[0]:g} to {values[-1]:g} {layout.unit}: the most frequent is used, "
            "traces are not shifted"
        )
    return float(values[counts.argmax()]), layout


def _section(
    layout: Layout,
    columns: Columns,
    geometry: Geometry,
    start: float,
    cdp_x: int | None,
    cdp_y: int | None,
) -> xr.Dataset:
    leading = tuple(name for name, _ in geometry.axes)
    index = geometry.index
    mask = index >= 0
    lazy = indexing.LazilyIndexedArray(SegyArray(layout, index))
    section = xr.Dataset(
        {
            "amplitude": ((*leading, layout.domain), lazy, {"long_name": "seismic amplitude"}),
            "trace_mask": (leading, mask, {"long_name": "there is a trace"}),
            "trace_index": (leading, index, {"long_name": "position of the trace in the source file"}),
        },
        coords={
            name: (name, values, {"segy_byte": byte} if byte else {})
            for (name, byte), values in zip(geometry.axes, geometry.labels, strict=True)
        }
        | {layout.domain: vertical_axis(layout, start)},
        attrs={
            "source_file": str(Path(layout.path).resolve()),
            "source_format": "segy",
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

    coordinates = cdp_coordinates(columns, geometry.kind, cdp_x, cdp_y)
    if coordinates is not None:
        unit = {"units": layout.length_unit}
        for name, values in zip(("cdp_x", "cdp_y"), coordinates, strict=True):
            section = section.assign_coords({name: (leading, over_grid(values, np.nan), unit)})
    for name, byte in (("cdp", 21), ("offset", 37)):
        if geometry.kind != "3d" and name not in leading and np.ptp(columns[byte]):
            section = section.assign_coords({name: (leading, over_grid(columns[byte], 0))})
    return section


def vertical_axis(layout: Layout, start: float) -> tuple[str, NDArray[Any], dict[str, str]]:
    """Return time or depth of each sample, as xarray takes a coordinate."""
    values = start + layout.interval * np.arange(layout.samples)
    return layout.domain, values, {"units": layout.unit}
