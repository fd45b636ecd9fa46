"""Parts shared by all injections: the section they change, tapered zones, the mask of changed samples."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_erosion, gaussian_filter1d, map_coordinates

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEVERITIES = ("mild", "moderate", "strong")
CHANGED = 0.15
"""Change, in RMS of the section at that depth, from which on a sample counts as anomalous."""
RIM = (4, 2)
"""Samples and traces next to the border of a mask that are its boundary, not its interior."""


@dataclass(frozen=True)
class Host:
    """Untouched panel that receives an anomaly, and the physics it is made with.

    Attributes
    ----------
    amplitude : ndarray (T, X)
        Samples down, traces across.
    interval : float
        Sample interval in seconds.
    wavelet : ndarray
        Zero-phase wavelet of the survey, of odd length and unit peak.
    spacing : float
        Distance between traces in metres.
    velocity : float
        RMS velocity in m/s for diffractions and operators.
    """

    amplitude: Map
    interval: float
    wavelet: Map
    spacing: float = 12.5
    velocity: float = 2500.0

    @property
    def shape(self) -> tuple[int, int]:
        """``(T, X)``."""
        return self.amplitude.shape[0], self.amplitude.shape[1]

    def rms(self) -> Map:
        """RMS amplitude at every depth, (T, 1), smoothed over 31 samples, never below 5 % of the whole."""
        power = gaussian_filter1d(np.mean(self.amplitude**2, axis=1), 31, mode="nearest")
        return np.sqrt(np.maximum(power, 0.0025 * power.mean()))[:, None]


@dataclass(frozen=True)
class Injected:
    """A panel with an anomaly.

    Attributes
    ----------
    amplitude : ndarray (T, X) of float32
    mask : ndarray (T, X) of bool
        Samples changed by more than `CHANGED` times the RMS at their depth.
    interior : ndarray (T, X) of bool
        Those of ``mask`` away from its border; all of them where it is too thin to have an inside.
    """

    amplitude: NDArray[np.float32]
    mask: Mask
    interior: Mask

    @property
    def boundary(self) -> Mask:
        """Changed samples that are not interior."""
        return self.mask & ~self.interior


Injection = Callable[[Host, int, np.random.Generator], Map]
"""Makes the changed panel from its host, a severity (0, 1, 2) and a random generator."""


def compare(host: Host, changed: Map) -> Injected:
    """Put a changed panel and the mask of what has changed together.

    The zero crossings of a change are closed over half a period of the wavelet.
    """
    touched = np.abs(changed - host.amplitude) > CHANGED * host.rms()
    closed = binary_closing(np.pad(touched, 8), np.ones((half_period(host.wavelet), 1)))[8:-8, 8:-8]
    mask = touched | closed
    interior = binary_erosion(mask, np.ones((2 * RIM[0] + 1, 2 * RIM[1] + 1)))
    return Injected(changed.astype(np.float32), mask, interior if interior.any() else mask)


def estimate_wavelet(panels: list[NDArray[np.float32]], samples: int = 31) -> Map:
    """Zero-phase wavelet from the mean amplitude spectrum of panels (T, X), as if reflectivity were white.

    Parameters
    ----------
    panels : list of ndarray (T, X)
        At least one, all of the same T.
    samples : int
        Odd length of the wavelet.
    """
    size = panels[0].shape[0]
    taper = np.hanning(size + 2)[1:-1, None]
    power = np.mean([np.mean(np.abs(np.fft.rfft(p * taper, axis=0)) ** 2, axis=1) for p in panels], axis=0)
    amplitude = np.sqrt(gaussian_filter1d(power, 3))
    pulse = np.fft.fftshift(np.fft.irfft(amplitude, 2 * (len(amplitude) - 1)))
    middle = len(pulse) // 2
    half = samples // 2
    wavelet = pulse[middle - half : middle + half + 1] * np.hanning(samples + 2)[1:-1]
    wavelet -= wavelet.mean() * np.hanning(samples + 2)[1:-1] / np.hanning(samples + 2)[1:-1].mean()
    return wavelet / np.abs(wavelet).max()


def half_period(wavelet: Map) -> int:
    """Samples of half a dominant period, odd and at least 3."""
    spectrum = np.abs(np.fft.rfft(wavelet, 512))
    half = 512 / max(int(spectrum.argmax()), 1) / 2
    return max(int(half) | 1, 3)


def centre(host: Host, rng: np.random.Generator, top: float = 0.15, bottom: float = 0.85) -> tuple[int, int]:
    """Draw a sample and a trace away from the borders of the panel."""
    samples, traces = host.shape
    return int(rng.uniform(top, bottom) * samples), int(rng.uniform(0.2, 0.8) * traces)


def ellipse(shape: tuple[int, int], at: tuple[int, int], half: tuple[float, float]) -> Map:
    """Zone (T, X) that is 1 in the inner half of an ellipse and falls to 0 at its border as a cosine."""
    t, x = np.ogrid[: shape[0], : shape[1]]
    radius = np.hypot((t - at[0]) / half[0], (x - at[1]) / half[1])
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(2 * radius - 1, 0, 1))


def plateau(size: int, first: float, last: float, edge: float) -> Map:
    """One-dimensional zone, 1 within ``[first, last]``, falling to 0 over ``edge`` on either side."""
    position = np.arange(size)
    beyond = np.maximum(np.maximum(first - position, position - last), 0) / max(edge, 1e-9)
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(beyond, 0, 1))


def convolve(reflectivity: Map, wavelet: Map) -> Map:
    """Convolve every trace of a reflectivity (T, X) with a wavelet."""
    size = reflectivity.shape[0] + len(wavelet) - 1
    product = np.fft.rfft(reflectivity, size, axis=0) * np.fft.rfft(wavelet, size)[:, None]
    half = len(wavelet) // 2
    return np.fft.irfft(product, size, axis=0)[half : half + reflectivity.shape[0]]


def reflectivity_of(host: Host, damping: float = 0.01) -> Map:
    r"""Reflectivity by Wiener deconvolution, :math:`\hat r = \bar W X / (|W|^2 + \epsilon \max |W|^2)`."""
    size = host.shape[0] + len(host.wavelet) - 1
    half = len(host.wavelet) // 2
    pulse = np.fft.rfft(np.roll(np.pad(host.wavelet, (0, size - len(host.wavelet))), -half))
    power = np.abs(pulse) ** 2
    spectrum = np.fft.rfft(host.amplitude, size, axis=0)
    estimate = spectrum * (pulse.conj() / (power + damping * power.max()))[:, None]
    return np.fft.irfft(estimate, size, axis=0)[: host.shape[0]]


def delay(amplitude: Map, samples: Map) -> Map:
    """Move every sample down by its own delay (T, X), by cubic interpolation; the borders are repeated."""
    t, x = np.mgrid[: amplitude.shape[0], : amplitude.shape[1]].astype(np.float64)
    return map_coordinates(amplitude, [t - samples, x], order=3, mode="nearest")


def add_events(host: Host, times: Map, strengths: Map) -> Map:
    """Add one reflection a trace at ``times`` (X,), in samples with fractions, of ``strengths`` (X,)."""
    samples, traces = host.shape
    spikes = np.zeros((samples + 1, traces))
    first = np.floor(times).astype(int)
    fraction = times - first
    inside = np.flatnonzero((first >= 0) & (first < samples) & (strengths != 0))
    spikes[first[inside], inside] += (1 - fraction[inside]) * strengths[inside]
    spikes[first[inside] + 1, inside] += fraction[inside] * strengths[inside]
    return host.amplitude + convolve(spikes[:-1], host.wavelet)
