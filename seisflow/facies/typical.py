"""Typical windows of each facies, from a section or drawn from the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from seisflow.facies.find import Facies, FaciesPanel
from seisflow.facies.vocabulary import BLOCK, block_features
from seisflow.generation.batches import generate_batches
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import Panel

SHOWN = (16, 8)
"""Blocks, down and across, of a window that is shown: 128 samples x 32 traces."""


def typical_windows(panels: Sequence[FaciesPanel], topic: int, count: int) -> list[NDArray[np.float32]]:
    """At most ``count`` windows (T, X) of which most is facies ``topic``, from 0; none overlap."""
    ranked: list[tuple[float, int, int, int]] = []
    for number, one in enumerate(panels):
        share = np.nan_to_num(one.posterior[..., topic])
        smooth = uniform_filter(share, SHOWN, mode="constant")
        tops = np.arange(share.shape[0]) - SHOWN[0] // 2
        lefts = np.arange(share.shape[1]) - SHOWN[1] // 2
        fits_down = (tops >= 0) & ((tops + SHOWN[0]) * BLOCK[0] <= one.panel.shape[0])
        fits_across = (lefts >= 0) & ((lefts + SHOWN[1]) * BLOCK[1] <= one.panel.shape[1])
        mean: NDArray[np.float64] = np.where(np.outer(fits_down, fits_across), smooth, 0.0)
        for place in np.argsort(-mean, axis=None)[: 50 * count].tolist():
            row, column = divmod(place, mean.shape[1])
            if mean[row, column] > 0.5:
                ranked.append((float(mean[row, column]), number, int(tops[row]), int(lefts[column])))
    kept: list[tuple[int, int, int]] = []
    for _, number, top, left in sorted(ranked, reverse=True):
        apart = all(number != n or abs(top - t) >= SHOWN[0] or abs(left - x) >= SHOWN[1] for n, t, x in kept)
        if apart and len(kept) < count:
            kept.append((number, top, left))
    height, width = SHOWN[0] * BLOCK[0], SHOWN[1] * BLOCK[1]
    return [
        panels[n].panel.amplitude[t * BLOCK[0] : t * BLOCK[0] + height, x * BLOCK[1] : x * BLOCK[1] + width]
        for n, t, x in kept
    ]


def drawn_panels(model: Model, facies: Facies, count: int, *, seed: int = 0) -> list[FaciesPanel]:
    """Facies of patches drawn from the model: windows of one facies among them are draws of that facies."""
    scaling = section_card(model).scaling
    found: list[FaciesPanel] = []
    for patches in generate_batches(model, count, seed=seed):
        for patch in patches[:, 0]:
            if not np.isfinite(patch).all():
                continue
            panel = Panel(scaling.unscale(patch).astype(np.float32), np.ones(patch.shape, bool))
            with torch.inference_mode():
                features = block_features(panel, model, scaling, seed=seed)
            found.append(FaciesPanel((len(found),), panel, features, facies.posterior(features)))
    return found
