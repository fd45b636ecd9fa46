"""What a finished run gets besides its weights: calibration, held-out likelihood, pictures."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from seisflow import plotting
from seisflow.calibration import calibrate, smooth
from seisflow.models import Model
from seisflow.patches import layout, read_panel
from seisflow.scoring import SMOOTHING, score_panel
from seisflow.training.data import PatchData

CALIBRATION_PANELS = 40
GALLERY = 16


def calibrate_run(model: Model, data: PatchData) -> None:
    """Score held-out panels, or training ones where nothing is held out, and store their statistics."""
    card = model.card
    assert card is not None
    grid = data.held_out or data.patches
    areas = [(area, lead) for area in grid.areas for lead in area.leads]
    chosen = [areas[i] for i in np.unique(np.linspace(0, len(areas) - 1, CALIBRATION_PANELS).astype(int))]
    maps, total, count = [], 0.0, 0
    for area, lead in chosen:
        section = grid.cache.sections[area.section]
        depth = section[layout(section).vertical].values.astype(np.float64)[area.rows]
        panel = area.crop(read_panel(section, lead))
        nll = score_panel(panel, model, card.scaling)
        maps.append((smooth(nll, panel.mask, SMOOTHING), depth))
        total += float(np.nansum(nll))
        count += int(np.isfinite(nll).sum())
    held_out = data.held_out is not None
    card.calibration = calibrate(maps, SMOOTHING, held_out=held_out)
    card.provenance["held_out_nats_per_dim" if held_out else "training_nats_per_dim"] = round(
        total / count, 4
    )
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


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Step, training and held-out nats/dim from Lightning's ``metrics.csv``; NaN where a row has no value."""
    names = {"step": "step", "train": "train/nats_per_dim", "validation": "held_out/nats_per_dim"}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        ours: np.array([float(row.get(column) or "nan") for row in rows]) for ours, column in names.items()
    }
