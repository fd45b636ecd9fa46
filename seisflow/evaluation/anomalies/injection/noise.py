"""Noise that acquisition and processing leave behind."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from seisflow.evaluation.anomalies.injection.base import Host, Map, centre, ellipse, plateau

STRENGTHS = (0.5, 1.0, 2.0)
"""RMS of the noise, in RMS of the section at its depth, by severity."""


def spikes(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Sixteen single samples of 3, 6, 12 times the RMS, of either sign."""
    out = host.amplitude.copy()
    samples, traces = host.shape
    t = rng.integers(samples // 20, samples - samples // 20, 16)
    x = rng.integers(2, traces - 2, 16)
    size = (3.0, 6.0, 12.0)[severity] * host.rms()[t, 0]
    out[t, x] += rng.choice((-1.0, 1.0), 16) * size
    return out


def burst(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Noise burst of 25 to 60 Hz, incoherent from trace to trace, in an ellipse."""
    zone = ellipse(host.shape, centre(host, rng), (60, host.shape[1] / 8))
    return host.amplitude + STRENGTHS[severity] * host.rms() * zone * _band(host, (25.0, 60.0), rng)


def swell(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Swell noise: 2 to 8 Hz over the whole length of neighbouring traces."""
    _, x = centre(host, rng)
    zone = plateau(host.shape[1], x - 4, x + 4, 4)
    return host.amplitude + STRENGTHS[severity] * host.rms() * zone * _band(host, (2.0, 8.0), rng)


def powerline(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Sine of 50 Hz, in phase on neighbouring traces, of 0.25, 0.5, 1 times the RMS."""
    _, x = centre(host, rng)
    zone = plateau(host.shape[1], x - 6, x + 6, 4)
    phase = 2 * np.pi * (50 * host.interval * np.arange(host.shape[0])[:, None] + rng.uniform())
    return host.amplitude + 0.5 * STRENGTHS[severity] * np.sqrt(2) * host.rms() * zone * np.sin(phase)


def _band(host: Host, band: tuple[float, float], rng: np.random.Generator) -> Map:
    """Gaussian noise (T, X) of unit variance within a band of frequencies in Hz."""
    nyquist = 0.5 / host.interval
    low, high = (min(f / nyquist, edge) for f, edge in zip(band, (0.5, 0.95), strict=True))
    filtered = sosfiltfilt(butter(4, (low, high), "band", output="sos"), rng.normal(size=host.shape), axis=0)
    return filtered / filtered.std()
