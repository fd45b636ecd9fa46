"""Checks of a model card from elsewhere beyond the types of its keys: what later steps rely on."""

import math
from itertools import pairwise
from typing import Any

from seisflow.calibration.by_depth import LEVELS, Calibration, JointCalibration
from seisflow.calibration.extremes import SAMPLE_P, Extremes
from seisflow.io import images
from seisflow.io.options import checked_options
from seisflow.models.card import ModelCard
from seisflow.models.sample_matching import NORMAL_SCORES, QUANTILES, SampleMatching, Variety


def check_card(card: ModelCard) -> None:
    """Refuse a card that could not be used, or that asks for what no reader offers.

    Raises
    ------
    ValueError
        The first fault found; pydantic's is one.
    """
    if card.images is not None and card.images not in images.names():
        raise ValueError(f"images: {card.images!r} is no image data set")
    if card.images is None:
        for item in card.inputs:
            try:
                checked_options(dict(item.get("geometry", {})))
            except ValueError as error:
                raise ValueError(f"inputs.geometry: {error}") from error
    if card.sample_matching is not None:
        _check_matching(card.sample_matching, *card.config.data.patch)
    if card.refinement is not None:
        _check_matching(card.refinement.matching, *card.config.data.patch)
    if card.calibration is not None:
        _check_calibration("calibration", card.calibration)
        _check_extremes("calibration", card.calibration)
    for name, joint in card.calibrations.items():
        _check_joint(f"calibrations.{name}", joint)


def _check_matching(matching: SampleMatching, height: int, width: int) -> None:
    gains = (len(matching.time_gain), len(matching.trace_gain))
    if gains != (height, width):
        raise ValueError(f"sample_matching: {gains[0]} and {gains[1]} gains for {(height, width)}")
    if matching.level and len(matching.level) != width:
        raise ValueError(f"sample_matching.level: {len(matching.level)} values for {width} traces")
    if matching.time_level and len(matching.time_level) != height:
        found = len(matching.time_level)
        raise ValueError(f"sample_matching.time_level: {found} values for {height} samples")
    if (parts := matching.incoherent) is not None:
        sizes = [len(row) for row in parts.gain]
        if len(parts.share) != len(QUANTILES) or sizes != [height // 2 + 1] * len(QUANTILES):
            raise ValueError(
                f"sample_matching.incoherent: {len(parts.share)} shares and rows of {sizes} gains for "
                f"{len(QUANTILES)} quantiles and {height} samples"
            )
        _check_ascending("sample_matching.incoherent.share", parts.share)
    if matching.variety is not None:
        _check_variety(matching.variety, height, width)


def _check_variety(variety: Variety, height: int, width: int) -> None:
    ends = height, height // 2 + 1, width // 2 + 1
    for bounds, end in zip(variety.bounds, ends, strict=True):
        if len(bounds) < 2 or bounds[0] < 0 or bounds[-1] > end or any(a >= b for a, b in pairwise(bounds)):
            raise ValueError(f"sample_matching.variety.bounds: {bounds} for {end}")
    size = sum(len(bounds) - 1 for bounds in variety.bounds)
    for name, rows, length in (
        ("drawn", variety.drawn, len(NORMAL_SCORES)),
        ("training", variety.training, len(NORMAL_SCORES)),
        ("matrix", variety.matrix, size),
    ):
        if [len(row) for row in rows] != [length] * size:
            raise ValueError(f"sample_matching.variety.{name}: not {size} x {length}")
    if (found := len(variety.time_gain)) != height:
        raise ValueError(f"sample_matching.variety.time_gain: {found} values for {height} samples")
    for row in (*variety.drawn, *variety.training):
        _check_ascending("sample_matching.variety", row)


def _check_joint(name: str, joint: JointCalibration) -> None:
    _check_extremes(name, joint)
    if not joint.features:
        raise ValueError(f"{name}.features: none")
    for feature in joint.features:
        _check_calibration(name, feature)
    for exceeded in joint.terms:
        if len(exceeded) != len(SAMPLE_P):
            raise ValueError(f"{name}.terms: {len(exceeded)} values for {len(SAMPLE_P)} shares")
        _check_ascending(f"{name}.terms", exceeded)
    size = len(joint.features)
    if joint.precision is not None:
        if [len(row) for row in joint.precision] != [size] * size:
            raise ValueError(f"{name}.precision: not {size} x {size}")
        _check_finite(f"{name}.precision", joint.precision)


def _check_calibration(name: str, one: Calibration) -> None:
    if not one.depth or [len(row) for row in one.quantiles] != [len(LEVELS)] * len(one.depth):
        raise ValueError(f"{name}: {len(one.quantiles)} rows of quantiles for {len(one.depth)} depths")
    _check_finite(f"{name}.quantiles", one.quantiles)
    _check_ascending(f"{name}.depth", one.depth)
    if not all(0 <= width <= 10_000 for width in one.smoothing):
        raise ValueError(f"{name}.smoothing: {one.smoothing}")


def _check_extremes(name: str, one: Extremes) -> None:
    if not one.maxima:
        raise ValueError(f"{name}.maxima: none")
    _check_ascending(f"{name}.maxima", one.maxima)
    _check_finite(f"{name}.exceeded", one.exceeded)
    if one.shape is not None and min(one.shape) < 1:
        raise ValueError(f"{name}.shape: {one.shape}")
    if one.tail is not None:
        if min(one.tail.tile) < 1 or not one.tail.maxima:
            raise ValueError(f"{name}.tail: {len(one.tail.maxima)} maxima of tiles of {one.tail.tile}")
        _check_ascending(f"{name}.tail.maxima", one.tail.maxima)


def _check_ascending(name: str, values: list[float]) -> None:
    _check_finite(name, values)
    if any(a > b for a, b in pairwise(values)):
        raise ValueError(f"{name}: not ascending")


def _check_finite(name: str, values: Any) -> None:
    for value in values:
        if isinstance(value, list):
            _check_finite(name, value)
        elif not math.isfinite(value):
            raise ValueError(f"{name}: {value} is no number to compute with")
