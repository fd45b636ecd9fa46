"""What a score is: maps taken from one pass of the model, features made of them, and how these are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seisflow.calibration import TRUNCATE, smooth, window_weight
from seisflow.scores.evaluation import Evaluation

Maps = NDArray[np.float32]
Window = tuple[float, float]

SMOOTHING: Window = (8.0, 4.0)
"""Samples and traces over which maps are averaged before they are judged (standard deviations)."""
LARGEST = 40.0
"""Deviations beyond which a feature counts no more in a joint score."""


@dataclass(frozen=True)
class Feature:
    """One map that is judged against held-out data at its depth.

    Attributes
    ----------
    name : str
    of : callable
        Makes it (T, X) from the panel's maps (K, T, X) that the score takes.
    window : (float, float)
        Then it is averaged over a Gaussian window of this size: samples and traces, standard deviations.
    log : bool
        Whether the logarithm of the average is taken: for powers.
    sides : (float, float)
        What deviations below and above normal weigh in a root mean square.
    """

    name: str
    of: Callable[[Maps], Maps]
    window: Window = SMOOTHING
    log: bool = False
    sides: tuple[float, float] = (1.0, 1.0)

    def __call__(self, maps: Maps, mask: NDArray[np.bool_], weight: Maps | None = None) -> Maps:
        """Feature (T, X) of a panel; NaN where masked. ``weight`` is the `window_weight`, if known."""
        value = smooth(self.of(maps), mask, self.window, weight)
        return np.log(np.maximum(value, 0) + FLOOR).astype(np.float32) if self.log else value


FLOOR = 1e-3
"""Added to powers before their logarithm is taken, in scaled units: 3 % of the standard deviation."""

Join = Literal["single", "largest", "rms", "density"]


@dataclass(frozen=True)
class Score:
    """A way to judge samples.

    Attributes
    ----------
    name : str
        As ``--score`` takes it.
    maps : callable
        Takes an `Evaluation` to the maps (B, K, H, W) whose averages over overlapping windows are needed;
        the first is the negative log-density.
    features : tuple of Feature
        Made of these.
    join : {"single", "largest", "rms", "density"}
        How deviations (F, T, X) become one (T, X): the only one; the largest, with its sign; the root of
        their mean square; the Mahalanobis distance under their held-out covariance, over sqrt(F).
    two_sided : bool
        Whether negative values are anomalies too.
    title : str
        What the joined map is, for files and pictures.
    """

    name: str
    maps: Callable[[Evaluation], Tensor]
    features: tuple[Feature, ...]
    join: Join
    two_sided: bool
    title: str

    @property
    def reach(self) -> int:
        """Traces to each side that the score of a trace depends on once its windows are put together."""
        return max(int(TRUNCATE * feature.window[1] + 0.5) for feature in self.features)

    @property
    def sides(self) -> list[tuple[float, float]]:
        """What deviations below and above normal weigh, for each feature."""
        return [feature.sides for feature in self.features]

    @property
    def signs(self) -> tuple[int, ...]:
        """Sides on which samples are anomalous."""
        return (1, -1) if self.two_sided else (1,)

    def measure(self, maps: Maps, mask: NDArray[np.bool_]) -> Maps:
        """Features (F, T, X) of a panel from its maps (K, T, X)."""
        windows = {feature.window for feature in self.features}
        weights = {window: window_weight(mask, window) for window in windows}
        return np.stack([feature(maps, mask, weights[feature.window]) for feature in self.features])


def joined(
    deviations: Maps,
    join: Join,
    *,
    sides: Sequence[tuple[float, float]] = (),
    precision: list[list[float]] | None = None,
) -> Maps:
    """Join deviations (F, T, X) of features into one map (T, X).

    ``sides`` (F, 2) are weights of negative and positive ones in a root mean square, by default all 1.
    """
    if join == "single":
        return deviations[0]
    if join == "largest":
        which = np.abs(np.nan_to_num(deviations)).argmax(0)
        chosen: Maps = np.take_along_axis(deviations, which[None], 0)[0]
        return chosen
    kept = np.clip(deviations, -LARGEST, LARGEST)
    if join == "rms":
        below, above = np.array(sides or [(1.0, 1.0)] * len(kept), np.float32).T[..., None, None]
        weights = np.where(kept < 0, below, above)
        return np.sqrt((weights * kept**2).sum(0) / np.maximum(below, above).sum()).astype(np.float32)
    assert precision is not None  # the calibration of such a score has one
    matrix = np.array(precision, np.float32)
    # Without BLAS, which would round a sample differently in a tile than in the whole panel.
    square = np.einsum("itx,itx->tx", np.einsum("ij,jtx->itx", matrix, kept), kept)
    return np.sqrt(np.maximum(square, 0) / len(kept)).astype(np.float32)


def channel(number: int) -> Callable[[Maps], Maps]:
    """Take one of the maps as it is."""
    return lambda maps: maps[number]
