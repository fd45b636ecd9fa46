"""Held-out statistics of a score, by depth."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seisflow.calibration.extremes import Extremes, extremes
from seisflow.calibration.learned import Learned
from seisflow.calibration.tail import MIN_SCALE

LEVELS = (0.0228, 0.1587, 0.5, 0.8413, 0.9772)
"""Quantile levels kept for each depth: those of a Gaussian at -2, -1, 0, 1 and 2 standard deviations."""
FOLDS = 3
"""Groups of neighbouring held-out panels that are judged by what was fitted to the others. Surveys drift, and
smaller groups would hide it: next to a line there would always be one that was fitted to."""
BIN_SAMPLES = 50_000
"""Samples of a depth bin that its quantiles are taken of."""
DepthMap = tuple[NDArray[np.float32], NDArray[np.float64]]
"""A map (T, X) and the depth (T,) of its samples."""
_Item = TypeVar("_Item")


class Calibration(Extremes):
    r"""Deviation of a smoothed negative log-density from held-out data, on either side, by depth.

    .. math:: a = (m - q_{50}(t)) / s_\pm(t), \qquad
        s_+ = \tfrac12 (q_{97.7} - q_{50}), \quad s_- = \tfrac12 (q_{50} - q_{2.3})

    with the quantiles of held-out data at two-way time (or depth) t. Both signs are anomalies: a flow
    gives dim or wiped-out zones a *higher* density than ordinary ones.

    Attributes
    ----------
    smoothing : (float, float)
        Standard deviations, in samples and traces, of the window over which log-densities are averaged.
    depth : list of float
        Centres of the depth bins, in the section's unit.
    quantiles : list of list of float
        For each bin, the values at `LEVELS`.

    References
    ----------
    Nalisnick et al., *Detecting out-of-distribution inputs to deep generative models using typicality*, 2019.
    """

    smoothing: tuple[float, float]
    depth: list[float]
    quantiles: list[list[float]]

    def deviation(self, smooth: NDArray[np.float32], depth: NDArray[np.float64]) -> NDArray[np.float32]:
        """Signed deviation (T, X) of a smoothed negative log-density (T, X) at ``depth`` (T,)."""
        table = np.array(self.quantiles)
        low, middle, high = (np.interp(depth, self.depth, table[:, i])[:, None] for i in (0, 2, 4))
        offset = smooth - middle
        above, below = (np.maximum(half / 2, MIN_SCALE) for half in (high - middle, middle - low))
        return (np.maximum(offset, 0) / above + np.minimum(offset, 0) / below).astype(np.float32)


class JointCalibration(Extremes):
    """Calibration of a score that has several features.

    Attributes
    ----------
    features : list of Calibration
        One for each feature; their own maxima are not kept.
    precision : list of list of float, optional
        Inverse covariance of the features' deviations, where the score asks for it.
    terms : list of list of float
        What the shares `seisflow.calibration.extremes.SAMPLE_P` of held-out samples exceed, of each map that
        the score joins by p-values.
    learned : Learned, optional
        Network that is one of these.
    recipe : str
        Fingerprint of the numbers that the score joined deviations by (`seisflow.scores.base.Score.recipe`).
    """

    features: list[Calibration]
    precision: list[list[float]] | None = None
    terms: list[list[float]] = Field(default_factory=list)
    learned: Learned | None = None
    recipe: str = ""

    def deviations(
        self, values: Iterable[NDArray[np.float32]], depths: Iterable[NDArray[np.float64]]
    ) -> Iterator[NDArray[np.float32]]:
        """Signed deviation (T, X) of each feature (T, X) at its ``depths`` (T,), one by one."""
        for feature, value, depth in zip(self.features, values, depths, strict=True):
            yield feature.deviation(value, depth)


def calibrate(
    maps: Sequence[DepthMap],
    smoothing: tuple[float, float],
    *,
    held_out: bool = True,
    bins: int = 16,
    tile: tuple[int, int] | None = None,
    beside: Sequence[DepthMap] = (),
) -> Calibration:
    """Fit a calibration to smoothed negative log-densities of held-out panels.

    Parameters
    ----------
    maps : sequence of (smooth (T, X), depth (T,))
        One for each panel; NaN where masked.
    smoothing : (float, float)
        That of the maps.
    held_out : bool
        Whether the panels are.
    bins : int
        Depth bins, each half overlapping the next so that the quantiles vary smoothly.
    tile : (int, int), optional
        Samples and traces of the tiles whose maxima the `Tail` is fitted to; without, there is none.
    beside : sequence of (smooth (T, X), depth (T,))
        Maps of other panels, which quantiles are taken of, too.
    """
    draft = by_depth([*maps, *beside], smoothing, bins, held_out=held_out)
    scores: list[NDArray[np.float32]] = []
    for others, some in folds(maps, beside):
        fitted = by_depth(others, smoothing, bins, held_out=held_out)
        scores += [np.abs(fitted.deviation(values, depth)) for values, depth in some]
    return draft.model_copy(update=extremes(scores, tile))


def by_depth(
    maps: Sequence[DepthMap], smoothing: tuple[float, float], bins: int, *, held_out: bool
) -> Calibration:
    """Quantiles of maps by depth, as a calibration without maxima."""
    depths = np.concatenate([depth[np.isfinite(values).any(1)] for values, depth in maps])
    edges = np.linspace(depths.min(), depths.max(), bins + 1)
    width = edges[1] - edges[0]
    centres, table = [], []
    for centre in (edges[1:] + edges[:-1]) / 2:
        rows = [values[np.abs(depth - centre) <= width].ravel() for values, depth in maps]
        step = max(sum(row.size for row in rows) // BIN_SAMPLES, 1)
        near = np.concatenate(rows)[::step]
        near = near[np.isfinite(near)]
        if near.size:
            centres.append(float(centre))
            table.append([float(q) for q in np.quantile(near, LEVELS)])
    return Calibration(smoothing=smoothing, depth=centres, quantiles=table, maxima=[], held_out=held_out)


def folds(
    panels: Sequence[_Item], beside: Sequence[_Item] = ()
) -> Iterator[tuple[Sequence[_Item], Sequence[_Item]]]:
    """Pairs of what to fit to and what to judge by it; neighbours, which are alike, are judged together.

    Panels that were fitted to look more normal than new ones do. Those ``beside`` are fitted to, not judged.
    Without any, a single panel has to serve for both.

    References
    ----------
    Vovk, *Cross-conformal predictors*, 2015.
    """
    count = min(FOLDS, len(panels))
    edges = np.linspace(0, len(panels), count + 1).astype(int).tolist()
    for first, last in pairwise(edges):
        some = panels[first:last]
        yield [*panels[:first], *panels[last:], *beside] or some, some
