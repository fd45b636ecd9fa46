"""Short-time spectra of traces: split into windows, weigh frequencies, put together again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.posterior.examples import Values

SAMPLES = 128
"""Samples of a window; windows overlap by half."""

Spectra = NDArray[np.complex64]

_TAPER = np.sin(np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES).astype(np.float32)  # its square sums to 1


def split(x: Values) -> Spectra:
    """Spectra (J, F, X) of the windows of a panel (T, X); half a window of zeros is added at both ends."""
    spectra: Spectra = np.fft.rfft(_windows(x) * _TAPER[:, None], axis=1).astype(np.complex64)
    return spectra


def put_together(spectra: Spectra, samples: int) -> Values:
    """Undo `split`: the panel (T, X)."""
    half = SAMPLES // 2
    windows = np.fft.irfft(spectra, SAMPLES, axis=1) * _TAPER[:, None]
    out = np.zeros(((len(spectra) + 1) * half, spectra.shape[2]), np.float32)
    for j, window in enumerate(windows):
        out[j * half : j * half + SAMPLES] += window
    return out[half : half + samples]


def _windows(x: NDArray[Any]) -> NDArray[Any]:
    half = SAMPLES // 2
    count = -(-x.shape[0] // half) + 1
    padded = np.pad(x, ((half, count * half - x.shape[0]), (0, 0)))
    return np.stack([padded[j * half : j * half + SAMPLES] for j in range(count)])


def power_of(spectra: Spectra) -> NDArray[np.float64]:
    """Power of each frequency, such that the mean over all frequencies is the variance; (J, F, X)."""
    power: NDArray[np.float64] = np.square(np.abs(spectra), dtype=np.float64) / np.square(_TAPER).sum()
    return power


def mean_power(power: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean over frequencies from zero to Nyquist of a one-sided spectrum."""
    weights = np.full(power.shape[axis], 2.0)
    weights[[0, -1]] = 1.0
    return np.average(power, axis=axis, weights=weights)
