"""Open any seismic file as a section, and choose parts of it."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr

from seisflow.errors import DataError
from seisflow.io import catalog
from seisflow.io.arrays import open_npy
from seisflow.io.files import exists, is_url, refuse_packed
from seisflow.io.lines import join
from seisflow.io.parts import VERTICAL, about_horizon, by_number, by_polygon
from seisflow.io.segy.crs import crs_of_text
from seisflow.io.segy.layout import Layout, read_layout
from seisflow.io.segy.read import open_layout
from seisflow.io.segy.su import read_su_layout
from seisflow.io.waveform import is_waveform, open_waveform
from seisflow.io.zarr.check import LIMIT
from seisflow.io.zarr.read import NETCDF_SUFFIXES, open_netcdf, open_zarr

_SEGY_SUFFIXES = (".sgy", ".segy", ".seg-y", ".seg")
_EXPECTED = "A SEG-Y, SU, SEG-2, MiniSEED, SAC or GSE2 file, a Zarr folder, NetCDF or a .npy array"


def open_section(
    path: str | Path | Sequence[str | Path],
    *,
    iline: int | None = None,
    xline: int | None = None,
    cdp_x: int | None = None,
    cdp_y: int | None = None,
    dt: float | None = None,
    format: int | None = None,
    endian: str | None = None,
    encoding: str | None = None,
    domain: str | None = None,
    line: bool = False,
    strict: bool = False,
    limit: float = LIMIT,
) -> xr.Dataset:
    """Open a seismic file as a section; samples are read when they are asked for.

    Parameters
    ----------
    path : str or Path, or a sequence of them
        SEG-Y or SU file, Zarr folder or NetCDF file (seisflow's own, MDIO v1, segysak's names, plain CF),
        ``.npy`` array, SEG-2, MiniSEED, SAC, GSE2 or AH; a URL of SEG-Y, SU or Zarr that
        fsspec opens; or the name of a data set that ships, such as ``"f3-sample"``. Several
        are joined to the volume whose lines they are.
    iline, xline : int, optional
        First trace header bytes of the inline and crossline numbers; else the usual places are tried.
    cdp_x, cdp_y : int, optional
        First trace header bytes of easting and northing; else 181 / 185, then 73 / 77.
    dt : float, optional
        Sample interval in ms (m for depth), where the headers have none or a wrong one.
    format : int, optional
        SEG-Y sample format code (1 IBM float, 5 IEEE float, 2 int32, 3 int16, 8 int8, ...), where the binary
        header has none or a wrong one.
    endian : {"big", "little"}, optional
        Byte order; of the samples alone where the headers make sense in the other one only.
    encoding : {"ebcdic", "ascii"}, optional
        Encoding of the text header.
    domain : {"time", "depth"}, optional
        Else what the text header says; time where it says nothing.
    line : bool
        Take the traces in file order, as one 2D line.
    strict : bool
        Refuse what is otherwise read with an entry in ``attrs["warnings"]``: a truncated last trace,
        conflicting sample intervals, traces that share a position.
    limit : float
        GiB that Zarr and NetCDF may unpack to from less than a thousandth of that: more is refused.

    Returns
    -------
    xr.Dataset
        Dimensions (inline, crossline, time) for a cube, (trace, time) for a line, such as (shot, channel,
        time) for gathers; ``time`` in ms, or ``depth`` in m. Variables ``amplitude`` (float32, lazy, NaN
        where there is no trace), ``trace_mask`` and ``trace_index`` (position in the file, -1 where there
        is none) over the leading dimensions. Coordinates ``cdp_x``, ``cdp_y``, ``cdp`` and ``offset``
        where the headers hold them. ``attrs`` has ``source_file``, ``source_format``, ``text_header``,
        ``binary_header`` (JSON), ``segy_format``, ``endian``, ``encoding``, ``quantisation_step``, and
        ``warnings``.

    Raises
    ------
    DataError
        If the file is missing, damaged or of no known kind.
    GeometryError
        If inlines and crosslines cannot be found; the message says what to pass.

    Examples
    --------
    >>> section = open_section("f3-sample")
    >>> dict(section.sizes)
    {'inline': 10, 'crossline': 250, 'time': 463}
    """
    if not isinstance(path, str | Path):
        given: dict[str, Any] = {"iline": iline, "xline": xline, "cdp_x": cdp_x, "cdp_y": cdp_y}
        given |= {
            "dt": dt,
            "format": format,
            "endian": endian,
            "encoding": encoding,
            "domain": domain,
            "line": line,
            "strict": strict,
        }
        sections = [open_section(one, limit=limit, **given) for one in path]
        return sections[0] if len(sections) == 1 else join(sections)
    if str(path) in catalog.names() and not Path(path).exists():
        path = catalog.locate(str(path))
    if not is_url(path):
        path = Path(path)
    if not exists(path):
        raise DataError(f"{path}: no such file. {_EXPECTED} was expected")
    refuse_packed(path)
    suffix = PurePosixPath(str(path)).suffix.lower()
    if suffix == ".zarr" or (isinstance(path, Path) and path.is_dir()):
        return open_zarr(path, limit)
    if suffix in NETCDF_SUFFIXES:
        return open_netcdf(path, limit)
    if suffix == ".npy":
        return open_npy(Path(path), dt=dt, domain=domain or "time")
    if is_waveform(path):
        return open_waveform(path, dt=dt)
    layout = _layout(path, suffix, dt, format, endian, encoding, domain, strict)
    if layout is None:
        return open_waveform(path, dt=dt)
    section = open_layout(
        layout, iline=iline, xline=xline, cdp_x=cdp_x, cdp_y=cdp_y, line=line, strict=strict
    )
    crs = crs_of_text(layout.text) if "crs" not in section.attrs else None
    return section.assign_attrs({"crs": crs} if crs else {})


def find_layout(path: str | Path, **given: Any) -> Layout | None:
    """Return the layout of a file of SEG-Y traces; None where it is of another kind.

    Raises
    ------
    DataError
        If it should be SEG-Y or SU, and cannot be read.
    """
    if str(path) in catalog.names() and not Path(path).exists():
        path = catalog.locate(str(path))
    suffix = PurePosixPath(str(path)).suffix.lower()
    other = suffix in (".zarr", ".npy", *NETCDF_SUFFIXES)
    if other or not exists(path) or (not is_url(path) and Path(path).is_dir()):
        return None
    refuse_packed(path)
    if is_waveform(path):
        return None
    names = ("dt", "format", "endian", "encoding", "domain", "strict")
    dt, code, endian, encoding, domain, strict = (given.get(name) for name in names)
    return _layout(path, suffix, dt, code, endian, encoding, domain, bool(strict))


def _layout(
    path: str | Path,
    suffix: str,
    dt: float | None,
    code: int | None,
    endian: str | None,
    encoding: str | None,
    domain: str | None,
    strict: bool,
) -> Layout | None:
    """Read SEG-Y's headers, or SU's; None where neither is there, and something else may be."""
    if suffix == ".su":
        return read_su_layout(path, dt=dt, endian=endian, domain=domain, strict=strict)
    try:
        return read_layout(
            path, dt=dt, format=code, endian=endian, encoding=encoding, domain=domain, strict=strict
        )
    except DataError:
        if suffix in _SEGY_SUFFIXES or not suffix:
            raise
    try:
        return read_su_layout(path, dt=dt, endian=endian, domain=domain, strict=strict, certain=True)
    except DataError:
        return None


def select(section: xr.Dataset, parts: Iterable[str]) -> xr.Dataset:
    """Take a part of a section by its labels.

    Parameters
    ----------
    section : xr.Dataset
    parts : iterable of str
        ``"dim=first:last"``, both ends included and either left out for the section's own, or
        ``"dim=value"``, which keeps the dimension with one label. Instead of a dim, a number of the traces
        such as ``cdp`` or ``offset``; or ``"polygon=FILE"`` (GeoJSON or CSV), or ``"horizon=FILE:-50:+200"``
        (CSV, and a window about it in ms or m).

    Raises
    ------
    DataError
        If a dimension or label is not there; the message gives what is.

    Examples
    --------
    >>> select(open_section("f3-sample"), ["inline=2:4", "time=0:1000"]).sizes["inline"]
    3
    """
    for part in parts:
        dim, _, labels = part.partition("=")
        if dim == "polygon":
            section = by_polygon(section, labels)
            continue
        if dim == "horizon":
            section = about_horizon(section, labels)
            continue
        if dim not in section.dims:
            if dim in section.coords and dim not in VERTICAL:
                ends = _ends(section, part, labels, section[dim].values)
                if (numbered := by_number(section, dim, *ends)) is not None:
                    section = numbered
                    continue
            dims = ", ".join(map(str, section["amplitude"].dims))
            raise DataError(f"{_name(section)}: no dimension {dim!r}. It has {dims}: select one of these")
        values = section[dim].values
        low, high = _ends(section, part, labels, values)
        chosen = np.flatnonzero((values >= low) & (values <= high))
        if not len(chosen):
            raise DataError(f"{_name(section)}: nothing at {part}. {_range(dim, values)}")
        section = section.isel({dim: slice(int(chosen[0]), int(chosen[-1]) + 1)})
    return section


def _ends(section: xr.Dataset, part: str, labels: str, values: np.ndarray) -> tuple[float, float]:
    """Return the lowest and highest label that ``labels`` asks for."""
    first, colon, last = labels.partition(":")
    try:
        one = float(first) if first.strip() else float(values.min())
        other = (float(last) if last.strip() else float(values.max())) if colon else one
    except ValueError:
        one = other = np.nan
    if np.isnan(one) or np.isnan(other) or not (first.strip() or colon):
        raise DataError(f"{_name(section)}: {part!r} cannot be read. Write dim=first:last or dim=value")
    return min(one, other), max(one, other)


def _range(dim: str, values: np.ndarray) -> str:
    step = f" in steps of {abs(values[1] - values[0]):g}" if len(values) > 1 else ""
    return f"{dim} runs from {values[0]:g} to {values[-1]:g}{step}: select within that"


def _name(section: xr.Dataset) -> str:
    return str(section.attrs.get("source_file", "section"))
