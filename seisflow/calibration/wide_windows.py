"""Averages over windows near Gaussian ones, which cost little however wide they are."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seisflow.calibration.smoothing import TRUNCATE, reach_of

LONG = 3.0
"""Standard deviation, in samples or traces, from which on a window is three means in a row, not Gaussian."""


def wide_window(values: NDArray[np.float32], sizes: tuple[float, float]) -> NDArray[np.float32]:
    """Average of maps (..., T, X) over a window of some standard deviations; beyond their ends they are zero.

    Examples
    --------
    >>> level = np.ones((60, 50), np.float32)
    >>> float(wide_window(level, (8.0, 2.0))[30, 25].round(5))
    1.0
    """
    return along(along(values, sizes[0], -2), sizes[1], -1)


def along(values: NDArray[np.float32], size: float, axis: int) -> NDArray[np.float32]:
    """Average along one axis."""
    if size >= LONG:
        return _means(values, _lengths(size), axis)
    out: NDArray[np.float32] = gaussian_filter1d(values, size, axis, mode="constant", truncate=TRUNCATE)
    return out


def reach(size: float) -> int:
    """Samples or traces to each side that a window of this standard deviation reaches."""
    return sum(length // 2 for length in _lengths(size)) if size >= LONG else reach_of(size)


def _lengths(size: float) -> list[int]:
    """Odd lengths of three means whose variances sum to nearly that of a Gaussian window of this size.

    References
    ----------
    Kovesi, *Fast almost-Gaussian filtering*, 2010.
    """
    short = int((np.sqrt(4 * size**2 + 1) - 1) // 2) * 2 + 1
    longer = round((12 * size**2 + 3 - 3 * short**2) / (4 * short + 4))
    return [short] * (3 - longer) + [short + 2] * longer


def _means(values: NDArray[np.float32], odd: list[int], axis: int) -> NDArray[np.float32]:
    rows = np.moveaxis(values, axis, 0)
    for length in odd:
        padded = np.zeros((len(rows) + length - 1, *rows.shape[1:]), np.float32)
        padded[length // 2 : length // 2 + len(rows)] = rows
        rows = _running_sum(padded, length)
    return np.multiply(np.moveaxis(rows, 0, axis), np.float32(1 / np.prod(odd)), order="C")


def _running_sum(sums: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Sums of ``length`` rows, made of sums of 1, 2, 4, ... rows.

    Not what enters less what leaves: that rounds a sum by all that went before, so by where a tile begins.
    """
    count, span, start = len(sums) - length + 1, 1, 0
    total: NDArray[np.float32] | None = None
    while True:
        if length & span:
            some = sums[start : start + count]
            total = some if total is None else total + some
            start += span
        if 2 * span > length:
            assert total is not None  # the largest power of two is always added
            return total
        sums = sums[:-span] + sums[span:]
        span *= 2
