"""Tell what a file is and what is odd about it, from its headers and a sample of its traces."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel

from seisflow.errors import GeometryError
from seisflow.io import formats
from seisflow.io.section import open_section

_SAMPLED_PANELS, _SAMPLED_TRACES = 16, 1024


class Axis(BaseModel):
    """One dimension of a section; ``byte`` is the trace header byte of its labels, where they have one."""

    name: str
    size: int
    first: float
    last: float
    byte: int | None = None


class Amplitudes(BaseModel):
    """Statistics of a sample of ``traces`` traces; ``zeros`` and ``nan`` are fractions of their samples.

    ``dead`` counts traces that hold one value only.
    """

    traces: int
    minimum: float
    maximum: float
    mean: float
    std: float
    zeros: float
    nan: float
    dead: int


class ScanReport(BaseModel):
    """What `scan` found.

    Attributes
    ----------
    kind : {"segy", "zarr", "npy"}
    geometry : {"3d", "2d", "gathers", "unknown"}
    axes : list of Axis
        Leading dimensions; the traces as they come where the geometry is unknown.
    interval, start : float
        Of the vertical axis, in ``unit``.
    holes : int
        Places of the grid without a trace.
    easting, northing : tuple of float or None
        Lowest and highest, scaled.
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
    geometry: str
    axes: list[Axis]
    easting: tuple[float, float] | None
    northing: tuple[float, float] | None
    amplitudes: Amplitudes
    warnings: list[str]
    problem: str | None
    text_header: str


def scan(path: str | Path, **geometry: Any) -> ScanReport:
    """Look into a seismic file.

    Parameters
    ----------
    path : str or Path
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
    problem = None
    try:
        section = open_section(path, **geometry)
    except GeometryError as error:
        problem = str(error)
        kept = {key: value for key, value in geometry.items() if key not in ("iline", "xline")}
        section = open_section(path, **kept | {"line": True})
    amplitude = section["amplitude"]
    domain = str(amplitude.dims[-1])
    vertical = section[domain].to_numpy()
    leading = [str(dim) for dim in amplitude.dims[:-1]]
    mask = section["trace_mask"].to_numpy()
    attrs = section.attrs
    code = attrs.get("segy_format")
    return ScanReport(
        file=attrs["source_file"],
        bytes=_size(Path(attrs["source_file"])),
        kind=attrs["source_format"],
        revision=_revision(json.loads(attrs.get("binary_header") or "{}")),
        endian=attrs.get("endian"),
        encoding=attrs.get("encoding"),
        sample_format=code,
        sample_format_name=formats.NAMES.get(code) if code is not None else None,
        domain=domain,
        unit=section[domain].attrs["units"],
        samples=len(vertical),
        interval=float(np.diff(vertical[:2])[0]) if len(vertical) > 1 else None,
        start=float(vertical[0]),
        traces=int(mask.sum()),
        holes=int(mask.size - mask.sum()),
        geometry="unknown" if problem else _geometry(leading),
        axes=[_axis(section, name) for name in leading],
        easting=_range(section, "cdp_x"),
        northing=_range(section, "cdp_y"),
        amplitudes=_amplitudes(section),
        warnings=list(attrs["warnings"]),
        problem=problem,
        text_header=attrs.get("text_header", ""),
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
        ("geometry", f"{report.geometry}: {' x '.join(map(_describe_axis, report.axes))}"),
        ("traces", f"{report.traces}" + (f", {report.holes} holes" if report.holes else "")),
        (report.domain, f"{report.samples} samples{every} from {report.start:g} {report.unit}"),
        ("coordinates", _describe_coordinates(report)),
        (
            "amplitude",
            f"{found.minimum:g} to {found.maximum:g}, mean {found.mean:.3g}, std {found.std:.3g}; "
            f"{found.zeros:.1%} zeros, {found.nan:.1%} NaN, "
            f"{found.dead} dead of {found.traces} traces looked at",
        ),
        *(("odd", warning) for warning in report.warnings),
        *([("problem", report.problem)] if report.problem else []),
    ]
    return "\n".join([report.file, *(f"  {name:<12}{value}" for name, value in lines)])


def _describe_axis(axis: Axis) -> str:
    place = f", byte {axis.byte}" if axis.byte else ""
    return f"{axis.name} {axis.first:g} to {axis.last:g} ({axis.size}{place})"


def _describe_coordinates(report: ScanReport) -> str:
    if report.easting is None or report.northing is None:
        return "none"
    return " x ".join(f"{low:.2f} to {high:.2f}" for low, high in (report.easting, report.northing))


def _amplitudes(section: xr.Dataset) -> Amplitudes:
    """Look at some traces of some panels, evenly spread."""
    amplitude, mask = section["amplitude"], section["trace_mask"].to_numpy()
    *shape, lateral, samples = amplitude.shape
    panels = list(np.ndindex(*shape))
    chosen = panels[:: -(-len(panels) // _SAMPLED_PANELS)]
    step = -(-lateral * len(chosen) // _SAMPLED_TRACES)
    traces = np.concatenate([amplitude[lead].to_numpy()[::step][mask[lead][::step]] for lead in chosen])
    real = traces[np.isfinite(traces)].astype(np.float64)
    if not real.size:
        real = np.zeros(1)
    return Amplitudes(
        traces=len(traces),
        minimum=real.min(),
        maximum=real.max(),
        mean=real.mean(),
        std=real.std(),
        zeros=float((traces == 0).sum() / max(1, traces.size)),
        nan=float((~np.isfinite(traces)).sum() / max(1, traces.size)),
        dead=int((traces == traces[:, :1]).all(axis=1).sum()) if samples else 0,
    )


def _revision(binary: dict[str, int]) -> str | None:
    return f"{binary['revision_major']}.{binary['revision_minor']}" if "revision_major" in binary else None


def _geometry(leading: list[str]) -> str:
    if leading == ["inline", "crossline"]:
        return "3d"
    return "2d" if leading == ["trace"] else "gathers"


def _axis(section: xr.Dataset, name: str) -> Axis:
    labels = section[name].to_numpy()
    byte = section[name].attrs.get("segy_byte")
    return Axis(name=name, size=len(labels), first=float(labels[0]), last=float(labels[-1]), byte=byte)


def _range(section: xr.Dataset, name: str) -> tuple[float, float] | None:
    if name not in section.coords:
        return None
    values = section[name].to_numpy()
    return float(np.nanmin(values)), float(np.nanmax(values))


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in path.rglob("*")) if path.is_dir() else path.stat().st_size
