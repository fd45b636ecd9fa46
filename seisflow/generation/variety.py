r"""Variety of generated patches: each has levels and spectra of its own, as training patches do.

A filter for all draws gives them the mean spectra of training patches. Draws still are more alike than these:
weak patches are too strong, deep ones too rich in high frequencies. So the logarithms v of a draw's powers,
by time, by frequency and by wavenumber, are taken to what training patches have,

.. math:: v \to F_t^{-1}(\Phi(A\,\Phi^{-1}(F_d(v)))), \qquad
    A = C_d^{-1/2} (C_d^{1/2} C_t C_d^{1/2})^{1/2} C_d^{-1/2},

with the distribution F of each power over draws (d) and over training patches (t), and the covariances C of
their normal scores :math:`\Phi^{-1}(F(v))`: A is the optimal transport between two Gaussians. The draw is
given these powers by smooth gains along frequency, wavenumber and time in turn; what the last do to the
lowest frequencies, a filter in time makes good. What training patches have of dither, white noise that no
gain makes of a weak frequency, is left out of all gains and added last.

References
----------
Peyré & Cuturi, *Computational optimal transport*, 2019, remark 2.31.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct, rfft
from scipy.special import ndtr

from seisflow.generation.spectra import MOST_GAIN, dither_noise, missing_gain
from seisflow.models.sample_matching import NORMAL_SCORES, Variety, variety_parts

ENOUGH = 2
"""Patches, at least, over powers: covariances of fewer say nothing."""
RIDGE = 0.003
"""Added to variances of normal scores."""
ROUNDS = 3
"""Turns of gains along time, frequency and wavenumber, each of which changes the others a little."""
TURNS = 1, 2, 0
"""Frequency, wavenumber, time: the last is met best, and amplitudes depend on it most."""
MOST = 3.0
"""Largest gain of a turn, as a logarithm of power."""
FLOOR = 1e-7
"""Added to powers before their logarithm, in scaled units."""
TOGETHER = 8
"""Patches changed together."""

Patches = NDArray[np.float32]
Values = NDArray[np.float64]


def can_vary(drawn: Patches, training: Patches) -> bool:
    """Whether patches (N, 1, H, W) and (M, 1, H, W) are enough to tell how levels and spectra vary."""
    parts = variety_parts(*training.shape[2:])
    return all(parts) and min(len(drawn), len(training)) >= ENOUGH * sum(parts)


def fit_variety(drawn: Patches, training: Patches, dither: float, others: Values | None = None) -> Variety:
    """Fit the way of draws to training patches.

    Parameters
    ----------
    drawn, training : ndarray, (N, 1, H, W) and (M, 1, H, W)
        Filtered draws without dither; training patches with it.
    dither : float
        Width of its uniform distribution.
    others : ndarray (K,), optional
        Mean of the logarithms of the powers of many draws, less that of these: means vary from few to few.
    """
    noise = dither_noise(drawn.shape, dither, (0,))
    found, wanted = (np.concatenate(powers(one[:, 0]), 1) for one in (drawn + noise, training))
    quantiles = [np.quantile(one, ndtr(NORMAL_SCORES), axis=0).T.round(4) for one in (found, wanted)]
    scores = [_scores(*some) for some in zip((found, wanted), quantiles, strict=True)]
    covariances = [np.cov(one.T) + RIDGE * np.eye(one.shape[1]) for one in scores]
    root = _root(covariances[0])
    inverse = np.linalg.inv(root)
    matrix = inverse @ _root(root @ covariances[1] @ root) @ inverse
    variety = Variety(
        drawn=quantiles[0].tolist(),
        training=quantiles[1].tolist(),
        matrix=matrix.round(4).tolist(),
        time_gain=[1.0] * drawn.shape[2],
        dither=dither,
    )
    made = varied(drawn, variety, noise)
    gain = np.ones(drawn.shape[2])
    for _ in range(ROUNDS):
        gain *= missing_gain(filtered(made, gain), training, 1, dither)
        gain.clip(1 / MOST_GAIN, MOST_GAIN, out=gain)
    # draws of the same power are less peaked than patches, and their amplitudes larger
    gain *= float(np.abs(training).mean() / np.abs(filtered(made, gain) + noise).mean())
    if others is not None:
        quantiles[0] += others[:, None].round(4)
    return variety.model_copy(
        update={"time_gain": gain.round(5).tolist(), "drawn": quantiles[0].round(4).tolist()}
    )


def _scores(values: Values, quantiles: Values) -> Values:
    """Normal scores of powers (N, K), of which some quantiles (K, Q) are known."""
    return np.stack(
        [np.interp(one, known, NORMAL_SCORES) for one, known in zip(values.T, quantiles, strict=True)], 1
    )


def varied(patches: Patches, variety: Variety, noise: Patches) -> Patches:
    """Give draws levels and spectra of their own.

    Parameters
    ----------
    patches, noise : ndarray, (N, 1, H, W)
        Filtered draws, in scaled units; dither that will be added.
    variety : Variety
    """
    parts = [slice(first, first + TOGETHER) for first in range(0, len(patches), TOGETHER)]
    made = np.concatenate([_varied(patches[part, 0], noise[part, 0], variety) for part in parts])
    return filtered(made[:, None], np.array(variety.time_gain))


def filtered(patches: Patches, gain: Values) -> Patches:
    """Patches (N, 1, H, W) after gains (H,) of a cosine transform in time."""
    spectra = dct(patches, axis=2, norm="ortho") * gain[:, None]
    return np.asarray(idct(spectra, axis=2, norm="ortho"), np.float32)


def _varied(patches: Patches, noise: Patches, variety: Variety) -> Patches:
    x = patches.astype(np.float64)
    known = powers(x + noise)
    cuts = np.cumsum([one.shape[1] for one in known])[:-1]
    scores = _scores(np.concatenate(known, 1), np.array(variety.drawn))
    # without BLAS, which would round a patch differently among others
    moved = np.einsum("ij,nj->ni", np.array(variety.matrix), scores)
    wanted = [
        np.interp(one, NORMAL_SCORES, some) for one, some in zip(moved.T, variety.training, strict=True)
    ]
    targets = np.split(np.stack(wanted, 1), cuts, axis=1)
    for _ in range(ROUNDS):
        for axis in TURNS:
            x = _amplified(x, axis, (targets[axis] - _powers(x + noise, axis)).clip(-MOST, MOST))
    return x.astype(np.float32)


def mean_powers(patches: Patches) -> Values:
    """Mean logarithms of the powers of patches (N, 1, H, W), (K,)."""
    if not all(variety_parts(*patches.shape[2:])):
        return np.zeros(0)
    return np.concatenate(powers(patches[:, 0]), 1).mean(0)


def powers(patches: NDArray[np.floating]) -> list[Values]:
    """Logarithms of the power of patches (N, H, W) by time, by frequency and by wavenumber, (N, K) each."""
    return [_powers(patches, axis) for axis in range(3)]


def _powers(patches: NDArray[np.floating], axis: int) -> Values:
    """Powers by time (axis 0), by frequency (1) or by wavenumber (2); both spectra by Hann windows."""
    count = variety_parts(*patches.shape[1:])[axis]
    if axis == 0:
        rows = np.square(patches, dtype=np.float64).mean(2)
    else:
        taper = np.hanning(patches.shape[axis] + 2)[1:-1]
        taper /= np.sqrt(np.square(taper).sum())
        spectra = rfft(patches * (taper[:, None] if axis == 1 else taper), axis=axis)
        rows = np.square(np.abs(spectra)).mean(3 - axis)[:, 1:]
    parts = np.array_split(rows, count, axis=1)
    return np.log(np.stack([part.mean(1) for part in parts], 1) + FLOOR)


def _amplified(x: Values, axis: int, gain: Values) -> Values:
    """Patches (N, H, W) with gains (N, K), logarithms of power, of parts along an axis as in `_powers`."""
    size = x.shape[max(axis, 1)]
    centres = [part.mean() for part in np.array_split(np.arange(size), gain.shape[1])]
    curve = np.exp(0.5 * np.stack([np.interp(np.arange(size), centres, one) for one in gain]))
    curve = curve[:, None, :] if axis == 2 else curve[:, :, None]
    if axis == 0:
        return np.asarray(x * curve)
    return np.asarray(idct(dct(x, axis=axis, norm="ortho") * curve, axis=axis, norm="ortho"))


def _root(matrix: Values) -> Values:
    """Square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)
