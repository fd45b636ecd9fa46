"""A score of a model with its calibration: how far a section deviates from held-out data."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seisflow.calibration.by_depth import Calibration, JointCalibration
from seisflow.calibration.extremes import surprise
from seisflow.calibration.learned import Learned, squashed
from seisflow.errors import ModelError
from seisflow.models import Model, ModelCard
from seisflow.scores import find_score
from seisflow.scores.base import Maps, Mask, Score, Trend
from seisflow.scores.forward_pass import ForwardPass
from seisflow.scores.joins import joined
from seisflow.scores.thin import group_means, stretched

LEAST_LOGIT = -16.0
"""Logit that stands for nothing learned, as terms are not negative."""


class CalibratedScore:
    """One score of a model, with its calibration.

    Parameters
    ----------
    model : Model
        With a card that holds the score's calibration.
    score : str
        One of `seisflow.scores.SCORES`.

    Raises
    ------
    ModelError
        If the model does not offer the score, or has no calibration for it.
    """

    def __init__(self, model: Model, score: str) -> None:
        assert model.card is not None  # who scores has asked for it
        self.model = model
        self.score = find_score(model, score)
        self.calibration = calibration_of(model.card, score)
        if isinstance(self.calibration, JointCalibration) and not self.score.fits(self.calibration):
            raise _uncalibrated(score)

    def __reduce__(self) -> tuple[type["CalibratedScore"], tuple[Model, str]]:
        """Travel to a worker as model and name: a score holds functions, which do not."""
        return CalibratedScore, (self.model, self.score.name)

    @property
    def reach(self) -> int:
        """Traces to each side that the score of a trace depends on once its windows are put together."""
        return self.score.reach

    def maps(self, x: Tensor, mask: Tensor) -> Tensor:
        """Maps (B, K, H, W) of windows (B, 1, H, W) that are averaged over overlaps; the nll is the first."""
        with torch.inference_mode():
            return self.score.maps(ForwardPass(self.model, x, mask))

    def deviation(self, maps: Maps, mask: NDArray[np.bool_], depth: NDArray[np.float64]) -> Maps:
        """Deviation (T, X) from held-out data of a panel's maps (K, T, X), at ``depth`` (T,)."""
        features = self.score.measure(maps, mask)
        return deviation_of(features, depth, mask, self.calibration, self.score)


def deviation_of(
    features: Iterable[Maps],
    depth: NDArray[np.float64],
    mask: Mask,
    calibration: Calibration | JointCalibration,
    score: Score,
) -> Maps:
    """Join the deviations of a score's features into one map (T, X), at ``depth`` (T,); NaN where masked."""
    if not isinstance(calibration, JointCalibration):
        return calibration.deviation(next(iter(features)), depth)
    deviations = calibration.deviations(features, score.depths(depth))
    if score.parts:
        return score.whole(of_terms(terms(deviations, score, calibration.learned), calibration, score), mask)
    if score.trend:
        deviations = score.trend.taken_off(deviations, score.steps)
    return score.whole(_one(deviations, score, calibration.precision), mask)


def terms(deviations: Iterator[Maps], score: Score, learned: Learned | None) -> Iterator[Maps]:
    """Maps (T / step, X) of the parts whose p-values a score joins: how far above normal, or away from it."""
    plain = list(deviations)
    less_trend: dict[Trend, list[Maps]] = {}
    for part, places in score.placed():
        trend = part.score.trend
        if trend and trend not in less_trend:
            less_trend[trend] = list(trend.taken_off(plain, score.steps))
        every = less_trend[trend] if trend else plain
        if part.score.join == "learned":
            assert learned is not None  # such a calibration has one
            yield np.maximum(learned(_on_widest([*plain, *every], score.steps)) - LEAST_LOGIT, 0)
            continue
        one = _one((every[place] for place in places), part.score, None)
        yield np.abs(one) if part.score.two_sided else np.maximum(one, 0)


def learned_from(deviations: Iterable[Maps], score: Score) -> list[Maps]:
    """Maps that a network of a score learns from: squashed deviations, with and without their trend."""
    (trend,) = {part.score.trend for part in score.parts if part.score.join == "learned"}
    assert trend is not None
    plain = list(deviations)
    return _on_widest([*plain, *trend.taken_off(plain, score.steps)], score.steps)


def _on_widest(deviations: Sequence[Maps], steps: Sequence[int]) -> list[Maps]:
    """Squashed deviations on the grid of the widest of ``steps``, which repeat; NaN together."""
    widest = max(steps)
    known = np.isfinite(deviations[steps.index(widest)])
    means = (
        group_means(squashed(one), widest // step)
        for one, step in zip(deviations, cycle(steps), strict=False)
    )
    return [np.where(known, mean, np.float32(np.nan)) for mean in means]


def of_terms(maps: Iterable[Maps], calibration: JointCalibration, score: Score) -> Maps:
    """Sum (T / step, X) of what the -ln p of the parts' maps count."""
    total = np.zeros((1, 1), np.float32)
    for part, one, exceeded in zip(score.parts, maps, calibration.terms, strict=True):
        found = stretched(surprise(one, exceeded), len(total), part.score.step // score.step)
        total = total + part.of(found, total)
    return total


def _one(deviations: Iterable[Maps], score: Score, precision: list[list[float]] | None) -> Maps:
    """Map of deviations, from which the trend has been taken off."""
    one = joined(
        deviations,
        score.join,
        weights=score.weights,
        linear=score.linear,
        steps=score.steps,
        precision=precision,
    )
    return score.blurred(one)


def calibration_of(card: ModelCard, score: str) -> Calibration | JointCalibration:
    """Calibration of a score.

    Raises
    ------
    ModelError
        If the card has none.
    """
    found: Calibration | JointCalibration | None
    found = card.calibration if score in ("typicality", "nll") else card.calibrations.get(score)
    if found is None:
        raise _uncalibrated(score)
    return found


def _uncalibrated(score: str) -> ModelError:
    return ModelError(
        f"the model has no calibration for the score {score} as it is now. Expected one made by "
        f"`seisflow train`: for a run that an older version made, `seisflow train --resume -o RUN` adds it"
    )
