"""Areas: blocks of sections as lists of panels, and what to say when they hold nothing usable."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.patches.panels import Panel, layout, panel_index, section_name
from seisflow.patches.splits import Block, power_of_two

LONG_SAMPLES, PIECE_SAMPLES = 2**23, 2**21
"""Samples of a panel from which on it is read in pieces, and of a piece."""
PROBED = 64
"""Panels looked at where looking at all would read the whole survey."""


@dataclass(frozen=True)
class Area:
    """One block of one section: the same rows and columns of some panels."""

    section: int
    leads: list[tuple[int, ...]]
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and traces of the block in each panel."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def samples(self) -> int:
        """Samples in the block."""
        return len(self.leads) * self.shape[0] * self.shape[1]

    def crop(self, panel: Panel) -> Panel:
        """The block's part of one of its panels."""
        return panel.crop(self.rows, self.columns)

    @property
    def is_long(self) -> bool:
        """Whether its part of a panel is too long to be held in memory as a matter of course."""
        return self.shape[0] * self.shape[1] > LONG_SAMPLES

    def pieces(self, overlap: int = 0) -> list[slice]:
        """Traces of its part of a panel, in pieces that overlap where it is long, else as a whole."""
        if not self.is_long:
            return [self.columns]
        width = max(PIECE_SAMPLES // self.shape[0], overlap + 1)
        ends = range(self.columns.start + overlap, self.columns.stop, width)
        return [slice(end - overlap, min(end + width, self.columns.stop)) for end in ends]


def areas_of(sections: Sequence[xr.Dataset], blocks: Sequence[Sequence[Block]]) -> list[Area]:
    """Areas of the blocks of each section, in order; empty blocks are left out."""
    areas = []
    for number, (section, parts) in enumerate(zip(sections, blocks, strict=True)):
        dims = layout(section)
        for block in parts:
            leads = list(product(*(range(*block.bounds(section, dim)) for dim in dims.lead)))
            rows, columns = block.bounds(section, dims.vertical), block.bounds(section, dims.lateral)
            if leads and rows[0] < rows[1] and columns[0] < columns[1]:
                areas.append(Area(number, leads, slice(*rows), slice(*columns)))
    return areas


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` indices of ``n``, evenly spaced, both ends included."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def no_signal(sections: Sequence[xr.Dataset]) -> str:
    """Message for sections without a usable sample, from a look at their raw amplitudes."""
    finite, nonzero, whole = False, False, True
    for section in sections:
        leads = panel_index(section)
        for k in evenly(len(leads), PROBED):
            raw = section.variables["amplitude"][leads[k]].values
            finite |= bool(np.isfinite(raw).any())
            whole &= bool(np.isfinite(raw).all())
            nonzero |= bool((np.isfinite(raw) & (raw != 0)).any())
    if not finite:
        found = "no finite amplitude"
    elif not whole:
        found = "all traces are masked, dead or zero"
    else:
        found = "only dead traces" if nonzero else "all amplitudes are zero"
    names = ", ".join(section_name(section) for section in sections)
    return (
        f"{names}: {found}. Expected traces with signal: check the file, its sample format and byte order "
        "(--endian), or select another part (--select)."
    )


def no_window(
    sections: Sequence[xr.Dataset], areas: Sequence[Area], size: tuple[int, int], share: float
) -> str:
    """Message for blocks where no patch is filled to ``share``."""
    names = ", ".join(section_name(section) for section in sections)
    height, width = (max((area.shape[axis] for area in areas), default=0) for axis in (0, 1))
    wanted = f"patches of {size[0]} samples x {size[1]} traces, usable to {share:.0%}"
    smaller = [power_of_two(height, size[0]), power_of_two(width, size[1])]
    if smaller == list(size):
        smaller = [max(size[0] // 2, 1), max(size[1] // 2, 1)]
        found = f"no place among {height} samples x {width} traces with enough usable samples"
    else:
        found = f"panels of {height} samples x {width} traces are too short for a patch"
    return f"{names}: {found}. Expected {wanted}: pass --set data.patch=[{smaller[0]},{smaller[1]}]."
