"""Examples to learn from: windows of a section with some of their known traces hidden."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

SIZE = (128, 64)
"""Samples and traces of an example."""
DIPS = 0.5
"""Standard deviation of the slopes added to half of the examples, in samples a trace."""
TRIES = 50

Values: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]


class Piece(NamedTuple):
    """Some neighbouring traces to learn from, all (T, X).

    Attributes
    ----------
    values : ndarray of float32
        In standard deviations of the section; 0 where not known.
    known : ndarray of bool
    target : ndarray of bool
        Known samples that may be learned; the others are kept for calibration.
    """

    values: Values
    known: Mask
    target: Mask

    def part(self, rows: slice = slice(None), columns: slice = slice(None)) -> "Piece":
        """Return some samples of some traces."""
        at = rows, columns
        return Piece(self.values[at], self.known[at], self.target[at])


class Examples:
    """Random windows of panels, turned, tilted and thinned, some of their known samples hidden.

    Parameters
    ----------
    panels : sequence of Piece
    seed : int
        Same seed, same examples.
    size : (int, int)
        Samples and traces of an example.
    """

    def __init__(self, panels: Sequence[Piece], seed: int, size: tuple[int, int] = SIZE) -> None:
        self.panels = [_padded(piece, size) for piece in panels]
        self.size = size
        self._rng = np.random.default_rng(seed)
        live = np.array([piece.target.sum() for piece in self.panels], float)
        self._share = live / live.sum()

    def batch(self, count: int) -> tuple[Values, Mask, Mask]:
        """Make some: values, which samples are shown, and which known ones are hidden; (B, 1, T, X)."""
        made = [self._example() for _ in range(count)]
        values, shown, hidden = (np.stack(parts)[:, None] for parts in zip(*made, strict=True))
        return values, shown, hidden

    def _example(self) -> tuple[Values, Mask, Mask]:
        rng, (height, width) = self._rng, self.size
        for _ in range(TRIES):
            piece = self.panels[rng.choice(len(self.panels), p=self._share)]
            thin = 2 if rng.random() < 0.25 and piece.values.shape[1] >= 2 * width else 1
            dip = rng.normal(scale=DIPS) if rng.random() < 0.5 else 0.0
            top, left = (
                int(rng.integers(have - need + 1))
                for have, need in zip(piece.values.shape, (height, thin * width), strict=True)
            )
            columns = slice(left, left + thin * width, thin)
            part = tilted(piece.part(columns=columns), top, height, dip)
            if rng.random() < 0.5:
                part = part.part(columns=slice(None, None, -1))
            covered = hide(rng, self.size)
            shown, hidden = part.known & ~covered, part.target & covered
            if hidden.any() and traces_of(shown).sum() >= 2:
                break
        sign = np.float32(rng.choice([-1, 1]))
        return np.where(part.known, sign * part.values, np.float32(0)), shown, hidden


def traces_of(mask: Mask) -> Mask:
    """Traces (X,) with any sample of a mask (T, X)."""
    return np.asarray(mask.any(axis=0))


def hide(rng: np.random.Generator, size: tuple[int, int]) -> Mask:
    """Traces to hide: at random, every few, in gaps, or both; now and then only a part of them in time."""
    height, width = size
    traces = np.zeros(width, bool)
    kind = rng.random()
    if kind < 0.45:
        traces |= rng.random(width) < rng.uniform(0.1, 0.7)
    elif kind < 0.6:
        traces[rng.integers(8) :: 8] = True
    else:
        for _ in range(rng.integers(1, 4)):
            gap = int(rng.integers(1, 14))
            start = int(rng.integers(1 - gap // 2, width - gap // 2))
            traces[max(start, 0) : start + gap] = True
        if rng.random() < 0.3:
            traces |= rng.random(width) < 0.3
    rows = np.ones(height, bool)
    if rng.random() < 0.1:
        first, last = np.sort(rng.integers(0, height + 1, 2))
        rows[:] = False
        rows[first:last] = True
    return rows[:, None] & traces


def tilted(piece: Piece, top: int, height: int, dip: float) -> Piece:
    """Rows of a piece, every trace moved down by ``dip`` samples more than the one before it."""
    if not dip:
        return piece.part(slice(top, top + height))
    traces = piece.values.shape[1]
    shift = dip * (np.arange(traces) - traces / 2)
    reach = int(np.ceil(np.abs(shift).max())) + 1
    first, last = max(top - reach, 0), min(top + height + reach, len(piece.values))
    part = piece.part(slice(first, last))
    size = len(part.values) + 2 * reach  # what leaves at one end comes in again on the padding
    phase = np.exp(-2j * np.pi * np.fft.rfftfreq(size)[:, None] * shift)
    moved = np.fft.irfft(np.fft.rfft(part.values, size, axis=0) * phase, size, axis=0)[: len(part.values)]
    source = np.arange(len(part.values))[:, None] - np.round(shift).astype(int)
    inside = (source >= 0) & (source < len(part.values))
    source = source.clip(0, len(part.values) - 1)
    known, target = (np.take_along_axis(mask, source, 0) & inside for mask in (part.known, part.target))
    rows = slice(top - first, top - first + height)
    return Piece(moved[rows].astype(np.float32), known[rows], target[rows])


def _padded(piece: Piece, size: tuple[int, int]) -> Piece:
    """A piece that is not smaller than an example; what is added is not known."""
    need = [(0, max(want - have, 0)) for have, want in zip(piece.values.shape, size, strict=True)]
    return Piece(np.pad(piece.values, need), np.pad(piece.known, need), np.pad(piece.target, need))
