"""The time or depth axis of a section, as SEG-Y headers hold it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from seisflow.errors import OutputError


@dataclass(frozen=True)
class Vertical:
    """A regular vertical axis.

    Attributes
    ----------
    domain : str
        "time" or "depth".
    start, interval : float
        In ``unit``: ms for time, m or ft for depth.
    samples : int
    unit : str
    """

    domain: str
    start: float
    interval: float
    samples: int
    unit: str


def vertical(section: xr.Dataset) -> Vertical:
    """Return the vertical axis of a section.

    Raises
    ------
    OutputError
        If its samples are not evenly spaced, or if one sample gives no spacing.
    """
    dim = str(section["amplitude"].dims[-1])
    values = section[dim].to_numpy().astype(float)
    name = section.attrs.get("source_file", "section")
    if len(values) < 2:
        raise OutputError(f"{name}: one {dim} sample. SEG-Y needs an interval: select at least two")
    interval = float((values[-1] - values[0]) / (len(values) - 1))
    if interval <= 0 or not np.allclose(np.diff(values), interval, rtol=1e-3):
        raise OutputError(f"{name}: {dim} is not evenly spaced. SEG-Y has one interval: write Zarr")
    # Labels are sums of floats, so their mean step is 4.000000000001 ms; SEG-Y holds steps of 0.001
    interval = round(interval, 6)
    return Vertical(dim, float(values[0]), interval, len(values), section[dim].attrs.get("units", "ms"))


def interval_field(axis: Vertical, path: Path | str) -> int:
    """Return the interval in thousandths of its unit, as SEG-Y keeps it in 16 bits.

    Raises
    ------
    OutputError
        If it does not fit in there.
    """
    field = round(axis.interval * 1000)
    if not 0 < field < 2**16 or not np.isclose(field, axis.interval * 1000, rtol=1e-3):
        raise OutputError(
            f"{path}: an interval of {axis.interval:g} {axis.unit}. "
            "SEG-Y holds 0.001 to 65.535 in steps of 0.001: write Zarr"
        )
    return field


def delay_fields(axis: Vertical, path: Path | str) -> tuple[int, int]:
    """Return the start as the delay field and the scalar that goes with it, both 16 bits.

    Raises
    ------
    OutputError
        If no scalar makes it fit.
    """
    for scalar in (1, 10, 100, 1000):
        field = round(axis.start * scalar)
        if np.isclose(field, axis.start * scalar, rtol=0, atol=1e-3) and abs(field) < 2**15:
            return field, 0 if scalar == 1 else -scalar
    raise OutputError(f"{path}: starts at {axis.start:g} {axis.unit}. SEG-Y holds no such delay: write Zarr")
