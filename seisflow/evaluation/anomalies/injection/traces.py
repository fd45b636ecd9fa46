"""Faults of single traces: recording, editing and sorting errors."""

import numpy as np

from seisflow.evaluation.anomalies.injection.base import Host, Map

COUNTS = (1, 2, 4)
"""Neighbouring traces that are hit, by severity."""


def dead(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Traces without any signal."""
    return _scaled(host, 0.0, COUNTS[severity], rng)


def weak(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Traces of too little gain: 0.5, 0.25, 0.1."""
    return _scaled(host, (0.5, 0.25, 0.1)[severity], 3, rng)


def hot(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Traces of too much gain: 2, 4, 8."""
    return _scaled(host, (2.0, 4.0, 8.0)[severity], 3, rng)


def reversed_polarity(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Traces with their sign turned."""
    return _scaled(host, -1.0, COUNTS[severity], rng)


def shifted(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Traces that are late by 8, 16, 32 ms: a static, or a timing error; shifted in the Fourier domain."""
    out = host.amplitude.copy()
    some = _some(host, 3, rng)
    size = 2 * host.shape[0]
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size, host.interval) * (0.008, 0.016, 0.032)[severity])
    moved = np.fft.irfft(np.fft.rfft(out[:, some], size, axis=0) * turn[:, None], size, axis=0)
    out[:, some] = moved[: host.shape[0]]
    return out


def _scaled(host: Host, gain: float, count: int, rng: np.random.Generator) -> Map:
    out = host.amplitude.copy()
    out[:, _some(host, count, rng)] *= gain
    return out


def _some(host: Host, count: int, rng: np.random.Generator) -> slice:
    """Neighbouring traces somewhere away from the borders."""
    first = int(rng.uniform(0.1, 0.9) * (host.shape[1] - count))
    return slice(first, first + count)
