"""Gas chimneys and faults."""

import numpy as np

from seisflow.evaluation.anomalies.injection.base import Host, Map, centre, delay, plateau

BANK = 12
"""Attenuations that traces are filtered with, to interpolate between."""


def gas_chimney(host: Host, severity: int, rng: np.random.Generator) -> Map:
    r"""Vertical zone of low Q (60, 30, 15) with slow rock: attenuation, dispersion and push-down.

    A wave that has spent the time :math:`t^* = \int dt / Q` in the chimney is multiplied by

    .. math:: \exp(-\pi f t^*) \, \exp(2 i f t^* \ln(f / f_0))

    References
    ----------
    Futterman, *Dispersive body waves*, 1962; Aki & Richards, *Quantitative Seismology*, section 5.5.
    """
    t, x = centre(host, rng, 0.15, 0.5)
    width = host.shape[1] / 12
    zone = plateau(host.shape[1], x - width / 2, x + width / 2, width)
    length = np.clip(np.arange(host.shape[0]) - t, 0, 0.35 * host.shape[0])[:, None] * host.interval
    star = length * zone / (60.0, 30.0, 15.0)[severity]
    slow = (0.01, 0.02, 0.04)[severity]  # relative delay within the chimney
    return attenuate(delay(host.amplitude, slow * length * zone / host.interval), star, host.interval)


def attenuate(amplitude: Map, star: Map, interval: float, reference: float = 30.0) -> Map:
    """Filter every sample of ``amplitude`` (T, X) by its own t* (T, X) in s; ``reference`` is f0 in Hz."""
    size = 2 * amplitude.shape[0]
    frequency = np.fft.rfftfreq(size, interval)
    log_ratio = np.log(np.maximum(frequency, frequency[1]) / reference)
    spectrum = np.fft.rfft(amplitude, size, axis=0)
    steps = np.linspace(0, max(float(star.max()), 1e-9), BANK)
    out = np.zeros_like(amplitude)
    for value in steps:
        factor = np.exp(-np.pi * frequency * value + 2j * frequency * value * log_ratio)
        filtered = np.fft.irfft(spectrum * factor[:, None], size, axis=0)[: len(amplitude)]
        out += filtered * np.clip(1 - np.abs(star - value) / steps[1], 0, 1)
    return out


def fault(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Normal fault of 70 degrees with a throw of 12, 24, 48 ms, that dies out at its tips, with drag."""
    t, x = centre(host, rng, 0.25, 0.75)
    half = 0.12 * host.shape[0]
    throw = (0.012, 0.024, 0.048)[severity] / host.interval
    rows = np.arange(host.shape[0])[:, None]
    metres = (rows - t) * host.interval * host.velocity / 2
    plane = x + metres / np.tan(np.radians(70)) / host.spacing
    side = np.arange(host.shape[1]) - plane
    drag = np.exp(-np.abs(side) / (host.shape[1] / 16))
    along = plateau(host.shape[0], t - half / 2, t + half / 2, half)[:, None]
    return delay(host.amplitude, 0.5 * throw * np.where(side >= 0, 1, -1) * drag * along)
