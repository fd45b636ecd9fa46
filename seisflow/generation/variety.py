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

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct, rfft
from scipy.special import ndtr

from seisflow.generation.spectra import MOST_GAIN, dither_noise, missing_gain
from seisflow.models.sample_matching import NORMAL_SCORES, Variety

PARTS, LEAST_PART = 16, 8
"""Parts of a patch in time, and bands of frequency, at most, and samples of a part at least."""
BAND, LEAST_BAND = 5, 3
"""Wavenumber from which on bands hold more than one, and the least that the last one holds."""
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
LEAST_SIGNAL = 0.01
"""Part of the dither's power that a part of a draw has besides, at least."""
TOGETHER = 8
"""Patches changed together."""

Patches = NDArray[np.float32]
Values = NDArray[np.float64]
Bounds = tuple[list[int], list[int], list[int]]
"""Bounds of parts in time, bands of frequency and bands of wavenumber: `Variety.bounds` of the card."""


def bounds_of(height: int, width: int) -> Bounds:
    """Bounds for patches of a size: even ones, of wavenumbers the narrower, the lower."""
    parts = min(PARTS, height // LEAST_PART)
    times, frequencies = (
        np.linspace(first, last, parts + 1).round().astype(int).tolist()
        for first, last in ((0, height), (1, height // 2 + 1))
    )
    wavenumbers = [0]
    while (first := wavenumbers[-1]) < width // 2 - LEAST_BAND + 2:
        wavenumbers.append(first + 1 + first // BAND)
    return times, frequencies, [*wavenumbers[:-1], width // 2 + 1]


def can_vary(drawn: Patches, training: Patches) -> bool:
    """Whether patches (N, 1, H, W) and (M, 1, H, W) are enough to tell how levels and spectra vary."""
    parts = [len(one) - 1 for one in bounds_of(*training.shape[2:])]
    enough = min(len(drawn), len(training)) >= ENOUGH * sum(parts)
    return enough and all(parts) and training.shape[3] > LEAST_BAND


def fit_variety(drawn: Patches, training: Patches, dither: float) -> Variety:
    """Fit the way of draws to training patches.

    Parameters
    ----------
    drawn, training : ndarray, (N, 1, H, W) and (M, 1, H, W)
        Filtered draws without dither; training patches with it.
    dither : float
        Width of its uniform distribution.
    """
    noise, bounds = dither_noise(drawn.shape, dither, (0,)), bounds_of(*drawn.shape[2:])
    found, wanted = (np.concatenate(powers(one[:, 0], bounds), 1) for one in (drawn + noise, training))
    quantiles = [np.quantile(one, ndtr(NORMAL_SCORES), axis=0).T.round(4) for one in (found, wanted)]
    scores = [_scores(*some) for some in zip((found, wanted), quantiles, strict=True)]
    covariances = [np.cov(one.T) + RIDGE * np.eye(one.shape[1]) for one in scores]
    root = _root(covariances[0])
    inverse = np.linalg.inv(root)
    matrix = inverse @ _root(root @ covariances[1] @ root) @ inverse
    variety = Variety(
        bounds=bounds,
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
    return variety.model_copy(update={"time_gain": gain.round(5).tolist()})


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
    x, bounds = patches.astype(np.float64), variety.bounds
    scores = _scores(np.concatenate(powers(x + noise, bounds), 1), np.array(variety.drawn))
    # without BLAS, which would round a patch differently among others
    moved = np.einsum("ij,nj->ni", np.array(variety.matrix), scores)
    together = np.stack(
        [np.interp(one, NORMAL_SCORES, some) for one, some in zip(moved.T, variety.training, strict=True)], 1
    )
    added = [np.exp(one) for one in powers(noise, bounds)]
    wanted = np.split(np.exp(together), np.cumsum([one.shape[1] for one in added])[:-1], axis=1)
    for _ in range(ROUNDS):
        for axis in TURNS:
            alone, whole = (np.exp(_powers(one, axis, bounds[axis])) for one in (x, x + noise))
            # of what is no stronger than dither in a patch, a draw has next to nothing besides dither
            target = np.maximum(wanted[axis] - (whole - alone), LEAST_SIGNAL * added[axis])
            x = _amplified(x, axis, np.log(target / alone).clip(-MOST, MOST), bounds[axis])
    return x.astype(np.float32)


def powers(patches: NDArray[np.floating], bounds: Bounds) -> list[Values]:
    """Logarithms of the power of patches (N, H, W) by time, by frequency and by wavenumber, (N, K) each."""
    return [_powers(patches, axis, some) for axis, some in enumerate(bounds)]


def _powers(patches: NDArray[np.floating], axis: int, bounds: list[int]) -> Values:
    """Powers by time (axis 0), by frequency (1) or by wavenumber (2); both spectra by Hann windows."""
    if axis == 0:
        rows = np.square(patches, dtype=np.float64).mean(2)
    else:
        taper = np.hanning(patches.shape[axis] + 2)[1:-1]
        taper /= np.sqrt(np.square(taper).sum())
        spectra = rfft(patches * (taper[:, None] if axis == 1 else taper), axis=axis)
        rows = np.square(np.abs(spectra)).mean(3 - axis)
    parts = [rows[:, first:end].mean(1) for first, end in pairwise(bounds)]
    return np.log(np.stack(parts, 1) + FLOOR)


def _amplified(x: Values, axis: int, gain: Values, bounds: list[int]) -> Values:
    """Patches (N, H, W) with gains (N, K), logarithms of power, of parts along an axis as in `_powers`."""
    middle = np.array([first + end - 1 for first, end in pairwise(bounds)])  # k / H cycles are place 2 k
    places, centres = np.arange(x.shape[max(axis, 1)]), middle / 2 if axis == 0 else middle
    curve = np.exp(0.5 * np.stack([np.interp(places, centres, one) for one in gain]))
    curve = curve[:, None, :] if axis == 2 else curve[:, :, None]
    if axis == 0:
        return np.asarray(x * curve)
    return np.asarray(idct(dct(x, axis=axis, norm="ortho") * curve, axis=axis, norm="ortho"))


def _root(matrix: Values) -> Values:
    """Square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)
