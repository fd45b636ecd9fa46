"""What the spectrum of a section says of its samples: power by frequency, likeness to what came before."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import convolve1d
from scipy.special import ndtr

from seisflow.calibration import smooth
from seisflow.scores.base import FLOOR, Feature, Maps, Mask

EDGES = np.linspace(0.02, 0.8, 9)
"""Limits of the bands, in shares of the Nyquist frequency."""
SLOPE = 0.006
"""How softly a band ends, in shares of the Nyquist frequency (standard deviation)."""
BAND_WINDOW = (24.0, 8.0)
"""Samples and traces that the power of a band is averaged over (standard deviations)."""
LAG_STEP = 5
LAGS = range(30, 100, LAG_STEP)
"""Samples between a section and itself: beyond the wavelet, up to early multiples; at 4 ms, 120 to 380 ms, in
steps of a period of 50 Hz."""
LAG_WEIGHT = 0.7
"""What the likeness at one lag counts: neighbouring ones are much alike."""
SMEAR = np.exp(-0.5 * np.arange(-3, 4) ** 2) / np.exp(-0.5 * np.arange(-3, 4) ** 2).sum()
"""How lags next to each other are averaged: moveout that is left smears what comes back."""
ECHO_WINDOW = (32.0, 6.0)
"""Samples and traces that likenesses are averaged over (standard deviations)."""


def with_balanced(maps: Maps, mask: Mask) -> Maps:
    """Add to maps, whose last is the section, the same of even power, and that smeared; zero where masked."""
    x = np.where(mask, maps[-1], 0)
    power = np.nan_to_num(smooth(x * x, mask, ECHO_WINDOW))
    balanced = x / np.sqrt(power + FLOOR)
    comb = np.zeros(LAG_STEP * (len(SMEAR) - 1) + 1, np.float32)
    comb[::LAG_STEP] = SMEAR
    return np.stack([*maps[:-1], x, balanced, convolve1d(balanced, comb, axis=0, mode="constant")])


def band(low: float, high: float) -> Callable[[Maps], Maps]:
    r"""Square of the section (the third map from the end) between two shares of the Nyquist frequency.

    Filtered with :math:`\Phi((f - l) / s) - \Phi((f - h) / s)`, whose sum over adjoining bands is 1.
    """

    def of(maps: Maps) -> Maps:
        samples = maps.shape[1]
        size = next_fast_len(samples + 256, real=True)
        share = 2 * rfftfreq(size)
        keep = (ndtr((share - low) / SLOPE) - ndtr((share - high) / SLOPE)).astype(np.float32)
        filtered: Maps = irfft(rfft(maps[-3], size, axis=0) * keep[:, None], size, axis=0)[:samples]
        return filtered**2

    return of


def echo(lag: int) -> Callable[[Maps], Maps]:
    """Product of the balanced section (the last map but one) with the smeared one ``lag`` samples before.

    Averaged over a window, the local autocorrelation at lags about this one.
    """

    def of(maps: Maps) -> Maps:
        out = np.zeros_like(maps[-1])
        out[lag:] = maps[-2][lag:] * maps[-1][:-lag]
        return out

    return of


BAND_FEATURES = tuple(
    Feature(f"power, {low:.2f} to {high:.2f} of Nyquist", band(low, high), BAND_WINDOW, log=True)
    for low, high in pairwise(EDGES)
)
ECHO_FEATURES = tuple(
    Feature(f"echo after {lag} samples", echo(lag), ECHO_WINDOW, weight=LAG_WEIGHT) for lag in LAGS
)
