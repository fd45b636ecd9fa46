"""Amplitudes made ready for the eye: automatic gain, wiggles."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d

MOST_WIGGLES = 160
"""Traces drawn as wiggles; of more, evenly spaced ones."""


def agc(amplitude: ArrayLike, samples: int) -> NDArray[np.float64]:
    r"""Amplitudes over their root mean square in a running window, (X, T); NaN stays NaN.

    .. math:: a_t / \sqrt{\overline{a^2}_{|s - t| \le w/2}}

    Parameters
    ----------
    amplitude : array_like, shape (X, T)
    samples : int
        Length of the window.
    """
    values = np.asarray(amplitude, np.float64)
    known = np.isfinite(values)
    size = max(int(samples), 3)
    power = uniform_filter1d(np.where(known, values, 0.0) ** 2, size, axis=1, mode="nearest")
    share = uniform_filter1d(known.astype(float), size, axis=1, mode="nearest")
    level = np.sqrt(power / np.maximum(share, 1e-9))
    floor = 1e-3 * float(np.sqrt(np.mean(values[known] ** 2))) if known.any() else 1.0
    return np.where(known, values / np.maximum(level, floor or 1.0), np.nan)


def draw_wiggles(
    axes: Axes, amplitude: ArrayLike, lateral: ArrayLike, vertical: ArrayLike, limit: float
) -> int:
    """Draw traces (X, T) as curves with filled peaks, and return how many of them."""
    values, x = np.asarray(amplitude, np.float64), np.asarray(lateral, np.float64)
    step = -(-len(values) // MOST_WIGGLES)
    place = x if len(x) < 2 or np.ptp(np.diff(x)) < 1e-3 * abs(x[1] - x[0]) else np.arange(len(x))
    spacing = abs(place[1] - place[0]) * step if len(place) > 1 else 1.0
    for at, trace in zip(place[::step], values[::step], strict=True):
        curve = at + 1.2 * spacing * np.nan_to_num(trace / limit).clip(-1, 1)
        axes.plot(curve, vertical, color="black", linewidth=0.4)
        axes.fill_betweenx(vertical, at, curve, where=curve > at, color="black", linewidth=0)
    return len(values[::step])
