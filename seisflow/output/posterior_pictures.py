"""Pictures of filled and cleaned sections: the panel that shows most."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seisflow import plotting
from seisflow.patches import layout, section_name
from seisflow.posterior.fill_tiles import Filled

DRAWN_TRACES = 1024
"""Traces in the picture at most."""


class ShownPanel:
    """Maps of the panel to draw: the one that shows most."""

    def __init__(self) -> None:
        self._rank = -1.0
        self._where: tuple[tuple[int, ...], slice] = ((), slice(0))
        self._maps: list[tuple[str, NDArray[Any]]] = []
        self._spread: tuple[str, NDArray[Any]] | None = None

    def offer(
        self,
        rank: float,
        lead: tuple[int, ...],
        columns: slice,
        maps: list[tuple[str, NDArray[Any]]],
        spread: tuple[str, NDArray[Any]] | None = None,
        around: int = 0,
    ) -> None:
        if rank > self._rank:
            first = max(min(around - DRAWN_TRACES // 2, columns.stop - columns.start - DRAWN_TRACES), 0)
            own = slice(first, first + DRAWN_TRACES)
            part = slice(columns.start + first, min(columns.stop, columns.start + own.stop))
            self._rank, self._where = rank, (lead, part)
            self._maps = [(name, values[:, own]) for name, values in maps]
            self._spread = None if spread is None else (spread[0], spread[1][:, own])

    def draw(self, section: xr.Dataset) -> Figure:
        dims = layout(section)
        lead, columns = self._where
        where = [f"{dim} {section[dim].values[i]:g}" for dim, i in zip(dims.lead, lead, strict=True)]
        return plotting.draw_comparison(
            [(name, values.T) for name, values in self._maps],
            section[dims.lateral].values[columns],
            section[dims.vertical].values,
            spread=None if self._spread is None else (self._spread[0], self._spread[1].T),
            title=", ".join([section_name(section), *where]),
            lateral_label=plotting.LABELS.get(dims.lateral, dims.lateral),
            vertical_label=plotting.LABELS[dims.vertical],
        )


class FilledPanels(ShownPanel):
    """Statistics of filled panels."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = self.traces = self.left = 0
        self.variance = 0.0

    def add(self, one: Filled) -> None:
        count = int(one.filled.sum())
        self.samples += count
        self.traces += int(one.filled.any(0).sum())
        self.left += one.too_wide
        self.variance += float(np.square(one.std[one.filled], dtype=np.float64).sum())
        if count and count > self._rank:
            before = np.where(one.filled, np.float32(np.nan), one.amplitude)
            maps: list[tuple[str, NDArray[Any]]] = [("Recorded", before), ("Filled", one.amplitude)]
            if one.draws:
                maps.append(("A draw", one.draws[0]))
            spread = np.where(one.filled, one.std, np.float32(np.nan))
            middle = int(np.median(np.flatnonzero(one.filled.any(0))))
            self.offer(count, one.lead, one.columns, maps, ("Standard deviation", spread), middle)
