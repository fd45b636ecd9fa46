"""Filling of missing traces: posterior mean, standard deviation and draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.errors import DataError
from seisflow.io.workers import run_in_order
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import layout, panel_index, section_name
from seisflow.posterior.examples import Mask, Values, traces_of
from seisflow.posterior.filler import STEPS, Filler, Part, fit
from seisflow.posterior.gaps import MAX_GAP, observe
from seisflow.posterior.predict import around
from seisflow.posterior.weighted_norm import SIZE

TILE_TRACES = 2048
"""Traces of a panel that are filled at a time."""

VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": (
        "float32",
        {"long_name": "seismic amplitude", "comment": "where filled, the mean of what is probable"},
    ),
    "std": ("float32", {"long_name": "standard deviation of the amplitude; 0 where observed"}),
    "filled": ("bool", {"long_name": "sample was missing and has been filled"}),
}


@dataclass(frozen=True)
class Filled:
    """Some traces of a panel, filled; all arrays (T, X).

    Attributes
    ----------
    lead : tuple of int
        Position of the panel over the leading dims.
    columns : slice
    amplitude : ndarray of float32
        As read where observed, the posterior mean where filled, else as read too.
    std : ndarray of float32
        0 where observed, NaN where missing and not filled.
    filled : ndarray of bool
    draws : tuple of ndarray of float32
        Posterior samples.
    too_wide : int
        Traces left missing.
    """

    lead: tuple[int, ...]
    columns: slice
    amplitude: Values
    std: Values
    filled: Mask
    draws: tuple[Values, ...]
    too_wide: int


def fill(
    section: xr.Dataset,
    model: Model | None = None,
    *,
    flagged: Mask | None = None,
    samples: int = 0,
    max_gap: int = MAX_GAP,
    others: Sequence[Part] = (),
    steps: int = STEPS,
    seed: int = 0,
    report: progress.Report = progress.silent,
) -> xr.Dataset:
    """Fill the missing traces of a section in memory.

    A network predicts each missing sample from the known ones as a Gaussian. It first learns from the section
    itself: known traces are hidden and predicted. On a tenth of them, kept from that, its mean is weighed
    against that of kriging, by frequency, made sharper by rounds of interpolation with its local spectra
    (`seisflow.posterior.weighted_norm`) as long as that helps, and standard deviations are set so that 90 %
    intervals hold 90 %.
    For what exceeds memory use ``seisflow fill``.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it. Missing are traces without a finite sample, dead (constant) ones,
        those ``trace_mask`` leaves out, and single samples that are not finite.
    model : Model, optional
        As `seisflow.load_model` gives it; its device is computed on.
    flagged : ndarray of bool, (..., X)
        More traces to take for missing, over all dims but the vertical.
    samples : int
        Draws from the posterior.
    max_gap : int
        Gaps of more traces are left as they are; at the ends of a line, of a quarter of it.
    others : sequence of (xr.Dataset, sequence of Block)
        More to learn from: other lines of the survey, and the parts of them to take.
    steps : int
        Steps of learning.
    seed : int
    report : callable
        Takes steps of learning done and steps in all.

    Returns
    -------
    xr.Dataset
        ``amplitude``, ``std`` and ``filled`` in the section's dims, ``draws`` with a leading dim ``draw`` if
        any were asked for. Observed samples are as they were.

    Raises
    ------
    DataError
        If no trace is missing, or too few are known.
    ModelError
        If the model is not one of sections.

    Examples
    --------
    >>> import seisflow
    >>> section = seisflow.open_section("line12.sgy")  # doctest: +SKIP
    >>> whole = seisflow.fill(section, samples=8)  # doctest: +SKIP
    """
    if model is not None:
        section_card(model)
    flags = np.zeros(section["amplitude"].shape[:-1], bool) if flagged is None else np.asarray(flagged, bool)
    check_anything_missing(section, flags, max_gap)
    filler = fit(
        section,
        flags,
        others=others,
        device="cpu" if model is None else model.device,
        steps=steps,
        seed=seed,
        max_gap=max_gap,
        report=report,
    )
    dims, shape = section["amplitude"].dims, section["amplitude"].shape
    maps: dict[str, tuple[Any, NDArray[Any], dict[str, Any]]] = {
        name: (dims, np.zeros(shape, bool if dtype == "bool" else np.float32), attrs)
        for name, (dtype, attrs) in VARIABLES.items()
    }
    draws = np.zeros((samples, *shape), np.float32)
    for one in fill_panels(section, filler, flags, samples=samples, max_gap=max_gap, seed=seed):
        place: tuple[int | slice, ...] = (*one.lead, one.columns)
        for name in VARIABLES:
            maps[name][1][place] = getattr(one, name).T
        for number, drawn in enumerate(one.draws):
            draws[(number, *place)] = drawn.T
    result = section.drop_vars("amplitude").assign(maps)
    if samples:
        result["draws"] = (("draw", *dims), draws, {"long_name": "draws from the posterior"})
    return result.assign_attrs(about(filler))


def about(filler: Filler) -> dict[str, Any]:
    """Global attributes that tell how a section was filled."""
    known = filler.residuals
    return {
        "learning_steps": filler.steps,
        "std_factor": known.factor,
        "coverage_before": known.covered,
        "calibration_samples": known.samples,
        "kriging_weights": [round(weight, 3) for weight in known.kriging],
        "interpolation_rounds": known.rounds,
    }


def check_anything_missing(section: xr.Dataset, flagged: Mask, max_gap: int) -> None:
    """Look for a sample that can be filled, panel by panel, until one is found.

    Raises
    ------
    DataError
        If there is none.
    """
    wide = 0
    for _, lead, columns in _tiles(section):
        traces = section.sizes[layout(section).lateral]
        seen = observe(section, lead, around(columns, traces, max_gap + 1), flagged, max_gap)
        if seen.missing.any():
            return
        wide += int(seen.too_wide.sum())
    why = (
        f"{wide} traces are, in gaps of more than {max_gap}. Pass a larger --max-gap"
        if wide
        else "Name the traces to fill with --traces, or a map of `seisflow score` with --from-score"
    )
    raise DataError(f"{section_name(section)}: no trace to fill is missing or dead. {why}")


def _tiles(section: xr.Dataset) -> list[tuple[int, tuple[int, ...], slice]]:
    """Number and position of each panel, and the traces of it that are filled at a time, in order."""
    traces = section.sizes[layout(section).lateral]
    return [
        (number, lead, slice(first, min(first + TILE_TRACES, traces)))
        for number, lead in enumerate(panel_index(section))
        for first in range(0, traces, TILE_TRACES)
    ]


def fill_panels(
    section: xr.Dataset,
    filler: Filler,
    flagged: Mask,
    *,
    samples: int = 0,
    max_gap: int = MAX_GAP,
    seed: int = 0,
    workers: int = 1,
    scheduler: str | None = None,
) -> Iterator[Filled]:
    """Fill a section panel by panel, long ones in tiles, in order; the same by one process or several."""
    names = [name for name in ("amplitude", "trace_mask") if name in section.variables]
    work = _TileFiller(section[names].reset_coords(drop=True), filler, flagged, samples, max_gap, seed)
    if scheduler is None and workers <= 1:
        yield from map(work, _tiles(section))
    else:
        yield from run_in_order(work, _tiles(section), scheduler, workers)


@dataclass(frozen=True)
class _TileFiller:
    """Fills tiles, here or, pickled, on a worker."""

    section: xr.Dataset
    filler: Filler
    flagged: Mask
    samples: int
    max_gap: int
    seed: int

    def __call__(self, tile: tuple[int, tuple[int, ...], slice]) -> Filled:
        number, lead, columns = tile
        traces = self.section.sizes[layout(self.section).lateral]
        reach = self.filler.residuals.rounds * SIZE[1]
        wide = slice(max(columns.start - reach, 0), min(columns.stop + reach, traces))
        read = around(wide, traces, self.max_gap + 1)
        seen = observe(self.section, lead, read, self.flagged, self.max_gap)
        own = slice(columns.start - read.start, columns.stop - read.start)
        amplitude = seen.amplitude[:, own].copy()
        missing, muted = seen.missing[:, own], seen.muted[:, own]
        std = np.where(np.isfinite(amplitude), np.float32(0), np.float32(np.nan))
        draws: tuple[Values, ...] = ()
        if missing.any():
            mean, spread = self.filler.predict(seen, traces_of(seen.missing), first=read.start, traces=traces)
            mean, spread = (np.where(muted, np.float32(0), x[:, own]) for x in (mean, spread))
            amplitude[missing], std[missing] = mean[missing], spread[missing]
            draws = tuple(
                self._draw(amplitude, spread, missing, columns.start, (self.seed, number, k))
                for k in range(self.samples)
            )
        else:
            draws = (amplitude,) * self.samples
        too_wide = int(seen.too_wide[own].sum())
        std[:, seen.too_wide[own]] = np.nan
        return Filled(lead, columns, amplitude, std, missing, draws, too_wide)

    def _draw(self, mean: Values, std: Values, missing: Mask, first: int, seed: tuple[int, ...]) -> Values:
        noise = self.filler.residuals.draw(mean.shape, first, seed)
        return np.where(missing, mean + std * noise, mean)
