"""Patches as torch datasets: random ones to train on, a regular grid to validate on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seisflow.errors import DataError
from seisflow.patches.areas import PROBED, Area, areas_of, evenly, no_signal, no_window
from seisflow.patches.noise import prepare
from seisflow.patches.panels import Panel, PanelCache
from seisflow.patches.splits import Block
from seisflow.patches.windows import cut, valid_windows, window_grid

if TYPE_CHECKING:
    from seisflow.patches.scaling import AmplitudeScaling

CACHE_BYTES = 1_000_000_000
BYTES_PER_SAMPLE = 5  # amplitude and mask
SLOTS = 16
WINDOWS_PER_PANEL = 32
QUICK_TRIES = 16
PANEL_TRIES = 4


class PatchDataset(Dataset[dict[str, Tensor]]):
    """Random windows of training blocks.

    Item ``i`` depends on ``(seed, i)`` only: not on the process that makes it, nor on what was
    asked before. It holds the patch ``x``, its ``mask``, and ``depth``: where the patch begins and
    ends in its section, as parts of that.

    Surveys under 1 GB are cached whole, and each item takes any panel; of larger ones 16 panels, or sets of
    panels that share chunks, are live at a time, serving 32 windows a panel. Panels are taken in proportion
    to their number of usable windows, counted on up to about 64 panels and interpolated between them.

    Parameters
    ----------
    sections : sequence of xr.Dataset
    blocks : sequence of sequence of Block
        For each section, the blocks to take windows from.
    size : (h, w)
        Samples and traces of a patch.
    scaling : AmplitudeScaling or sequence of AmplitudeScaling
        Scaling of all sections, or of each.
    seed : int
        Not negative.
    length : int
        Number of items.
    flip : bool
        Reverse half of the patches laterally.
    polarity : bool
        Change the sign of half of the patches.
    min_valid : float
        Least usable share of a patch.

    Raises
    ------
    DataError
        If no window of the blocks is usable to ``min_valid``.
    """

    def __init__(
        self,
        sections: Sequence[xr.Dataset],
        blocks: Sequence[Sequence[Block]],
        size: tuple[int, int],
        scaling: AmplitudeScaling | Sequence[AmplitudeScaling],
        *,
        seed: int,
        length: int,
        flip: bool = True,
        polarity: bool = False,
        min_valid: float = 0.5,
    ) -> None:
        self.size = (int(size[0]), int(size[1]))
        self.scalings = _of_each(scaling, sections)
        self.seed = seed
        self.length = length
        self.flip = flip
        self.polarity = polarity
        self.least = max(int(np.ceil(min_valid * self.size[0] * self.size[1])), 1)
        self.areas = areas_of(sections, blocks)
        self.fits = sum(area.samples for area in self.areas) * BYTES_PER_SAMPLE <= CACHE_BYTES
        self.cache = PanelCache(sections, CACHE_BYTES, keep=SLOTS)
        # Of long panels, pieces that overlap, so that every window lies in one.
        self._pieces = [area.pieces(self.size[1] - 1) for area in self.areas]
        self._panels = [
            (area, lead, columns)
            for area, pieces in zip(self.areas, self._pieces, strict=True)
            for lead in area.leads
            for columns in pieces
        ]
        # As many as every block has: of a lone panel, 32 windows must do.
        self._together = min(
            (len(self.cache.together(area.section, area.leads[0])) or 1 for area in self.areas), default=1
        )
        probed = self._probed()
        counts = self._count(probed)
        if not counts.any():
            probed = np.arange(len(self._panels))
            counts = self._count(probed)
        if not counts.any():
            self._refuse(sections, min_valid)
        self._sure = probed[counts > 0]
        self._cumulative = np.cumsum(self._interpolate(probed, counts))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, index])
        area, panel, top, left = self._draw(index, rng)
        x, mask = cut(panel, top, left, self.size)
        x, mask = x[0], mask[0]
        flip, polarity = rng.random(2) < 0.5
        if self.flip and flip:
            x, mask = x[..., ::-1], mask[..., ::-1]
        x = prepare(x, mask, self.scalings[area.section], rng)
        if self.polarity and polarity:
            np.negative(x, out=x)
        depth = (top + np.array([0, self.size[0]])) / max(panel.shape[0], self.size[0])
        return _tensors(x, mask) | {"depth": torch.from_numpy(depth.astype(np.float32))}

    def _draw(self, index: int, rng: np.random.Generator) -> tuple[Area, Panel, int, int]:
        """Area, panel, top and left of item ``index``."""
        for number in self._candidates(index, rng):
            panel = self._panel(number)
            place = self._place(panel.mask, rng)
            if place is not None:
                return self._panels[number][0], panel, *place
        raise AssertionError("unreachable: candidates end in panels that have usable windows")

    def _panel(self, number: int) -> Panel:
        """A panel, as far as it belongs to its block."""
        area, lead, columns = self._panels[number]
        return self.cache.get(area.section, lead, columns).crop(area.rows, slice(None))

    def _candidates(self, index: int, rng: np.random.Generator) -> Iterator[int]:
        """Panels to try: in proportion to their estimated weight, at last one known to be usable."""
        if not self.fits:
            # All items of a slot walk the same panels; the last word keeps these streams apart from items'.
            # Slots change panels one after the other, so that reading is spread evenly.
            own, stay = rng, WINDOWS_PER_PANEL * self._together
            turn, slot = divmod(index, SLOTS)
            turn += slot * stay // SLOTS
            rng = np.random.default_rng([self.seed, slot, turn // stay, 1])
        for _ in range(PANEL_TRIES):
            number = int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1], side="right"))
            yield number if self.fits or self._together == 1 else self._neighbour(number, own)
        yield int(self._sure[rng.integers(len(self._sure))])

    def _neighbour(self, number: int, rng: np.random.Generator) -> int:
        """Any of the panels that are read together with a panel, and belong to the same block."""
        area, lead, _ = self._panels[number]
        near = self.cache.together(area.section, lead)
        first, last = max(near.start, area.leads[0][-1]), min(near.stop - 1, area.leads[-1][-1])
        pieces = area.pieces(self.size[1] - 1)
        return number + (int(rng.integers(first, last + 1)) - lead[-1]) * len(pieces)

    def _place(self, mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int] | None:
        """A uniformly drawn usable window, or None if there is none."""
        h, w = self.size
        rows, columns = max(mask.shape[0] - h, 0) + 1, max(mask.shape[1] - w, 0) + 1
        for _ in range(QUICK_TRIES):
            top, left = int(rng.integers(rows)), int(rng.integers(columns))
            if np.count_nonzero(mask[top : top + h, left : left + w]) >= self.least:
                return top, left
        usable = np.flatnonzero(valid_windows(mask, self.size, self.least))
        if usable.size == 0:
            return None
        top, left = divmod(int(usable[rng.integers(usable.size)]), columns)
        return top, left

    def _probed(self) -> NDArray[np.int64]:
        """Numbers of the panels to count windows in: evenly spaced, some of every area."""
        each = max(PROBED // max(len(self.areas), 1), 4)
        counts = self._panels_of_areas()
        parts = [
            start + evenly(count, each) for start, count in zip(np.cumsum([0, *counts]), counts, strict=False)
        ]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def _count(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Usable windows in each of these panels."""
        counts = np.zeros(len(numbers), np.int64)
        for k, number in enumerate(numbers):
            mask = self._panel(number).mask
            counts[k] = np.count_nonzero(valid_windows(mask, self.size, self.least))
        return counts

    def _interpolate(self, probed: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of every panel, interpolated within its area."""
        weights = []
        start = 0
        for count in self._panels_of_areas():
            stop = start + count
            inside = (probed >= start) & (probed < stop)
            weights.append(np.interp(np.arange(start, stop), probed[inside], counts[inside]))
            start = stop
        return np.concatenate(weights)

    def _panels_of_areas(self) -> list[int]:
        """Number of panels, or pieces of panels, in each area."""
        return [len(area.leads) * len(pieces) for area, pieces in zip(self.areas, self._pieces, strict=True)]

    def _refuse(self, sections: Sequence[xr.Dataset], min_valid: float) -> None:
        """Say why there is no window."""
        counts = self._panels_of_areas()
        signal = any(
            self._panel(start + k).mask.any()
            for start, count in zip(np.cumsum([0, *counts]), counts, strict=False)
            for k in evenly(count, PROBED)
        )
        if signal or not self.areas:
            raise DataError(no_window(sections, self.areas, self.size, min_valid))
        raise DataError(no_signal(sections))


class GridDataset(Dataset[dict[str, Any]]):
    """All windows of a regular grid over blocks, in order.

    Items are those of `PatchDataset`, never flipped, and with their place: ``section`` (int),
    ``lead`` (int64 tensor, filled up with -1 to the most leading dims among the sections), ``top``
    and ``left`` (int, positions in the whole panel). A block smaller than a patch is padded.
    Windows may be empty (mask all False).

    Parameters
    ----------
    sections, blocks, size, scaling, seed
        As for `PatchDataset`; the seed draws dither and fill.
    stride : (int, int)
        Steps in samples and traces, at most ``size``.

    Raises
    ------
    DataError
        If the blocks are empty.
    ConfigError
        If a stride exceeds the size.
    """

    def __init__(
        self,
        sections: Sequence[xr.Dataset],
        blocks: Sequence[Sequence[Block]],
        size: tuple[int, int],
        stride: tuple[int, int],
        scaling: AmplitudeScaling | Sequence[AmplitudeScaling],
        *,
        seed: int,
    ) -> None:
        self.size = (int(size[0]), int(size[1]))
        self.scalings = _of_each(scaling, sections)
        self.seed = seed
        self.areas = areas_of(sections, blocks)
        if not self.areas:
            raise DataError(no_window(sections, self.areas, self.size, 0.0))
        self.cache = PanelCache(sections, CACHE_BYTES)
        self._grids = [window_grid(area.shape, self.size, stride) for area in self.areas]
        sizes = (len(area.leads) * len(grid[0]) for area, grid in zip(self.areas, self._grids, strict=True))
        self._ends = list(accumulate(sizes))
        self._lead_dims = max(len(area.leads[0]) for area in self.areas)

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, index)
        area: Area = self.areas[number]
        tops, lefts = self._grids[number]
        nth_panel, nth_window = divmod(index - (self._ends[number - 1] if number else 0), len(tops))
        lead = area.leads[nth_panel]
        top, left = int(tops[nth_window]), int(lefts[nth_window])
        columns = area.columns
        if area.is_long:  # few windows of it are ever asked for, and these are read alone
            columns = slice(columns.start + left, min(columns.start + left + self.size[1], columns.stop))
        panel = self.cache.get(area.section, lead, columns).crop(area.rows, slice(None))
        x, mask = cut(panel, top, 0 if area.is_long else left, self.size)
        x = prepare(x[0], mask[0], self.scalings[area.section], np.random.default_rng([self.seed, index]))
        return _tensors(x, mask[0]) | {
            "section": area.section,
            "lead": torch.tensor(lead + (-1,) * (self._lead_dims - len(lead)), dtype=torch.int64),
            "top": area.rows.start + top,
            "left": area.columns.start + left,
        }


def _tensors(x: NDArray[np.float32], mask: NDArray[np.bool_]) -> dict[str, Tensor]:
    return {"x": torch.from_numpy(x), "mask": torch.from_numpy(np.ascontiguousarray(mask))}


def _of_each(
    scaling: AmplitudeScaling | Sequence[AmplitudeScaling], sections: Sequence[xr.Dataset]
) -> list[AmplitudeScaling]:
    return list(scaling) if isinstance(scaling, Sequence) else [scaling] * len(sections)
