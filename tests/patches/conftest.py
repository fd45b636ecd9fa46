"""Synthetic sections that follow the section convention."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

DIMS = {2: ("trace", "time"), 3: ("inline", "crossline", "time"), 4: ("shot", "cable", "channel", "time")}


def section_of(amplitude: np.ndarray, dims: tuple[str, ...] | None = None, **attrs: object) -> xr.Dataset:
    dims = dims or DIMS[amplitude.ndim]
    present = np.ones(amplitude.shape[:-1], bool)
    return xr.Dataset(
        {"amplitude": (dims, amplitude), "trace_mask": (dims[:-1], present)},
        attrs={"source_file": "/survey/line12.sgy", "quantisation_step": 0.0} | attrs,
    )


@pytest.fixture
def make_section() -> Callable[..., xr.Dataset]:
    return section_of


@pytest.fixture
def numbered() -> Callable[..., xr.Dataset]:
    """Section whose samples are 1, 2, 3, ...: each amplitude tells where it came from."""
    return lambda *shape, **kw: section_of(
        np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape), **kw
    )


@pytest.fixture
def noisy() -> xr.Dataset:
    """3D section with mutes, dead traces and a hole."""
    amplitude = np.random.default_rng(0).standard_normal((24, 40, 60)).astype(np.float32)
    amplitude[:, :, :6] = 0
    amplitude[:, ::9] = 3
    amplitude[3:5] = np.nan
    section = section_of(amplitude)
    section["trace_mask"][10:14, :15] = False
    return section
