"""Measures of how well a map agrees with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from seisflow.evaluation.anomalies.detection import aupro, auroc

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """Agreement of a map with labels.

    Attributes
    ----------
    auroc : float
        Probability that a labelled sample is ranked above another.
    average_precision : float
        Mean precision over the labelled samples, each at its own value; of a random map, the labelled share.
    aupro : float
        Overlap of each labelled region, up to a false positive rate of 0.3.
    threshold : float
        At which the next two hold.
    precision : float
        Share of samples at or beyond the threshold within the tolerance of a label.
    recall : float
        Share of labelled samples within the tolerance of one at or beyond the threshold.
    """

    auroc: float
    average_precision: float
    aupro: float
    threshold: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def agreement(
    values: Map, labels: Mask, mask: Mask, *, within: int = 2, threshold: float | None = None
) -> Agreement:
    """Compare the map (T, X) of a panel with its labels (T, X).

    Parameters
    ----------
    values : ndarray (T, X)
        The larger, the more anomalous; NaN ranks lowest.
    labels, mask : ndarray (T, X) of bool
        What was picked, and what of the panel is data.
    within : int
        Traces to each side by which picks are widened, and by which precision and recall forgive.
    threshold : float, optional
        For precision and recall; by default the value that as many samples reach as are labelled.
    """
    wide = widened(labels, within) & mask
    values = np.where(np.isfinite(values), values, -np.inf)
    if threshold is None:
        threshold = float(np.quantile(values[mask], 1 - wide.sum() / mask.sum()))
    found = (values >= threshold) & mask
    near = found & wide
    reached = labels & mask & widened(found, within)
    return Agreement(
        auroc(values, wide, mask & ~wide),
        average_precision(values[mask], wide[mask]),
        aupro(values, wide, mask & ~wide),
        threshold,
        float(near.sum() / max(found.sum(), 1)),
        float(reached.sum() / max((labels & mask).sum(), 1)),
    )


def widened(labels: Mask, within: int) -> Mask:
    """Labels (T, X) and as many traces to each side of them."""
    if not within:
        return labels
    wide: Mask = binary_dilation(labels, np.ones((1, 2 * within + 1)))
    return wide


def average_precision(values: NDArray[np.floating], labels: Mask) -> float:
    r"""Average precision, :math:`\sum_n (R_n - R_{n-1}) P_n` over the distinct values as thresholds."""
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(labels[order])
    last = np.flatnonzero(np.diff(values[order], append=np.nan) != 0)  # of equal values
    precision = hits[last] / (last + 1)
    recall = np.diff(hits[last] / max(int(labels.sum()), 1), prepend=0.0)
    return float((precision * recall).sum())


def side_by_side(panels: list[NDArray[Any]], gap: int, fill: float) -> NDArray[Any]:
    """Panels (T, X) in one, with ``gap`` traces of ``fill`` between them, so that nothing touches."""
    if len(panels) == 1:
        return panels[0]
    space = np.full((panels[0].shape[0], gap), fill, panels[0].dtype)
    parts = [part for panel in panels for part in (panel, space)]
    return np.concatenate(parts[:-1], axis=1)
