"""Discontinuities of a section: the part of a trace that its neighbours do not predict along the dip."""

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from seisflow.calibration.wide_windows import along
from seisflow.scores.base import Feature, Maps, Mask
from seisflow.scores.spectrum import BALANCED
from seisflow.scores.thin import STEP, group_means, stretched, thin_window

GRADIENT = 1.0
"""Size of the Gaussian that gradients are taken of, in samples and traces (standard deviation)."""
TENSOR = (8.0, 4.0)
"""Samples and traces over which the structure tensor is averaged (standard deviations)."""
STEEPEST = 4.0
"""Largest dip, in samples a trace."""
BREAK_WINDOW = (12.0, 1.0)
"""Samples and traces that residual and power are averaged over (standard deviations): breaks are steep."""
WIDE_TRACES = 6.0
"""Traces of the window that stands in for what `BREAK_WINDOW` lacks beside the first and last trace and
beside masked ones: a mean of two traces varies more than that of five, and would make alarms of the ends."""
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
    residual, whole = np.zeros_like(section), section != 0  # zero is what is masked
    for side in (-1, 1):
        beside, there = _beside(section, side, side * slope)
        residual += (section - beside) ** 2
        whole &= there
    squares = np.stack([np.ones_like(section), residual, section * section]) * whole
    down, across = thin_window(BREAK_WINDOW, STEP)
    averaged = gaussian_filter1d(group_means(squares, STEP), down, -2)  # reflected at either end
    (known, *near), (wide_known, *wide) = (along(averaged, size, -1) for size in (across, WIDE_TRACES))
    lacking = (1 - known) / np.maximum(wide_known, LEAST)
    left, power = (one + lacking * other for one, other in zip(near, wide, strict=True))
    return stretched(np.log(left / (power + LEAST_POWER) + LEAST), len(section), STEP)


def dip(section: Maps) -> Maps:
    """Dip (T, X) in samples a trace: along it the gradient, averaged as a structure tensor, is least."""
    down, across = (gaussian_filter(section, GRADIENT, order=order) for order in ((1, 0), (0, 1)))
    products = (group_means(one, STEP) for one in (down * down, down * across, across * across))
    tt, tx, xx = (gaussian_filter(one, thin_window(TENSOR, STEP)) for one in products)
    steepest = np.float32(np.arctan(STEEPEST))
    angle = np.clip(0.5 * np.arctan2(2 * tx, tt - xx), -steepest, steepest)
    return stretched(-np.tan(angle), len(section), STEP)


def _beside(section: Maps, side: int, delay: Maps) -> tuple[Maps, Mask]:
    """Neighbour of each sample ``side`` traces away and ``delay`` samples down, and where there is one."""
    last, traces = len(section) - 1, section.shape[1]
    place = np.arange(len(section), dtype=np.float32)[:, None] + delay
    column = np.arange(traces) + side
    there = (place >= 0) & (place <= last) & (column >= 0) & (column < traces)
    first = np.clip(place, 0, last - 1).astype(np.int32)
    rest = np.clip(place, 0, last) - first
    at = first * np.int32(traces) + np.clip(column, 0, traces - 1).astype(np.int32)
    upper, lower = section.take(at), section.take(at + np.int32(traces))
    return upper + rest * (lower - upper), there & (upper != 0) & (lower != 0)


BREAKS = Feature("residual of plane waves", plane_wave_residual, (2.0, 0.5))
