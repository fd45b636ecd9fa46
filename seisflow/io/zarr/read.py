"""Open Zarr and NetCDF as a section: seisflow's own, MDIO v1, segysak's names, plain CF."""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.errors import DataError, MissingPackageError
from seisflow.io.files import full_name, open_binary
from seisflow.io.nulls import Nulls, describe_nulls, find_nulls, without_nulls
from seisflow.io.zarr.axis import DEPTH_NAMES, is_depth, vertical_axis
from seisflow.io.zarr.check import (
    LIMIT,
    check_hdf5,
    check_zarr,
    checked_attributes,
    store_of,
    told_as_data_error,
)

NETCDF_SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf", ".seisnc")

_NAMES = {
    **dict.fromkeys(("iline", "il", "inline", "inlines", "in_line", "inline_3d", "iline_3d"), "inline"),
    **dict.fromkeys(("xline", "xl", "crossline", "crosslines", "cross_line", "xlines"), "crossline"),
    **dict.fromkeys(("crossline_3d", "xline_3d"), "crossline"),
}
_TIME_NAMES = ("time", "twt", "twtt", "samples", "sample", "t")
_COORDINATES = {
    **dict.fromkeys(("cdp_x", "cdpx", "x", "easting", "utm_x", "lon", "longitude"), "cdp_x"),
    **dict.fromkeys(("cdp_y", "cdpy", "y", "northing", "utm_y", "lat", "latitude"), "cdp_y"),
}
_LOOKED = 8  # panels, for null values


class _Stored(BackendArray):
    """A variable's values, as float32 if they are numbers, read when asked for; damage is told in a line."""

    def __init__(self, variable: xr.Variable, path: str) -> None:
        self.variable, self.path = variable, path
        self.nulls = Nulls()
        self.shape = variable.shape
        self.dtype = np.dtype(np.float32) if variable.dtype.kind in "iuf" else variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        with told_as_data_error(self.path, "samples", "Whole chunks were expected: copy it again"):
            values: NDArray[Any] = self.variable[key].to_numpy()
            values = values.astype(self.dtype, copy=False)
            if self.dtype != np.float32:
                return values
            return without_nulls(values if values.flags.writeable else values.copy(), self.nulls, self.path)


def open_zarr(path: str | Path, limit: float = LIMIT) -> xr.Dataset:
    """Open a Zarr folder as a section; see `seisflow.io.open_section`.

    Raises
    ------
    DataError
        If it cannot be read, or holds nothing over time or depth.
    """
    return _open(path, "zarr", limit)


def open_netcdf(path: str | Path, limit: float = LIMIT) -> xr.Dataset:
    """Open a NetCDF file, of version 3 or 4, as a section; see `seisflow.io.open_section`.

    Raises
    ------
    DataError
        If it cannot be read, or holds nothing over time or depth.
    MissingPackageError
        If it is NetCDF 4 and h5netcdf is not installed.
    """
    with open_binary(path) as file:
        classic = file.read(3) == b"CDF"
    if not classic and find_spec("h5netcdf") is None:
        raise MissingPackageError(
            f"{path}: NetCDF 4 needs the package h5netcdf: pip install 'seisflow[netcdf]'"
        )
    return _open(path, "scipy" if classic else "h5netcdf", limit)


def _open(path: str | Path, engine: Any, limit: float) -> xr.Dataset:
    words, expected = (
        ("Zarr", "A whole group was expected")
        if engine == "zarr"
        else ("NetCDF", "A whole file of version 3 or 4 was expected")
    )
    with told_as_data_error(path, words, expected):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # metadata not consolidated, types of foreign headers
            if engine == "zarr":
                check_zarr(path, limit)
            elif engine == "h5netcdf":
                check_hdf5(path, limit)
            place: Any = store_of(path) if engine == "zarr" else path
            store = xr.open_dataset(place, engine=engine, chunks=None, cache=False, decode_times=False)
        return _section(path, store, words.lower())


def _section(path: str | Path, store: xr.Dataset, kind: str) -> xr.Dataset:
    name = _main_variable(path, store)
    dims = [str(dim) for dim in store[name].dims]
    vertical = _vertical(path, store, dims)
    leading = [dim for dim in dims if dim != vertical]
    if sorted(map(_name_of, leading)) == ["crossline", "inline"]:
        leading.sort(key=_name_of, reverse=True)  # inline first, in whichever order the file has them
    store = store.transpose(*leading, vertical, ...)
    names = {dim: _name_of(dim) for dim in leading}
    if len(leading) == 1:
        names[leading[0]] = "trace"
    domain = _domain(store, vertical)
    names |= {vertical: domain}
    section = xr.Dataset(
        {
            _plain(key, name): _renamed(variable, names)
            for key, variable in _variables(path, store, dims).items()
        },
        coords={
            names.get(str(key), str(key)): _renamed(_with_byte(store[key].variable), names)
            for key in store.coords
            if store[key].dtype.kind in "iufb"
        },
    )
    if leading == ["cdp"] and "cdp" in store.coords:
        section = section.assign_coords(cdp=("trace", store["cdp"].to_numpy()))
    section = _with_coordinates(section, store, names, dims, vertical)
    section, warned = _with_axes(section, domain)
    section = _with_traces(section).assign_attrs(_attributes(path, store, name, kind))
    if "quantisation_step" not in store.attrs:  # of other software
        warned += _mask_nulls(section)
    if warned:
        section.attrs["warnings"] = [*section.attrs["warnings"], *warned]
    return section


def _name_of(dim: str) -> str:
    """Return our name of a dimension."""
    return _NAMES.get(dim.lower().replace("-", "_"), dim)


def _with_coordinates(
    section: xr.Dataset, store: xr.Dataset, names: dict[str, str], dims: list[str], vertical: str
) -> xr.Dataset:
    """Add easting and northing where a store has them as variables, or by another name."""
    for key, array in store.variables.items():
        name = _COORDINATES.get(str(key).lower().replace("-", "_"))
        over = [str(dim) for dim in array.dims]
        if name is None or name in section.coords or not over or vertical in over:
            continue
        if set(over) <= set(dims) and str(key) not in dims and array.dtype.kind in "iuf":
            section = section.drop_vars(str(key), errors="ignore")
            section = section.assign_coords({name: _renamed(array, names)})
    return section


def _mask_nulls(section: xr.Dataset) -> list[str]:
    """Let the null values of some panels be masked, and say which they are."""
    stored = section["amplitude"]
    lines = np.unique(np.linspace(0, stored.shape[0] - 1, _LOOKED).astype(int))
    whole = float(section.attrs.get("quantisation_step", 0.0)) > 0
    variable: Any = stored.variable._data
    while variable is not None and not isinstance(variable, _Stored):
        variable = getattr(variable, "array", None)
    if variable is None:
        return []
    raw = variable.variable
    some = np.concatenate(
        [raw[{raw.dims[0]: line}].to_numpy().reshape(-1, raw.shape[-1]) for line in lines.tolist()]
        if raw.ndim > 2
        else [raw[:: max(1, raw.shape[0] // 1024)].to_numpy()]
    ).astype(np.float32)
    variable.nulls = find_nulls(some, whole=whole)
    return describe_nulls(some, variable.nulls, stored.size)


def _main_variable(path: str | Path, store: xr.Dataset) -> str:
    """Return the variable that a store calls its default, else the usual names, else the largest."""
    default = store.attrs.get("attributes", {})
    wanted = (default.get("defaultVariableName") if isinstance(default, dict) else None, "amplitude", "data")
    real = {
        str(key): array
        for key, array in store.data_vars.items()
        if array.ndim >= 2 and array.dtype.kind in "iuf" and array.size
    }
    for key in wanted:
        if key in real:
            return key
    if not real:
        raise DataError(f"{path}: no array of numbers over two dimensions or more. A section was expected")
    return max(real, key=lambda key: real[key].size)


def _vertical(path: str | Path, store: xr.Dataset, dims: list[str]) -> str:
    for dim in dims:
        attrs = store[dim].attrs if dim in store.coords else {}
        if dim.lower() in (*_TIME_NAMES, *DEPTH_NAMES) or attrs.get("axis") in ("T", "Z"):
            return dim
    raise DataError(f"{path}: dimensions {', '.join(dims)}. One of them must be called time, twt or depth")


def _domain(store: xr.Dataset, vertical: str) -> str:
    told = str(store.attrs.get("d3_domain", "")).lower()  # segysak's
    return "depth" if is_depth(vertical, _unit(store[vertical]), told) else "time"


def _variables(path: str | Path, store: xr.Dataset, dims: list[str]) -> dict[str, xr.Variable]:
    """Return what lies over all the section's dimensions, and the masks over the leading ones."""
    found = {}
    for key, array in store.data_vars.items():
        if set(array.dims) == set(dims) and array.dtype.kind in "iufb":
            found[str(key)] = _lazy(array.variable, path)
        elif key in ("trace_mask", "trace_index"):
            found[str(key)] = array.variable
        elif key == "raw_headers" and array.dtype.kind == "V":
            found[str(key)] = _lazy(array.variable, path)
    return found


def _lazy(variable: xr.Variable, path: str | Path) -> xr.Variable:
    lazy = indexing.LazilyIndexedArray(_Stored(variable, str(path)))
    return xr.Variable(variable.dims, lazy, variable.attrs, variable.encoding)


def _renamed(variable: xr.Variable, names: dict[str, str]) -> xr.Variable:
    renamed = variable.copy(deep=False)
    renamed.dims = tuple(names.get(str(dim), str(dim)) for dim in variable.dims)
    chunks = variable.encoding.get("preferred_chunks", {})
    renamed.encoding["preferred_chunks"] = {names.get(str(dim), str(dim)): n for dim, n in chunks.items()}
    return renamed.to_base_variable()


def _with_byte(variable: xr.Variable) -> xr.Variable:
    """Return a coordinate without the trace header byte that it claims to come from, if that is none."""
    if not isinstance(variable.attrs.get("segy_byte", 1), int):
        variable = variable.copy(deep=False)
        del variable.attrs["segy_byte"]
    return variable


def _plain(key: str, main: str) -> str:
    return "amplitude" if key == main else key


def _unit(array: xr.DataArray) -> str:
    """Return a coordinate's unit, as CF or MDIO write it."""
    unit = array.attrs.get("units") or array.attrs.get("unitsV1") or ""
    return str(next(iter(unit.values()), "") if isinstance(unit, dict) else unit)


def _with_axes(section: xr.Dataset, domain: str) -> tuple[xr.Dataset, list[str]]:
    """Give every dimension labels, and the vertical one its unit; with warnings on what was assumed."""
    for dim in map(str, section["amplitude"].dims):
        if dim not in section.coords:
            section = section.assign_coords({dim: np.arange(1, section.sizes[dim] + 1)})
    return vertical_axis(section, domain, _unit(section[domain]))


def _with_traces(section: xr.Dataset) -> xr.Dataset:
    """Add the trace mask and index where a store has none: every trace is there, in order."""
    leading = section["amplitude"].dims[:-1]
    shape = section["amplitude"].shape[:-1]
    for name in ("trace_mask", "trace_index", "raw_headers"):
        if name in section and section[name].dims != leading:
            raise ValueError(f"{name} is over {section[name].dims}, not over {leading}")
    if "trace_mask" not in section:
        section["trace_mask"] = (leading, np.ones(shape, bool))
    section["trace_mask"] = section["trace_mask"].load().astype(bool)
    mask = section["trace_mask"].to_numpy()
    if "trace_index" not in section:
        section["trace_index"] = (leading, np.where(mask, np.cumsum(mask).reshape(shape) - 1, -1))
    section["trace_index"] = section["trace_index"].load().astype(np.int64)
    return section


def _attributes(path: str | Path, store: xr.Dataset, name: str, kind: str) -> dict[str, Any]:
    own = ("apiVersion", "createdOn", "name", "attributes")  # MDIO's, made anew when it is written
    attrs: dict[str, Any] = {str(key): value for key, value in store.attrs.items() if key not in own}
    header = store["segy_file_header"].attrs if "segy_file_header" in store else {}  # MDIO's
    attrs.setdefault("text_header", header.get("textHeader", attrs.get("text", "")))
    attrs.setdefault("binary_header", json.dumps(header.get("binaryHeader", {})))
    if told := header.get("fileHeaders"):
        attrs["file_headers"] = told
    attrs.setdefault("quantisation_step", _step(store[name]))
    attrs.setdefault("warnings", [])
    if attrs.get("source_file"):
        attrs["origin_file"] = attrs["source_file"]
    if "raw_headers" in store:
        attrs["header_bytes"] = store["raw_headers"].dtype.itemsize
    return checked_attributes(attrs) | {"source_file": full_name(path), "source_format": kind}


def _step(array: xr.DataArray) -> float:
    """Return the step of values that are stored as whole numbers; 0 for real ones."""
    stored = np.dtype(array.encoding.get("dtype", array.dtype))
    return float(array.encoding.get("scale_factor", 1.0)) if stored.kind in "iu" else 0.0
