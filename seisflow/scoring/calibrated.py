"""A score made ready to judge sections: with the model it sees through and what is normal for it."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seisflow.calibration.by_depth import Calibration, JointCalibration
from seisflow.calibration.extremes import surprise
from seisflow.calibration.smoothing import smooth
from seisflow.errors import ModelError
from seisflow.models import Model, ModelCard
from seisflow.scores import find_score
from seisflow.scores.base import Maps, Score, joined
from seisflow.scores.forward_pass import ForwardPass


class CalibratedScore:
    """Judges panels by one score of a model.

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
        if isinstance(self.calibration, JointCalibration):
            known = [feature.smoothing for feature in self.calibration.features]
            own = len(self.score.features) - len(self.score.extends.features) if self.score.extends else -1
            windows = [feature.window for feature in self.score.features]
            if known != windows or len(self.calibration.terms) != own + 1:
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
        return deviation_of(features, depth, self.calibration, self.score)


def deviation_of(
    features: Iterable[Maps],
    depth: NDArray[np.float64],
    calibration: Calibration | JointCalibration,
    score: Score,
) -> Maps:
    """Join the deviations of a score's features (T, X) into one map (T, X); NaN where masked."""
    if not isinstance(calibration, JointCalibration):
        return calibration.deviation(next(iter(features)), depth)
    deviations = calibration.deviations(features, depth)
    if score.extends is not None:
        maps = terms(deviations, score)
        weights = [1.0, *(score.own_weight for _ in maps[1:])]
        total = np.zeros_like(maps[0])
        for weight, one, exceeded in zip(weights, maps, calibration.terms, strict=True):
            total += np.float32(weight) * surprise(one, exceeded)
        return total
    return _one(deviations, score, calibration.precision)


def terms(deviations: Iterator[Maps], score: Score) -> list[Maps]:
    """Maps (T, X) whose p-values a score joins: that of the score it extends, and its own features."""
    assert score.extends is not None  # what is joined by p-values extends another score
    first = _one(islice(deviations, len(score.extends.features)), score.extends, None)
    return [first, *(np.maximum(one, 0) for one in deviations)]


def _one(deviations: Iterator[Maps], score: Score, precision: list[list[float]] | None) -> Maps:
    if score.trend:
        deviations = score.trend.taken_off(deviations)
    one = joined(deviations, score.join, weights=score.weights, precision=precision)
    return smooth(one, np.isfinite(one), score.blur) if score.blur else one


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
