"""The step of a run in which a network learns to refine the patches that the flow generates."""

from __future__ import annotations

import logging
import time

import numpy as np

from seisflow import progress
from seisflow.generation.matching import (
    LEAST_REFINED,
    REFINED,
    SLOW,
    match_refined,
    matched_patches,
    seconds_of_a_sample,
)
from seisflow.generation.refining import seconds_to_refine
from seisflow.models import Model
from seisflow.models.denoiser import Denoiser
from seisflow.runs.hardware import Hardware
from seisflow.training.data import TrainingData
from seisflow.training.denoiser import learn_denoiser

log = logging.getLogger("seisflow")
STEPS = 3000
"""Steps where learning to refine is asked for, but not how long."""
SHOWN = 16
"""Patches refined for the picture of the run."""
MATCHING = 0.25
"""Part of its time that goes to matching what it refines, if that is enough."""
LEARNING = 0.95
"""Part of the time that goes by before what it refines is matched."""
SHARE = 0.5
"""Part of a time limit that it gets."""


def refining_seconds(data: TrainingData, limit: float) -> float:
    """Seconds of a time limit that are kept for `learn_to_refine`."""
    return SHARE * limit if data.config.training.denoiser_steps else 0.0


def estimated_seconds(data: TrainingData, hardware: Hardware) -> float:
    """Estimate the time of `learn_to_refine` in a run without a time limit, by two steps."""
    steps = data.config.training.denoiser_steps
    if not steps:
        return 0.0
    _learn(data, hardware, 1)  # the first one allocates
    began = time.monotonic()
    _learn(data, hardware, 2)
    learning = (time.monotonic() - began) / 2 * steps
    return learning + seconds_to_refine(*data.config.data.patch, REFINED + SHOWN)


def learn_to_refine(
    model: Model,
    data: TrainingData,
    hardware: Hardware,
    seconds: float | None,
    report: progress.Report = progress.silent,
) -> None:
    """Let a denoiser learn beside a model of sections, if the config asks for one and it has none.

    What it refines is matched to training patches.

    Parameters
    ----------
    model : Model
        With a card.
    data : TrainingData
    hardware : Hardware
    seconds : float, optional
        Time that it may take; by default, as many steps as the config has.
    report : callable
    """
    steps = data.config.training.denoiser_steps
    if not steps:
        return
    if (one := seconds_of_a_sample(model)) >= SLOW:
        log.warning("one draw of this model takes %.0f s: it does not learn to refine them", one)
        return
    assert model.card is not None
    refined = REFINED
    if model.denoiser is None:
        if seconds is not None:
            one = seconds_to_refine(*model.shape[1:], REFINED + SHOWN) / (REFINED + SHOWN)
            refined = int(np.clip(MATCHING * seconds / one - SHOWN, LEAST_REFINED, REFINED))
            seconds = max(seconds - (refined + SHOWN) * one, seconds / 2)
        model.denoiser = _learn(data, hardware, steps, seconds, progress.part(report, 0, LEARNING))
    count = min(matched_patches(model), len(data.patches))
    depths = [data.patches[i]["depth"] for i in range(count)]
    training, rest = data.first(count).numpy(), progress.part(report, LEARNING, 1)
    match_refined(model, training, depths, rest, refined)


def _learn(
    data: TrainingData,
    hardware: Hardware,
    steps: int,
    seconds: float | None = None,
    report: progress.Report = progress.silent,
) -> Denoiser:
    return learn_denoiser(
        data,
        steps=steps,
        seed=data.record.seed,
        seconds=seconds,
        device=hardware.device,
        dtype=hardware.subnet_dtype(data.config.training.precision),
        report=report,
    )
