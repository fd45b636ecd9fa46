"""BM3D of a section whose noise is known, from the papers alone.

Blocks alike are stacked and shrunk in a three-dimensional cosine basis, first by a hard threshold, then, with
what that leaves for a guide, by Wiener gains (Dabov, Foi, Katkovnik & Egiazarian, *Image denoising by sparse
3-D transform-domain collaborative filtering*, 2007). Coloured noise has a variance for each coefficient of a
block (Mäkinen, Azzari & Foi, 2020, without what overlapping blocks share). No code of the authors is used.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

BLOCK, STEP, REACH, GROUP = 8, 3, 19, 16
"""Side of a block, samples between blocks, how far alike ones are looked for, and how many are stacked."""
THRESHOLD = 2.7
"""Standard deviations below which a coefficient is taken for noise."""
TAPER = np.outer(np.kaiser(BLOCK, 2.0), np.kaiser(BLOCK, 2.0))
AT_ONCE = 4096


def bm3d(noisy: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Clean a panel (T, X).

    Parameters
    ----------
    noisy : ndarray (T, X)
    variance : ndarray (8, 8)
        Of the noise, for each coefficient of an orthonormal cosine transform of a block.
    """
    return _shrink(noisy, _shrink(noisy, None, variance), variance)


def _shrink(
    noisy: NDArray[np.float64], guide: NDArray[np.float64] | None, variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One of the two steps: by thresholds without a guide, by the Wiener gains of a guide with one."""
    where = _alike(noisy if guide is None else guide)
    width = noisy.shape[1] - BLOCK + 1
    inside = np.add.outer(np.arange(BLOCK) * noisy.shape[1], np.arange(BLOCK))
    total, weights = np.zeros(noisy.size), np.zeros(noisy.size)
    for first in range(0, len(where), AT_ONCE):
        tops, lefts = np.divmod(where[first : first + AT_ONCE], width)
        group = dctn(_blocks(noisy)[tops, lefts], axes=(1, 2, 3), norm="ortho")
        if guide is None:
            gain = (np.square(group) > THRESHOLD**2 * variance).astype(float)
        else:
            power = np.square(dctn(_blocks(guide)[tops, lefts], axes=(1, 2, 3), norm="ortho"))
            gain = power / (power + variance)
        left = (np.square(gain) * variance).sum((1, 2, 3)) + 1e-3 * variance.sum()
        weight = TAPER / left[:, None, None, None]
        clean = idctn(gain * group, axes=(1, 2, 3), norm="ortho")
        places = ((tops * noisy.shape[1] + lefts)[..., None, None] + inside).ravel()
        total += np.bincount(places, (weight * clean).ravel(), noisy.size)
        weights += np.bincount(places, np.broadcast_to(weight, clean.shape).ravel(), noisy.size)
    return (total / weights).reshape(noisy.shape)


def _alike(panel: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of the blocks most alike to each of a grid, itself included, (N, GROUP), row by row."""
    height, width = (size - BLOCK + 1 for size in panel.shape)
    rows, columns = ({*range(0, size, STEP)} | {size - 1} for size in (height, width))
    tops, lefts = (x.ravel() for x in np.meshgrid(sorted(rows), sorted(columns), indexing="ij"))
    shifts = [(down, across) for down in range(-REACH, REACH + 1) for across in range(-REACH, REACH + 1)]
    distance = np.full((len(shifts), len(tops)), np.inf, np.float32)
    for number, (down, across) in enumerate(shifts):
        apart = np.square(panel - np.roll(panel, (-down, -across), (0, 1)))
        sums = np.pad(apart.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        block = (
            sums[tops + BLOCK, lefts + BLOCK]
            - sums[tops, lefts + BLOCK]
            - sums[tops + BLOCK, lefts]
            + sums[tops, lefts]
        )
        inside = (
            (tops + down >= 0) & (tops + down < height) & (lefts + across >= 0) & (lefts + across < width)
        )
        distance[number, inside] = block[inside]
    best = np.argpartition(distance, GROUP, axis=0)[:GROUP]
    order = np.take_along_axis(distance, best, 0).argsort(0)
    down, across = np.array(shifts).T[:, np.take_along_axis(best, order, 0)]
    return ((tops + down) * width + lefts + across).T


def _blocks(panel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every block of a panel (T, X), (T - 7, X - 7, 8, 8), without a copy."""
    return np.lib.stride_tricks.sliding_window_view(panel, (BLOCK, BLOCK))
