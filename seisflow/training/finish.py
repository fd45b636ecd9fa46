"""Steps after the training itself: totals of the prior's Dirichlets, matching of samples, and pictures."""

import csv
from pathlib import Path

import numpy as np
import torch

from seisflow import plotting
from seisflow.generation.matching import (
    SLOW,
    match_samples,
    matched_patches,
    seconds_of_a_sample,
    seconds_to_match,
)
from seisflow.generation.temperature import matched_temperature
from seisflow.models import FractalFlowModel, Model
from seisflow.priors import LDAPrior
from seisflow.training.calibration import seconds_each
from seisflow.training.data import TrainingData

FITTED, FITTED_SAMPLES = 32, 2**19
"""Patches, at least, and samples that the totals of Dirichlets are fitted to: 512 images."""
SAMPLING = 3.0
"""Time of a gallery of samples, drawn together, and of what else looks at them, beside that of one sample."""
MATCHING = 15.0
"""Time of the draws that are matched to training patches, beside that of one sample."""
LEAST_MATCHING = 1.0
"""Seconds that these draws may take in any case."""


def fit_concentrations(model: Model, data: TrainingData) -> None:
    """Set the totals of an LDA prior's Dirichlets from training patches; the density stays what it is."""
    if not isinstance(model, FractalFlowModel) or not isinstance(model.prior, LDAPrior):
        return
    count = fitted_patches(model, data)
    with torch.inference_mode():
        latents = [
            model.encode(torch.stack([data.patches[i]["x"] for i in range(first, min(first + 16, count))]))[0]
            for first in range(0, count, 16)
        ]
        model.prior.fit_concentration(torch.cat(latents))


def finishing_seconds(model: Model, data: TrainingData) -> float:
    """Estimate the time of `fit_concentrations`, of `match` and of a gallery, by that of one patch."""
    one = seconds_of_a_sample(model)
    drawing = SAMPLING * one
    if one < SLOW:
        drawing += _seconds_for_draws(one)
        if data.record.images is None:
            drawing += seconds_to_match(model)
    if not isinstance(model, FractalFlowModel) or not isinstance(model.prior, LDAPrior):
        return drawing
    return drawing + fitted_patches(model, data) * seconds_each(model.encode, data.first(4).to(model.device))


def match(model: Model, data: TrainingData, left: float | None) -> None:
    """Match what the model generates to training data, for the card.

    Patches of sections are matched in strength, continuity, spectra and variety, images in temperature.
    Draws may take the seconds left, beside those of `finishing_seconds`; None for no limit.
    """
    assert model.card is not None
    one = seconds_of_a_sample(model)
    if one >= SLOW:
        return
    training = data.first(min(matched_patches(model), len(data.patches)))
    seconds = None if left is None else max(left, 0.0) + _seconds_for_draws(one)
    if data.record.images is None:
        model.card.sample_matching = match_samples(model, training.numpy(), seconds)
    else:
        model.card.temperature = matched_temperature(model, training, seconds)


def _seconds_for_draws(one: float) -> float:
    return max(MATCHING * one, LEAST_MATCHING)


def fitted_patches(model: Model, data: TrainingData) -> int:
    """Patches that the totals of Dirichlets are fitted to."""
    return min(max(FITTED, FITTED_SAMPLES // model.size), len(data.patches))


def draw_run(model: Model, data: TrainingData, folder: Path) -> None:
    """Draw the loss curve and a gallery of samples beside training patches."""
    for name, figure in (
        ("samples.png", data.gallery(model)),
        ("loss.png", plotting.draw_loss(read_metrics(folder / "logs" / "metrics.csv"))),
    ):
        plotting.save(figure, folder / name, overwrite=True)  # a run gone on with has older ones


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Step, training and held-out nats/dim from Lightning's ``metrics.csv``; NaN where a row has no value."""
    names = {"step": "step", "train": "train/nats_per_dim", "validation": "held_out/nats_per_dim"}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        ours: np.array([float(row.get(column) or "nan") for row in rows]) for ours, column in names.items()
    }
