"""Generic disturbances of sections, from which the default score learns what deviates.

Parts of a section are exchanged, added, filtered, displaced or blurred, in zones of any shape. The kinds of
anomalies that scores are evaluated with stand apart, in `seisflow.evaluation.anomalies.injection`: neither
uses the other, and none of those is made here. So no noise is made (bursts, swell, hum, spikes), a filter
leaves strength (bright and dim spots, weak and hot traces) and mean phase as they are, and what is displaced
is so by a smooth random field, not as a whole (statics). At the border of a zone that comes near a fault.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft, rfftfreq
from scipy.ndimage import binary_closing, gaussian_filter, gaussian_filter1d, map_coordinates

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

MOST = 3
"""Disturbances of a section, at most."""
CHANGED = 0.15
"""Change, in the root mean square at that depth, from which on a sample counts as disturbed."""
RMS_WINDOW, LEAST_RMS = 31.0, 0.05
"""Samples over which that is averaged (standard deviation), and the least, as a part of the section's."""
DIP, BEND = 0.7, 0.5
"""Dip and curvature that pieces of other places get, in samples a trace (standard deviations)."""
CLOSED = 9
"""Samples over which zero crossings of a change are closed."""


def disturbed(rng: np.random.Generator, section: Map, mask: Mask, others: Sequence[Map]) -> tuple[Map, Mask]:
    """Disturb a section (T, X) in one to three places; return it and which samples have changed.

    Parameters
    ----------
    rng : Generator
    section : ndarray (T, X)
        Zero where masked.
    mask : ndarray (T, X) of bool
    others : sequence of ndarray
        Sections to take pieces from, this one among them.
    """
    strength = local_rms(section)
    out = section
    for _ in range(rng.integers(1, MOST + 1)):
        make, share = KINDS[rng.choice(len(KINDS), p=SHARES)], zone(rng, section.shape)
        out = make(rng, out, share, others)
    out = np.where(mask, out, 0).astype(np.float32)
    changed = np.abs(out - section) > CHANGED * strength
    closed = binary_closing(np.pad(changed, ((CLOSED, CLOSED), (0, 0))), np.ones((CLOSED, 1)))
    return out, (changed | closed[CLOSED:-CLOSED]) & mask


def local_rms(section: Map) -> Map:
    """Root mean square at every depth, (T, 1)."""
    power = gaussian_filter1d(np.mean(section.astype(float) ** 2, axis=1), RMS_WINDOW, mode="nearest")
    floor = LEAST_RMS**2 * power.mean()
    return np.sqrt(np.maximum(power, floor) + 1e-12)[:, None].astype(np.float32)


def zone(rng: np.random.Generator, shape: tuple[int, int]) -> Map:
    """Share (T, X), 0 to 1, of the disturbance in each sample: a blob, ellipse, traces, a band or a side."""
    make = (_blobs, _ellipse, _traces, _band, _side)[rng.choice(5, p=(0.3, 0.25, 0.2, 0.15, 0.1))]
    return np.clip(make(rng, shape), 0, 1).astype(np.float32)


def _blobs(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.floating]:
    size = log_uniform(rng, 4, shape[0] / 8), log_uniform(rng, 2, max(shape[1] / 8, 3))
    values = field(rng, shape, size)
    return (values - np.quantile(values, 1 - rng.uniform(0.02, 0.2))) / rng.uniform(0.1, 0.8)


def _ellipse(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.floating]:
    (t, x), (middle, trace) = np.ogrid[: shape[0], : shape[1]], rng.uniform(0, shape)
    height, width = log_uniform(rng, 6, shape[0] / 6), log_uniform(rng, 2, max(shape[1] / 4, 3))
    radius = np.hypot((t - middle - rng.normal() * (x - trace)) / height, (x - trace) / width)
    return (1 - radius) / rng.uniform(0.05, 0.6) + 0.5


def _traces(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.floating]:
    some = np.zeros(shape, np.float32)
    first = rng.integers(shape[1])
    some[:, first : first + rng.integers(1, 14)] = 1
    if rng.random() < 0.5:
        some = gaussian_filter1d(some, rng.uniform(0.3, 3), axis=1)
    if rng.random() < 0.4:
        upper, lower = np.sort(rng.integers(0, shape[0] + 1, 2))
        some[:upper] = some[lower:] = 0
    return some


def _band(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.floating]:
    t, x = np.ogrid[: shape[0], : shape[1]]
    bend = 6 * rng.normal() * field(rng, (shape[1],), (log_uniform(rng, 4, 30),))
    along = rng.uniform(0, shape[0]) + rng.normal(0, 0.6) * (x - shape[1] / 2) + bend
    height = log_uniform(rng, 3, 30)
    first, last = np.sort(rng.uniform(0, shape[1], 2))
    ends = np.clip((x - first) / 6, 0, 1) * np.clip((last - x) / 6, 0, 1)
    return ends * np.clip((height - np.abs(t - along)) / (0.5 * height) + 0.5, 0, 1)


def _side(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.floating]:
    t, x = np.ogrid[: shape[0], : shape[1]]
    edge = rng.uniform(0.1, 0.9) * shape[1] + rng.normal(0, 0.2) * (t - shape[0] / 2)
    beyond = np.clip(rng.choice([-1, 1]) * (x - edge) / log_uniform(rng, 1, 20), 0, 1)
    top, height = rng.uniform(0, shape[0]), log_uniform(rng, 20, shape[0] / 2)
    return beyond * np.clip((height / 2 - np.abs(t - top)) / 12, 0, 1)


def _exchanged(rng: np.random.Generator, section: Map, share: Map, others: Sequence[Map]) -> Map:
    """A piece of another place in place of what was there."""
    return section + share * (_piece(rng, section, others) - section)


def _added(rng: np.random.Generator, section: Map, share: Map, others: Sequence[Map]) -> Map:
    """A piece of another place on top of what was there."""
    return section + share * np.float32(log_uniform(rng, 0.25, 1.5)) * _piece(rng, section, others)


def _filtered(rng: np.random.Generator, section: Map, share: Map, others: Sequence[Map]) -> Map:
    """Amplitudes and phases of frequencies changed; strength and mean phase stay as they are."""
    frequency = rfftfreq(2 * len(section))
    spectrum = rfft(section, 2 * len(section), axis=0)
    power = np.mean(np.abs(spectrum) ** 2, axis=1)
    power /= power.sum() + 1e-12
    knots = np.linspace(0, 0.5, rng.integers(3, 9))
    gain, turn = (rng.normal(0, rng.uniform(0.2, 1.5), len(knots)) for _ in range(2))
    gain, turn = np.interp(frequency, knots, gain), np.interp(frequency, knots, turn.cumsum())
    gain -= 0.5 * np.log((power * np.exp(2 * gain)).sum() + 1e-12)
    turn -= (power * turn).sum()
    response = np.exp(gain + 1j * turn).astype(np.complex64)[:, None]
    other = irfft(spectrum * response, axis=0)[: len(section)]
    return section + share * (other - section)


def _displaced(rng: np.random.Generator, section: Map, share: Map, others: Sequence[Map]) -> Map:
    """Samples moved up or down by a smooth random field."""
    down = log_uniform(rng, 5, 80), log_uniform(rng, 1, 30)
    delay = log_uniform(rng, 0.5, 12) * field(rng, section.shape, down)
    t, x = np.mgrid[: section.shape[0], : section.shape[1]].astype(np.float32)
    moved: Map = map_coordinates(section, [t - share * delay, x], order=3, mode="nearest")
    return moved


def _blurred(rng: np.random.Generator, section: Map, share: Map, others: Sequence[Map]) -> Map:
    """Means over samples, traces or both."""
    down, across = log_uniform(rng, 0.3, 3), log_uniform(rng, 0.5, 10)
    window = ((down, across), (down, 0), (0, across))[rng.choice(3, p=(0.4, 0.3, 0.3))]
    return section + share * (gaussian_filter(section, window) - section)


KINDS: tuple[Callable[[np.random.Generator, Map, Map, Sequence[Map]], Map], ...]
KINDS = _exchanged, _added, _filtered, _displaced, _blurred
SHARES = 0.2, 0.2, 0.25, 0.2, 0.15
"""Kinds of disturbances, and how often each is made."""


def _piece(rng: np.random.Generator, section: Map, others: Sequence[Map]) -> Map:
    """Piece of another place, of the size of a section: turned, stretched in time, tilted and bent."""
    other = others[int(rng.integers(len(others)))]
    samples, traces = section.shape
    t, x = np.ogrid[:samples, :traces]
    stretch = log_uniform(rng, 0.5, 2)
    bend = rng.normal(0, BEND) * (x - rng.uniform(0, traces)) ** 2 / traces
    row = rng.uniform(0, len(other)) + stretch * t + rng.normal(0, DIP) * x + bend
    column = (rng.integers(other.shape[1]) + rng.choice([-1, 1]) * x) % other.shape[1]
    first = np.floor(row).astype(np.int64)
    rest = (row - first).astype(np.float32)
    upper, lower = (other[k % len(other), column] for k in (first, first + 1))
    piece = upper + rest * (lower - upper)
    if rng.random() < 0.6:
        piece = piece * np.sqrt((section**2).mean() / ((piece**2).mean() + 1e-12))
    return np.float32(rng.choice([-1, 1])) * piece.astype(np.float32)


def field(rng: np.random.Generator, shape: tuple[int, ...], size: tuple[float, ...]) -> NDArray[np.float32]:
    """Smooth Gaussian field of unit standard deviation; ``size`` is that of the window it is smoothed by."""
    values = gaussian_filter(rng.standard_normal(shape).astype(np.float32), size, mode="wrap")
    unit: NDArray[np.float32] = values / (values.std() + np.float32(1e-12))
    return unit


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(max(high, low)))))
