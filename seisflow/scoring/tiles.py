"""Division of a section for scoring: tiles of its panels, windows in runs, slabs for workers.

None of this changes a result. Windows are evaluated in batches that depend on the shape of a panel only, and
noise belongs to blocks of traces, so that a sample has the same score in whatever tile it lies, and whoever
computes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import gcd

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.patches import Panel, chunk_size, even_starts, layout, panel_index, prepare
from seisflow.patches.panels import MASKS
from seisflow.patches.scaling import AmplitudeScaling

TILE_SAMPLES = 2**22
"""Samples of a panel from which on it is taken in parts."""
SLAB_BYTES = 2**28
"""Samples read at once, where panels share the chunks of a file."""
NOISE_TRACES = 256
"""Traces that draw their noise together."""
UNIT_BATCHES = 8
"""Batches that panels with few windows fill together."""

Seed = tuple[int, ...]


@dataclass(frozen=True)
class Tile:
    """Some traces of a panel, of which maps are made at a time.

    Attributes
    ----------
    number : int
        Number of the panel in the section; seeds its noise.
    lead : tuple of int
        Position of the panel over the leading dims.
    columns : slice
        Traces of the panel.
    closes : bool
        Whether no batch goes on from here into the next panel.
    """

    number: int
    lead: tuple[int, ...]
    columns: slice
    closes: bool


@dataclass(frozen=True)
class WindowGrid:
    """The windows of a panel, column by column, in runs that are evaluated together.

    A part of a panel takes all runs that reach into it, so that no batch depends on the part.

    Attributes
    ----------
    shape, size, stride : (int, int)
        Samples and traces of the panel, of a window, and between windows at most.
    batch : int
        Windows evaluated together.
    """

    shape: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    batch: int

    @cached_property
    def tops(self) -> NDArray[np.int64]:
        """First samples of the windows of a column."""
        return even_starts(self.shape[0], self.size[0], self.stride[0])

    @cached_property
    def lefts(self) -> NDArray[np.int64]:
        """First traces of the columns of windows."""
        return even_starts(self.shape[1], self.size[1], self.stride[1])

    @property
    def panels(self) -> int:
        """Panels whose windows share batches; a power of two."""
        fitting = UNIT_BATCHES * self.batch // (len(self.tops) * len(self.lefts))
        return 1 << max(fitting.bit_length() - 1, 0)

    @property
    def run(self) -> int:
        """Columns of windows in a run."""
        if len(self.tops) * len(self.lefts) <= UNIT_BATCHES * self.batch:
            return len(self.lefts)
        return max(2 * self.batch // len(self.tops), 1)

    def runs(self, columns: slice) -> list[NDArray[np.int64]]:
        """First traces of the columns of windows of each run that reaches into some traces."""
        reach = (self.lefts < columns.stop) & (self.lefts + self.size[1] > columns.start)
        first, last = np.flatnonzero(reach)[[0, -1]] // self.run
        return [self.lefts[i * self.run : (i + 1) * self.run] for i in range(first, last + 1)]

    def around(self, columns: slice) -> slice:
        """Traces that must be known to evaluate these runs: whole blocks of noise."""
        runs = self.runs(columns)
        first, last = int(runs[0][0]), int(runs[-1][-1]) + self.size[1]
        blocks = -(-last // NOISE_TRACES)
        return slice(first // NOISE_TRACES * NOISE_TRACES, min(blocks * NOISE_TRACES, self.shape[1]))


def widened(columns: slice, halo: int, traces: int) -> slice:
    """Some traces, and ``halo`` more on each side as far as there are any."""
    return slice(max(columns.start - halo, 0), min(columns.stop + halo, traces))


def noisy(panel: Panel, first: int, scaling: AmplitudeScaling, seed: Seed) -> Panel:
    """Model input of a panel whose traces are those from ``first`` on, a whole block of noise."""
    blocks = [
        prepare(
            panel.amplitude[:, start : start + NOISE_TRACES],
            panel.mask[:, start : start + NOISE_TRACES],
            scaling,
            np.random.default_rng([*seed, (first + start) // NOISE_TRACES]),
        )
        for start in range(0, panel.shape[1], NOISE_TRACES)
    ]
    return Panel(blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1), panel.mask)


def slabs(section: xr.Dataset, grid: WindowGrid) -> list[list[Tile]]:
    """Share out a section, in order, so that no chunk of its file is needed by two slabs.

    Long panels are cut into tiles of whole chunks, each a slab of its own but for the traces around it.
    Others go together as they share chunks or batches.
    """
    dims = layout(section)
    samples, traces = grid.shape
    panels = list(enumerate(panel_index(section)))
    if samples * traces > TILE_SAMPLES:
        chunk = chunk_size(section, dims.lateral)
        width = max(TILE_SAMPLES // samples // chunk, 1) * chunk
        return [
            [Tile(number, lead, slice(start, min(start + width, traces)), closes=True)]
            for number, lead in panels
            for start in range(0, traces, width)
        ]
    if not dims.lead:
        return [[Tile(0, (), slice(0, traces), closes=True)]]
    chunk, sharing = chunk_size(section, dims.lead[-1]), grid.panels
    if chunk % sharing and sharing % chunk:
        sharing = gcd(chunk, sharing)
    count = max(chunk, sharing)
    end = section.sizes[dims.lead[-1]]
    tiles = [
        Tile(number, lead, slice(0, traces), closes=(lead[-1] + 1) % sharing == 0 or lead[-1] + 1 == end)
        for number, lead in panels
    ]
    return [list(slab) for _, slab in groupby(tiles, lambda tile: (tile.lead[:-1], tile.lead[-1] // count))]


def read_slab(section: xr.Dataset, slab: list[Tile]) -> tuple[xr.Dataset, list[tuple[int, ...]]]:
    """Read at once what shares chunks; return what holds it, and where in that the panel of each tile is.

    What does not share chunks, or is too much for the memory, is left to be read panel by panel.
    """
    dims = layout(section)
    size = 4 * len(slab) * section.sizes[dims.lateral] * section.sizes[dims.vertical]
    if len(slab) == 1 or chunk_size(section, dims.lead[-1]) == 1 or size > SLAB_BYTES:
        return section, [tile.lead for tile in slab]
    first, last = slab[0].lead[-1], slab[-1].lead[-1]
    place = dict(zip(dims.lead, (*slab[0].lead[:-1], slice(first, last + 1)), strict=True))
    names = [name for name in MASKS if name in section.variables]
    return section[names].isel(place).load(), [(tile.lead[-1] - first,) for tile in slab]
