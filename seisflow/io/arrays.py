"""Open a numpy array as a section."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.errors import DataError
from seisflow.io.nulls import Nulls, describe_nulls, find_nulls, without_nulls

_LOOKED = 1024  # traces, for null values
ASSUMED = 4.0
"""Sample interval of an array, in ms or m, that none is given for."""
_DIMS = {2: ("trace",), 3: ("inline", "crossline")}


class NpyArray(BackendArray):
    """Samples of a ``.npy`` file as float32; mapped for each reading, so that it can be pickled."""

    def __init__(self, path: Path, shape: tuple[int, ...], nulls: Nulls) -> None:
        self.path, self.nulls = path, nulls
        self.shape = shape
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        with np.errstate(over="ignore", invalid="ignore"):  # doubles beyond float32 become infinite
            values = np.load(self.path, mmap_mode="r", allow_pickle=False)[key].astype(np.float32)
        return without_nulls(values, self.nulls, str(self.path)) if values.ndim else values


def open_npy(path: Path, *, dt: float | None, domain: str = "time") -> xr.Dataset:
    """Open a ``.npy`` file of shape (trace, time) or (inline, crossline, time).

    Samples are read when they are asked for.

    Parameters
    ----------
    path : Path
    dt : float, optional
        Sample interval in ms (m for depth), which the file does not tell; by default 4.
    domain : {"time", "depth"}

    Raises
    ------
    DataError
        If the file is damaged, holds no numbers or has another number of dimensions.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: no readable .npy array ({error}). Save it with numpy.save") from error
    if not isinstance(values, np.ndarray):
        raise DataError(f"{path}: several arrays in an archive. One .npy array was expected: numpy.save it")
    if values.ndim not in _DIMS or values.dtype.kind not in "iuf" or not values.size:
        raise DataError(
            f"{path}: {values.dtype} array of shape {values.shape}. "
            "Real numbers over (trace, time) or (inline, crossline, time) were expected"
        )
    if dt is not None and not dt > 0:
        raise DataError(f"{path}: sample interval {dt:g}. Expected a positive one: pass dt in ms (--dt 4)")
    told = [] if dt is not None else [f"an array tells no sample interval: {ASSUMED:g} is assumed (--dt)"]
    dt = dt or ASSUMED
    leading = _DIMS[values.ndim]
    shape = values.shape[:-1]
    flat = values.reshape(-1, values.shape[-1]) if values.flags.c_contiguous else values[0].reshape(-1, 1).T
    with np.errstate(over="ignore", invalid="ignore"):
        some = flat[:: max(1, len(flat) // _LOOKED)].astype(np.float32)
    nulls = find_nulls(some, whole=values.dtype.kind in "iu")
    lazy = indexing.LazilyIndexedArray(NpyArray(path.resolve(), values.shape, nulls))
    return xr.Dataset(
        {
            "amplitude": ((*leading, domain), lazy, {"long_name": "seismic amplitude"}),
            "trace_mask": (leading, np.ones(shape, bool)),
            "trace_index": (leading, np.arange(np.prod(shape)).reshape(shape)),
        },
        coords={name: np.arange(1, size + 1) for name, size in zip(leading, shape, strict=True)}
        | {domain: (domain, dt * np.arange(values.shape[-1]), {"units": "ms" if domain == "time" else "m"})},
        attrs={
            "source_file": str(path.resolve()),
            "source_format": "npy",
            "quantisation_step": 1.0 if values.dtype.kind in "iu" else 0.0,
            "warnings": [*told, *describe_nulls(some, nulls, values.size)],
        },
    )
