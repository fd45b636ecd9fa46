"""A grid thinned in time: what wide windows average is as well known every fourth sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.calibration.wide_windows import wide_window

Maps = NDArray[np.float32]
Mask = NDArray[np.bool_]
Window = tuple[float, float]

STEP, WIDE_STEP = 4, 16
"""Samples in time that go together, for short windows and for those of `WIDE_STEP` samples or more (standard
deviation). Traces do not go together: sections are cut into tiles along them."""
LEAST_WEIGHT = 1e-6
"""Share of a window that must hold data."""


def step_for(window: Window) -> int:
    """Samples that go together where they are averaged over a window."""
    return WIDE_STEP if window[0] >= WIDE_STEP else STEP


def thin_window(window: Window, step: int) -> Window:
    """Window over groups that is one of ``window``, samples and traces (standard deviations), over samples.

    Groups have a width of their own, whose variance is (step^2 - 1) / 12.
    """
    return float(np.sqrt(max(window[0] ** 2 - (step**2 - 1) / 12, 0))) / step, window[1]


def group_sums(values: Maps, step: int) -> Maps:
    """Sums (..., T / step, X) of maps (..., T, X) over groups of samples; the last group may be smaller.

    Examples
    --------
    >>> group_sums(np.ones((10, 1), np.float32), 4).ravel()
    array([4., 4., 2.], dtype=float32)
    """
    out = values[..., ::step, :].copy()
    for number in range(1, step):
        some = values[..., number::step, :]
        out[..., : some.shape[-2], :] += some
    return out


def group_means(values: NDArray[Any], step: int) -> NDArray[Any]:
    """Means (..., T / step, X) of maps (..., T, X) over groups of samples."""
    count = np.minimum(values.shape[-2] - np.arange(0, values.shape[-2], step), step)
    means: NDArray[Any] = group_sums(values, step) * (1 / count).astype(values.dtype)[:, None]
    return means


def group_depth(depth: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Depth (T / step,) of groups of samples at ``depth`` (T,): that of their middles."""
    return group_means(depth[:, None], step)[:, 0]


def stretched(values: Maps, samples: int, step: int) -> Maps:
    """Maps (..., T / step, X) of groups, interpolated in time between their middles to all samples.

    Beyond the middles of the first and last group, and beside groups of which nothing is known (NaN), the
    nearest holds.
    """
    if step == 1:
        return values
    middle = group_depth(np.arange(samples, dtype=np.float64), step)
    place = np.interp(np.arange(samples), middle, np.arange(len(middle)))
    first = np.minimum(place.astype(int), max(len(middle) - 2, 0))
    rest = (place - first).astype(np.float32)[:, None]
    earlier, later = values, np.concatenate([values[..., 1:, :], values[..., -1:, :]], -2)
    unknown = np.isnan(values)
    if unknown.any():
        earlier, later = np.where(unknown, later, values), np.where(np.isnan(later), values, later)
    out: Maps = earlier.take(first, -2)
    out += rest * (later - earlier).take(first, -2)
    return out


class GroupAverages:
    """Averages of maps over windows, on the thin grid.

    Parameters
    ----------
    mask : ndarray (T, X) of bool
        Of all the maps.
    step : int
        Samples in time that go together.
    """

    def __init__(self, mask: Mask, step: int) -> None:
        self._step = step
        self._counts = group_sums(mask.astype(np.float32), step)
        self._weights: dict[Window, Maps] = {}

    def within(self, sums: Maps, window: Window) -> Maps:
        """Averages over a window of samples and traces, of the sums (..., T / step, X) of groups.

        What is masked is zero in the sums; NaN in averages of groups that hold nothing.
        """
        size = thin_window(window, self._step)
        if window not in self._weights:
            weight = wide_window(self._counts, size)
            weight[(self._counts == 0) | (weight < LEAST_WEIGHT)] = np.nan
            self._weights[window] = weight
        average = wide_window(sums, size)
        average /= self._weights[window]
        return average
