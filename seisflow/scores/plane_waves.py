"""Discontinuities of a section: the part of a trace that its neighbours do not predict along the dip."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from seisflow.scores.base import Feature, Maps
from seisflow.scores.spectrum import BALANCED

GRADIENT = 1.0
"""Size of the Gaussian that gradients are taken of, in samples and traces (standard deviation)."""
TENSOR = (8.0, 4.0)
"""Samples and traces over which the structure tensor is averaged (standard deviations)."""
STEEPEST = 4.0
"""Largest dip, in samples a trace."""
BREAK_WINDOW = (12.0, 1.0)
"""Samples and traces that residual and power are averaged over (standard deviations): breaks are steep."""
WIDE_WINDOW = (12.0, 6.0)
"""Window that stands in for what `BREAK_WINDOW` lacks beside the first and last trace and beside masked ones:
a mean of two traces varies more than that of five, and would make alarms of the ends of lines."""
LEAST_POWER, LEAST = 1e-2, 1e-3
"""Added to the power of the balanced section, which is about 1, and to the ratio before its logarithm."""


def plane_wave_residual(maps: Maps) -> Maps:
    r"""Log of the power that plane-wave destruction leaves of the balanced section, over the local power.

    .. math:: \log \frac{\langle (a_{t,x} - a_{t-p,x-1})^2 + (a_{t,x} - a_{t+p,x+1})^2 \rangle}
        {\langle a^2 \rangle}

    with the dip p, in samples a trace, of the structure tensor. Each trace is held against both neighbours,
    so it is high where events break off and low where they go on, whatever their dip.

    References
    ----------
    Fomel, *Applications of plane-wave destruction filters*, 2002; Bakker, *Image structure analysis for
    seismic interpretation*, 2002.
    """
    section = maps[BALANCED]
    slope = dip(section)
    known = section != 0  # zero is what is masked
    residual, whole = np.zeros_like(section), known.copy()
    for side in (-1, 1):
        beside, there = _beside(section, side, side * slope)
        residual += (section - beside) ** 2
        whole &= there
    known_share = _within(whole.astype(np.float32), BREAK_WINDOW)
    wide_share = np.maximum(_within(whole.astype(np.float32), WIDE_WINDOW), LEAST)
    left, power = (
        _within(one, BREAK_WINDOW) + (1 - known_share) * _within(one, WIDE_WINDOW) / wide_share
        for one in (np.where(whole, some, 0) for some in (residual, section * section))
    )
    out: Maps = np.log(left / (power + LEAST_POWER) + LEAST).astype(np.float32)
    return out


def _within(values: Maps, window: tuple[float, float]) -> Maps:
    """Average over a window; beyond the first and last trace there is nothing."""
    out: Maps = gaussian_filter(values, window, mode=("reflect", "constant"))
    return out


def dip(section: Maps) -> NDArray[np.float32]:
    """Dip (T, X) in samples a trace: along it the gradient, averaged as a structure tensor, is least."""
    down = gaussian_filter(section, GRADIENT, order=(1, 0))
    across = gaussian_filter(section, GRADIENT, order=(0, 1))
    tt, tx, xx = (gaussian_filter(one, TENSOR) for one in (down * down, down * across, across * across))
    steepest = np.arctan(STEEPEST)
    angle = np.clip(0.5 * np.arctan2(2 * tx, tt - xx), -steepest, steepest)
    return (-np.tan(angle)).astype(np.float32)


def _beside(section: Maps, side: int, delay: NDArray[np.float32]) -> tuple[Maps, NDArray[np.bool_]]:
    """Neighbour of each sample ``side`` traces away and ``delay`` samples down, and where there is one."""
    last, traces = len(section) - 1, section.shape[1]
    place = np.arange(len(section), dtype=np.float32)[:, None] + delay
    column = np.arange(traces) + side
    there = (place >= 0) & (place <= last) & (column >= 0) & (column < traces)
    place, column = np.clip(place, 0, last), np.clip(column, 0, traces - 1)
    first = np.floor(place).astype(np.int32)
    rest = place - first
    upper, lower = section[first, column], section[np.minimum(first + 1, last), column]
    return (1 - rest) * upper + rest * lower, there & (upper != 0) & (lower != 0)


BREAKS = Feature("residual of plane waves", plane_wave_residual, (2.0, 0.5))
