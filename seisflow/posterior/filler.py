"""Filler of a section: a network that has learned from it, and the errors of its predictions."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from seisflow import progress
from seisflow.models.infill import Infill
from seisflow.patches import section_name
from seisflow.posterior.adapt import STEPS, Adapted, Part, adapt
from seisflow.posterior.examples import Mask, Values, traces_of
from seisflow.posterior.gaps import MAX_GAP, Observed
from seisflow.posterior.intervals import distance_to_known
from seisflow.posterior.kriging import Covariance, covariance, krige
from seisflow.posterior.learning import Score
from seisflow.posterior.pool import gather
from seisflow.posterior.predict import predict
from seisflow.posterior.residuals import Residuals, measure
from seisflow.posterior.stacking import stacked
from seisflow.posterior.weighted_norm import interpolate

log = logging.getLogger("seisflow")

LEARNING = 0.4
"""Share of the progress that learning has; the rest is that of the errors."""


@dataclass(frozen=True)
class Filler(Adapted):
    """A network that has learned to fill one section, and what is known of its predictions there.

    Attributes
    ----------
    network, std, steps
        As of `Adapted`.
    covariance : ndarray, (F, 64)
        As of `seisflow.posterior.kriging.covariance`.
    residuals : Residuals
        Residuals of the traces that were kept from learning.
    """

    covariance: Covariance
    residuals: Residuals

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
    start, others, device, steps, seed, score
        As for `seisflow.posterior.adapt.adapt`.
    max_gap : int
        As for `seisflow.posterior.gaps.observe`.
    report : callable
        Takes percent done and 100.

    Raises
    ------
    DataError
        If too little of the section is known.
    """
    pool = gather(section, flagged, seed=seed, max_gap=max_gap)
    known, pieces = adapt(
        pool, start=start, others=others, device=device, steps=steps, seed=seed, max_gap=max_gap, score=score,
        report=progress.part(report, 0, LEARNING),
    )  # fmt: skip
    model = covariance(pieces)
    residuals = measure(known.network, model, pool.pieces, report=progress.part(report, LEARNING, 1))
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
    return Filler(known.network, known.std, known.steps, model, residuals)
