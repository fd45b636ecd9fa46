"""Open a numpy array as a section."""

from pathlib import Path

import numpy as np
import xarray as xr

from seisflow.errors import DataError

_DIMS = {2: ("trace",), 3: ("inline", "crossline")}


def open_npy(path: Path, *, dt: float | None, domain: str = "time") -> xr.Dataset:
    """Open a ``.npy`` file of shape (trace, time) or (inline, crossline, time).

    Parameters
    ----------
    path : Path
    dt : float
        Sample interval in ms (m for depth); the file does not tell it.
    domain : {"time", "depth"}

    Raises
    ------
    DataError
        If the file is damaged, holds no numbers or has another number of dimensions, or without ``dt``.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: no readable .npy array ({error}). Save it with numpy.save") from error
    if values.ndim not in _DIMS or values.dtype.kind not in "iuf" or not values.size:
        raise DataError(
            f"{path}: {values.dtype} array of shape {values.shape}. "
            "Real numbers over (trace, time) or (inline, crossline, time) were expected"
        )
    if dt is None or not dt > 0:
        raise DataError(f"{path}: an array does not tell its sample interval: pass dt in ms (--dt 4)")
    leading = _DIMS[values.ndim]
    shape = values.shape[:-1]
    return xr.Dataset(
        {
            "amplitude": ((*leading, domain), values.astype(np.float32), {"long_name": "seismic amplitude"}),
            "trace_mask": (leading, np.ones(shape, bool)),
            "trace_index": (leading, np.arange(np.prod(shape)).reshape(shape)),
        },
        coords={name: np.arange(1, size + 1) for name, size in zip(leading, shape, strict=True)}
        | {domain: (domain, dt * np.arange(values.shape[-1]), {"units": "ms" if domain == "time" else "m"})},
        attrs={
            "source_file": str(path.resolve()),
            "source_format": "npy",
            "quantisation_step": 1.0 if values.dtype.kind in "iu" else 0.0,
            "warnings": [],
        },
    )
