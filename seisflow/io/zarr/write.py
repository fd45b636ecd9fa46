"""Write a section as Zarr v3: dimensions, names and attributes of MDIO v1, with CF units."""

import base64
import json
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.codecs import BloscCodec
from zarr.storage import LocalStore

from seisflow.io import atomic
from seisflow.io.segy.headers import BINARY_BYTES, TEXT_BYTES
from seisflow.io.segy.source_headers import FileHeaders

_CHUNK_BYTES = 4 * 2**20
_SURVEY = {1: "2D", 2: "3D"}


class ZarrWriter:
    """A Zarr folder that is written panel by panel, and appears when it is closed.

    Use it as a context manager. Every chunk belongs to one panel, so that no chunk is written twice.
    Panels that were never written read as NaN, or as False or 0.
    """

    def __init__(
        self,
        path: Path,
        section: xr.Dataset,
        variables: Mapping[str, Mapping[str, Any]],
        *,
        overwrite: bool,
        attrs: Mapping[str, Any],
        dtypes: Mapping[str, str],
    ) -> None:
        self.path = path
        self._overwrite = overwrite
        amplitude = section["amplitude"]
        # Values of this kind compress to nine tenths at best, so their plain size is what is needed.
        self._aside = atomic.reserve(path, overwrite, amplitude.size * 4 * len(variables))
        try:
            with atomic.told_as_output_error(path), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = max(1, _CHUNK_BYTES // (4 * amplitude.shape[-1]))
                panel = (min(rows, amplitude.shape[-2]), amplitude.shape[-1])
                self._arrays = create_arrays(
                    LocalStore(self._aside / path.name),
                    path.stem,
                    section,
                    variables,
                    attrs,
                    (1,) * (amplitude.ndim - 2) + panel,
                    dtypes=dtypes,
                )
        except BaseException:
            atomic.discard(self._aside)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with atomic.told_as_output_error(self.path), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that consolidated metadata is not in the standard yet
                    zarr.consolidate_metadata(str(self._aside / self.path.name))
                atomic.publish(self._aside, self.path, self._overwrite)
        finally:
            atomic.discard(self._aside)

    def write(
        self, name: str, lead: tuple[int, ...], values: NDArray[Any], columns: slice = slice(None)
    ) -> None:
        """Write one panel of one variable, or some traces of it.

        Parameters
        ----------
        name : str
            One of the variables that the folder was created with.
        lead : tuple of int
            Index of the dimensions before the lateral one: () for a line, (i,) for a cube.
        values : array (n_trace, n_time)
        columns : slice
            Which traces of the panel they are.

        Raises
        ------
        OutputError
            If the disk is full.
        """
        place: tuple[int | slice, ...] = (*lead, columns)
        with atomic.told_as_output_error(self.path):
            self._arrays[name][place] = values


def create_arrays(
    store: Store,
    name: str,
    section: xr.Dataset,
    variables: Mapping[str, Mapping[str, Any]],
    attrs: Mapping[str, Any],
    chunks: tuple[int, ...],
    shards: tuple[int, ...] | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> dict[str, zarr.Array[Any]]:
    """Write all of a section but its samples, and make arrays of NaN for these.

    Parameters
    ----------
    store : zarr store
        Without a data set.
    name : str
        Name of the data set, for its attributes.
    section, variables, attrs, dtypes
        As for `create_zarr`.
    chunks, shards : tuple of int
        Over the section's dimensions; without ``shards``, every chunk is a file.
    """
    amplitude = section["amplitude"]
    dims = [str(dim) for dim in amplitude.dims]
    masks = {name: section[name] for name in ("trace_mask", "trace_index") if name in section}
    frame = section.coords.to_dataset().assign(masks).drop_encoding()
    common = {}
    if section.attrs.get("binary_header") or section.attrs.get("text_header"):
        frame["segy_file_header"] = ((), np.int8(0), _file_header(section))
    if crs := section.attrs.get("crs"):
        frame["spatial_ref"] = ((), np.int8(0), {"spatial_ref": crs})  # as GDAL and rioxarray look for it
        common["grid_mapping"] = "spatial_ref"
    frame.attrs = _attributes(name, section, next(iter(variables))) | dict(attrs)
    frame.to_zarr(store, mode="a", zarr_format=3, consolidated=False)
    group = zarr.open_group(store, mode="r+")
    others = [str(key) for key, array in section.coords.items() if key not in dims and array.ndim]
    if others:
        common["coordinates"] = " ".join(others)
    kinds = {name: np.dtype((dtypes or {}).get(name, "float32")) for name in variables}
    return {
        name: group.create_array(
            name,
            shape=amplitude.shape,
            chunks=chunks,
            shards=shards,
            dtype=kinds[name],
            fill_value=np.nan if kinds[name].kind == "f" else kinds[name].type(0),
            dimension_names=dims,
            attributes={**common, **attributes},
            compressors=BloscCodec(cname="lz4", clevel=1, shuffle="shuffle"),
            overwrite=True,
        )
        for name, attributes in variables.items()
    }


def create_zarr(
    path: str | Path,
    section: xr.Dataset,
    variables: Mapping[str, Mapping[str, Any]],
    *,
    overwrite: bool = False,
    attrs: Mapping[str, Any] | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> ZarrWriter:
    """Start a Zarr folder for variables over a section.

    Parameters
    ----------
    path : str or Path
    section : xr.Dataset
        Gives dimensions, coordinates, masks and attributes.
    variables : dict
        Name of each variable over the section's dimensions to its attributes (``units``, ``long_name``,
        ...). The first is the default one of the folder.
    overwrite : bool
        Replace a Zarr folder that is there.
    attrs : dict, optional
        More attributes of the folder.
    dtypes : dict, optional
        Types of variables that are not float32.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    return ZarrWriter(
        Path(path), section, variables, overwrite=overwrite, attrs=attrs or {}, dtypes=dtypes or {}
    )


def write_zarr(section: xr.Dataset, path: str | Path, overwrite: bool = False) -> None:
    """Write a whole section as Zarr, one panel in memory at a time.

    Parameters
    ----------
    section : xr.Dataset
    path : str or Path
    overwrite : bool
        Replace a Zarr folder that is there.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    dims = section["amplitude"].dims
    variables = {str(name): array.attrs for name, array in section.data_vars.items() if array.dims == dims}
    first = {"amplitude": variables.pop("amplitude")}
    flags = {name: "bool" for name in variables if section[name].dtype == bool}
    with create_zarr(path, section, first | variables, overwrite=overwrite, dtypes=flags) as store:
        for lead in np.ndindex(section["amplitude"].shape[:-2]):
            for name in first | variables:
                store.write(name, lead, section[name][lead].to_numpy())


def _file_header(section: xr.Dataset) -> dict[str, Any]:
    """Return the file header of the source, where MDIO v1 keeps it."""
    binary = json.loads(section.attrs.get("binary_header") or "{}")
    return {"textHeader": section.attrs.get("text_header", ""), "binaryHeader": binary}


def create_raw_headers(store: Store, section: xr.Dataset, told: FileHeaders, chunks: tuple[int, ...]) -> None:
    """Make an array for trace headers as they stand in the source, by the names and types of MDIO v1.

    Parameters
    ----------
    store : zarr store
        That `create_arrays` has filled.
    section : xr.Dataset
    told : FileHeaders
    chunks : tuple of int
        Over the leading dimensions. Every chunk is a file: zarr has no shards of raw bytes yet.
    """
    group = zarr.open_group(store, mode="r+")
    group.create_array(
        "raw_headers",
        shape=section["amplitude"].shape[:-1],
        chunks=chunks,
        dtype=np.dtype(f"V{told.header_bytes}"),
        dimension_names=[str(dim) for dim in section["amplitude"].dims[:-1]],
        attributes={"long_name": f"trace headers as in the SEG-Y file, {told.endian}-endian"},
        compressors=BloscCodec(
            cname="zstd", clevel=1, shuffle="shuffle", typesize=min(told.header_bytes, 255)
        ),
    )
    binary = told.head[TEXT_BYTES : TEXT_BYTES + BINARY_BYTES]
    group["segy_file_header"].attrs.update(
        {"rawBinaryHeader": base64.b64encode(binary).decode(), "fileHeaders": told.to_json()}
    )


def _attributes(name: str, section: xr.Dataset, default: str) -> dict[str, Any]:
    """Return the attributes of the section, and those by which MDIO v1 readers know it."""
    dims = section["amplitude"].dims
    stacked = dims[:-1] in (("inline", "crossline"), ("trace",))
    own = {str(key): value for key, value in section.attrs.items() if key != "file_headers"}
    return own | {
        "apiVersion": "1.0.0",
        "createdOn": datetime.now(UTC).isoformat(),
        "name": name,
        "attributes": {
            "surveyType": _SURVEY.get(len(dims) - 1, "3D"),
            "gatherType": "stacked" if stacked else "gathers",
            "defaultVariableName": default,
        },
    }
