"""Filling of a section tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from seisflow.io.workers import run_in_order
from seisflow.patches import layout, panel_index
from seisflow.posterior.across import Across, combined
from seisflow.posterior.examples import Mask, Values, traces_of
from seisflow.posterior.filler import Filler
from seisflow.posterior.gaps import MAX_GAP, observe, without_coordinates
from seisflow.posterior.predict import around
from seisflow.posterior.weighted_norm import WIDEST

TILE_TRACES = 2048
"""Traces of a panel that are filled at a time."""


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


def tiles(section: xr.Dataset) -> list[tuple[int, tuple[int, ...], slice]]:
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
    across: Across | None = None,
) -> Iterator[Filled]:
    """Fill a section panel by panel, long ones in tiles, in order; the same by one process or several.

    With what other lines of a cube predict, ``across``, both are put together.
    """
    work = _TileFiller(without_coordinates(section), filler, flagged, samples, max_gap, seed, across)
    if scheduler is None and workers <= 1:
        yield from map(work, tiles(section))
    else:
        yield from run_in_order(work, tiles(section), scheduler, workers)


@dataclass(frozen=True)
class _TileFiller:
    """Fills tiles, here or, pickled, on a worker."""

    section: xr.Dataset
    filler: Filler
    flagged: Mask
    samples: int
    max_gap: int
    seed: int
    across: Across | None

    def __call__(self, tile: tuple[int, tuple[int, ...], slice]) -> Filled:
        number, lead, columns = tile
        traces = self.section.sizes[layout(self.section).lateral]
        reach = self.filler.residuals.rounds * WIDEST
        wide = slice(max(columns.start - reach, 0), min(columns.stop + reach, traces))
        read = around(wide, traces, self.max_gap + 1)
        seen = observe(self.section, lead, read, self.flagged, self.max_gap)
        own = slice(columns.start - read.start, columns.stop - read.start)
        amplitude, missing, left = seen.amplitude[:, own].copy(), seen.missing[:, own], seen.too_wide[own]
        mean, spread = np.zeros((2, *amplitude.shape), np.float32)
        if missing.any():
            found = self.filler.predict(seen, traces_of(seen.missing), first=read.start, traces=traces)
            mean, spread = (np.where(seen.muted[:, own], np.float32(0), x[:, own]) for x in found)
        if self.across is not None:
            other, other_spread, there = self.across.tile(lead[0], columns)
            both, alone = missing & there, left & there
            together = combined(mean, spread, other, other_spread, self.across.factor)
            mean, spread = (
                np.where(both, x, np.where(alone, y, z))
                for x, y, z in zip(together, (other, other_spread), (mean, spread), strict=True)
            )
            missing, left = missing | alone, left & ~there.any(0)
        std = np.where(np.isfinite(amplitude), np.float32(0), np.float32(np.nan))
        amplitude[missing], std[missing] = mean[missing], spread[missing]
        std[:, left] = np.nan
        draws = tuple(
            self._draw(amplitude, spread, missing, columns.start, (self.seed, number, k))
            if missing.any()
            else amplitude
            for k in range(self.samples)
        )
        return Filled(lead, columns, amplitude, std, missing, draws, int(left.sum()))

    def _draw(self, mean: Values, std: Values, missing: Mask, first: int, seed: tuple[int, ...]) -> Values:
        noise = self.filler.residuals.draw(mean.shape, first, seed)
        return np.where(missing, mean + std * noise, mean)
