r"""Minimum weighted norm interpolation: missing traces by the local spectrum of a first prediction.

In each window of cosines the coefficients c of a section are taken for independent Gaussians, whose
variances are the squares of those of a prediction of it. Of traces y that are known, in noise of variance N,
the mean of all is then

.. math:: \hat x = D^T C D_k (D_k^T C D_k + N I)^{-1} y, \qquad C = \operatorname{diag}(p^2)

with D the cosine transform across traces, :math:`D_k` its known columns and p the prediction's coefficients,
frequency by frequency. Each further round takes the result for the prediction: strong coefficients gain on
weak ones. How often is told by the traces that were kept to calibrate on.

References
----------
Liu & Sacchi, *Minimum weighted norm interpolation of seismic records*, 2004.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from seisflow.patches.overlap import OverlapAdd
from seisflow.posterior.cosines import at_depth, incoherent_spectrum, window_places
from seisflow.posterior.examples import Mask, Piece, Values

SIZE, STEP = (32, 64), (8, 16)
"""Samples and traces of a window, and between one and the next."""
MOST_ROUNDS = 6
FLOOR = 1e-8
"""Least variance of a coefficient, in variances of the section."""
AT_ONCE = 64


def interpolate(
    values: Values,
    guide: Values,
    there: Mask,
    noise: NDArray[np.float64],
    *,
    first: int = 0,
    traces: int | None = None,
) -> Values:
    """Traces (T, X) by the local spectra of a guide, as the module says.

    Parameters
    ----------
    values, guide : ndarray of float32, (T, X)
        In standard deviations of the section; the guide is a prediction of the traces that are not there.
    there : ndarray of bool, (X,)
        Traces that are known.
    noise : ndarray, (J, F)
        As `seisflow.posterior.cosines.incoherent_spectrum` gives it.
    first, traces : int
        As for `seisflow.posterior.predict.predict`.

    Returns
    -------
    ndarray of float32, (T, X)
        As in the guide for traces that no window reaches, or only windows of which nothing is known.
    """
    traces = values.shape[1] if traces is None else traces
    height, width = min(SIZE[0], values.shape[0]), min(SIZE[1], traces)
    basis = dct(np.eye(width), axis=0, norm="ortho")
    filled = np.where(there, values, guide)
    sums = OverlapAdd(values.shape, (height, width))
    tops = window_places(values.shape[0], height, STEP[0])
    for left in (place - first for place in window_places(traces, width, STEP[1])):
        inside = left >= 0 and left + width <= values.shape[1]
        known = there[left : left + width] if inside else np.ones(1, bool)
        if known.all() or not known.any():
            continue
        for begin in range(0, len(tops), AT_ONCE):
            some = tops[begin : begin + AT_ONCE]
            levels = np.stack([at_depth(noise, top, height) for top in some])
            window = np.stack([filled[top : top + height, left : left + width] for top in some])
            mean = _conditional(window.astype(np.float64), known, levels, basis)
            sums.add(some, [left] * len(some), mean.astype(np.float32))
    found = sums.result()
    return np.where(np.isfinite(found) & ~there, found, filled).astype(np.float32)


def noise_of(pieces: Sequence[Piece], filled: Sequence[Values]) -> NDArray[np.float64]:
    """Spectrum of the noise where some traces are predictions, which have none."""
    share = np.mean([piece.target.mean() for piece in pieces])
    whole = [np.ones(x.shape, bool) for x in filled]
    some = [Piece(x, known, known) for x, known in zip(filled, whole, strict=True)]
    return incoherent_spectrum(some) / max(float(share), 0.1)


def _conditional(
    window: NDArray[np.float64], known: Mask, levels: NDArray[np.float64], basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of windows (N, h, w) given their known traces, with noise of levels (N, h)."""
    recorded = dct(window, axis=1, norm="ortho")
    variance = np.square(recorded @ basis.T) + FLOOR
    seen = basis[:, known]
    matrix = seen.T @ (variance[..., None] * seen)
    matrix += (levels[..., None, None] + FLOOR) * np.eye(seen.shape[1])
    weights = np.linalg.solve(matrix, recorded[:, :, known, None])[..., 0]
    found = (variance * (weights @ seen.T)) @ basis
    return np.asarray(dct(found, axis=1, norm="ortho", type=3))
