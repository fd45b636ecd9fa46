"""Power by frequency, and correlation of a section with itself at earlier times."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import convolve1d
from scipy.special import ndtr

from seisflow.calibration.smoothing import smooth
from seisflow.scores.base import FLOOR, Feature, Maps, Mask

Gains = NDArray[np.float32]

EDGES = np.linspace(0.02, 0.8, 9)
"""Limits of the bands, in shares of the Nyquist frequency."""
SLOPE = 0.006
"""Taper of a band's ends, in shares of the Nyquist frequency (standard deviation)."""
BAND_WINDOW = (24.0, 8.0)
"""Samples and traces that the power of a band is averaged over (standard deviations)."""
LAGS = range(30, 100, 6)
"""Samples between a section and itself: beyond the wavelet, up to early multiples; at 4 ms, 120 to 384 ms."""
LAG_WEIGHT = 0.5
"""Weight of the correlation at one lag: neighbouring lags are much alike."""
SMEAR = 3.0
"""Window over lags next to each other (standard deviation): moveout that is left smears what comes back."""
HUM_LAGS = range(30, 100, 5)
"""Periods, in samples, that a hum of 50 Hz comes back after at 4 ms."""
RIDGE = 1e-3
"""Least power that a frequency is whitened by, in shares of the largest."""
ECHO_WINDOW = (32.0, 6.0)
"""Samples and traces that autocorrelations are averaged over (standard deviations)."""

SECTION, BALANCED, WHITE, SMEARED = -4, -3, -2, -1
"""Places of the maps, once `with_balanced` has added its own."""


def with_balanced(maps: Maps, mask: Mask, gains: Gains | None = None) -> Maps:
    """Add to maps, whose last is the section, the same of even power, also whitened, and that smeared.

    Parameters
    ----------
    maps : ndarray (K, T, X)
    mask : ndarray (T, X) of bool
        Where it is False, the added maps are zero before they are filtered.
    gains : ndarray (H,), optional
        What whitens a trace at frequencies k / H of Nyquist, k = 0, ..., H - 1; by default 1.
    """
    x = np.where(mask, maps[-1], 0)
    white = _balanced(_filtered(x, lambda share: _whitening(share, gains)), mask)
    reach = round(4 * SMEAR)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMEAR) ** 2)
    smeared = convolve1d(white, kernel / kernel.sum(), axis=0, mode="constant")
    return np.stack([*maps[:-1], x, _balanced(x, mask), white, smeared])


def _balanced(x: Maps, mask: Mask) -> Maps:
    power = np.nan_to_num(smooth(x * x, mask, ECHO_WINDOW))
    even: Maps = np.where(mask, x, 0) / np.sqrt(power + FLOOR)
    return even


def _whitening(share: NDArray[np.floating], gains: Gains | None) -> NDArray[np.floating]:
    keep: NDArray[np.floating] = _within(share, EDGES[0], EDGES[-1])
    if gains is None:
        return keep
    power = np.interp(share, np.arange(len(gains)) / len(gains), gains**-2.0)
    return keep / np.sqrt(power + RIDGE * power.max())


def _within(share: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    kept: NDArray[np.floating] = ndtr((share - low) / SLOPE) - ndtr((share - high) / SLOPE)
    return kept


def _filtered(x: Maps, response: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Maps:
    """Traces of a section (T, X), filtered by what a response says at shares of the Nyquist frequency."""
    size = next_fast_len(len(x) + 256, real=True)
    keep = response(2 * rfftfreq(size)).astype(np.float32)
    out: Maps = irfft(rfft(x, size, axis=0) * keep[:, None], size, axis=0)[: len(x)]
    return out


def band(low: float, high: float) -> Callable[[Maps], Maps]:
    r"""Square of the section between two shares of the Nyquist frequency.

    Filtered with :math:`\Phi((f - l) / s) - \Phi((f - h) / s)`, whose sum over adjoining bands is 1.
    """

    def of(maps: Maps) -> Maps:
        square: Maps = _filtered(maps[SECTION], lambda share: _within(share, low, high)) ** 2
        return square

    return of


def echo(lag: int) -> Callable[[Maps], Maps]:
    """Product of the whitened section with the smeared one ``lag`` samples before.

    Averaged over a window, the local autocorrelation at lags about this one. Whitened, as before predictive
    deconvolution, because what layers of a survey have in common at a lag would hide what comes back.
    """

    def of(maps: Maps) -> Maps:
        out = np.zeros_like(maps[WHITE])
        out[lag:] = maps[WHITE][lag:] * maps[SMEARED][:-lag]
        return out

    return of


def hum(maps: Maps) -> Maps:
    """Product of the balanced section with its mean at `HUM_LAGS` before: what keeps coming back."""
    balanced = maps[BALANCED]
    before = np.zeros_like(balanced)
    for lag in HUM_LAGS:
        before[lag:] += balanced[:-lag]
    return balanced * before / len(HUM_LAGS)


BAND_FEATURES = tuple(
    Feature(f"power, {low:.2f} to {high:.2f} of Nyquist", band(low, high), BAND_WINDOW, log=True)
    for low, high in pairwise(EDGES)
)
ECHO_FEATURES = (
    *(Feature(f"echo after {lag} samples", echo(lag), ECHO_WINDOW, weight=LAG_WEIGHT) for lag in LAGS),
    Feature("hum", hum, ECHO_WINDOW),
)
