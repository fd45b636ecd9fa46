"""Changes of reflectivity, seen through the survey's wavelet: bright, dim and flat spots."""

import numpy as np
from scipy.ndimage import gaussian_filter

from seisflow.evaluation.anomalies.injection.base import (
    Host,
    Map,
    add_events,
    centre,
    convolve,
    ellipse,
    half_period,
    plateau,
    reflectivity_of,
)


def bright_spot(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Reflectivity of one strong event times 2, 3, 5, along the event."""
    return _gain_along_event(host, (2.0, 3.0, 5.0)[severity], rng)


def dim_spot(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Reflectivity of all events in a lens times 0.5, 0.25, 0.1."""
    zone = ellipse(host.shape, centre(host, rng), (45, host.shape[1] / 7))
    gain = (0.5, 0.25, 0.1)[severity]
    return host.amplitude + convolve((gain - 1) * zone * reflectivity_of(host), host.wavelet)


def flat_spot(host: Host, severity: int, rng: np.random.Generator) -> Map:
    """Horizontal contact that cuts through the dip, of 0.5, 1, 2 times the RMS, thinning out sideways."""
    t, x = centre(host, rng)
    half = host.shape[1] / 8
    strength = (
        (0.75, 1.5, 3.0)[severity] * host.rms()[t, 0] * plateau(host.shape[1], x - half, x + half, half / 2)
    )
    return add_events(host, np.full(host.shape[1], float(t)), strength)


def _gain_along_event(host: Host, gain: float, rng: np.random.Generator) -> Map:
    t, x = centre(host, rng)
    energy = gaussian_filter(host.amplitude**2, (2, 4))
    near = slice(max(t - 20, 0), t + 20)
    t = near.start + int(energy[near, x].argmax())
    times = follow(host.amplitude, t, x)
    width = 1.5 * half_period(host.wavelet)
    rows = np.arange(host.shape[0])[:, None]
    across = np.cos(0.5 * np.pi * np.clip(np.abs(rows - times) / width, 0, 1)) ** 2
    half = host.shape[1] / 8
    zone = across * plateau(host.shape[1], x - half, x + half, half / 2)
    return host.amplitude + convolve((gain - 1) * zone * reflectivity_of(host), host.wavelet)


def follow(amplitude: Map, sample: int, trace: int, half: int = 6, step: int = 2) -> Map:
    """Follow an event from trace to trace by cross-correlation; returns its sample on every trace, (X,)."""
    samples, traces = amplitude.shape
    times = np.full(traces, float(sample))
    padded = np.pad(amplitude, ((half + step, half + step), (0, 0)))
    for direction in (-1, 1):
        t = sample
        x = trace
        while 0 <= x + direction < traces:
            template = padded[t + step : t + step + 2 * half + 1, x]
            pieces = padded[t : t + 2 * (half + step) + 1, x + direction]
            t = int(np.clip(t + np.correlate(pieces, template, "valid").argmax() - step, 0, samples - 1))
            x += direction
            times[x] = t
    return times
