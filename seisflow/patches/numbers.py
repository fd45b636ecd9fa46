"""Numbers by which users know their traces: CDP, shot point, offset, where headers hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.patches.panels import layout

NUMBERS = ("cdp", "shot_point", "shot", "ffid", "offset")
"""Coordinates that number traces; the first that there is gets shown."""
COUNTED = ("trace", "channel")
"""Dims whose labels are but a count, instead of which such a number is shown."""


def lateral_axis(section: xr.Dataset) -> tuple[NDArray[np.float64], str]:
    """Labels of the traces along the lateral dim, (X,), and their name.

    Where the dim is but a count, these are the first of `NUMBERS` that is there and grows, or falls,
    from trace to trace.
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
    """Numbers of one trace, by their names; ``place`` is its position along each dim of the section."""
    found: dict[str, Any] = {}
    for name in NUMBERS:
        if name in section.coords and name not in section.dims and set(section[name].dims) <= set(place):
            value = section[name].isel({dim: place[str(dim)] for dim in section[name].dims}).values.item()
            if np.isfinite(value):
                found[name] = value
    return found
