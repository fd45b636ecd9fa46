"""End of a training: calibration, held-out likelihood, pictures."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow import plotting
from seisflow.models import Model
from seisflow.patches import Panel, layout, read_panel
from seisflow.patches.images import ImageDataset
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.training.data import PatchData

CALIBRATION_PANELS = 40
GALLERY = 16
IMAGES = 64


def calibrate_run(model: Model, data: PatchData) -> None:
    """Score held-out panels, or training ones where nothing is held out, and store their statistics."""
    card = model.card
    assert card is not None
    grid = data.held_out or data.patches
    assert not isinstance(grid, ImageDataset)  # images have no depth to calibrate by
    areas = [(area, lead, part) for area in grid.areas for lead in area.leads for part in area.pieces()]
    chosen = [areas[i] for i in np.unique(np.linspace(0, len(areas) - 1, CALIBRATION_PANELS).astype(int))]

    def panels() -> Iterator[tuple[Panel, NDArray[np.float64]]]:
        for area, lead, part in chosen:
            section = grid.cache.sections[area.section]
            depth = section[layout(section).vertical].values.astype(np.float64)[area.rows]
            yield read_panel(section, lead, part).crop(area.rows, slice(None)), depth

    held_out = data.held_out is not None
    found = calibrate_scores(model, panels(), card.scaling, held_out=held_out, count=len(chosen))
    card.calibration, card.calibrations = found.calibration, found.calibrations
    kind = "held_out" if held_out else "training"
    card.provenance[f"{kind}_nats_per_dim"] = round(found.nats_per_dim, 4)
    card.provenance["geometry"] = sampling(grid.cache.sections[0])


def sampling(section: xr.Dataset) -> dict[str, Any]:
    """Domain ("time" or "depth"), sample interval and unit of a section."""
    domain = layout(section).vertical
    axis = section[domain]
    interval = float(axis[1] - axis[0]) if len(axis) > 1 else 1.0
    return {"domain": domain, "interval": interval, "unit": axis.attrs.get("units", "")}


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


def judge_images(model: Model, data: PatchData) -> None:
    """Store in the card the nats/dim of held-out images, or of as many training ones where none are."""
    card = model.card
    assert card is not None
    images = data.held_out or data.patches
    count = min(len(images), len(data.patches))
    total, size = 0.0, data.settings.batch
    with torch.inference_mode():
        for first in range(0, count, size):
            x = torch.stack([images[i]["x"] for i in range(first, min(first + size, count))])
            total -= float(model.log_prob(x).double().sum())
    kind = "training" if data.held_out is None else "held_out"
    card.provenance[f"{kind}_nats_per_dim"] = round(total / (count * model.size), 4)


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
