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
from seisflow.evaluation.sections.neighbouring_lines import predicted_by_neighbours
from seisflow.io import open_section, select
from seisflow.patches import Block, panel_index
from seisflow.posterior.adapt import STEPS
from seisflow.posterior.fill_tiles import fill_panels
from seisflow.posterior.filler import fit
from seisflow.posterior.intervals import HALF_WIDTH
from seisflow.posterior.learning import ranked_probability_score
from seisflow.posterior.noise import measure_noise
from seisflow.posterior.pool import gather
from seisflow.posterior.spectra import mean_power
from seisflow.runs.provenance import commit, machine

F3_FILE, F3_TRAIN, F3_INTERVAL = "fields/f3_line.npy", 475, 4.0
VOLVE_TEST = (10140, 10145, 10150)
GAP, GAP_EVERY = 8, 64
"""Traces of a gap, and from one gap to the next."""
TUNING_TRACES = 192
"""Traces of a training line that options are chosen on."""
CLASSICAL = ("linear", "f-k POCS", "f-x Gaussian", "rank reduction")
LEARNED = ("seisflow fill", "U-Net, squared error")
SMOOTHED = 33
"""Samples over which the errors of classical ways are averaged, by depth, for their intervals."""

Filling = Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]]


@dataclass(frozen=True)
class Task:
    """Lines to learn from and lines to fill.

    Attributes
    ----------
    name : str
    train, test : xr.Dataset
    protocol : str
    cube : xr.Dataset
        Neighbouring lines of the survey, none of them a test line.
    """

    name: str
    train: xr.Dataset
    test: xr.Dataset
    protocol: str
    cube: xr.Dataset


def tasks(data: Path) -> Iterator[Task]:
    """The right half of an F3 line, and Volve test inlines."""
    line = open_section(data / F3_FILE, dt=F3_INTERVAL)
    yield Task(
        "F3 line",
        line.isel(trace=slice(0, F3_TRAIN)),
        line.isel(trace=slice(F3_TRAIN, None)),
        f"learned and tuned on traces 1-{F3_TRAIN}, tested on the others",
        open_section("f3-sample"),
    )
    survey = open_section(data / "segy" / volve.FILE)
    train = select(survey, [volve.TRAIN])
    yield Task(
        volve.DATASET,
        train,
        survey.sel(inline=list(VOLVE_TEST)),
        f"learned and tuned on {volve.TRAIN}, tested on inlines {', '.join(map(str, VOLVE_TEST))}",
        train,
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
    cases = [Case(task, kind, seed) for task in tasks(data) for kind in ("random", "gap")]
    steps = [(case, ways) for case in cases for ways in (LEARNED[:1], CLASSICAL)]
    for case, ways in [*steps, *((case, LEARNED[1:]) for case in cases)]:
        about = {
            "experiment": "fill",
            "dataset": case.name,
            "protocol": case.task.protocol,
            "metric": "SNR over missing traces (dB)",
            "seed": seed,
            "machine": machine(),
            "commit": commit(),
            "command": command,
        }
        wanted = [name for name in ways if not recorded(case.name, name)]
        for one in (_classical if ways is CLASSICAL else _learned)(case, wanted):
            yield about | one


class Case:
    """Lines to fill, those to tune on, and which of their traces are missing.

    Parameters
    ----------
    task : Task
    kind : str
        "random" or "gap".
    seed : int
    """

    def __init__(self, task: Task, kind: str, seed: int) -> None:
        self.task = task
        self.seed = seed
        self.name = f"{task.name}, {'half of the traces' if kind == 'random' else 'gaps of 8'}"
        self.train, self.test = lines_of(task.train), lines_of(task.test)
        self.missing = [missing_traces(kind, line.shape[1], seed + i) for i, line in enumerate(self.test)]
        self.tuning = self.train[len(self.train) // 2][:, :TUNING_TRACES]
        self.hidden = missing_traces(kind, self.tuning.shape[1], seed + 100)


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


def std_by_depth(squared_errors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Standard deviation (T,) of errors, from their mean squares (T,) averaged over samples."""
    padded = np.pad(squared_errors, SMOOTHED // 2, mode="edge")
    std: NDArray[np.floating] = np.sqrt(np.convolve(padded, np.ones(SMOOTHED) / SMOOTHED, mode="valid"))
    return std


def lines_of(section: xr.Dataset) -> list[NDArray[np.float64]]:
    """Panels (T, X) of a section, with zeros where nothing is known."""
    amplitude = section["amplitude"].to_numpy()
    return [np.nan_to_num(amplitude[lead]).T.astype(np.float64) for lead in panel_index(section)]


def squared(x: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Squared error: what a U-Net that tells no spread is trained for."""
    return (x - mean).square() + 0 * std


def _classical(case: Case, wanted: list[str]) -> Iterator[dict[str, Any]]:
    """Each way with the options that are best on training lines."""
    sizes = ((64, 32), (64, 64))
    grids: dict[str, Callable[[], list[tuple[str, Filling]]]] = {
        "linear": lambda: [("", linear)],
        "f-k POCS": lambda: [
            (f"windows {sizes[1]}, lowest {lowest}", _bound(pocs, size=sizes[1], lowest=lowest))
            for lowest in (0.05, 0.1)
        ],
        "f-x Gaussian": lambda: [
            (f"windows {size}, nugget {nugget}", FxGaussian(case.train, size=size, nugget=nugget))
            for size, nugget in product(sizes, (0.003, 0.01, 0.03))
        ],
        "rank reduction": lambda: [
            (f"windows {sizes[0]}, rank {rank}", _bound(rank_reduction, size=sizes[0], rank=rank))
            for rank in (1, 2)
        ],
    }
    for name in wanted:
        choices = grids[name]()
        errors = [
            np.square(filling(case.tuning, case.hidden) - case.tuning)[:, case.hidden]
            for _, filling in choices
        ]
        best = int(np.argmin([error.sum() for error in errors]))
        options, filling = choices[best]
        begin = time.perf_counter()
        means = [filling(line, gone) for line, gone in zip(case.test, case.missing, strict=True)]
        seconds = round(time.perf_counter() - begin, 1)
        std = std_by_depth(errors[best].mean(1))[:, None]
        stds = [np.broadcast_to(std, line.shape) for line in case.test]
        yield measure(case.test, case.missing, means, stds) | {
            "model": name,
            "options": options,
            "seconds": seconds,
        }


def _bound(function: Callable[..., NDArray[np.float64]], **options: Any) -> Filling:
    return lambda panel, missing: function(panel, missing, **options)


def _learned(case: Case, wanted: list[str]) -> Iterator[dict[str, Any]]:
    """Fill by a network as `seisflow.fill` does; the command's tells what noise and neighbours leave."""
    task = case.task
    gone = np.stack(case.missing) if task.test["amplitude"].ndim > 2 else case.missing[0]
    where = xr.DataArray(gone, dims=task.test["amplitude"].dims[:-1])
    section = task.test.assign(amplitude=task.test["amplitude"].load().where(~where))
    for name in wanted:
        begin = time.perf_counter()
        score = squared if name == LEARNED[1] else None
        filler = fit(section, others=[(task.train, [Block()])], steps=STEPS, seed=case.seed, score=score)
        filled = list(fill_panels(section, filler, np.zeros(gone.shape, bool)))
        seconds = round(time.perf_counter() - begin, 1)
        means, stds = (
            [getattr(one, part).astype(np.float64) for one in filled] for part in ("amplitude", "std")
        )
        one = measure(case.test, case.missing, means, stds)
        one |= {"model": name, "options": f"{STEPS} steps", "seconds": seconds}
        if score is None:
            noise = measure_noise(filler.network, gather(task.train, seed=case.seed).pieces[:4]).spectrum
            one["limit"] = round(float(-10 * np.log10(mean_power(noise, axis=1).mean())), 2)
            lines = np.stack(lines_of(task.cube))
            one["neighbours"] = [round(predicted_by_neighbours(lines, own=own), 2) for own in (False, True)]
        yield one
