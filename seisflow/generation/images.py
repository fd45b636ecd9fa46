"""New images: 8-bit pixels drawn from a model of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.errors import ModelError
from seisflow.generation.batches import BATCH, default_temperature, generate_batches
from seisflow.models import Model


def to_pixels(x: NDArray[np.float32] | torch.Tensor) -> NDArray[np.uint8]:
    """Values as models of images give them to 8 bits: the cell that each lies in; 0 for NaN."""
    finite = np.nan_to_num(np.asarray(x), nan=0.0, posinf=255.0, neginf=0.0)
    return np.floor(finite).clip(0, 255).astype(np.uint8)


def generate_images(
    model: Model,
    n: int,
    *,
    topic: int | None = None,
    temperature: float | None = None,
    seed: int = 0,
    batch: int = BATCH,
    exact: bool = False,
    report: progress.Report = progress.silent,
) -> xr.Dataset:
    """Draw n images from a model of images; parameters as for `seisflow.generate`.

    Returns
    -------
    xr.Dataset
        ``pixels`` over (image, channel, row, column), uint8.

    Raises
    ------
    ModelError
        If the model is one of sections.
    ConfigError
        If there is no such topic.
    """
    card = model.card
    if card is None or card.images is None:
        raise ModelError("the model is not one of images. Expected one trained on an image data set")
    pixels = np.empty((n, *model.shape), np.uint8)
    not_finite = first = 0
    if temperature is None:
        temperature = default_temperature(model, exact=exact)
    for x in generate_batches(model, n, topic=topic, temperature=temperature, seed=seed, batch=batch):
        pixels[first : first + len(x)] = to_pixels(x)
        not_finite += int((~np.isfinite(x)).any((1, 2, 3)).sum())
        first += len(x)
        report(first, n)
    attrs: dict[str, Any] = {
        "title": "Generated" + (f", topic {topic}" if topic is not None else ""),
        "source_format": "generated",
        "model_inputs": card.images,
        "model_finished": str(card.provenance.get("finished")),
        "seed": seed,
        "temperature": temperature,
        "topic": "each its own" if topic is None else topic,
        "not_finite": not_finite,
    }
    return xr.Dataset(
        {"pixels": (("image", "channel", "row", "column"), pixels, {"long_name": "8-bit pixel values"})},
        attrs=attrs,
    )
