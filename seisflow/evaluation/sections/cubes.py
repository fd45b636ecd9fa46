"""Filling of a cube, along its lines and across them, beside linear interpolation both ways."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from seisflow.evaluation.sections import volve
from seisflow.evaluation.sections.filling import GAP, measure, missing_traces, std_by_depth
from seisflow.io import open_section, select
from seisflow.patches import Block
from seisflow.posterior.adapt import STEPS
from seisflow.posterior.crossing import predict_across
from seisflow.posterior.fill_tiles import fill_panels
from seisflow.posterior.filler import fit
from seisflow.runs.provenance import commit, machine

TEST = "inline=10140:10150"
KINDS = {
    "half": "half of the traces",
    "gaps": "gaps of 8, elsewhere in each line",
    "lines": "every third line",
}
WAYS = ("linear, both ways", "seisflow fill", "seisflow fill, lines alone")


def results(
    data: Path, *, seed: int, command: str, recorded: Callable[[str, str], bool]
) -> Iterator[dict[str, Any]]:
    """Fill the Volve test lines as a cube in every way that is not recorded."""
    survey = open_section(data / "segy" / volve.FILE)
    train, test = select(survey, [volve.TRAIN]).load(), select(survey, [TEST]).load()
    for kind, words in KINDS.items():
        name = f"{volve.DATASET} as a cube, {words}"
        ways = [way for way in WAYS if not (kind == "lines" and way == WAYS[2])]
        for way in ways:
            if recorded(name, way):
                continue
            begin = time.perf_counter()
            gone = missing(kind, (test.sizes["inline"], test.sizes["crossline"]), seed)
            filling = _linear if way == WAYS[0] else _filled(across=way == WAYS[1], seed=seed)
            mean, std, there = filling(train, test, gone)
            seconds = round(time.perf_counter() - begin, 1)
            lines = [_panels(x) for x in (test["amplitude"].to_numpy(), mean, std)]
            yield {
                "experiment": "fill",
                "dataset": name,
                "protocol": f"learned from {volve.TRAIN}, tested on {TEST}",
                "metric": "SNR over missing traces (dB)",
                "model": way,
                "options": f"{STEPS} steps" if way != WAYS[0] else "",
                "seconds": seconds,
                "seed": seed,
                "machine": machine(),
                "commit": commit(),
                "command": command,
                "filled": round(float(there[gone].mean()), 4),
            } | measure(lines[0], list(gone & there), *lines[1:])


def missing(kind: str, shape: tuple[int, int], seed: int) -> NDArray[np.bool_]:
    """Missing traces of lines, (lines, X)."""
    count, traces = shape
    if kind == "lines":
        return np.repeat((np.arange(count) % 3 == 1)[:, None], traces, 1)
    if kind == "half":
        return np.stack([missing_traces("random", traces, seed + line) for line in range(count)])
    shifts = np.random.default_rng(seed).permutation(count) * GAP
    return np.stack([np.roll(missing_traces("gap", traces, seed), shift) for shift in shifts])


_Filling = Callable[
    [xr.Dataset, xr.Dataset, NDArray[np.bool_]],
    tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]],
]


def _filled(*, across: bool, seed: int) -> _Filling:
    """Way of `seisflow.fill`: mean, standard deviation (lines, X, T) and traces it fills (lines, X)."""

    def filling(
        train: xr.Dataset, test: xr.Dataset, gone: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        filler = fit(test, gone, others=[(train, [Block()])], steps=STEPS, seed=seed)
        mean, std = np.zeros((2, *test["amplitude"].shape), np.float32)
        there = np.zeros(gone.shape, bool)
        with TemporaryDirectory() as folder:
            found = predict_across(test, filler, gone, Path(folder), seed=seed) if across else None
            for one in fill_panels(test, filler, gone, across=found):
                mean[one.lead], std[one.lead] = one.amplitude.T, np.nan_to_num(one.std.T)
                there[one.lead] = one.filled.any(0)
        return mean, std, there

    return filling


def _linear(
    train: xr.Dataset, test: xr.Dataset, gone: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Linear interpolation between known traces about each missing one; its errors on training lines."""
    known = train["amplitude"].to_numpy()[: len(gone)]
    std = std_by_depth(np.square((interpolated(known, gone) - known)[gone]).mean(0))
    mean = interpolated(test["amplitude"].to_numpy(), gone)
    return mean, np.broadcast_to(std.astype(np.float32), mean.shape), np.ones(gone.shape, bool)


def interpolated(values: NDArray[np.float32], gone: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Cube (lines, X, T) with missing traces interpolated linearly, and beyond the last by the nearest."""
    there, wanted = np.argwhere(~gone), np.argwhere(gone)
    known = values[~gone]
    found = LinearNDInterpolator(there, known)(wanted)
    outside = np.isnan(found).any(1)
    found[outside] = NearestNDInterpolator(there, known)(wanted[outside])
    whole = values.copy()
    whole[gone] = found
    return whole


def _panels(cube: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    return [line.T.astype(np.float64) for line in cube]
