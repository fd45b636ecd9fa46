"""Denoising side by side: `seisflow denoise` and classical ways, on real sections with noise added.

The noise is Gaussian, white or band-limited (a fifth to half of Nyquist, cosine ramps), with 0.25, 0.5 or 1
times the standard deviation of the section.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.evaluation.sections import filling, volve
from seisflow.evaluation.sections.bm3d import BLOCK, bm3d
from seisflow.evaluation.sections.deep_image_prior import deep_image_prior
from seisflow.evaluation.sections.denoisers import fx_deconvolution, median
from seisflow.io import open_section
from seisflow.posterior.cosines import incoherent_spectrum
from seisflow.posterior.denoising import Coherence, denoise_panels, fit_cleaner, level_of, with_level
from seisflow.posterior.pool import gather
from seisflow.runs.provenance import commit, machine

ALASKA_FILE = "fields/alaska_poststack.npy"
LEVELS = (0.5, 1.0, 0.25)
BENCHMARK_STEPS = 100
"""Steps of learning from each noisy section: a third of the command's, since there are eighteen."""
BAND = (0.2, 0.5)
"""Pass band of band-limited noise, in shares of Nyquist."""
RAMP = 0.05
WAYS = ("seisflow denoise", "seisflow denoise, level given")
PRIOR_STEPS = 400
"""Steps of the deep image prior, in about the time of `seisflow denoise` or more."""


def sections(data: Path) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Name, a panel (T, X) to tune on and one to clean."""
    alaska = np.load(data / ALASKA_FILE).astype(np.float64)
    yield "Alaska stack", alaska[:, :128], alaska[:, 128:]
    line = np.load(data / filling.F3_FILE).T.astype(np.float64)
    yield "F3 line", line[:, : filling.F3_TRAIN], line[:, filling.F3_TRAIN :]
    survey = open_section(data / "segy" / volve.FILE)
    first, test = (survey["amplitude"].sel(inline=i).to_numpy().T.astype(np.float64) for i in (10110, 10145))
    yield volve.DATASET, first, test


def noise_like(x: NDArray[np.float64], kind: str, level: float, seed: int) -> NDArray[np.float64]:
    """Gaussian noise of ``level`` times the standard deviation of a panel (T, X)."""
    white = np.random.default_rng(seed).standard_normal(x.shape)
    if kind == "white":
        return level * x.std() * white
    place = np.fft.rfftfreq(len(x)) * 2
    edges = np.minimum(place - BAND[0], BAND[1] - place) / RAMP
    response = 0.5 - 0.5 * np.cos(np.pi * np.clip(edges + 0.5, 0, 1))
    coloured = np.fft.irfft(np.fft.rfft(white, axis=0) * response[:, None], len(x), axis=0)
    return level * x.std() * coloured / coloured.std()


def psnr(true: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Peak signal-to-noise ratio in dB; the peak is the largest absolute amplitude."""
    return float(20 * np.log10(np.abs(true).max()) - 10 * np.log10(np.mean((true - found) ** 2)))


def results(
    data: Path, *, seed: int, command: str, recorded: Callable[[str, str], bool], steps: int = BENCHMARK_STEPS
) -> Iterator[dict[str, Any]]:
    """Add noise, clean in every way, and measure against the section as it was."""
    for level, kind in product(LEVELS, ("white", "band-limited")):
        for name, tuning, true in sections(data):
            noisy = true + noise_like(true, kind, level, seed)
            first = tuning + noise_like(tuning, kind, level, seed + 1)
            about: dict[str, Any] = {
                "experiment": "denoise",
                "dataset": f"{name}, {kind} noise of {level:g} std",
                "protocol": "noise added to a real section; classical ways tuned on another part of it",
                "metric": "PSNR (dB)",
                "seed": seed,
                "noisy": round(psnr(true, noisy), 2),
                "machine": machine(),
                "commit": commit(),
                "command": command,
            }
            given = level * float(true.std())
            for way, options, clean in (*_classical(tuning, first), *_untuned(given, noisy, seed)):
                if recorded(about["dataset"], way):
                    continue
                begin = time.perf_counter()
                found = clean(noisy)
                seconds = round(time.perf_counter() - begin, 1)
                value = round(psnr(true, found), 2)
                yield about | {"model": way, "options": options, "value": value, "seconds": seconds}
            if recorded(about["dataset"], WAYS[-1]):
                continue
            begin = time.perf_counter()
            section = as_section(noisy)
            estimated = fit_cleaner(section, steps=steps, seed=seed)
            for way, cleaner in (
                (WAYS[0], estimated),
                (WAYS[1], with_level(estimated, given)),
            ):
                (one,) = denoise_panels(section, cleaner)
                sums = Coherence()
                sums.add(one)
                yield about | {
                    "model": way,
                    "options": f"{steps} steps",
                    "value": round(psnr(true, one.amplitude.astype(np.float64)), 2),
                    "seconds": round(time.perf_counter() - begin, 1),
                    "estimated_level": round(estimated.level / given, 3),
                    "coherence_of_removed": round(sums.of("removed"), 3),
                    "coherence_of_input": round(sums.of("input"), 3),
                }


def as_section(panel: NDArray[np.float64]) -> xr.Dataset:
    """A panel (T, X) as a line."""
    return xr.Dataset(
        {"amplitude": (("trace", "time"), np.ascontiguousarray(panel.T, dtype=np.float32))},
        coords={"trace": np.arange(1, panel.shape[1] + 1), "time": ("time", 4.0 * np.arange(len(panel)))},
    )


def _classical(
    true: NDArray[np.float64], noisy: NDArray[np.float64]
) -> Iterator[tuple[str, str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]]:
    """Each way with its name and the options that are best on the tuning part."""
    grids: dict[str, list[tuple[str, Callable[..., NDArray[np.float64]]]]] = {
        "median": [(f"{traces} traces", partial(median, traces=traces)) for traces in (3, 5, 9)],
        "f-x deconvolution": [
            (f"order {order}, windows {size}", partial(fx_deconvolution, order=order, size=size))
            for order in (4, 8, 12)
            for size in ((64, 64), (128, 64))
        ],
    }
    for name, choices in grids.items():
        values = [psnr(true, clean(noisy)) for _, clean in choices]
        yield name, *choices[int(np.argmax(values))]


def _untuned(
    given: float, noisy: NDArray[np.float64], seed: int
) -> Iterator[tuple[str, str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]]:
    """BM3D, told the standard deviation of the noise or as `denoise` estimates it, and a deep image prior."""
    pool = gather(as_section(noisy), seed=seed)
    estimated = pool.std * level_of(incoherent_spectrum(pool.pieces))
    for way, level in (("BM3D, level given", given), ("BM3D, level estimated", estimated)):
        yield way, "white", partial(bm3d, variance=np.full((BLOCK, BLOCK), level**2))
    yield (
        "deep image prior",
        f"{PRIOR_STEPS} steps",
        partial(deep_image_prior, steps=PRIOR_STEPS, seed=seed),
    )
