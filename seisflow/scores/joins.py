"""Ways to join the deviations of features into one map."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Literal

import numpy as np

from seisflow.scores.thin import Maps, stretched

Join = Literal["single", "largest", "highest", "lowest", "rms", "density", "learned", "p-values"]

LARGEST = 40.0
"""Deviations beyond which a feature counts no more in a joint score."""


def joined(
    deviations: Iterable[Maps],
    join: Join,
    *,
    weights: Sequence[float] = (),
    linear: Sequence[float] = (),
    steps: Sequence[int] = (),
    precision: list[list[float]] | None = None,
) -> Maps:
    """Join deviations (T, X) of features, which may come one by one, into one map (T, X).

    In a root mean square, ``weights`` of the features count, by default all 1; with them, what `tempered`
    leaves of each deviation beyond ``linear``, by default all. The ``steps`` of features may differ there.
    """
    if join == "density":
        assert precision is not None  # the calibration of such a score has one
        return _mahalanobis(np.stack(list(deviations)), precision)
    if join == "single":
        return next(iter(deviations))
    if join == "lowest":
        return -reduce(np.minimum, _on_finest(deviations, steps))
    if join in ("largest", "highest"):
        return reduce(_larger if join == "largest" else np.maximum, _on_finest(deviations, steps))
    counting: Iterable[tuple[Maps, float, float, int]] = (
        zip(deviations, weights, linear or [LARGEST] * len(weights), steps or [1] * len(weights), strict=True)
        if weights
        else ((deviation, 1.0, LARGEST, 1) for deviation in deviations)
    )
    totals: dict[int, Maps] = {}
    counted = 0.0
    for deviation, weight, limit, step in counting:
        square = np.float32(weight) * tempered(deviation, limit)
        totals[step] = totals[step] + square if step in totals else square
        counted += weight
    finest = min(totals)
    rows = len(totals[finest])
    total = sum(stretched(one, rows, step // finest) for step, one in totals.items())
    mean: Maps = np.sqrt(total / np.float32(counted))
    return mean


def _on_finest(deviations: Iterable[Maps], steps: Sequence[int]) -> Iterable[Maps]:
    """Deviations on the grid of the finest."""
    if len(set(steps)) < 2:
        return deviations
    every, finest = list(deviations), min(steps)
    rows = len(every[steps.index(finest)])
    return [stretched(one, rows, step // finest) for one, step in zip(every, steps, strict=True)]


def _larger(a: Maps, b: Maps) -> Maps:
    return np.where(np.abs(np.nan_to_num(b)) > np.abs(np.nan_to_num(a)), b, a)


def tempered(deviation: Maps, linear: float = LARGEST) -> Maps:
    r"""Square of a deviation a: :math:`a^2` up to ``linear`` = l, then :math:`l^2 (1 + 2 \ln(|a| / l))`.

    Both have the same slope at l. What deviates more still counts more, but does not stand for all around it.
    """
    size = np.abs(_kept(deviation))
    if linear >= LARGEST:
        return size * size
    inside = np.minimum(size, np.float32(linear))
    return inside * inside * (1 + 2 * np.log(np.maximum(size, np.float32(linear)) / np.float32(linear)))


def _kept(deviation: Maps) -> Maps:
    return np.clip(deviation, -LARGEST, LARGEST)


def _mahalanobis(deviations: Maps, precision: list[list[float]]) -> Maps:
    kept = _kept(deviations)
    matrix = np.array(precision, np.float32)
    # Without BLAS, which would round a sample differently in a tile than in the whole panel.
    square = np.einsum("itx,itx->tx", np.einsum("ij,jtx->itx", matrix, kept), kept)
    return np.sqrt(np.maximum(square, 0) / len(kept)).astype(np.float32)
