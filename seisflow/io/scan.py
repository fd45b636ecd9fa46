"""Tell what a file is and what is odd about it, from its headers and a sample of its traces."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel

from seisflow.errors import GeometryError
from seisflow.io.amplitudes import Amplitudes, describe_amplitudes
from seisflow.io.files import full_name, is_url, open_binary
from seisflow.io.lines import line_of_volume
from seisflow.io.section import find_layout, open_section
from seisflow.io.segy import formats, headers
from seisflow.io.segy.crs import crs_of_text
from seisflow.io.segy.layout import Layout
from seisflow.io.segy.look import look
from seisflow.io.segy.read import time_axis, unused_traces
from seisflow.io.segy.survey import Outline, outline
from seisflow.io.segy.traces import read_traces
from seisflow.shown import shown

_ALL_HEADERS = 50_000  # traces up to which every header is read
_SAMPLED_PANELS, _SAMPLED_TRACES = 16, 1024
_SAMPLED_BYTES = 32 * 2**20


class Axis(BaseModel):
    """One dimension of a section; ``byte`` is the trace header byte of its labels, where they have one."""

    name: str
    size: int
    first: float
    last: float
    byte: int | None = None


class ScanReport(BaseModel):
    """Findings of `scan` on a file.

    Attributes
    ----------
    kind : str
        "segy", "su", "zarr", "netcdf", "npy", or obspy's name of a format.
    geometry : {"3d", "2d", "gathers", "unknown"}
    axes : list of Axis
        Leading dimensions; the traces as they come where the geometry is unknown.
    interval, start : float
        Sample interval and first sample of the vertical axis, in ``unit``.
    holes : int
        Places of the grid without a trace.
    headers_read : int
        Traces whose headers were looked at; in large files, those at the ends of lines and some between.
    easting, northing : tuple of float or None
        Lowest and highest, scaled.
    coordinate_unit : str or None
        Unit of the coordinates: "m", "ft", "arcsec" or "degrees".
    line_of_volume : str or None
        Inline and crosslines, or the reverse, of a file that is one line of a volume.
    crs : str or None
        Coordinate reference system, where a file tells it; SEG-Y does in its text header, if at all.
    problem : str or None
        Why the geometry is unknown, and what to pass.
    """

    file: str
    bytes: int
    kind: str
    revision: str | None
    endian: str | None
    encoding: str | None
    sample_format: int | None
    sample_format_name: str | None
    domain: str
    unit: str
    samples: int
    interval: float | None
    start: float
    traces: int
    holes: int
    headers_read: int
    geometry: str
    axes: list[Axis]
    easting: tuple[float, float] | None
    northing: tuple[float, float] | None
    coordinate_unit: str | None
    line_of_volume: str | None
    crs: str | None
    amplitudes: Amplitudes
    warnings: list[str]
    problem: str | None
    text_header: str


def scan(path: str | Path | Sequence[str | Path], **geometry: Any) -> ScanReport:
    """Look into a seismic file.

    Parameters
    ----------
    path : str or Path, or a sequence of them
        Anything that `open_section` opens.
    **geometry
        As for `open_section`.

    Returns
    -------
    ScanReport

    Raises
    ------
    DataError
        If the file cannot be read at all. An unknown geometry is no error but a ``problem``.

    Examples
    --------
    >>> report = scan("f3-sample")
    >>> report.geometry, report.sample_format_name, report.traces
    ('3d', 'int8', 2500)
    """
    layout = find_layout(path, **geometry) if isinstance(path, str | Path) else None
    if layout is not None and layout.traces > _ALL_HEADERS and not geometry.get("line"):
        try:
            walked = outline(layout, **geometry)
        except GeometryError:
            walked = None  # more headers may tell more
        if walked is not None:
            return _report_of_outline(layout, walked, bool(geometry.get("strict")))
    problem = None
    try:
        section = open_section(path, **geometry)
    except GeometryError as error:
        problem = str(error)
        kept = {key: value for key, value in geometry.items() if key not in ("iline", "xline")}
        section = open_section(path, **kept | {"line": True})
    return _report_of_section(section, problem)


def _report_of_section(section: xr.Dataset, problem: str | None) -> ScanReport:
    amplitude = section["amplitude"]
    domain = str(amplitude.dims[-1])
    vertical = section[domain].to_numpy()
    leading = [str(dim) for dim in amplitude.dims[:-1]]
    mask = section["trace_index"].to_numpy() >= 0
    attrs = section.attrs
    files = attrs["source_files"] if attrs["source_format"] == "joined" else [attrs["source_file"]]
    code = attrs.get("segy_format")
    return ScanReport(
        file=attrs["source_file"] + (f" and {len(files) - 1} more" if len(files) > 1 else ""),
        bytes=sum(map(_size, files)),
        kind=attrs["source_format"],
        revision=_revision(json.loads(attrs.get("binary_header") or "{}")),
        endian=attrs.get("endian"),
        encoding=attrs.get("encoding") if attrs.get("text_header") else None,
        sample_format=code,
        sample_format_name=formats.NAMES.get(code) if code is not None else None,
        domain=domain,
        unit=section[domain].attrs["units"],
        samples=len(vertical),
        interval=float(np.diff(vertical[:2])[0]) if len(vertical) > 1 else None,
        start=float(vertical[0]),
        traces=int(mask.sum()),
        holes=int(mask.size - mask.sum()),
        headers_read=int(mask.sum()),
        geometry="unknown" if problem else _geometry(leading),
        axes=[
            _axis(name, section[name].to_numpy(), section[name].attrs.get("segy_byte")) for name in leading
        ],
        easting=_range(section["cdp_x"].to_numpy()) if "cdp_x" in section.coords else None,
        northing=_range(section["cdp_y"].to_numpy()) if "cdp_y" in section.coords else None,
        coordinate_unit=section["cdp_x"].attrs.get("units") if "cdp_x" in section.coords else None,
        line_of_volume=_line_of_volume(section),
        crs=attrs.get("crs"),
        amplitudes=describe_amplitudes(_sample(section)),
        warnings=list(attrs["warnings"]),
        problem=problem,
        text_header=attrs.get("text_header", ""),
    )


def _report_of_outline(layout: Layout, walked: Outline, strict: bool) -> ScanReport:
    axis, layout = time_axis(layout, walked.columns, strict)
    layout = look(layout, np.arange(layout.traces), strict)
    _, said = unused_traces(walked.columns[headers.TRACE_ID])
    layout = layout.warn(*said)
    places = int(np.prod([len(values) for values in walked.labels]))
    block = _traces_to_look_at(layout.samples) // _SAMPLED_PANELS
    starts = np.linspace(0, layout.traces - block, _SAMPLED_PANELS).astype(np.int64)
    rows = np.ravel(starts[:, None] + np.arange(block))
    return ScanReport(
        file=full_name(layout.path),
        bytes=_size(layout.path),
        kind=layout.kind,
        revision=_revision(layout.binary),
        endian=layout.endian,
        encoding=layout.encoding if layout.text else None,
        sample_format=layout.format,
        sample_format_name=formats.NAMES[layout.format],
        domain=layout.domain,
        unit=layout.unit,
        samples=axis.samples,
        interval=layout.interval,
        start=axis.start,
        traces=layout.traces,
        holes=places - layout.traces,
        headers_read=len(next(iter(walked.columns.values()))),
        geometry=walked.kind,
        axes=[
            _axis(name, values, byte) for (name, byte), values in zip(walked.axes, walked.labels, strict=True)
        ],
        easting=_range(walked.coordinates.x) if walked.coordinates else None,
        northing=_range(walked.coordinates.y) if walked.coordinates else None,
        coordinate_unit=walked.coordinates.unit if walked.coordinates else None,
        line_of_volume=None,
        crs=crs_of_text(layout.text),
        amplitudes=describe_amplitudes(read_traces(layout, rows)),
        warnings=[*layout.warnings, *(walked.coordinates.warnings if walked.coordinates else ())],
        problem=None,
        text_header=layout.text,
    )


def describe(report: ScanReport) -> str:
    """Return a report as lines for people."""
    form = (
        report.kind + (f" rev {report.revision}" if report.revision else ""),
        report.sample_format_name,
        f"{report.endian}-endian" if report.endian else None,
        f"{report.encoding.upper()} text" if report.encoding else None,
    )
    every = f" every {report.interval:g} {report.unit}" if report.interval is not None else ""
    found = report.amplitudes
    lines = [
        ("format", ", ".join(part for part in form if part)),
        (
            "geometry",
            f"{report.geometry}: {' x '.join(map(_describe_axis, report.axes))}"
            + (f"; {report.line_of_volume}" if report.line_of_volume else ""),
        ),
        ("traces", f"{report.traces}" + (f", {report.holes} holes" if report.holes else "")),
        (report.domain, f"{report.samples} samples{every} from {report.start:g} {report.unit}"),
        ("coordinates", _describe_coordinates(report)),
        (
            "amplitude",
            f"{found.minimum:g} to {found.maximum:g}, mean {found.mean:.3g}, std {found.std:.3g}; "
            f"{found.zeros:.1%} zeros, {found.nan:.1%} NaN, "
            f"{found.dead} dead, {found.clipped} clipped, {found.spiked} spiked "
            f"of {found.traces} traces looked at",
        ),
        *(("odd", warning) for warning in report.warnings),
        *([("problem", report.problem)] if report.problem else []),
    ]
    return "\n".join([shown(report.file), *(f"  {name:<12}{shown(value)}" for name, value in lines)])


def _describe_axis(axis: Axis) -> str:
    place = f", byte {axis.byte}" if axis.byte else ""
    return f"{axis.name} {axis.first:g} to {axis.last:g} ({axis.size}{place})"


def _describe_coordinates(report: ScanReport) -> str:
    if report.easting is None or report.northing is None:
        return "none"
    ranges = " x ".join(f"{low:.2f} to {high:.2f}" for low, high in (report.easting, report.northing))
    unit = {"arcsec": "arc seconds"}.get(
        report.coordinate_unit or "", report.coordinate_unit or "unknown unit"
    )
    return f"{ranges} {unit}, CRS {report.crs or 'unknown'}"


def _line_of_volume(section: xr.Dataset) -> str | None:
    """Say which line of a volume a section of traces is, if it is one."""
    found = line_of_volume(section)
    if found is None:
        return None
    across, number, along, values = found
    return f"{across} {number} of a volume, {along} {values[0]} to {values[-1]}; files of such lines join"


def _sample(section: xr.Dataset) -> NDArray[np.float32]:
    """Read some traces of some panels, evenly spread."""
    amplitude, mask = section["amplitude"], section["trace_mask"].to_numpy()
    *shape, lateral, samples = amplitude.shape
    panels = list(np.ndindex(*shape))
    chosen = panels[:: -(-len(panels) // _SAMPLED_PANELS)]
    step = -(-lateral * len(chosen) // _traces_to_look_at(samples))
    return np.concatenate([amplitude[lead][::step].to_numpy()[mask[lead][::step]] for lead in chosen])


def _traces_to_look_at(samples: int) -> int:
    return max(_SAMPLED_PANELS, min(_SAMPLED_TRACES, _SAMPLED_BYTES // (4 * samples)))


def _revision(binary: dict[str, int]) -> str | None:
    return f"{binary['revision_major']}.{binary['revision_minor']}" if "revision_minor" in binary else None


def _geometry(leading: list[str]) -> str:
    if leading == ["inline", "crossline"]:
        return "3d"
    return "2d" if leading == ["trace"] else "gathers"


def _axis(name: str, labels: NDArray[Any], byte: int | None) -> Axis:
    return Axis(name=name, size=len(labels), first=float(labels[0]), last=float(labels[-1]), byte=byte)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


def _size(path: str) -> int:
    if is_url(path):
        with open_binary(path) as file:
            return file.seek(0, os.SEEK_END)
    place = Path(path)
    if place.is_dir():
        return sum(part.lstat().st_size for part in place.rglob("*"))
    return place.stat().st_size
