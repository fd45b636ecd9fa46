"""A network that has learned from a section, to fill or clean it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from seisflow import progress
from seisflow.models.infill import Infill, shipped_infill
from seisflow.patches import Block
from seisflow.posterior.examples import Piece, Values
from seisflow.posterior.gaps import MAX_GAP, Observed
from seisflow.posterior.learning import Score, learn
from seisflow.posterior.pool import Pool, gather

Part = tuple[xr.Dataset, Sequence[Block]]

STEPS = 300
"""Steps of learning from a section."""
RATE = 1e-3
"""Largest learning rate of a network that has learned from other sections."""


@dataclass(frozen=True)
class Adapted:
    """A network that has learned from one section.

    Attributes
    ----------
    network : Infill
    std : float
        Standard deviation of the section's amplitudes, the unit of the network.
    steps : int
        Steps of learning.
    """

    network: Infill
    std: float
    steps: int

    def scaled(self, seen: Observed) -> Values:
        """Network input for some traces, (T, X): 0 where not known."""
        return np.where(seen.known, seen.amplitude / self.std, 0).astype(np.float32)


def adapt(
    pool: Pool,
    *,
    start: Infill | None = None,
    others: Sequence[Part] = (),
    device: torch.device | str = "cpu",
    steps: int = STEPS,
    seed: int = 0,
    max_gap: int = MAX_GAP,
    score: Score | None = None,
    report: progress.Report = progress.silent,
) -> tuple[Adapted, list[Piece]]:
    """Let a network learn from the known traces of a section; return it, and all that it has learned from.

    Parameters
    ----------
    pool : Pool
        Of the section, as `seisflow.posterior.pool.gather` gives it.
    start : Infill, optional
        What to start from; by default the network that ships.
    others : sequence of (xr.Dataset, sequence of Block)
        More to learn from, such as what a model was trained on: sections, and the parts of them to take.
    device : torch.device or str
        To learn and predict on.
    steps : int
        Steps of learning; 0 leaves the network as it is.
    seed : int
    max_gap : int
        As for `seisflow.posterior.gaps.observe`.
    score : callable, optional
        As for `seisflow.posterior.learning.learn`.
    report : callable
        Takes steps done and steps in all.
    """
    pieces = list(pool.pieces)
    for other, blocks in others:
        pieces += gather(other, seed=seed, max_gap=max_gap, blocks=blocks).pieces
    network = copy.deepcopy(start if start is not None else shipped_infill()).to(device)
    if steps:
        learn(network, pieces, steps=steps, seed=seed, rate=RATE, score=score, report=report)
    return Adapted(network.eval(), pool.std, steps), pieces
