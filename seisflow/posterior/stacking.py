"""Two predictions of the same traces as one: their mean, weighted by frequency."""

import numpy as np
from numpy.typing import NDArray

from seisflow.posterior.examples import Values

BANDS = 8
"""Parts of the spectrum, from zero to Nyquist, with a weight each."""


class Stacking:
    r"""Weights of the second prediction that leave least error, one a band of frequencies.

    .. math:: w = \frac{\sum \Re\,(X - A)^* (B - A)}{\sum |B - A|^2}, \quad 0 \le w \le 1

    over spectra of the truth X and the predictions A and B (Breiman, *Stacked regressions*, 1996).
    """

    def __init__(self) -> None:
        self._products, self._powers = np.zeros((2, BANDS))

    def add(self, truth: Values, first: Values, second: Values) -> None:
        """Add traces (T, X) that were predicted twice."""
        error, step = (np.fft.rfft(x, axis=0) for x in (truth - first, second - first))
        bands = np.array_split(np.arange(len(step)), BANDS)
        self._products += [float((error[b].conj() * step[b]).real.sum()) for b in bands]
        self._powers += [float(np.square(np.abs(step[b])).sum()) for b in bands]

    def weights(self) -> tuple[float, ...]:
        """Return the weights, 0 where both predictions are the same."""
        found = self._products / np.maximum(self._powers, 1e-12)
        return tuple(float(w) for w in np.clip(found, 0, 1))


def stacked(first: Values, second: Values, weights: tuple[float, ...]) -> Values:
    """Mean of two predictions (T, X) with the weights of the second."""
    if not any(weights):
        return first
    step = np.fft.rfft(second - first, axis=0)
    middles = (np.arange(BANDS) + 0.5) / BANDS
    share: NDArray[np.float64] = np.interp(np.linspace(0, 1, len(step)), middles, weights)
    moved: Values = np.fft.irfft(share[:, None] * step, len(first), axis=0).astype(np.float32)
    return first + moved
