"""Windows of a section in a basis of cosines: the spectrum of incoherent noise, and shrinkage by it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter1d
from scipy.stats import chi2

from seisflow.patches.overlap import OverlapAdd
from seisflow.posterior.examples import Piece, Values
from seisflow.posterior.spectra import SAMPLES

SIDE, STEP = 32, 8
"""Samples and traces of a window, and between one and the next."""
STEEP = 0.75
"""Part of the wavenumbers, up to Nyquist, above which hardly anything but noise is expected."""
KNOWN = 0.95
"""Share of a window that must be known for that, where a section has such windows."""


def incoherent_spectrum(pieces: Sequence[Piece]) -> NDArray[np.float64]:
    r"""Power spectrum (J, F) of the noise that has nothing to do with that of neighbouring traces.

    Such noise has the same power at all wavenumbers, reflectors have hardly any near Nyquist, so it is told
    by the quarter of highest wavenumbers of a window's cosine transform. Powers of Gaussian noise follow a
    :math:`\chi^2_1` distribution, whose median gives their mean whatever exceeds it.

    Parameters
    ----------
    pieces : sequence of Piece
        Parts of the section, all of as many samples.

    Returns
    -------
    ndarray, (J, F)
        At the frequencies and for the windows of `seisflow.posterior.spectra.split`, in variances of the
        section.
    """
    samples = pieces[0].values.shape[0]
    height = min(SIDE, samples)
    tops = window_places(samples, height)
    levels = np.full((len(tops), height), np.nan)
    shares = [[_known_shares(piece, top, height) for piece in pieces] for top in tops]
    least = min(KNOWN, max(one.max() for row in shares for one in row))
    for row, top in enumerate(tops):
        some = zip(pieces, shares[row], strict=True)
        powers = np.concatenate([_steep_powers(*one, top, height, least) for one in some], 1)
        if powers.size:
            levels[row] = np.median(powers, axis=1) / chi2.median(1)
    found = np.isfinite(levels[:, 0])
    middles = np.array(tops) + height / 2
    levels = np.stack([np.interp(middles, middles[found], column[found]) for column in levels.T], 1)
    levels = gaussian_filter1d(levels, 6.0, axis=0, mode="nearest")
    levels = gaussian_filter1d(levels, 0.6, axis=1, mode="nearest")
    half = SAMPLES // 2
    windows = half * np.arange(-(-samples // half) + 1)
    places = np.linspace(0, height, half + 1)
    by_frequency = np.stack([np.interp(places, np.arange(height), row) for row in levels])
    return np.stack([np.interp(windows, middles, column) for column in by_frequency.T], 1)


def shrink(
    values: Values,
    guide: Values,
    noise: NDArray[np.float64],
    *,
    first: int = 0,
    traces: int | None = None,
) -> Values:
    r"""Signal in a noisy section, by the Wiener gains of a guide in each window's cosine transform.

    .. math:: \hat X = \frac{P^2}{P^2 + N}\, Y

    with Y and P the coefficients of the section and of its guide, N the power of the noise at a frequency
    (Ghael, Sayeed & Baraniuk, *Improved wavelet denoising via empirical Wiener filtering*, 1997).

    Parameters
    ----------
    values, guide : ndarray of float32, (T, X)
    noise : ndarray, (J, F)
        As `incoherent_spectrum` gives it.
    first, traces : int
        Number of the first trace in its line, and traces of that, so that windows lie at the same places
        whatever part is looked at.

    Returns
    -------
    ndarray of float32, (T, X)
        What no window reaches, at the sides of a part, is as in the guide.
    """
    traces = values.shape[1] if traces is None else traces
    height, width = min(SIDE, values.shape[0]), min(SIDE, traces)
    lefts = [left - first for left in window_places(traces, width)]
    lefts = [left for left in lefts if left >= 0 and left + width <= values.shape[1]]
    if not lefts:
        return guide
    sums = OverlapAdd(values.shape, (height, width))
    for top in window_places(values.shape[0], height):
        recorded, expected = (_transformed(x[top : top + height], width, lefts) for x in (values, guide))
        power = np.square(expected)
        gain = power / (power + at_depth(noise, top, height)[:, None] + 1e-12)
        clean = idctn(gain * recorded, axes=(1, 2), norm="ortho").astype(np.float32)
        sums.add(np.full(len(lefts), top), lefts, clean)
    found = sums.result()
    return np.where(np.isfinite(found), found, guide)


def _known_shares(piece: Piece, top: int, height: int) -> NDArray[np.float64]:
    """Share of each window of a piece at some depth that is known."""
    width = min(SIDE, piece.values.shape[1])
    known = piece.known[top : top + height]
    return np.array([known[:, left : left + width].mean() for left in window_places(known.shape[1], width)])


def _steep_powers(
    piece: Piece, share: NDArray[np.float64], top: int, height: int, least: float
) -> NDArray[np.float64]:
    """Powers (height, n) of the highest wavenumbers in windows that are known to such a share at least."""
    width = min(SIDE, piece.values.shape[1])
    chosen = share >= least
    lefts = [left for left, so in zip(window_places(piece.values.shape[1], width), chosen, strict=True) if so]
    if not lefts:
        return np.empty((height, 0))
    rows = piece.values[top : top + height]
    power = np.square(_transformed(rows, width, lefts)[:, :, int(STEEP * width) :])
    power /= share[chosen][:, None, None]
    return np.asarray(power.transpose(1, 0, 2).reshape(height, -1))


def _transformed(rows: Values, width: int, lefts: Sequence[int]) -> NDArray[np.float64]:
    """Cosine transforms (N, h, width) of windows of some rows (h, X)."""
    windows = np.lib.stride_tricks.sliding_window_view(rows, width, axis=1)[:, lefts].transpose(1, 0, 2)
    found: NDArray[np.float64] = dctn(windows.astype(np.float64), axes=(1, 2), norm="ortho")
    return found


def at_depth(noise: NDArray[np.float64], top: int, height: int) -> NDArray[np.float64]:
    """Power (height,) of the noise at the frequencies of a window's cosine transform."""
    half = SAMPLES // 2
    middle = min((top + height / 2) / half, len(noise) - 1)
    lower = min(int(middle), max(len(noise) - 2, 0))
    share = middle - lower
    spectrum = (1 - share) * noise[lower] + share * noise[min(lower + 1, len(noise) - 1)]
    return np.interp(np.arange(height) * half / height, np.arange(len(spectrum)), spectrum)


def window_places(size: int, width: int, step: int = STEP) -> list[int]:
    """Places of windows, every so many samples and at the end."""
    return sorted({*range(0, size - width + 1, step)} | {size - width})
