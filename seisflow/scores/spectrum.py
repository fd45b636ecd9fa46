"""Power by frequency, and correlation of a section with itself at earlier times."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.special import ndtr

from seisflow.calibration.wide_windows import along
from seisflow.scores.base import FLOOR, Feature, Maps, Mask, channel
from seisflow.scores.thin import WIDE_STEP, GroupAverages, group_sums, stretched

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

BALANCED, WHITE, SMEARED = -3, -2, -1
"""Places of the maps, once `with_spectrum` has added its own; before them stand the bands."""
_FIRST_BAND = BALANCED - len(EDGES) + 1
_SECTION = _FIRST_BAND - 1


def with_spectrum(maps: Maps, mask: Mask, gains: Gains | None = None) -> Maps:
    """Add to maps, whose last is the section, its powers by band, and the same of even power, white, smeared.

    The power of a band is the square of the section filtered with
    :math:`\\Phi((f - l) / s) - \\Phi((f - h) / s)`, whose sum over adjoining bands is 1.

    Parameters
    ----------
    maps : ndarray (K, T, X)
    mask : ndarray (T, X) of bool
        Where it is False, maps are zero, as the section is before it is filtered.
    gains : ndarray (H,), optional
        What whitens a trace at frequencies k / H of Nyquist, k = 0, ..., H - 1; by default 1.
    """
    out = np.empty((len(maps) - _FIRST_BAND, *mask.shape), np.float32)
    out[: len(maps)] = np.where(mask, maps, 0)
    section = out[len(maps) - 1]
    size = next_fast_len(len(section) + 256, real=True)
    share, spectrum = 2 * rfftfreq(size), rfft(section, size, axis=0)

    def filtered(response: NDArray[np.floating]) -> Maps:
        kept: Maps = irfft(spectrum * response.astype(np.float32)[:, None], size, axis=0)[: len(section)]
        return kept

    for number, (low, high) in enumerate(pairwise(EDGES), start=_FIRST_BAND):
        one = filtered(_within(share, low, high))
        np.multiply(one * one, mask, out=out[number])
    averages = GroupAverages(mask, WIDE_STEP)
    out[BALANCED] = _balanced(section, averages)
    out[WHITE] = _balanced(filtered(_whitening(share, gains)) * mask, averages)
    out[SMEARED] = along(out[WHITE], SMEAR, 0)
    return out


def _balanced(x: Maps, averages: GroupAverages) -> Maps:
    power = averages.within(group_sums(x * x, WIDE_STEP), ECHO_WINDOW)
    gain = 1 / np.sqrt(power + np.float32(FLOOR))
    # NaN where nothing is known: a gain of no power would be drawn into the samples beside a mask
    even: Maps = x * np.nan_to_num(stretched(gain, len(x), WIDE_STEP))
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


def second_difference_power(maps: Maps) -> Maps:
    """Square of the section's second difference in time: power, mostly at high frequencies."""
    section = maps[_SECTION]
    around = np.pad(section, ((1, 1), (0, 0)), "reflect")
    square: Maps = (around[:-2] - 2 * section + around[2:]) ** 2
    return square


SMOOTH = Feature("power of the second difference in time", second_difference_power, (20.0, 10.0), log=True)
"""Smoothness, where it is low: what is dim or wiped out."""
BAND_FEATURES = tuple(
    Feature(f"power, {low:.2f} to {high:.2f} of Nyquist", channel(number), BAND_WINDOW, log=True)
    for number, (low, high) in enumerate(pairwise(EDGES), start=_FIRST_BAND)
)
ECHO_FEATURES = (
    *(Feature(f"echo after {lag} samples", echo(lag), ECHO_WINDOW, weight=LAG_WEIGHT) for lag in LAGS),
    Feature("hum", hum, ECHO_WINDOW),
)
