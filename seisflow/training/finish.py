"""Held-out likelihood of a finished run of images, and pictures of any."""

import csv
import time
from pathlib import Path

import numpy as np
import torch

from seisflow import plotting, progress
from seisflow.models import FractalFlowModel, Model
from seisflow.models.provenance import density_key
from seisflow.priors import LDAPrior
from seisflow.training.data import PatchData

FITTED, FITTED_SAMPLES = 32, 2**19
"""Patches, at least, and samples that the totals of Dirichlets are fitted to: 512 images."""
MEASURED = 128
"""Training patches whose root mean square is looked at."""
GALLERY = 16
IMAGES = 64


def fit_concentrations(model: Model, data: PatchData) -> None:
    """Set the totals of an LDA prior's Dirichlets from training patches; the density stays what it is."""
    if not isinstance(model, FractalFlowModel) or not isinstance(model.prior, LDAPrior):
        return
    count = min(max(FITTED, FITTED_SAMPLES // model.size), len(data.patches))
    with torch.inference_mode():
        latents = [
            model.encode(torch.stack([data.patches[i]["x"] for i in range(first, min(first + 16, count))]))[0]
            for first in range(0, count, 16)
        ]
        model.prior.fit_concentration(torch.cat(latents))


def patch_rms(data: PatchData) -> tuple[float, float]:
    """Least and largest root mean square of some training patches, without those that hold nothing."""
    patches = (data.patches[i]["x"] for i in range(min(MEASURED, len(data.patches))))
    sizes = [size for x in patches if (size := float(x.square().mean().sqrt())) > 0]
    return round(min(sizes, default=1.0), 4), round(max(sizes, default=1.0), 4)


def draw_run(model: Model, data: PatchData, folder: Path) -> None:
    """Draw the loss curve and a gallery of samples beside training patches."""
    generator = torch.Generator().manual_seed(0)
    samples = model.sample(GALLERY, generator=generator)[:, 0].numpy()
    real = torch.stack([data.patches[i]["x"] for i in range(GALLERY)])[:, 0].numpy()
    for name, figure in (
        ("samples.png", plotting.draw_gallery(samples[:, None], real=real[:, None])),
        ("loss.png", plotting.draw_loss(read_metrics(folder / "logs" / "metrics.csv"))),
    ):
        plotting.save(figure, folder / name, overwrite=True)  # a run gone on with has older ones


def judge_images(model: Model, data: PatchData, seconds: float | None = None) -> None:
    """Store in the card the nats/dim of held-out images, or of as many training ones where none are.

    Parameters
    ----------
    model : Model
    data : PatchData
    seconds : float, optional
        Time it should take; where that is short, fewer are judged, and the card says how many.
    """
    card = model.card
    assert card is not None
    images = data.held_out or data.patches
    count, began = min(len(images), len(data.patches)), time.monotonic()
    total, done = 0.0, 0
    with torch.inference_mode(), progress.bar("Judging held-out images") as report:
        while done < count and not (done and seconds is not None and time.monotonic() - began > seconds):
            last = min(done + data.settings.batch, count)
            x = torch.stack([images[i]["x"] for i in range(done, last)])
            total -= float(model.log_prob(x).double().sum())
            done = last
            report(done, count)
    card.provenance[density_key(held_out=data.held_out is not None)] = round(total / (done * model.size), 4)
    if done < count:
        card.provenance["judged_images"] = done


def draw_image_run(model: Model, data: PatchData, folder: Path) -> None:
    """Draw the loss curve, and a gallery of samples beside training images."""
    samples = model.sample(IMAGES, generator=torch.Generator().manual_seed(0))
    real = torch.stack([data.patches[i]["x"] for i in range(min(IMAGES, len(data.patches)))])
    for name, figure in (
        ("samples.png", plotting.draw_images({"Real": real.numpy(), "Generated": samples.numpy()})),
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
