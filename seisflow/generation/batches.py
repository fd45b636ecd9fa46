"""Patches drawn from a model, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.models import Model

BATCH = 128
"""Patches drawn together. Each batch has a seed of its own, so the first patches of many are those of few."""


def generate_batches(
    model: Model,
    n: int,
    *,
    topic: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    batch: int = BATCH,
) -> Iterator[NDArray[np.float32]]:
    """Draw n patches a batch at a time: arrays (b, C, H, W) in scaled units. Parameters as for `generate`."""
    for number in range(-(-n // batch)):
        words = np.random.SeedSequence([seed, number]).generate_state(2)
        generator = torch.Generator(model.device).manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
        # Always a full batch: the last one of few patches is then a full one of many
        with torch.inference_mode():
            x = model.sample(batch, topic=topic, temperature=temperature, generator=generator)
        yield x[: n - number * batch].cpu().numpy()
