"""Words of a section: blocks of samples, by what the flow does to them.

The latent of a good flow is white noise, wherever it comes from. What the flow knows of a place lies in how
it got there: the log-determinant (minus the log of the size of what it could not foresee) and the energies
of the states on the way, from the whitened section through each level to the latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from torch import Tensor

from seisflow.models import Model
from seisflow.patches import Panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import ForwardPass
from seisflow.scoring.tiles import Seed
from seisflow.scoring.windows import measure_panel

BLOCK = (8, 4)
"""Samples and traces of a block, which is a word."""
WORDS = 64
FLOOR = 1e-3
"""Added to energies, in units of the whitened section's, before their logarithm is taken."""
FITTED, RESTARTS = 8192, 4
"""Blocks that words are learned from; starts of k-means, of which the best is taken."""


def block_features(
    panel: Panel, model: Model, scaling: AmplitudeScaling, *, seed: int | Seed = 0
) -> NDArray[np.float64]:
    """Features of the flow in each block of a panel, (rows, columns, F); NaN where half of it is masked.

    Log-energies of the whitened section and of the state after each level, then the mean log-determinant, of
    half-overlapping windows put together. A last block that is cut off by the panel's end counts by what
    there is of it.
    """
    maps = measure_panel(panel, model, scaling, _energies, seed=seed).astype(np.float64)
    means, known = block_means(np.where(panel.mask, maps, np.nan))
    with np.errstate(invalid="ignore"):
        means[:-1] = np.log(means[:-1] + FLOOR)
    means[:, known < 0.5] = np.nan
    return np.moveaxis(means, 0, -1)


def _energies(seen: ForwardPass) -> Tensor:
    """Squares of the states, and the log-determinant of all steps together, (B, F, H, W)."""
    log_det = torch.stack([share for _, share in seen.states]).sum(0)
    return torch.cat([*(state.square() for state, _ in seen.states), log_det], 1)


def block_means(maps: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of maps (K, T, X) over the known samples of each block, (K, rows, columns), and their share."""
    _, samples, traces = maps.shape
    pad = [(0, -samples % BLOCK[0]), (0, -traces % BLOCK[1])]
    padded = np.pad(maps, [(0, 0), *pad], constant_values=np.nan)
    rows, columns = padded.shape[1] // BLOCK[0], padded.shape[2] // BLOCK[1]
    cells = padded.reshape(len(maps), rows, BLOCK[0], columns, BLOCK[1])
    known = np.isfinite(cells)
    inside = np.pad(np.ones((samples, traces)), pad).reshape(rows, BLOCK[0], columns, BLOCK[1]).sum((1, 3))
    count = known.sum((2, 4))
    sums = np.where(known, cells, 0).sum((2, 4))
    means = np.divide(sums, count, out=np.full(sums.shape, np.nan), where=count > 0)
    return means, count[0] / inside


@dataclass(frozen=True)
class Vocabulary:
    """Words: centres of k-means among blocks' features.

    Attributes
    ----------
    scale : ndarray (F,)
        Standard deviation of each feature.
    centres : ndarray (V, F)
        In units of it.
    """

    scale: NDArray[np.float64]
    centres: NDArray[np.float64]

    @classmethod
    def fit(cls, panels: Sequence[NDArray[np.float64]], *, seed: int = 0) -> Vocabulary:
        """Learn words from the features of panels, each (rows, columns, F)."""
        rng = np.random.default_rng(seed)
        blocks = np.concatenate([one[np.isfinite(one).all(-1)] for one in panels])
        scale = np.maximum(blocks.std(0), 1e-9)
        if len(blocks) > FITTED:
            blocks = blocks[rng.choice(len(blocks), FITTED, replace=False)]
        scaled = blocks / scale
        count = min(WORDS, len(scaled))
        tries = [kmeans2(scaled, count, minit="++", rng=rng)[0] for _ in range(RESTARTS)]
        return cls(scale, min(tries, key=lambda centres: float(np.square(vq(scaled, centres)[1]).mean())))

    def words(self, features: NDArray[np.float64]) -> NDArray[np.int64]:
        """Word of each block (rows, columns) of features (rows, columns, F); -1 where there is none."""
        known = np.isfinite(features).all(-1)
        found = np.full(known.shape, -1, np.int64)
        if known.any():
            found[known] = vq(features[known] / self.scale, self.centres)[0]
        return found
