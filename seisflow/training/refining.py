"""The step of a run in which a network learns to refine the patches that the flow generates."""

from __future__ import annotations

import logging
import time

from seisflow import progress
from seisflow.generation.matching import (
    FEWEST_REFINED,
    LEAST_REFINED,
    REFINED,
    SLOW,
    match_refined,
    matched_patches,
    seconds_of_a_sample,
)
from seisflow.generation.refining import TOGETHER, seconds_to_refine
from seisflow.models import Model
from seisflow.models.denoiser import Denoiser, shipped_denoiser
from seisflow.runs.hardware import Hardware
from seisflow.training.data import TrainingData
from seisflow.training.denoiser import learn_denoiser

log = logging.getLogger("seisflow")
STEPS = 3000
"""Steps where learning to refine is asked for, longer than by default."""
RATE = 2e-3
"""Largest learning rate, from the network that ships."""
SHOWN = 16
"""Patches refined for the picture of the run."""
MATCHING, MOST_MATCHING = 1 / 3, 0.75
"""Part of its time that goes to matching what it refines, and how much of it does where time is short."""
MOST_SHARE = 0.2
"""Part of a time limit that is kept for it where its part of all steps would be too little."""
LEARNING = 0.95
"""Part of the time that goes by before what it refines is matched."""


def refining_seconds(data: TrainingData, limit: float) -> float:
    """Seconds of a time limit kept for `learn_to_refine`: its part of all steps, the least, or none."""
    if not (steps := _steps(data)):
        return 0.0
    seconds, one = limit * steps / (steps + data.config.training.steps), _seconds_each(data)
    seconds = max(seconds, min(one * (LEAST_REFINED + SHOWN) / MATCHING, MOST_SHARE * limit))
    return seconds if one * (FEWEST_REFINED + SHOWN) <= MOST_MATCHING * seconds else 0.0


def estimated_seconds(data: TrainingData, hardware: Hardware) -> float:
    """Estimate the time of `learn_to_refine` in a run without a time limit, by two steps."""
    steps = _steps(data)
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

    It starts from the network that ships. What it refines is matched to training patches.

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
    steps = _steps(data)
    if not steps:
        return
    if (one := seconds_of_a_sample(model)) >= SLOW:
        log.warning("one draw of this model takes %.0f s: it does not learn to refine them", one)
        return
    assert model.card is not None
    refined = REFINED
    if model.denoiser is None:
        if seconds is not None:
            one = _seconds_each(data)
            fitting = seconds / one
            if fitting < FEWEST_REFINED + SHOWN:
                log.info(
                    "samples are not refined: --max-time leaves too little to learn it. "
                    "Go on with: seisflow train --resume"
                )
                return
            drawn = max(
                min(MATCHING * fitting, REFINED + SHOWN),
                min(MOST_MATCHING * fitting, LEAST_REFINED + SHOWN),
                FEWEST_REFINED + SHOWN,
            )
            refined = round(drawn) - SHOWN
            seconds -= drawn * one
        model.denoiser = _learn(data, hardware, steps, seconds, progress.part(report, 0, LEARNING))
    count = min(matched_patches(model), len(data.patches))
    depths = [data.patches[i]["depth"] for i in range(count)]
    training, rest = data.first(count).numpy(), progress.part(report, LEARNING, 1)
    match_refined(model, training, depths, rest, refined)


def _seconds_each(data: TrainingData) -> float:
    """Estimate the time of refining one patch."""
    return seconds_to_refine(*data.config.data.patch, TOGETHER) / TOGETHER


def _steps(data: TrainingData) -> int:
    return min(data.config.training.denoiser_steps, data.config.training.steps)


def _learn(
    data: TrainingData,
    hardware: Hardware,
    steps: int,
    seconds: float | None = None,
    report: progress.Report = progress.silent,
) -> Denoiser:
    return learn_denoiser(
        shipped_denoiser(),
        data.patches,
        batch=data.config.training.batch,
        steps=steps,
        seed=data.record.seed,
        rate=RATE,
        seconds=seconds,
        device=hardware.device,
        dtype=hardware.subnet_dtype(data.config.training.precision),
        report=report,
    )
