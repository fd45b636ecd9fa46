"""Mean amplitude spectra of patches, and the filter that gives draws those of training patches."""

import numpy as np
from numpy.typing import NDArray

from seisflow.models.sample_matching import SampleMatching

ROUNDS = 5
"""Turns of matching both spectra, each of which changes the other a little."""
MOST_GAIN = 30.0
LEAST_SIGNAL = 0.01
"""Part of an amplitude that is not dither, at least."""

Patches = NDArray[np.float32]


def match_spectra(
    matching: SampleMatching, drawn: Patches, training: Patches, dither: float = 0.0
) -> SampleMatching:
    """Return a matching whose filter gives drawn patches the mean spectra of training patches.

    Parameters
    ----------
    matching : SampleMatching
        Whose range stays as it is.
    drawn : ndarray, (N, 1, H, W)
        Patches that it keeps.
    training : ndarray, (M, 1, H, W)
    dither : float
        Width of the dither that is added after the filter.
    """
    gains = [np.ones(drawn.shape[2]), np.ones(drawn.shape[3])]
    found = matching
    for _ in range(ROUNDS):
        for axis, gain in enumerate(gains, start=1):
            gain *= missing_gain(found.filter(drawn), training, axis, dither)
            gain.clip(1 / MOST_GAIN, MOST_GAIN, out=gain)
            found = found.model_copy(
                update={"time_gain": gains[0].round(5).tolist(), "trace_gain": gains[1].round(5).tolist()}
            )
    return found


def missing_gain(drawn: Patches, training: Patches, axis: int, dither: float) -> NDArray[np.float64]:
    """Gain of drawn patches (N, 1, H, W), with dither to come, by the frequencies of a cosine transform.

    Along time (axis 1), (H,), or across traces (axis 2), (W,).
    """
    now, wanted = (mean_spectrum(some[:, 0], axis) for some in (drawn, training))
    added = mean_spectrum(dither_noise(training.shape, dither, (0,))[:, 0], axis)
    wanted = np.sqrt(np.maximum(wanted**2 - added**2, (LEAST_SIGNAL * wanted) ** 2))
    known = (now > 0) & (wanted > 0)
    ratio = np.divide(wanted, now, out=np.ones_like(now), where=known)
    return np.interp(np.arange(drawn.shape[axis + 1]) / 2, np.arange(len(ratio)), ratio)


def dither_noise(shape: tuple[int, ...], width: float, seed: tuple[int, ...]) -> Patches:
    """Uniform noise of that width about 0. Patch k is the same, however many follow it."""
    # apart from other noise of the same seed
    random = np.random.default_rng((*seed, 2**31 - 1)).random(shape, np.float32)
    return (random - np.float32(0.5)) * np.float32(width)


def mean_spectrum(patches: NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """Mean amplitude spectrum of patches (N, H, W) along time (axis 1) or traces (axis 2), Hann taper."""
    shape = [1, 1, 1]
    shape[axis] = patches.shape[axis]
    taper = np.hanning(patches.shape[axis] + 2)[1:-1].reshape(shape)
    spectra = np.abs(np.fft.rfft(patches * taper, axis=axis))
    return spectra.mean(axis=tuple({0, 1, 2} - {axis}))
