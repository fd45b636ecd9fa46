"""Filling of a cube across its lines: traces of one place as a line, from the first line to the last."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from seisflow import progress
from seisflow.errors import DataError
from seisflow.io.workers import run_in_order
from seisflow.patches import layout
from seisflow.patches.areas import evenly
from seisflow.posterior.across import CERTAIN, Across, combined, is_cube
from seisflow.posterior.examples import Mask, Values, traces_of
from seisflow.posterior.fill_tiles import Filled, fill_panels
from seisflow.posterior.filler import Filler, fit
from seisflow.posterior.gaps import MAX_GAP, observe, runs, without_coordinates
from seisflow.posterior.intervals import COVERAGE, HALF_WIDTH
from seisflow.posterior.pool import PIECES, keep

log = logging.getLogger("seisflow")

BLOCK_BYTES, BLOCK_TRACES = 2**26, 32
"""Amplitudes, and traces of each line, that are looked at together at most."""
CALIBRATED = (32, 64)
"""Lines and traces, in the middle of the cube, that both predictions together are calibrated on."""
STEPS = 100
"""Steps of learning across lines at most: they lie further apart than traces, and differ by more."""
LEARNT, FILLED = 0.3, 0.7
"""Shares of the progress after learning and after filling; the rest is that of the calibration."""
SAME_ERRORS = 2**0.5
"""Factor of two predictions that err alike: taken where there is too little to measure it."""


def predict_across(
    section: xr.Dataset,
    filler: Filler,
    flagged: Mask,
    folder: Path,
    *,
    max_gap: int = MAX_GAP,
    seed: int = 0,
    workers: int = 1,
    scheduler: str | None = None,
    report: progress.Report = progress.silent,
) -> Across | None:
    """Predict the missing traces of a cube from those of other lines at the same place.

    The network that has learned from the lines learns on across them; covariances and errors are measured
    anew. Memory holds 64 MiB of amplitudes at a time, each worker as much; predictions go to files.

    Parameters
    ----------
    section : xr.Dataset
    filler : Filler
        Of the lines, as `seisflow.posterior.filler.fit` gives it.
    flagged : ndarray of bool, (lines, X)
        Traces to take for missing.
    folder : Path
        Of the files, which workers must reach; twice the size of the cube's amplitudes.
    max_gap, seed
        As for `seisflow.fill`.
    workers, scheduler
        As for `seisflow.posterior.fill_tiles.fill_panels`.
    report : callable
        Takes percent done and 100.

    Returns
    -------
    Across or None
        None for a section that is no cube, or too little known across its lines.
    """
    if not is_cube(section):
        return None
    chosen = evenly(section.sizes[layout(section).lateral], PIECES // 2)
    device = next(filler.network.parameters()).device
    try:
        other = fit(
            *turned(section, flagged, chosen), start=filler.network, device=device,
            steps=min(filler.steps, STEPS), seed=seed, max_gap=max_gap,
            report=progress.part(report, 0, LEARNT),
        )  # fmt: skip
    except DataError as error:
        log.info("filled along lines alone, as too little is known across them: %s", error)
        return None
    mean, std = (
        open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=section["amplitude"].shape)
        for name in ("mean", "std")
    )
    work = _BlockFiller(without_coordinates(section), other, flagged, max_gap)
    filling = progress.part(report, LEARNT, FILLED)
    alone = scheduler is None and workers <= 1
    parts = list(_blocks(section))
    found = map(work, parts) if alone else run_in_order(work, parts, scheduler, workers)
    for columns, filled in zip(parts, found, strict=True):
        for one in filled:
            trace, there = columns.start + one.lead[0], one.filled.T
            mean[one.columns, trace] = np.where(there, one.amplitude.T, 0)
            std[one.columns, trace] = np.where(there, np.maximum(one.std.T, CERTAIN), 0)
        filling(columns.stop, parts[-1].stop)
    mean.flush()
    std.flush()
    factor = _factor(section, (filler, other), flagged, max_gap, seed, progress.part(report, FILLED, 1))
    return Across(folder.absolute(), factor)


@dataclass(frozen=True)
class _BlockFiller:
    """Fills traces of all lines across these, here or, pickled, on a worker."""

    section: xr.Dataset
    filler: Filler
    flagged: Mask
    max_gap: int

    def __call__(self, columns: slice) -> list[Filled]:
        part, flags = turned(self.section, self.flagged, np.arange(columns.start, columns.stop))
        found = fill_panels(part, self.filler, flags, max_gap=self.max_gap)
        return [one for one in found if one.filled.any()]


def turned(section: xr.Dataset, flagged: Mask, columns: NDArray[np.int64]) -> tuple[xr.Dataset, Mask]:
    """Some traces of all lines as lines of a cube in memory, the names of its dims swapped; and its flags."""
    dims = layout(section)
    lines, traces = dims.lead[0], dims.lateral
    plain = without_coordinates(section).drop_vars([lines, traces], errors="ignore")
    adjacent = np.split(columns, np.flatnonzero(np.diff(columns) != 1) + 1)
    read = [plain.isel({traces: slice(int(some[0]), int(some[-1]) + 1)}).load() for some in adjacent]
    part = xr.concat(read, traces) if len(read) > 1 else read[0]
    swapped = part.rename_dims({lines: "_"}).rename_dims({traces: lines}).rename_dims({"_": traces})
    return swapped.transpose(lines, traces, ...), flagged[:, columns].T


def _blocks(section: xr.Dataset) -> Iterator[slice]:
    """Traces that are looked at together, in order."""
    lines, traces, samples = section["amplitude"].shape
    size = min(max(BLOCK_BYTES // (4 * lines * samples), 1), BLOCK_TRACES)
    for first in range(0, traces, size):
        yield slice(first, min(first + size, traces))


def _factor(
    section: xr.Dataset,
    fillers: tuple[Filler, Filler],
    flagged: Mask,
    max_gap: int,
    seed: int,
    report: progress.Report,
) -> float:
    """Factor of the standard deviation of both predictions, by known traces in the middle of the cube."""
    dims = layout(section)
    firsts = [max((size - part) // 2, 0) for size, part in zip(flagged.shape, CALIBRATED, strict=True)]
    lines, traces = (slice(first, first + part) for first, part in zip(firsts, CALIBRATED, strict=True))
    part = section.isel({dims.lead[0]: lines, dims.lateral: traces}).load()
    flags = flagged[lines, traces]
    hidden = _hidden(part, flags, max_gap, seed)
    along, sideways = progress.part(report, 0, 0.5), progress.part(report, 0.5, 1)
    mean, std, filled = _filled(part, fillers[0], flags | hidden, max_gap, along)
    turned_part, turned_flags = turned(part, flags | hidden, np.arange(flags.shape[1]))
    found_across = _filled(turned_part, fillers[1], turned_flags, max_gap, sideways)
    other, spread = (x.swapaxes(0, 1) for x in found_across[:2])
    filled &= found_across[2].swapaxes(0, 1)
    truth = part["amplitude"].to_numpy()
    both = filled & hidden[:, :, None] & np.isfinite(truth) & (std > 0) & (spread > 0)
    if not both.any():
        return SAME_ERRORS
    found, together = combined(mean[both], std[both], other[both], spread[both], 1.0)
    error = np.abs(truth[both] - found) / together
    return float(np.quantile(error, COVERAGE)) / HALF_WIDTH


def _filled(
    part: xr.Dataset, filler: Filler, flagged: Mask, max_gap: int, report: progress.Report
) -> tuple[Values, Values, Mask]:
    """Mean, standard deviation and what was filled of a cube in memory, each in its dims."""
    mean, std = np.zeros((2, *part["amplitude"].shape), np.float32)
    filled = np.zeros(mean.shape, bool)
    for number, one in enumerate(fill_panels(part, filler, flagged, max_gap=max_gap), start=1):
        place: tuple[int | slice, ...] = (*one.lead, one.columns)
        mean[place], std[place], filled[place] = one.amplitude.T, one.std.T, one.filled.T
        report(number, len(flagged))
    return mean, std, filled


def _hidden(part: xr.Dataset, flagged: Mask, max_gap: int, seed: int) -> Mask:
    """Known traces to keep from both predictions, a tenth of each line, in gaps as wide as it has."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(flagged.shape, bool)
    for line in range(len(flagged)):
        live = traces_of(observe(part, (line,), slice(None), flagged, max_gap).known)
        if live.any():
            widths = [last - first for first, last in runs(~live) if last - first <= max_gap]
            chosen[line] = keep(live, widths or [1], rng)
    return chosen
