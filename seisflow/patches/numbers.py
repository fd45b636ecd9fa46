"""The user's own numbers of traces: CDP, shot point, offset, where headers hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.patches.panels import layout

NUMBERS = ("cdp", "shot_point", "shot", "ffid", "offset")
"""Coordinates that number traces, the one to be shown first."""
COUNTED = ("trace", "channel")
"""Dims that only count, so that a number says more."""


def lateral_axis(section: xr.Dataset) -> tuple[NDArray[np.float64], str]:
    """Labels of the traces along the lateral dim, and what they are.

    Where the dim only counts traces, the first of `NUMBERS` that grows or falls from trace to trace.
    """
    lateral = layout(section).lateral
    if lateral in COUNTED:
        for name in NUMBERS:
            if name in section.coords and section[name].dims == (lateral,):
                values = np.asarray(section[name].values, np.float64)
                steps = np.diff(values)
                if len(values) > 1 and ((steps > 0).all() or (steps < 0).all()):
                    return values, name
    if lateral not in section.coords:
        return np.arange(section.sizes[lateral], dtype=np.float64), lateral
    return np.asarray(section[lateral].values, np.float64), lateral


def numbers_at(section: xr.Dataset, place: dict[str, int]) -> dict[str, float]:
    """Numbers of the trace at a position over the section's dims."""
    found: dict[str, Any] = {}
    for name in NUMBERS:
        if name in section.coords and name not in section.dims and set(section[name].dims) <= set(place):
            value = section[name].isel({dim: place[str(dim)] for dim in section[name].dims}).values.item()
            if np.isfinite(value):
                found[name] = value
    return found
