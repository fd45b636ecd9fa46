"""Two-sample test of generated and real patches: a random forest on seismic attributes."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kurtosis

from seisflow.posterior.slopes import coherence, slopes

BANDS = 12
"""Bands of each spectrum."""
LAGS = (1, 2, 4, 8, 16, 32)
"""Traces between which correlation is measured."""
DEPTHS = 8
"""Parts in time whose energy is compared."""
TREES = 500


def attributes(patches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Attributes of patches (N, T, X): a row each, (N, 41).

    Log-energy by depth; log-spectra along both axes, in bands, less their mean; correlation at 1 to 32
    traces; coherence along slopes; kurtosis of amplitudes and of trace-to-trace differences.
    """
    return np.stack([_of_one(patch.astype(np.float64)) for patch in patches])


def forest_auroc(
    one: NDArray[np.float64], other: NDArray[np.float64], place: NDArray[np.int_], seed: int = 0
) -> tuple[float, float]:
    """Area under the ROC of a forest that tells two sets of attributes apart, out of fold, and its error.

    0.5 is chance. The standard error is that of Hanley & McNeil (1982).

    Parameters
    ----------
    one, other : ndarray, (N, K)
    place : ndarray of int, (N,)
        Where row k of both was taken, by number. A fold holds all rows of a place: windows at one place of
        neighbouring lines are nearly the same, and a forest that has seen one would know the others.
    seed : int
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

    x = np.concatenate([one, other])
    y = np.repeat([0, 1], [len(one), len(other)])
    forest = RandomForestClassifier(TREES, min_samples_leaf=2, random_state=seed, n_jobs=1)
    found = cross_val_predict(
        forest, x, y, groups=np.tile(place, 2), cv=LeaveOneGroupOut(), method="predict_proba"
    )
    probability = found[:, 1]
    area = float(roc_auc_score(y, probability))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (len(one) - 1) * (first - area**2) + (len(other) - 1) * (second - area**2)
    return area, float(np.sqrt(variance / (len(one) * len(other))))


def _of_one(x: NDArray[np.float64]) -> NDArray[np.float64]:
    energy = np.log([np.mean(part**2) + 1e-9 for part in np.array_split(x, DEPTHS)])
    down, across = (_log_bands(x, axis) for axis in (0, 1))
    centred = x - x.mean()
    correlations = [
        float(np.mean(centred[:, lag:] * centred[:, :-lag]) / np.mean(centred**2)) for lag in LAGS
    ]
    product, power = coherence(x, slopes(x.astype(np.float32)), np.ones(x.shape, bool))
    tails = [float(kurtosis(x, axis=None)), float(kurtosis(np.diff(x, axis=1), axis=None))]
    return np.concatenate([energy, down, across, correlations, [product / power if power else 0.0], tails])


def _log_bands(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Log-spectrum along an axis in bands, less its mean."""
    taper = np.hanning(x.shape[axis] + 2)[1:-1]
    shape = (-1, 1) if axis == 0 else (1, -1)
    power = np.square(np.abs(np.fft.rfft(x * taper.reshape(shape), axis=axis))).mean(1 - axis)
    bands = np.log([part.mean() + 1e-12 for part in np.array_split(power[1:], BANDS)])
    return np.asarray(bands - bands.mean())
