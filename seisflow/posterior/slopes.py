"""Local slopes of reflectors, and how coherent something is along them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from seisflow.posterior.examples import Mask, Values

SMOOTHING = (8, 4)
"""Standard deviation of the window of a slope, in samples and traces."""
STEEPEST = 4.0
"""Samples a trace."""


def slopes(x: Values) -> NDArray[np.float64]:
    r"""Slope of the reflector through each sample, in samples a trace, (T, X).

    .. math:: p = -\frac{\langle \partial_x u\, \partial_t u\rangle}{\langle (\partial_t u)^2 \rangle}

    with Gaussian means, the least-squares plane wave (Claerbout, *Earth Soundings Analysis*, 1992).
    """
    down, across = np.gradient(x.astype(np.float64))
    product = gaussian_filter(down * across, SMOOTHING)
    power = gaussian_filter(down**2, SMOOTHING)
    return np.clip(-product / (power + 1e-9 * power.max(initial=1e-30)), -STEEPEST, STEEPEST)


def coherence(x: NDArray[np.floating], along: NDArray[np.float64], usable: Mask) -> tuple[float, float]:
    """Sums for the correlation of neighbouring traces along slopes: products, and powers.

    Their quotient is 1 for what repeats from trace to trace, 0 for what is incoherent. They may be added up
    over panels.

    Parameters
    ----------
    x : ndarray (T, X)
    along : ndarray (T, X)
        Slopes, as of `slopes`.
    usable : ndarray (T, X) of bool
    """
    if x.shape[1] < 2:
        return 0.0, 0.0
    rows, columns = np.indices(along[:, :-1].shape)
    place = np.stack([rows + along[:, :-1], columns + 1.0])
    beside = map_coordinates(np.where(usable, x, 0), place, order=3, mode="nearest")
    both = usable[:, :-1] & usable[:, 1:]
    own = np.where(both, x[:, :-1], 0).astype(np.float64)
    beside = np.where(both, beside, 0)
    return float((own * beside).sum()), float(np.sqrt((own**2).sum() * (beside**2).sum()))
