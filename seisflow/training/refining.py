"""The step of a run in which a network learns to refine the patches that the flow generates."""

from __future__ import annotations

from seisflow import progress
from seisflow.generation.matching import SLOW, match_refined, matched_patches, seconds_of_a_sample
from seisflow.models import Model
from seisflow.runs.hardware import Hardware
from seisflow.training.data import TrainingData
from seisflow.training.denoising import learn_denoiser

LEAST_STEPS = 1000
"""Steps of a run without a time limit, at least, after which a denoiser learns: others are trials."""
SHARE, LEAST_SECONDS = 0.3, 240.0
"""Part of a time limit that it gets, and the time below which what it has learned would be of no use."""

LEAST_PATCH = 16
"""Samples and traces of a patch, at least."""


def refining_seconds(data: TrainingData, limit: float) -> float:
    """Seconds of a time limit that are kept for `learn_to_refine`, 0 if these are too few."""
    share = SHARE * limit
    return share if data.config.training.denoiser_steps and _fits(data) and share >= LEAST_SECONDS else 0.0


def refining_steps(data: TrainingData) -> int:
    """Steps that a denoiser learns in a run without a time limit."""
    training = data.config.training
    steps = min(training.denoiser_steps, training.steps)
    return steps if _fits(data) and steps >= LEAST_STEPS else 0


def learn_to_refine(
    model: Model,
    data: TrainingData,
    hardware: Hardware,
    seconds: float | None,
    report: progress.Report = progress.silent,
) -> None:
    """Let a denoiser learn beside a model of sections, and match what it refines to training patches.

    Parameters
    ----------
    model : Model
        With a card.
    data : TrainingData
    hardware : Hardware
    seconds : float, optional
        Time that it may take, 0 for none; by default, as many steps as `refining_steps` has.
    report : callable
    """
    training = data.config.training
    steps = refining_steps(data) if seconds is None else training.denoiser_steps if seconds else 0
    if not steps or seconds_of_a_sample(model) >= SLOW:
        return
    assert model.card is not None
    model.denoiser = learn_denoiser(
        data,
        steps=steps,
        seed=data.record.seed,
        seconds=seconds,
        device=hardware.device,
        dtype=hardware.subnet_dtype(training.precision),
        report=report,
    )
    count = min(matched_patches(model), len(data.patches))
    depths = [data.patches[i]["depth"] for i in range(count)]
    model.card.refinement = match_refined(model, data.first(count).numpy(), depths)


def _fits(data: TrainingData) -> bool:
    """Whether there are sections to learn from, in patches of a few samples and traces."""
    return data.record.images is None and min(data.config.data.patch) >= LEAST_PATCH
