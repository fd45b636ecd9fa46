"""Temperature at which draws of a model are as probable as its training data."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.generation.batches import draw
from seisflow.generation.images import to_pixels
from seisflow.io.images import dequantise
from seisflow.models import Model

TRIED = (1.0, 0.9, 0.8, 0.7)
DRAWN = 128
"""Draws at each temperature."""
SEED = 2**31 - 3
"""Seed of these draws; not one that users give."""


def matched_temperature(model: Model, training: torch.Tensor, seconds: float | None = None) -> float:
    """Highest temperature, of 0.7 to 1, at which images drawn cost no more bits than training images.

    Likelihood punishes a model for giving an image too little, hardly for giving too much to what no image
    looks like, so its draws are less probable than data. Between the temperatures tried, the median
    log-density of draws is interpolated.

    Parameters
    ----------
    model : Model
        Of images.
    training : Tensor, (N, C, H, W)
        Dequantised pixel values.
    seconds : float, optional
        Time that draws may take; where it is over, the last temperature tried has to do.
    """
    began = time.monotonic()
    wanted = _median(model, training)
    before: tuple[float, float] | None = None
    for number, temperature in enumerate(TRIED):
        x = to_pixels(draw(model, DRAWN, topic=None, temperature=temperature, seed=(SEED, number)))
        found = _median(model, dequantise(x, np.random.default_rng([SEED, number])))
        if found >= wanted:
            if before is None:
                return temperature
            share = (wanted - before[1]) / (found - before[1])
            return round(before[0] + share * (temperature - before[0]), 3)
        before = (temperature, found)
        used = time.monotonic() - began
        if seconds is not None and used * (number + 2) / (number + 1) > seconds:
            return temperature
    return TRIED[-1]


def _median(model: Model, x: torch.Tensor) -> float:
    """Median log-density of patches (N, C, H, W)."""
    with torch.inference_mode():
        nats: NDArray[np.float64] = model.log_prob(x.to(model.device)).double().cpu().numpy()
    return float(np.median(nats))
