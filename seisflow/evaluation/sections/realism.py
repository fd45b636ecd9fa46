"""Realism of generated patches: spectra and histograms, beside the difference between real ones."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from seisflow.generation.spectra import mean_spectrum

HISTOGRAM_SAMPLES = 200_000


@dataclass(frozen=True)
class Difference:
    """Distance between two sets of patches.

    Attributes
    ----------
    time_spectrum_db, trace_spectrum_db : float
        Root mean square, over frequency or wavenumber, of the difference in dB between mean amplitude
        spectra along time and across traces (Hann taper).
    histogram : float
        Wasserstein-1 distance between the amplitude distributions, in standard deviations of the first set.
    """

    time_spectrum_db: float
    trace_spectrum_db: float
    histogram: float


def difference(a: NDArray[np.float32], b: NDArray[np.float32], seed: int = 0) -> Difference:
    """Compare two sets of patches (N, H, W) and (M, H, W)."""
    rng = np.random.default_rng(seed)
    some = [rng.choice(x.ravel(), min(x.size, HISTOGRAM_SAMPLES), replace=False) for x in (a, b)]
    return Difference(
        _decibels(mean_spectrum(a, axis=1), mean_spectrum(b, axis=1)),
        _decibels(mean_spectrum(a, axis=2), mean_spectrum(b, axis=2)),
        float(wasserstein_distance(*some) / a.std()),
    )


def compare(
    generated: NDArray[np.float32], real: NDArray[np.float32], other: NDArray[np.float32]
) -> dict[str, dict[str, float]]:
    """Differences of generated patches, and of ``other`` real ones, from ``real``; and their ratio."""
    made, natural = asdict(difference(real, generated)), asdict(difference(real, other))
    ratio = {name: made[name] / natural[name] for name in made}
    return {"generated - real": made, "real - real": natural, "ratio": ratio}


def _decibels(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((20 * np.log10(b / a)) ** 2)))
