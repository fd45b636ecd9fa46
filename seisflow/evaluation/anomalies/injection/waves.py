"""Wave phenomena that processing should have removed: diffractions, smiles, multiples, phase errors."""

import numpy as np
from scipy.signal import hilbert

from seisflow.evaluation.anomalies.injection.base import Host, Map, add_events, centre, ellipse, plateau

STRENGTHS = (0.75, 1.5, 3.0)
"""Peak at the apex, in RMS of the section at its depth, by severity."""


def diffraction(host: Host, severity: int, rng: np.random.Generator) -> Map:
    r"""Hyperbola of a point scatterer, :math:`t = \sqrt{t_0^2 + 4 x^2 / v^2}`, weakening as (t0 / t)^2."""
    t, x = centre(host, rng, 0.15, 0.7)
    offset = (np.arange(host.shape[1], dtype=np.float64) - x) * host.spacing
    times = hyperbola(t, offset, host)
    strength = STRENGTHS[severity] * host.rms()[t, 0] * (t / times) ** 2
    half = host.shape[1] / 5
    return add_events(host, times, strength * plateau(host.shape[1], x - half, x + half, half / 2))


def hyperbola(apex: float, offset: Map, host: Host) -> Map:
    """Zero-offset traveltime, in samples, of a scatterer at sample ``apex``, ``offset`` (X,) metres away."""
    return np.sqrt(apex**2 + (2 * offset / host.velocity / host.interval) ** 2)


def smile(host: Host, severity: int, rng: np.random.Generator) -> Map:
    r"""Impulse response of a migration, :math:`t = \sqrt{t_0^2 - 4 x^2 / v^2}`, up to 60 degrees."""
    t, x = centre(host, rng, 0.3, 0.85)
    sine = 2 * (np.arange(host.shape[1]) - x) * host.spacing / (host.velocity * host.interval * t)
    cosine = np.sqrt(np.clip(1 - sine**2, 0.25, 1))
    strength = STRENGTHS[severity] * host.rms()[t, 0] * cosine
    half = 0.8 * host.velocity * host.interval * t / 2 / host.spacing
    half = min(half, host.shape[1] / 5)
    return add_events(host, t * cosine, strength * plateau(host.shape[1], x - half, x + half, half / 4))


def multiples(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Peg-leg multiples left over by the stack: a late, turned copy, smeared by its residual moveout.

    The copy is the mean over nine offsets h of the section delayed by 240 ms + 24 ms h^2, h from 0 to 1,
    with reflection coefficient -0.2, -0.4, -0.8.
    """
    zone = ellipse(host.shape, centre(host, rng, 0.35, 0.85), (90, host.shape[1] / 5))
    size = 2 * host.shape[0]
    frequency = np.fft.rfftfreq(size, host.interval)[:, None]
    moveout = 0.24 + 0.024 * np.linspace(0, 1, 9) ** 2
    smear = np.exp(-2j * np.pi * frequency * moveout).mean(axis=1, keepdims=True)
    copy = np.fft.irfft(np.fft.rfft(host.amplitude, size, axis=0) * smear, size, axis=0)[: host.shape[0]]
    return host.amplitude - (0.2, 0.4, 0.8)[severity] * zone * copy


def phase_rotation(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Phase rotated by 45, 90, 180 degrees in a lens."""
    zone = ellipse(host.shape, centre(host, rng), (60, host.shape[1] / 6))
    return rotate(host.amplitude, np.radians((45.0, 90.0, 180.0)[severity]) * zone)


def rotate(amplitude: Map, angle: Map | float) -> Map:
    r"""Rotate the phase: :math:`x \cos\varphi - \mathcal H x \sin\varphi`, angles in radians."""
    analytic = hilbert(amplitude, axis=0)
    return analytic.real * np.cos(angle) - analytic.imag * np.sin(angle)
