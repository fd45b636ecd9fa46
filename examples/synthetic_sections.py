"""Draw random sections, as many as wanted: layers, folds, faults, unconformities, hyperbolas and noise.

`train_infill.py` and `train_denoiser.py` learn from them besides real lines. Each is a new survey: wavelet,
reflectivity, structure and noise are drawn anew.

    python examples/synthetic_sections.py sections.png
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from seisflow import plotting

Array = NDArray[np.float64]

SHAPE = (384, 160)
"""Samples and traces."""
BEYOND = 300
"""Samples of reflectivity above and below the section, that structure may bring into it."""
FINER = 4
"""Samples of a reflectivity to one of the section, between which it is interpolated linearly."""
STEEPEST = 40.0
"""Exponent at which a logistic function ends."""


def draw_section(rng: np.random.Generator, shape: tuple[int, int] = SHAPE) -> NDArray[np.float32]:
    """Draw a section (T, X) of standard deviation 1."""
    samples, traces = shape
    source = structure(rng, shape)
    first, second = (reflectivity(rng, samples + 2 * BEYOND) for _ in range(2))
    # One layering turns into another along the line: reflections end, and begin.
    change = smooth_field(rng, shape, (rng.uniform(10, 60), log_uniform(rng, 5, 80)))
    share = 1 / (1 + np.exp(-3 * (change - rng.uniform(-0.5, 3))))
    pulse = wavelet(rng)
    section = (1 - share) * placed(first, pulse, source) + share * placed(second, pulse, source)
    section /= section.std() + 1e-12
    if rng.random() < 0.35:
        section = with_unconformity(rng, section, pulse)
    if rng.random() < 0.3:
        section = with_hyperbolas(rng, section, pulse)
    section /= section.std() + 1e-12
    gain = smooth_field_of(rng, shape)
    section *= gain
    if rng.random() < 0.5:
        section *= np.exp(rng.normal(0, 0.06, traces))
    section = section / section.std() + noise(rng, shape, pulse)
    return (section / section.std()).astype(np.float32)


def structure(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Depth (T, X), in samples, that each sample of a section comes from: dip, folds and faults."""
    samples, traces = shape
    t, x = np.arange(samples)[:, None].astype(float), np.arange(traces)[None].astype(float)
    dip, thickening = rng.normal(0, rng.choice([0.1, 0.4, 1.0])), rng.normal(0, 0.5)
    moved = dip * (x - traces / 2) * (1 + thickening * (t / samples - 0.5))
    for _ in range(rng.integers(1, 4)):
        width = log_uniform(rng, 8, 80)
        height = rng.exponential(1.0) * min(width / 10, 4)
        upper, lower = (smooth_line(rng, traces, width) for _ in range(2))
        ramp = gaussian_filter1d(rng.standard_normal(samples + 400), 60)[200 : 200 + samples]
        ramp = 0.5 + 0.5 * np.tanh(3 * ramp / (ramp.std() + 1e-9))
        moved += height * (upper * ramp[:, None] + lower * (1 - ramp[:, None]))
    source = t - moved
    if rng.random() < 0.6:
        for _ in range(rng.integers(1, 5)):
            throw, place, slope = rng.normal(0, 6), rng.uniform(0, traces), rng.normal(0, 0.25)
            beside = logistic((x - place - slope * (t - samples / 2)) / rng.uniform(0.1, 0.8))
            if rng.random() < 0.5:
                source = source - throw * beside
            else:
                end = logistic((t - rng.uniform(0, samples)) / 15 * rng.choice([-1, 1]))
                source = source - throw * beside * end
    return source


def reflectivity(rng: np.random.Generator, samples: int) -> Array:
    """Layers: some reflect much, most little, and whole packages are quiet."""
    values = rng.standard_normal(samples) * np.abs(rng.standard_normal(samples)) ** rng.uniform(0.5, 2)
    values = values * (rng.random(samples) < rng.uniform(0.1, 1))
    quiet = gaussian_filter1d(rng.standard_normal(samples), rng.uniform(8, 40), mode="wrap")
    loudness: Array = np.clip(np.exp(0.7 * quiet * np.sqrt(2 * 20)), 0.1, 5)
    return values * loudness


def wavelet(rng: np.random.Generator) -> Array:
    """Band-limited wavelet of any phase, 128 samples."""
    samples = 128
    frequency = np.fft.rfftfreq(samples)
    low = rng.uniform(0.0, 0.05)
    high = max(log_uniform(rng, 0.07, 0.35), low + 0.04)
    soft = rng.uniform(0.2, 1.0)
    rise = 1 / (1 + np.exp(-(frequency - low) / (0.01 + 0.02 * soft)))
    fall = 1 / (1 + np.exp((frequency - high) / (0.01 + 0.06 * soft)))
    spectrum = rise * fall * (frequency + 0.01) ** rng.uniform(-0.8, 0.4)
    spectrum[0] *= 0.1
    phase = rng.uniform(-np.pi, np.pi) + rng.normal(0, 2) * frequency * 2 * np.pi
    pulse: Array = np.fft.irfft(spectrum * np.exp(1j * phase), samples)
    return np.roll(pulse, samples // 2)


def placed(layers: Array, pulse: Array, source: Array) -> Array:
    """Convolve layers, and take their values at the depths that samples come from."""
    trace = np.convolve(layers, pulse, "same")
    trace -= trace.mean()
    spectrum = np.zeros(FINER * len(trace) // 2 + 1, complex)
    spectrum[: len(trace) // 2 + 1] = np.fft.rfft(trace)
    fine = FINER * np.fft.irfft(spectrum, FINER * len(trace))
    place = np.clip((source + BEYOND) * FINER, 0, len(fine) - 2)
    before = place.astype(int)
    rest = place - before
    return np.asarray((1 - rest) * fine[before] + rest * fine[before + 1])


def with_unconformity(rng: np.random.Generator, section: Array, pulse: Array) -> Array:
    """Put another structure below an uneven surface."""
    samples, traces = section.shape
    edge = (
        rng.uniform(0.2, 0.9) * samples
        + 10 * smooth_field(rng, (traces,), (rng.uniform(8, 50),)) * rng.uniform(0, 1.5)
        + rng.normal(0, 0.3) * (np.arange(traces) - traces / 2)
    )
    source = structure(rng, section.shape)
    below = placed(reflectivity(rng, samples + 2 * BEYOND), pulse, source)
    below *= rng.uniform(0.3, 1.5) / (below.std() + 1e-12)
    share = logistic((np.arange(samples)[:, None] - edge) / 1.5)
    return (1 - share) * section + share * below


def with_hyperbolas(rng: np.random.Generator, section: Array, pulse: Array) -> Array:
    """Add diffractions, or reflections of a gather."""
    samples, traces = section.shape
    velocity = log_uniform(rng, 0.5, 4)  # traces a sample
    reach = np.inf if rng.random() < 0.4 else rng.uniform(8, 40)
    spikes = np.zeros(section.shape)
    for _ in range(rng.integers(1, 25)):
        top, apex = rng.uniform(0, samples), rng.uniform(-0.2, 1.2) * traces
        offset = np.arange(traces) - (-10.0 if np.isinf(reach) else apex)
        depth, above = (top, 0) if np.isinf(reach) else (20, top - 20)
        time = above + np.sqrt(depth**2 + (offset / velocity) ** 2)
        amplitude = rng.normal() * np.exp(-0.5 * (offset / reach) ** 2)
        first = np.floor(time).astype(int)
        for rows, share in ((first, 1 - (time - first)), (first + 1, time - first)):
            inside = (rows >= 0) & (rows < samples)
            spikes[rows[inside], np.arange(traces)[inside]] += (amplitude * share)[inside]
    added = np.apply_along_axis(np.convolve, 0, spikes, pulse, "same")
    return section * rng.uniform(0.2, 1) + added / (added.std() + 1e-9) * rng.uniform(0.2, 1.2)


def noise(rng: np.random.Generator, shape: tuple[int, int], pulse: Array) -> Array:
    """White, or of the band of the wavelet; some of it alike on neighbouring traces."""
    level = rng.choice([0.02, 0.1, 0.2, 0.4]) * rng.uniform(0.5, 1.5)
    values = rng.standard_normal(shape)
    if rng.random() < 0.6:
        values = np.apply_along_axis(np.convolve, 0, values, pulse, "same")
    if rng.random() < 0.4:
        values = gaussian_filter1d(values, rng.uniform(0.4, 1.2), axis=1)
    return np.asarray(level * values / values.std())


def smooth_field_of(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Gain that changes slowly over a section."""
    strength = rng.uniform(0, 0.6)
    return np.asarray(np.exp(strength * smooth_field(rng, shape, (rng.uniform(15, 60), rng.uniform(10, 60)))))


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], widths: tuple[float, ...]) -> Array:
    """Gaussian noise of such a correlation length along each axis, of standard deviation 1."""
    values = gaussian_filter(rng.standard_normal(shape), widths, mode="wrap")
    return np.asarray(values / (values.std() + 1e-12))


def smooth_line(rng: np.random.Generator, traces: int, width: float) -> Array:
    """The same along one line, whose ends do not meet."""
    far = 4 * int(width) + 4
    values = gaussian_filter1d(rng.standard_normal(traces + 2 * far), width)[far:][:traces]
    return np.asarray(values / (values.std() + 1e-9))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def logistic(x: Array) -> Array:
    """Rise from 0 to 1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -STEEPEST, STEEPEST))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=18)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    sections = np.stack([draw_section(rng) for _ in range(arguments.count)])
    plotting.save(plotting.draw_gallery(sections[:, None], title="Synthetic"), arguments.output)


if __name__ == "__main__":
    main()
