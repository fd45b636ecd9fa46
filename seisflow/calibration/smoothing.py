"""Gaussian smoothing of maps over unmasked samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

TRUNCATE = 4.0
"""Standard deviations at which smoothing windows end."""


def smooth(
    nll: NDArray[np.float32],
    mask: NDArray[Any],
    smoothing: tuple[float, float],
    weight: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average a map (T, X) over a Gaussian window, over unmasked samples only; NaN where masked.

    ``weight`` is `window_weight` of the mask, where that is known already.

    Examples
    --------
    >>> nll = np.ones((40, 30), np.float32)
    >>> mask = np.ones((40, 30), bool)
    >>> mask[:5] = False
    >>> averaged = smooth(nll, mask, (8.0, 4.0))
    >>> bool(np.isnan(averaged[:5]).all()), float(averaged[20, 10].round(6))
    (True, 1.0)
    """
    if weight is None:
        weight = window_weight(mask, smoothing)
    total = _window(np.where(mask, nll, 0), smoothing)
    out = np.full_like(total, np.nan)
    np.divide(total, weight, out=out, where=mask & (weight > 1e-6))
    return out


def window_weight(mask: NDArray[Any], smoothing: tuple[float, float]) -> NDArray[np.float32]:
    """Share of the Gaussian window about each sample that is not masked, (T, X)."""
    return _window(mask, smoothing)


def reach_of(size: float) -> int:
    """Samples or traces to each side that a window of this standard deviation reaches."""
    return int(TRUNCATE * size + 0.5)


def _window(values: NDArray[Any], smoothing: tuple[float, float]) -> NDArray[np.float32]:
    averaged: NDArray[np.float32] = gaussian_filter(
        values.astype(np.float32), smoothing, mode="constant", truncate=TRUNCATE
    )
    return averaged
