"""The traces of a section that a network learns to fill from, and those kept to calibrate it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from seisflow.errors import DataError
from seisflow.patches import Block, section_name
from seisflow.patches.areas import areas_of, evenly, no_signal
from seisflow.posterior.examples import Mask, Piece, Values, traces_of
from seisflow.posterior.gaps import MAX_GAP, observe, runs

PIECES = 48
"""Parts of a section that are learned from."""
PIECE_TRACES = 512
"""Traces of such a part at most."""
LEAST = 4
"""Traces with data below which a part is left out."""
KEPT = 0.1
"""Share of the traces that are kept for calibration."""


@dataclass(frozen=True)
class Pool:
    """Known traces of a section, as far as they fit into memory.

    Attributes
    ----------
    pieces : list of Piece
        In standard deviations.
    std : float
        Standard deviation of the known amplitudes.
    """

    pieces: list[Piece]
    std: float


def gather(
    section: xr.Dataset,
    flagged: Mask | None = None,
    *,
    seed: int,
    max_gap: int = MAX_GAP,
    blocks: Sequence[Block] = (Block(),),
) -> Pool:
    """Read up to 48 parts, evenly spread over a section, and keep a tenth of their traces for calibration.

    These are kept in gaps as wide as those that are to be filled, or one by one where there are none.

    Parameters
    ----------
    section : xr.Dataset
    flagged : ndarray of bool, (..., X), optional
        Traces to take for missing.
    seed : int
        Seed of the choice of traces that are kept.
    max_gap : int
        As for `seisflow.posterior.gaps.observe`.
    blocks : sequence of Block
        Parts of the section to take; by default all.

    Raises
    ------
    DataError
        If no panel has four traces with data.
    """
    rng = np.random.default_rng(seed)
    amplitudes: list[Values] = []
    masks: list[Mask] = []
    gaps: list[int] = []
    found = 0
    if flagged is None:
        flagged = np.zeros(section["amplitude"].shape[:-1], bool)
    for lead, columns in _parts(section, blocks):
        seen = observe(section, lead, columns, flagged, max_gap)
        live = traces_of(seen.known)
        found += int(live.sum())
        if live.sum() < LEAST:
            continue
        amplitudes.append(np.where(seen.known, seen.amplitude, np.float32(0)))
        masks.append(seen.known)
        gaps += [last - first for first, last in runs(~live) if last - first <= max_gap]
    if not masks and found:
        raise DataError(
            f"{section_name(section)}: {found} traces with data. Expected {LEAST} or more of a panel"
        )
    if not masks:
        raise DataError(no_signal([section]))
    total = sum(float(np.square(x, dtype=np.float64).sum()) for x in amplitudes)
    std = float(np.sqrt(total / sum(int(mask.sum()) for mask in masks)))
    if not std > 0:
        raise DataError(f"{section_name(section)}: every known sample is zero. Expected amplitudes")
    pieces = []
    for amplitude, known in zip(amplitudes, masks, strict=True):
        kept = keep(traces_of(known), gaps or [1], rng)
        pieces.append(Piece(amplitude / np.float32(std), known, known & ~kept))
    return Pool(pieces, std)


def keep(live: Mask, widths: list[int], rng: np.random.Generator) -> Mask:
    """Choose about a tenth of the live traces, in gaps of such widths."""
    kept = np.zeros(len(live), bool)
    wanted = KEPT * live.sum()
    for _ in range(8 * len(live)):
        if kept.sum() >= wanted:
            break
        width = int(rng.choice(widths))
        first = int(rng.integers(1, max(len(live) - width, 2)))
        new = slice(first, first + width)
        around = slice(first - 1, first + width + 1)
        # A gap that touches another would be wider than those it stands for.
        if live[new].all() and not kept[around].any():
            kept[new] = True
    if not kept.any():
        kept[rng.choice(np.flatnonzero(live))] = True
    return kept


def _parts(section: xr.Dataset, blocks: Sequence[Block]) -> Iterator[tuple[tuple[int, ...], slice]]:
    """Positions of the parts to read: panels of blocks, or stretches of long ones."""
    places = []
    for area in areas_of([section], [blocks]):
        first, last = area.columns.start, area.columns.stop
        width = min(last - first, PIECE_TRACES)
        starts = np.unique(np.linspace(first, last - width, -(-(last - first) // width)).round().astype(int))
        places += [(lead, slice(int(start), int(start) + width)) for lead in area.leads for start in starts]
    for k in evenly(len(places), PIECES):
        yield places[k]
