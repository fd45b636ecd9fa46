"""Filler of a section: a network that has learned from it, and the errors of its predictions."""

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from seisflow import progress
from seisflow.models.infill import Infill, shipped_infill
from seisflow.patches import Block, section_name
from seisflow.posterior.examples import Mask, Values, traces_of
from seisflow.posterior.gaps import MAX_GAP, Observed
from seisflow.posterior.intervals import distance_to_known
from seisflow.posterior.kriging import Covariance, covariance, krige
from seisflow.posterior.learning import Score, learn
from seisflow.posterior.pool import gather
from seisflow.posterior.predict import predict
from seisflow.posterior.residuals import Residuals, measure
from seisflow.posterior.stacking import stacked
from seisflow.posterior.weighted_norm import interpolate

log = logging.getLogger("seisflow")

Part = tuple[xr.Dataset, Sequence[Block]]

STEPS = 300
"""Steps of learning from a section, to fill or clean it."""
ADAPT_RATE = 1e-3
"""Largest learning rate of a network that has learned from other sections."""


@dataclass(frozen=True)
class Filler:
    """A network that has learned to fill one section.

    Attributes
    ----------
    network : Infill
    covariance : ndarray, (F, 64)
        As of `seisflow.posterior.kriging.covariance`.
    std : float
        Standard deviation of the section's amplitudes, the unit of the network.
    residuals : Residuals
        Residuals of the traces that were kept from learning.
    steps : int
        Steps of learning.
    """

    network: Infill
    covariance: Covariance
    std: float
    residuals: Residuals
    steps: int

    def predict(
        self, seen: Observed, wanted: Mask, *, first: int = 0, traces: int | None = None
    ) -> tuple[Values, Values]:
        """Mean and calibrated standard deviation, in amplitude units, of the wanted traces; see `predict`."""
        values = self.scaled(seen)
        mean, std = predict(self.network, values, seen.known, wanted, first=first, traces=traces)
        absent = wanted & ~traces_of(seen.known)
        if absent.any() and any(self.residuals.kriging):
            other = krige(self.covariance, values, seen.known, absent, first=first, traces=traces)
            mean[:, absent] = stacked(mean[:, absent], other[:, absent], self.residuals.kriging)
        if absent.any() and self.residuals.noise is not None:
            there = traces_of(seen.known)
            guide = np.where(absent, np.nan_to_num(mean), np.float32(0))
            for _ in range(self.residuals.rounds):
                guide = interpolate(values, guide, there, self.residuals.noise, first=first, traces=traces)
            mean[:, absent] = guide[:, absent]
        factor = self.residuals.widths.at(distance_to_known(traces_of(seen.known)))
        return np.float32(self.std) * mean, np.float32(self.std) * factor * std

    def scaled(self, seen: Observed) -> Values:
        """Network input for some traces, (T, X): 0 where not known."""
        return np.where(seen.known, seen.amplitude / self.std, 0).astype(np.float32)


def fit(
    section: xr.Dataset,
    flagged: Mask | None = None,
    *,
    start: Infill | None = None,
    others: Sequence[Part] = (),
    device: torch.device | str = "cpu",
    steps: int = STEPS,
    seed: int = 0,
    max_gap: int = MAX_GAP,
    score: Score | None = None,
    report: progress.Report = progress.silent,
) -> Filler:
    """Let a network learn from the known traces of a section, and calibrate it on a tenth of them.

    Parameters
    ----------
    section : xr.Dataset
    flagged : ndarray of bool, (..., X), optional
        Traces to take for missing.
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

    Raises
    ------
    DataError
        If too little of the section is known.
    """
    pool = gather(section, flagged, seed=seed, max_gap=max_gap)
    pieces = list(pool.pieces)
    for other, blocks in others:
        pieces += gather(other, seed=seed, max_gap=max_gap, blocks=blocks).pieces
    network = copy.deepcopy(start if start is not None else shipped_infill()).to(device)
    if steps:
        learn(network, pieces, steps=steps, seed=seed, rate=ADAPT_RATE, score=score, report=report)
    model = covariance(pieces)
    residuals = measure(network, model, pool.pieces)
    log.debug(
        "%s: learned from %d parts; 90 %% intervals held %.1f %% of %d kept samples before they were "
        "made %.3f times as wide, growing by a power of %.2f with the distance of known traces",
        section_name(section),
        len(pieces),
        100 * residuals.covered,
        residuals.samples,
        residuals.widths.factor,
        residuals.widths.growth,
    )
    return Filler(network.eval(), model, pool.std, residuals, steps)
