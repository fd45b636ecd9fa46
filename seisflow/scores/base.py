"""Scores: maps from one pass of the model, features made of them, and the way these are joined."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seisflow.calibration.by_depth import JointCalibration
from seisflow.calibration.smoothing import reach_of, smooth, window_weight
from seisflow.calibration.wide_windows import reach
from seisflow.scores.forward_pass import ForwardPass
from seisflow.scores.joins import LARGEST, Join
from seisflow.scores.thin import (
    WIDE_STEP,
    GroupAverages,
    Maps,
    Mask,
    Window,
    group_depth,
    group_sums,
    stretched,
)

SMOOTHING: Window = (8.0, 4.0)
"""Samples and traces over which maps are averaged before they are judged (standard deviations)."""


Measured = tuple[Callable[[Maps], Maps], Window, bool, int]
"""Makers of a feature's map: `Feature.of`, window, logarithm or not, and step."""


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
    weight : float
        Weight of its deviation in a root mean square.
    linear : float
        Up to this its deviation counts as it is there; beyond, its square grows as a logarithm (`tempered`).
    step : int
        Samples in time that are put together before it is averaged (`seisflow.scores.thin`).
    """

    name: str
    of: Callable[[Maps], Maps]
    window: Window = SMOOTHING
    log: bool = False
    weight: float = 1.0
    linear: float = LARGEST
    step: int = 1

    @property
    def measured(self) -> Measured:
        """All that its map depends on: features of the same are measured once."""
        return self.of, self.window, self.log, self.step

    def __call__(self, maps: Maps, mask: Mask, seen: Maps | None = None) -> Maps:
        """Feature (T, X) of a panel; NaN where masked. ``seen`` is the `window_weight`, if known."""
        return self.scaled(smooth(self.of(maps), mask, self.window, seen))

    def scaled(self, average: Maps) -> Maps:
        """Feature that an average is, or whose logarithm it is."""
        return np.log(np.maximum(average, 0) + np.float32(FLOOR)) if self.log else average


FLOOR = 1e-3
"""Added to powers before their logarithm is taken, in scaled units: 3 % of the standard deviation."""


@dataclass(frozen=True)
class Trend:
    """Part of a deviation (T, X) shared with its surroundings, such as the drift of a survey.

    Attributes
    ----------
    window : (float, float)
        Samples and traces that it is averaged over, standard deviations.
    share : float
        Share of the average that is taken off.
    most : float
        Deviations count no more than this in the average.
    """

    window: Window
    share: float
    most: float

    def taken_off(self, deviations: Iterable[Maps], steps: Iterable[int]) -> Iterator[Maps]:
        """Deviations (T / step, X) of a panel's features without their trend; NaN stays NaN.

        ``steps`` are those of the features. The trend is made on the grid of the thinnest.
        """
        for step, some in groupby(zip(steps, deviations, strict=True), itemgetter(0)):
            stack = np.stack([deviation for _, deviation in some])
            rows = WIDE_STEP // step
            mask = np.isfinite(stack[0])  # that of all features
            limited = np.fmin(np.fmax(stack, np.float32(-self.most)), np.float32(self.most)) * mask
            window = (self.window[0] / step, self.window[1])
            trend = GroupAverages(mask, rows).within(group_sums(limited, rows), window)
            stack -= stretched(np.float32(self.share) * trend, stack.shape[1], rows)
            yield from stack


def as_they_are(maps: Maps, mask: Mask) -> Maps:
    """Maps of a panel that need no more than averaging."""
    return maps


@dataclass(frozen=True)
class Score:
    """A score of samples: the maps it takes, the features made of them, and how their deviations are joined.

    Attributes
    ----------
    name : str
        As ``--score`` takes it.
    maps : callable
        Takes an `ForwardPass` to the maps (B, K, H, W) whose averages over overlapping windows are needed;
        the first is the negative log-density.
    features : tuple of Feature
        Made of these.
    join : {"single", "largest", "highest", "lowest", "rms", "density", "learned", "p-values"}
        Join of deviations (F, T, X) to one (T, X): the only one; the largest, with its sign; the highest;
        the lowest, with its sign turned; the root of their mean square; the Mahalanobis distance under their
        held-out covariance, over sqrt(F); what a network has learned of disturbed copies of held-out panels;
        the sum of weighted -ln p of the parts.
    two_sided : bool
        Whether negative values are anomalies too.
    title : str
        Title of the joined map in files and pictures.
    derive : callable
        Takes a panel's maps (K, T, X) and its mask to those that features are made of: for what a window of
        the model is too short to see.
    trend : Trend, optional
        Taken off the deviations of every feature before they are joined.
    blur : (float, float), optional
        Window over which the joined map is averaged: samples and traces, standard deviations.
    parts : tuple of Part
        Scores of the same maps, for the join by p-values; their features are among those of this one.
    """

    name: str
    maps: Callable[[ForwardPass], Tensor]
    features: tuple[Feature, ...]
    join: Join
    two_sided: bool
    title: str
    derive: Callable[[Maps, Mask], Maps] = as_they_are
    trend: Trend | None = None
    blur: Window | None = None
    parts: tuple[Part, ...] = ()

    @property
    def step(self) -> int:
        """Samples from row to row of its joined map: as of its finest features; the widest, if learned."""
        return max(self.steps) if self.join == "learned" else min(self.steps)

    @property
    def reach(self) -> int:
        """Traces to each side that the score of a trace depends on once its windows are put together."""
        if self.parts:
            return max(part.score.reach for part in self.parts)
        windows = [self.trend.window if self.trend else None, self.blur]
        far = reach_of if self.step == 1 else reach
        own = max(far(feature.window[1]) for feature in self.features)
        return own + sum(far(window[1]) for window in windows if window)

    @property
    def weights(self) -> list[float]:
        """Weight of each feature's deviation in a root mean square."""
        return [feature.weight for feature in self.features]

    @property
    def linear(self) -> list[float]:
        """Deviation up to which each feature counts as it is in a root mean square."""
        return [feature.linear for feature in self.features]

    @property
    def steps(self) -> list[int]:
        """Samples from row to row of each feature."""
        return [feature.step for feature in self.features]

    @property
    def inputs(self) -> int:
        """Number of maps that the network of its calibration takes: all features, with and without trend."""
        return 2 * len(self.features) if self.learns else 0

    @property
    def learns(self) -> bool:
        """Whether a network of its calibration is part of it."""
        return any(part.score.join == "learned" for part in self.parts)

    @property
    def signs(self) -> tuple[int, ...]:
        """Sides on which samples are anomalous."""
        return (1, -1) if self.two_sided else (1,)

    @property
    def recipe(self) -> str:
        """Fingerprint of the numbers that deviations are joined by: a calibration made by others is none."""
        if self.join not in ("rms", "p-values"):
            return ""
        features = [(one.name, one.window, one.weight, one.linear, one.step) for one in self.features]
        parts = [
            (part.weight, part.beyond, part.most, part.tail, part.gate, part.score.recipe)
            for part in self.parts
        ]
        numbers = repr((features, self.trend, self.blur, parts))
        return hashlib.sha256(numbers.encode()).hexdigest()[:12]

    def fits(self, calibration: JointCalibration) -> bool:
        """Whether a calibration is one of this score as it is now."""
        return (
            [feature.smoothing for feature in calibration.features] == [one.window for one in self.features]
            and len(calibration.terms) == len(self.parts)
            and (calibration.learned.inputs if calibration.learned else 0) == self.inputs
            and calibration.recipe == self.recipe
        )

    def placed(self) -> Iterator[tuple[Part, list[int]]]:
        """Parts, each with the places of its features among those of this score."""
        places = {feature.measured: place for place, feature in enumerate(self.features)}
        for part in self.parts:
            yield part, [places[feature.measured] for feature in part.score.features]

    def measure(self, maps: Maps, mask: Mask) -> Iterator[Maps]:
        """Features of a panel, one by one, each (T / step, X), from its maps (K, T, X)."""
        derived = self.derive(maps, mask)
        if self.step == 1:
            seen = {window: window_weight(mask, window) for window in {f.window for f in self.features}}
            yield from (feature(derived, mask, seen[feature.window]) for feature in self.features)
            return
        averages = {step: GroupAverages(mask, step) for step in set(self.steps)}
        sums: dict[tuple[Callable[[Maps], Maps], int], Maps] = {}
        for (window, step), some in groupby(self.features, lambda feature: (feature.window, feature.step)):
            features = list(some)
            for of in (feature.of for feature in features):
                if (of, step) not in sums:
                    sums[of, step] = group_sums(of(derived), step)
            stack = np.stack([sums[feature.of, step] for feature in features])
            found = averages[step].within(stack, window)
            yield from (feature.scaled(one) for feature, one in zip(features, found, strict=True))

    def depths(self, depth: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Depths of the rows of each feature, of those (T,) of a panel."""
        rows = {step: group_depth(depth, step) for step in set(self.steps)}
        return (rows[feature.step] for feature in self.features)

    def blurred(self, joined: Maps) -> Maps:
        """Joined map, averaged as it is in the end."""
        if self.blur is None:
            return joined
        return smooth(joined, np.isfinite(joined), (self.blur[0] / self.step, self.blur[1]))

    def whole(self, joined: Maps, mask: Mask) -> Maps:
        """Joined map of all samples of a panel (T, X), of that (T / step, X) of rows; NaN where masked."""
        return np.where(mask, stretched(joined, len(mask), self.step), np.float32(np.nan))


@dataclass(frozen=True)
class Part:
    r"""A score whose p-values another joins with those of others.

    Attributes
    ----------
    score : Score
    weight : float
        Weight of its -ln p.
    beyond : float
        Taken off -ln p first: what is no rarer counts nothing.
    most : float
        Up to this, what is left counts with that weight.
    tail : float
        Weight of what exceeds it.
    gate : float
        Power of the factor :math:`\min(b, 1)^g`, with b the sum of the parts before: what is ordinary by
        these counts less. 0 for none.
    """

    score: Score
    weight: float = 1.0
    beyond: float = 0.0
    most: float = math.inf
    tail: float = 0.0
    gate: float = 0.0

    def of(self, surprise: Maps, before: Maps) -> Maps:
        """Share of the whole of a map of -ln p, with the sum of the parts ``before``."""
        rare = np.maximum(surprise - np.float32(self.beyond), 0)
        within = np.minimum(rare, np.float32(self.most))
        share = np.float32(self.weight) * within + np.float32(self.tail) * (rare - within)
        return share * np.clip(before, 0, 1) ** np.float32(self.gate) if self.gate else share


@cache
def channel(number: int) -> Callable[[Maps], Maps]:
    """Take one of the maps as it is."""
    return itemgetter(number)
