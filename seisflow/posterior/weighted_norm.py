r"""Minimum weighted norm interpolation: missing traces by the local spectrum of a first prediction.

In each window the traces of a section are, frequency by frequency, taken for a stationary Gaussian, whose
power at a wavenumber is that of a prediction of the section. Of traces y that are known, in noise of variance
N, the mean of all is then

.. math:: \hat x = C_k (C_{kk} + N I)^{-1} y, \qquad C(d) = \sum_\kappa |P(\kappa)|^2\, e^{2 \pi i \kappa d}

with P the spectrum across the prediction's tapered traces. A reflector of some dip has its power on one
side of :math:`\kappa = 0`, so the spectra are sparse. Windows of several sizes are averaged. Each further
round takes the result for the prediction: strong wavenumbers gain on weak ones. How often is told by the
traces that were kept to calibrate on.

References
----------
Liu & Sacchi, *Minimum weighted norm interpolation of seismic records*, 2004.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import fft, ifft, irfft, rfft

from seisflow.patches.overlap import OverlapAdd, raised_cosine
from seisflow.posterior.cosines import at_depth, incoherent_spectrum, window_places
from seisflow.posterior.examples import Mask, Piece, Values

SIZES = ((16, 24), (32, 24), (32, 48))
"""Samples and traces of windows, which lie a quarter of their sizes apart."""
WIDEST = max(width for _, width in SIZES)
MOST_ROUNDS = 4
FLOOR = 1e-6
"""Least noise, in parts of a window's power at its frequency."""
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
    filled = np.where(there, values, guide)
    in_windows = partial(_in_windows, filled, there, noise, first, traces)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        found = list(pool.map(in_windows, SIZES[::-1]))[::-1]  # the longest first
    count = sum(np.isfinite(one).astype(np.float32) for one in found)
    total = sum(np.nan_to_num(one) for one in found)
    reached = (count > 0) & ~there
    mean: Values = np.where(reached, total / np.maximum(count, 1), filled).astype(np.float32)
    return mean


def _in_windows(
    filled: Values, there: Mask, noise: NDArray[np.float64], first: int, traces: int, size: tuple[int, int]
) -> Values:
    """Means by windows of one size, NaN where there are none."""
    height, width = min(size[0], filled.shape[0]), min(size[1], traces)
    step = max(height // 4, 1)
    beyond = height - step  # windows taper off: the first and last samples lie in the middle of some, too
    filled = np.pad(filled, ((beyond, beyond), (0, 0)))
    sums = OverlapAdd(filled.shape, (height, width))
    tops = window_places(filled.shape[0], height, step)
    for left in (place - first for place in window_places(traces, width, max(width // 4, 1))):
        inside = left >= 0 and left + width <= filled.shape[1]
        known = there[left : left + width] if inside else np.ones(1, bool)
        if known.all() or not known.any():
            continue
        for begin in range(0, len(tops), AT_ONCE):
            some = tops[begin : begin + AT_ONCE]
            levels = np.stack([at_depth(noise, max(top - beyond, 0), height) for top in some])
            window = np.stack([filled[top : top + height, left : left + width] for top in some])
            sums.add(some, [left] * len(some), _conditional(window.astype(np.float64), known, levels))
    return sums.result()[beyond : len(filled) - beyond]


def noise_of(pieces: Sequence[Piece], filled: Sequence[Values]) -> NDArray[np.float64]:
    """Spectrum of the noise where some traces are predictions, which have none."""
    share = np.mean([piece.target.mean() for piece in pieces])
    whole = [np.ones(x.shape, bool) for x in filled]
    some = [Piece(x, known, known) for x, known in zip(filled, whole, strict=True)]
    return incoherent_spectrum(some) / max(float(share), 0.1)


def _conditional(window: NDArray[np.float64], known: Mask, levels: NDArray[np.float64]) -> Values:
    """Mean of the missing traces of windows (N, h, w), with noise of levels (N, h) as of cosines."""
    height, width = window.shape[1:]
    taper = np.sqrt(raised_cosine(height).astype(np.float64))[:, None]
    spectrum = rfft(window * taper, axis=1)
    across = raised_cosine(width).astype(np.float64)
    power = np.square(np.abs(fft(spectrum * across, n=2 * width, axis=2)))
    correlation = ifft(power, axis=2) / np.square(across).sum()
    place = np.arange(width)
    bins = np.minimum(2 * np.arange(spectrum.shape[1]), height - 1)
    nugget = np.square(taper).sum() * levels[:, bins] + FLOOR * correlation[:, :, 0].real + 1e-12
    matrix = correlation[:, :, place[known][:, None] - place[known]]
    matrix += nugget[..., None, None] * np.eye(int(known.sum()))
    weights = np.linalg.solve(matrix, spectrum[:, :, known, None])
    predicted = correlation[:, :, place[~known][:, None] - place[known]] @ weights
    mean = np.zeros(window.shape, np.float32)
    mean[:, :, ~known] = irfft(predicted[..., 0], n=height, axis=1) / taper
    return mean
