"""The vertical axis of Zarr and NetCDF: its unit, its direction, and whether it is time or depth."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

DEPTH_NAMES = ("depth", "z", "tvd", "tvdss")

_MS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1000.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisec", "millisecs", "millisecond", "milliseconds"), 1.0),
    **dict.fromkeys(("us", "usec", "usecs", "µs", "μs", "microsec", "microsecond", "microseconds"), 1e-3),
    **dict.fromkeys(("ns", "nsec", "nanosec", "nanosecond", "nanoseconds"), 1e-6),
}
_LENGTHS = {  # factor, and the unit that it gives
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), (1.0, "m")),
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), (1000.0, "m")),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), (0.01, "m")),
    **dict.fromkeys(("ft", "foot", "feet", "us_survey_foot", "ftus", "ft_us"), (1.0, "ft")),
    **dict.fromkeys(("kft", "kilofoot", "kilofeet"), (1000.0, "ft")),
}
_UNEVEN = 0.1  # of a step, by which single ones may differ
_LONGEST_IN_S = 30.0  # what a time axis without unit ends before, if it is in seconds
_STEP_IN_S = 0.02
_STEP_IN_US, _STEP_IN_NS = 100.0, 1e5  # from which on it is in these


def is_depth(dim: str, unit: str, told: str) -> bool:
    """Tell whether an axis of this name and unit is depth; ``told`` is what the file says besides."""
    plain = _plain(unit)
    if plain in _MS:
        return False
    return plain in _LENGTHS or dim.lower() in DEPTH_NAMES or told.lower() == "depth"


def vertical_axis(section: xr.Dataset, domain: str, unit: str) -> tuple[xr.Dataset, list[str]]:
    """Return a section whose axis is in ms, m or ft, and ascends; and warnings on what was assumed.

    Raises
    ------
    ValueError
        If the axis does not hold different, finite numbers, or its unit is not known.
    """
    values, warnings = section[domain].to_numpy(), []
    if values.dtype.kind == "m":
        values, unit = values / np.timedelta64(1, "ns"), "ns"
    values = values.astype(np.float64)
    if not np.isfinite(values).all() or len(np.unique(values)) < len(values):
        raise ValueError(f"{domain} is not a row of different, finite numbers")
    plain = _plain(unit)
    if domain == "depth":
        if plain and plain not in _LENGTHS:
            raise ValueError(f"{domain} is in {unit!r}. Metres, km or feet were expected: set its units")
        factor, unit = _LENGTHS.get(plain, (1.0, "m"))
        if len(values) > 1 and values[0] > values[-1] and values.max() <= 0:
            warnings.append("depths are negative and fall: taken for elevations, and turned to depths")
            factor = -factor
    else:
        if plain and plain not in _MS:
            raise ValueError(f"{domain} is in {unit!r}. Seconds, ms, us or ns were expected: set its units")
        factor, guess = (_MS[plain], "") if plain else _guess(values)
        if guess:
            warnings.append(f"{domain} has no unit, and is taken for {guess} by its steps")
        unit = "ms"
    if factor != 1.0:
        values = np.round(values * factor + 0.0, 9)  # no negative zero, nor what the factor leaves behind
    order: NDArray[np.int64] = np.argsort(values)
    if (np.diff(order) == -1).all() and len(values) > 1:
        section = section.isel({domain: slice(None, None, -1)})
        values = values[::-1]
    steps = np.abs(np.diff(values))
    if len(steps) and np.ptp(steps) > _UNEVEN * steps.min():
        found = f"{domain} steps of {steps.min():.4g} to {steps.max():.4g} {unit}"
        warnings.append(f"{found}: samples are used as if they were evenly spaced. Resample them first")
    section = section.assign_coords({domain: (domain, values, {"units": unit})})
    return section, warnings


def _plain(unit: str) -> str:
    """Return a unit in lower case, without the date that CF lets time count from."""
    return unit.split(" since ")[0].strip().rstrip(".").lower().replace(" ", "_")


def _guess(values: NDArray[np.float64]) -> tuple[float, str]:
    """Return the factor to ms of an axis without unit, and the unit if it is not ms."""
    step = float(np.median(np.abs(np.diff(values)))) if len(values) > 1 else 1.0
    if np.abs(values).max() < _LONGEST_IN_S and step <= _STEP_IN_S and len(values) > 1:
        return 1000.0, "seconds"
    if step >= _STEP_IN_NS:
        return 1e-6, "nanoseconds"
    return (1e-3, "microseconds") if step >= _STEP_IN_US else (1.0, "")
