"""Density and topic of generated patches under their model, and the effect of a topic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.generation.batches import generate_batches
from seisflow.models import Model

TRIED = 64
"""Patches drawn with and without a topic, to see whether it changes anything."""
LEAST = 0.1
"""Share by which more patches have to be taken for a topic that was asked for than without."""


def describe_patches(model: Model, patches: NDArray[np.float32], first: int = 1) -> list[dict[str, Any]]:
    """Log-density in nats, nats/dim and most probable topic of patches (B, C, H, W) in scaled units."""
    x = torch.from_numpy(np.ascontiguousarray(patches)).to(model.device)
    with torch.inference_mode():
        log_prob = model.log_prob(x).double().cpu().numpy()
        shares = _topics(model, x)
    rows = []
    for k, value in enumerate(log_prob):
        row: dict[str, Any] = {"patch": first + k, "log_prob": None, "nats_per_dim": None}
        if np.isfinite(value):
            row |= {"log_prob": round(float(value), 3), "nats_per_dim": round(-float(value) / model.size, 5)}
        if shares is not None:
            topic = int(shares[k].argmax())
            row |= {"topic": topic, "topic_probability": round(float(shares[k, topic]), 4)}
        rows.append(row)
    return rows


def topic_effect(model: Model, topic: int) -> tuple[float, float] | None:
    """Share of patches taken for a topic, of those drawn with it and without; None without topics."""
    found = []
    for asked in (topic, None):
        patches = next(generate_batches(model, TRIED, topic=asked, seed=1, batch=TRIED))
        with torch.inference_mode():
            shares = _topics(model, torch.from_numpy(patches).to(model.device))
        if shares is None:
            return None
        found.append(float((shares.argmax(1) == topic).mean()))
    return found[0], found[1]


def _topics(model: Model, x: torch.Tensor) -> NDArray[np.float32] | None:
    topics = getattr(model, "topics", None)
    if topics is None:
        return None
    shares: NDArray[np.float32] = topics(x).float().cpu().numpy()
    return shares if shares.shape[1] > 1 else None
