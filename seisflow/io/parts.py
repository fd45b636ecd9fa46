"""Parts of a section that are no ranges of its dims: by a trace's numbers, a polygon, a horizon."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.path import Path as Ring
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import QhullError

from seisflow.errors import DataError
from seisflow.regular import read_text

VERTICAL = ("time", "depth")
BEYOND = "beyond"
"""Variable over the traces: whether there is one outside the part, which scores of neighbours see."""
WINDOW = ("window_top", "window_base")
"""Variables over the traces: time or depth between which samples are of the part."""
_NO_GEOJSON = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
)
_PLACES = (("inline", "crossline"), ("cdp_x", "cdp_y"), ("x", "y"), ("easting", "northing"))
_ALIAS = {"x": "cdp_x", "y": "cdp_y", "easting": "cdp_x", "northing": "cdp_y", "xline": "crossline",
          "iline": "inline", "twt": "value", "t": "value", "z": "value", "time": "value", "depth": "value",
          "time_ms": "value", "twt_ms": "value", "depth_m": "value"}  # fmt: skip


def by_polygon(section: xr.Dataset, file: str) -> xr.Dataset:
    """Keep the traces that lie in the polygons of a GeoJSON or CSV file; the others count as absent.

    A CSV file has the corners of one polygon, in coordinates (x, y) or in numbers (inline, crossline).

    Raises
    ------
    DataError
        If the file cannot be read, or no trace lies inside.
    """
    names, rings = _rings(Path(file))
    places = _trace_places(section, names, f"{file}: a polygon in {names[0]}, {names[1]}")
    points = np.stack([place.ravel() for place in places], axis=1)
    inside = np.zeros(len(points), bool)
    for ring in rings:
        inside |= Ring(ring).contains_points(points, radius=1e-9)
    mask = inside.reshape(places[0].shape)
    if not mask.any():
        raise DataError(
            f"{file}: no trace lies inside. It has {_spans(names, np.concatenate(rings).T)}; those of "
            f"{_name(section)} {_spans(names, places)}. Expected one coordinate system"
        )
    return _keep_traces(section, mask)


def about_horizon(section: xr.Dataset, words: str) -> xr.Dataset:
    """Keep the samples in a window about a horizon, ``FILE.csv:-50:+200`` in ms or m; others count as absent.

    The file has columns inline, crossline, or x, y, or cdp, or trace; and time or depth. Between its points
    the horizon is interpolated; traces outside it are left out.

    Raises
    ------
    DataError
        If it cannot be read, or is nowhere in the section.
    """
    file, *ends = words.rsplit(":", 2)
    try:
        above, below = map(float, ends)
        if math.isnan(above + below):
            raise ValueError
    except ValueError:
        raise DataError(f"{words}: no horizon with a window about it. Write FILE.csv:-50:+200") from None
    if above > below:
        raise DataError(f"{words}: the window ends above where it begins. Write {file}:{below:+g}:{above:+g}")
    names, table = _table(Path(file))
    if "value" not in names:
        raise DataError(f"{file}: no column time or depth. Expected one beside inline and crossline, or cdp")
    value = table[:, names.index("value")]
    keys = tuple(name for name in names if name != "value")
    if not keys or len(set(names)) < len(names):
        raise DataError(f"{file}: columns {', '.join(names)}. Expected each once, and one that says where")
    places = _trace_places(section, keys, f"{file}: a horizon by {', '.join(keys)}")
    if len(keys) == 1:
        at, first = np.unique(table[:, names.index(keys[0])], return_index=True)
        horizon = np.interp(places[0], at, value[first], left=np.nan, right=np.nan)
    else:
        known = table[:, [names.index(key) for key in keys]]
        try:
            horizon = _interpolated(known, value, places)
        except QhullError as error:
            raise DataError(
                f"{file}: its points lie on one line across {_name(section)}, or are not finite. Points over "
                "an area, or along one line of the survey, were expected"
            ) from error
    if not np.isfinite(horizon).any():
        spans = _spans(keys, (table[:, names.index(key)] for key in keys))
        raise DataError(f"{file}: no trace of {_name(section)} lies in it. It has {spans}; "
                        f"traces have {_spans(keys, places)}")  # fmt: skip
    vertical = str(section["amplitude"].dims[-1])
    labels = section[vertical].values
    top, base = horizon + above, horizon + below
    mask = np.isfinite(horizon) & (base >= labels[0]) & (top <= labels[-1])
    if not mask.any():
        raise DataError(
            f"{file}: above or below {_name(section)}, whose {vertical} runs from {labels[0]:g} to "
            f"{labels[-1]:g}. The horizon runs from {np.nanmin(horizon):g} to {np.nanmax(horizon):g}"
        )
    dims = section["amplitude"].dims[:-1]
    for name, edge, join in zip(WINDOW, (top, base), (np.fmax, np.fmin), strict=True):
        if name in section.variables:
            edge = join(edge, section[name].values)
        section = section.assign({name: (dims, edge)})
    rows = np.flatnonzero((labels >= np.nanmin(top[mask])) & (labels <= np.nanmax(base[mask])))
    if not len(rows):
        raise DataError(f"{words}: no sample lies in the window. Expected one wider than a sample")
    section = section.isel({vertical: slice(int(rows[0]), int(rows[-1]) + 1)})
    return _keep_traces(section, mask)


def by_number(section: xr.Dataset, name: str, low: float, high: float) -> xr.Dataset | None:
    """Keep the traces whose number, such as ``cdp``, lies within; None where there is no such number."""
    if name not in section.coords or section[name].ndim == 0 or set(section[name].dims) & set(VERTICAL):
        return None
    values = section[name].values
    inside = (values >= low) & (values <= high)
    if not inside.any():
        span = f"{np.nanmin(values):.10g} to {np.nanmax(values):.10g}"
        raise DataError(f"{_name(section)}: nothing at {name}={low:g}:{high:g}. {name} runs from {span}")
    dims = section["amplitude"].dims[:-1]
    return _keep_traces(
        section, section[name].copy(data=inside).broadcast_like(_frame(section)).transpose(*dims).values
    )


def _keep_traces(section: xr.Dataset, mask: NDArray[np.bool_]) -> xr.Dataset:
    """Mask all other traces, and cut off what holds none."""
    dims = section["amplitude"].dims[:-1]
    known = section["trace_mask"].values if "trace_mask" in section else np.ones(mask.shape, bool)
    beyond = section[BEYOND].values if BEYOND in section else np.zeros(mask.shape, bool)
    section = section.assign({"trace_mask": (dims, known & mask), BEYOND: (dims, beyond | (known & ~mask))})
    for axis, dim in enumerate(dims):
        there = np.flatnonzero(mask.any(tuple(k for k in range(mask.ndim) if k != axis)))
        mask = np.take(mask, np.arange(there[0], there[-1] + 1), axis)
        section = section.isel({dim: slice(int(there[0]), int(there[-1]) + 1)})
    return section


def _frame(section: xr.Dataset) -> xr.DataArray:
    dims = section["amplitude"].dims[:-1]
    sizes = [section.sizes[dim] for dim in dims]
    return xr.DataArray(np.zeros(sizes, bool), dims=dims)


def _trace_places(section: xr.Dataset, names: tuple[str, ...], what: str) -> list[NDArray[np.float64]]:
    """Values of coordinates, one for each trace."""
    frame = _frame(section)
    found = []
    for name in names:
        if name not in section.coords:
            known = [str(one) for one in section.coords if one not in VERTICAL]
            raise DataError(f"{what}, and {_name(section)} has no {name}. It has {', '.join(known)}")
        values = section[name].broadcast_like(frame).transpose(*frame.dims).values
        found.append(np.asarray(values, dtype=np.float64))
    return found


def _interpolated(
    known: NDArray[np.float64], value: NDArray[np.float64], places: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Linear over triangles; along the line where all known points or all traces lie on one."""
    spread = np.ptp(known, axis=0)
    if (spread > 0).all() and len(known) > 2:
        found: NDArray[np.float64] = LinearNDInterpolator(known, value, rescale=True)(*places)
        return found
    axis = int(spread.argmax())
    order = np.argsort(known[:, axis])
    line: NDArray[np.float64] = np.interp(
        places[axis], known[order, axis], value[order], left=np.nan, right=np.nan
    )
    other = 1 - axis
    return np.where(places[other] == known[0, other], line, np.nan)


def _rings(file: Path) -> tuple[tuple[str, str], list[NDArray[np.float64]]]:
    """Names of the two coordinates, and the outlines."""
    if file.suffix.lower() in (".json", ".geojson"):
        try:
            found = list(_polygons(json.loads(read_text(file))))
        except _NO_GEOJSON as error:
            raise DataError(f"{file}: cannot be read as GeoJSON ({_why(error)[:200]})") from error
        if not found:
            raise DataError(f"{file}: no polygon. Expected features of type Polygon or MultiPolygon")
        return ("cdp_x", "cdp_y"), found
    names, table = _table(file)
    if len(names) < 2 or len(table) < 3:
        raise DataError(
            f"{file}: {len(table)} corners. Expected three or more, in columns x, y or inline, crossline"
        )
    return (names[0], names[1]), [table[:, :2]]


def _polygons(node: Any) -> Any:
    if node.get("type") == "FeatureCollection":
        for feature in node["features"]:
            yield from _polygons(feature["geometry"])
    elif node.get("type") == "Feature":
        yield from _polygons(node["geometry"])
    elif node.get("type") == "Polygon":
        yield _ring(node["coordinates"][0])
    elif node.get("type") == "MultiPolygon":
        for polygon in node["coordinates"]:
            yield _ring(polygon[0])


def _ring(corners: Any) -> NDArray[np.float64]:
    found = np.asarray(corners, float)
    if found.ndim != 2 or found.shape[1] < 2 or len(found) < 3 or not np.isfinite(found).all():
        raise ValueError(
            f"a ring of shape {found.shape}, or not finite. Three corners x, y or more were expected"
        )
    return found[:, :2]


def _table(file: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Columns of a CSV file with our names; without a header, by their number."""
    try:
        text = read_text(file)
        rows = [
            row for row in csv.reader(text.splitlines(), _dialect(text)) if any(cell.strip() for cell in row)
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read as CSV ({_why(error)})") from error
    if not rows:
        raise DataError(f"{file}: empty. Expected a table")
    names = [cell.strip().lower() for cell in rows[0]]
    if all(_is_number(name) for name in names):
        names = {2: ["trace", "value"], 3: ["inline", "crossline", "value"]}.get(len(names), names)
    else:
        names, rows = [_ALIAS.get(name, name) for name in names], rows[1:]
    try:
        return names, np.array([[float(cell) for cell in row] for row in rows])
    except ValueError as error:
        raise DataError(f"{file}: {error}. Expected numbers") from error


def _dialect(text: str) -> type[csv.Dialect]:
    return csv.Sniffer().sniff(text[:4096], ",; \t")


def _why(error: Exception) -> str:
    """Words for a file that cannot be read, without its name."""
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)


def _spans(names: Sequence[str], values: Iterable[NDArray[np.float64]]) -> str:
    """Least and largest of some coordinates, in words."""
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{name} {np.nanmin(one):.10g} to {np.nanmax(one):.10g}" for name, one in pairs)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _name(section: xr.Dataset) -> str:
    return Path(str(section.attrs.get("source_file", "section"))).name
