"""Filling side by side: `seisflow.fill`, a U-Net of squared error and classical ways, on the same traces."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow.evaluation.sections import volve
from seisflow.evaluation.sections.interpolators import FxGaussian, linear, pocs, rank_reduction
from seisflow.io import open_section, select
from seisflow.patches import Block, panel_index
from seisflow.posterior.filler import STEPS, fit
from seisflow.posterior.filling import fill_panels
from seisflow.posterior.learning import ranked_probability_score
from seisflow.posterior.noise import noise_spectrum
from seisflow.posterior.pool import gather
from seisflow.posterior.spectra import mean_power
from seisflow.runs.provenance import commit, machine

F3_FILE, F3_TRAIN, F3_INTERVAL = "fields/f3_line.npy", 475, 4.0
VOLVE_TEST = (10140, 10145, 10150)
GAP, GAP_EVERY = 8, 64
"""Traces of a gap, and from one gap to the next."""
TUNING_TRACES = 192
HALF_WIDTH = 1.6448536
"""Half width of an interval that holds 90 % of a Gaussian, in its standard deviations."""

Filling = Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]]


@dataclass(frozen=True)
class Task:
    """Lines to learn from and lines to fill.

    Attributes
    ----------
    name : str
    train, test : xr.Dataset
    protocol : str
    """

    name: str
    train: xr.Dataset
    test: xr.Dataset
    protocol: str


def tasks(data: Path) -> Iterator[Task]:
    """The right half of an F3 line, and Volve test inlines."""
    line = open_section(data / F3_FILE, dt=F3_INTERVAL)
    yield Task(
        "F3 line",
        line.isel(trace=slice(0, F3_TRAIN)),
        line.isel(trace=slice(F3_TRAIN, None)),
        f"learned and tuned on traces 1-{F3_TRAIN}, tested on the others",
    )
    survey = open_section(data / "segy" / volve.FILE)
    yield Task(
        volve.DATASET,
        select(survey, [volve.TRAIN]),
        survey.sel(inline=list(VOLVE_TEST)),
        f"learned and tuned on {volve.TRAIN}, tested on inlines {', '.join(map(str, VOLVE_TEST))}",
    )


def missing_traces(kind: str, traces: int, seed: int) -> NDArray[np.bool_]:
    """Half of the traces at random, or gaps of 8 every 64."""
    missing = np.zeros(traces, bool)
    if kind == "random":
        missing[np.random.default_rng(seed).permutation(traces)[: traces // 2]] = True
    else:
        for first in range(28, traces - GAP, GAP_EVERY):
            missing[first : first + GAP] = True
    return missing


def results(
    data: Path, *, seed: int, command: str, recorded: Callable[[str, str], bool]
) -> Iterator[dict[str, Any]]:
    """Fill what is missing in every way that is not recorded, and measure on the missing traces."""
    for task in tasks(data):
        train, test = lines_of(task.train), lines_of(task.test)
        some = [train[len(train) // 2][:, :TUNING_TRACES]]  # what classical ways are tuned on
        for kind in ("random", "gap"):
            missing = [missing_traces(kind, line.shape[1], seed + i) for i, line in enumerate(test)]
            tuning = [missing_traces(kind, line.shape[1], seed + 100 + i) for i, line in enumerate(some)]
            about: dict[str, Any] = {
                "experiment": "fill",
                "dataset": f"{task.name}, {'half of the traces' if kind == 'random' else 'gaps of 8'}",
                "protocol": task.protocol,
                "metric": "SNR over missing traces (dB)",
                "seed": seed,
                "machine": machine(),
                "commit": commit(),
                "command": command,
            }
            for name, score in LEARNED.items():
                if recorded(about["dataset"], name):
                    continue
                begin = time.perf_counter()
                means, stds, limit = _learned(task, missing, seed, score)
                seconds = time.perf_counter() - begin
                one = measure(test, missing, means, stds)
                one |= {"model": name, "options": f"{STEPS} steps", "seconds": round(seconds, 1)}
                if score is None:
                    one["limit"] = round(limit, 2)
                yield about | one
            ways = [name for name in WAYS if not recorded(about["dataset"], name)]
            for name, options, filling in _classical(ways, train, some, tuning):
                begin = time.perf_counter()
                means = [filling(line, gone) for line, gone in zip(test, missing, strict=True)]
                seconds = time.perf_counter() - begin
                stds = _spread(filling, some, tuning, test)
                one = measure(test, missing, means, stds)
                yield about | one | {"model": name, "options": options, "seconds": round(seconds, 1)}


def measure(
    lines: list[NDArray[np.float64]],
    missing: list[NDArray[np.bool_]],
    means: list[NDArray[np.float64]],
    stds: list[NDArray[np.float64]],
) -> dict[str, Any]:
    """SNR in dB, share of samples in 90 % intervals and mean score, relative to the amplitudes' std."""
    x, mean, std = (
        np.concatenate([part[:, gone].ravel() for part, gone in zip(parts, missing, strict=True)])
        for parts in (lines, means, stds)
    )
    rms = float(np.sqrt(np.mean(x**2)))
    error = x - mean
    used = (std > 0) & (x != 0)  # mutes are filled with zeros and have nothing to be sure of
    tensors = (torch.from_numpy(v[used]) for v in (x, mean, std))
    return {
        "value": round(float(-10 * np.log10(np.mean(error**2) / rms**2)), 3),
        "coverage": round(float((np.abs(error[used]) <= HALF_WIDTH * std[used]).mean()), 4),
        "score": round(float(ranked_probability_score(*tensors).mean()) / rms, 4),
        "samples": len(x),
    }


def lines_of(section: xr.Dataset) -> list[NDArray[np.float64]]:
    """Panels (T, X) of a section, with zeros where nothing is known."""
    amplitude = section["amplitude"].to_numpy()
    return [np.nan_to_num(amplitude[lead]).T.astype(np.float64) for lead in panel_index(section)]


def squared(x: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Squared error: what a U-Net that tells no spread is trained for."""
    return (x - mean).square() + 0 * std


def _classical(
    ways: list[str],
    train: list[NDArray[np.float64]],
    some: list[NDArray[np.float64]],
    tuning: list[NDArray[np.bool_]],
) -> Iterator[tuple[str, str, Filling]]:
    """Each way with its name and the options that are best on training lines."""
    if "linear" in ways:
        yield "linear", "", linear
    sizes = ((64, 32), (64, 64), (128, 64))
    grids: dict[str, list[tuple[str, Filling]]] = {
        "f-k POCS": [
            (f"windows {size}, lowest {lowest}", _bound(pocs, size=size, lowest=lowest))
            for size, lowest in product(sizes[1:2], (0.05, 0.1))
        ],
        "f-x Gaussian": [
            (f"windows {size}, nugget {nugget}", FxGaussian(train, size=size, nugget=nugget))
            for size, nugget in product(sizes[:2], (0.003, 0.01, 0.03))
        ],
        "rank reduction": [
            (f"windows {size}, rank {rank}", _bound(rank_reduction, size=size, rank=rank))
            for size, rank in product(((64, 32),), (1, 2))
        ],
    }
    for name in [name for name in grids if name in ways]:
        choices = grids[name]
        found = [
            sum(
                np.sum(np.square((filling(line, gone) - line)[:, gone]))
                for line, gone in zip(some, tuning, strict=True)
            )
            for _, filling in choices
        ]
        yield name, *choices[int(np.argmin(found))]


WAYS = ("linear", "f-k POCS", "f-x Gaussian", "rank reduction")
LEARNED: dict[str, Any] = {"seisflow fill": None, "U-Net, squared error": squared}


def _bound(function: Callable[..., NDArray[np.float64]], **options: Any) -> Filling:
    return lambda panel, missing: function(panel, missing, **options)


def _spread(
    filling: Filling,
    some: list[NDArray[np.float64]],
    tuning: list[NDArray[np.bool_]],
    test: list[NDArray[np.float64]],
) -> list[NDArray[np.float64]]:
    """Standard deviation of the errors at each depth, smoothed over 32 samples, on training lines."""
    errors = [
        np.square(filling(line, gone) - line)[:, gone].mean(1)
        for line, gone in zip(some, tuning, strict=True)
    ]
    by_depth = np.convolve(np.pad(np.mean(errors, 0), 16, mode="edge"), np.ones(33) / 33, mode="valid")
    return [np.repeat(np.sqrt(by_depth)[:, None], line.shape[1], axis=1) for line in test]


def _learned(
    task: Task, missing: list[NDArray[np.bool_]], seed: int, score: Any
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], float]:
    """Fill by a network as `seisflow.fill` does; also the SNR that noise alone would leave."""
    gone = np.stack(missing) if len(task.test["amplitude"].shape) > 2 else missing[0]
    section = task.test.assign(amplitude=task.test["amplitude"].load().where(~_like(task.test, gone)))
    filler = fit(section, others=[(task.train, [Block()])], steps=STEPS, seed=seed, **(
        {} if score is None else {"score": score}
    ))  # fmt: skip
    nothing = np.zeros(gone.shape, bool)
    filled = list(fill_panels(section, filler, nothing))
    noise = noise_spectrum(filler.network, gather(task.train, seed=seed).pieces[:8])
    limit = -10 * np.log10(mean_power(noise, axis=1).mean()) if score is None else 0.0
    means, stds = ([getattr(one, name).astype(np.float64) for one in filled] for name in ("amplitude", "std"))
    return means, stds, float(limit)


def _like(section: xr.Dataset, gone: NDArray[np.bool_]) -> xr.DataArray:
    return xr.DataArray(gone, dims=section["amplitude"].dims[:-1])
