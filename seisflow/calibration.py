"""What is normal: held-out statistics of the score, by depth, and how high its maxima go."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.ndimage import gaussian_filter, uniform_filter1d
from scipy.stats import genpareto

LEVELS = (0.0228, 0.1587, 0.5, 0.8413, 0.9772)
"""Quantile levels kept for each depth: those of a Gaussian at -2, -1, 0, 1 and 2 standard deviations."""
LONG = 16
"""Samples or traces of standard deviation from which on a window is three means in a row."""
TRUNCATE = 4.0
"""Standard deviations at which smoothing windows end."""
MIN_SCALE = 1e-3
"""Smallest spread of the score, in nats, so that a depth where nothing varies does not divide by zero."""
TAIL_SHARE = 0.25
"""Share of the tile maxima that the tail is fitted to."""
MIN_TILES = 20
"""Tile maxima from which on a tail is fitted."""
MOST_TILES = 4000
"""Tile maxima that are kept."""
SHAPES = (-0.5, 0.5)
"""Shapes that a tail may have: lighter ones would end at the largest maximum seen, heavier ones never end."""
FOLDS = 3
"""Groups of neighbouring held-out panels that are judged by what was fitted to the others. Surveys drift, and
smaller groups would hide it: next to a line there would always be one that was fitted to."""
BIN_SAMPLES = 100_000
"""Samples of a depth bin that its quantiles are taken of."""

DepthMap = tuple[NDArray[np.float32], NDArray[np.float64]]
"""A map (T, X) and the depth (T,) of its samples."""
_Item = TypeVar("_Item")

SAMPLE_P = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
"""Shares of held-out samples for which it is kept how large a deviation they exceed."""

Promise = Literal["conformal", "tail", "largest"]
"""How a threshold came about: rank among held-out maxima; a fitted tail; the largest maximum there is."""


class Tail(BaseModel):
    r"""How high an untouched section scores at its highest, whatever its size.

    A panel of N tiles, which are about independent, exceeds u with probability
    :math:`1 - (1 - P(M > u))^N`. M, the maximum of a tile, has held-out values; over their upper quarter,
    from :math:`u_0` on, a generalised Pareto law is fitted, which goes on beyond the largest of them:

    .. math:: P(M > u) = \tfrac14 (1 + \xi (u - u_0) / \sigma)^{-1/\xi}

    Attributes
    ----------
    tile : (int, int)
        Samples and traces of a tile.
    maxima : list of float
        Largest score in every held-out tile, ascending.

    References
    ----------
    Pickands, *Statistical inference using extreme order statistics*, 1975; Coles, *An introduction to
    statistical modeling of extreme values*, 2001.
    """

    model_config = ConfigDict(frozen=True)

    tile: tuple[int, int]
    maxima: list[float]

    @cached_property
    def _pareto(self) -> tuple[float, float, float]:
        """Start, shape and scale of the fitted tail."""
        values = np.array(self.maxima)
        start = float(np.quantile(values, 1 - TAIL_SHARE))
        beyond = values[values > start] - start
        if len(beyond) < 3:
            return start, 0.0, MIN_SCALE
        shape, _, scale = genpareto.fit(beyond, floc=0)
        if not SHAPES[0] <= shape <= SHAPES[1]:
            shape = float(np.clip(shape, *SHAPES))
            scale = float(beyond.mean()) * (1 - shape)
        return start, float(shape), float(scale)

    def tiles(self, shape: tuple[int, int]) -> float:
        """Number of tiles, with fractions, that a panel of ``shape`` (T, X) holds; at least 1."""
        return max(shape[0] * shape[1] / (self.tile[0] * self.tile[1]), 1.0)

    def p_value(self, score: float, shape: tuple[int, int]) -> float:
        """Probability that an untouched panel of ``shape`` (T, X) reaches this score anywhere."""
        start, xi, scale = self._pareto
        if score > start:
            p = TAIL_SHARE * float(genpareto.sf(score - start, xi, scale=scale))
        else:
            p = 1 - int(np.searchsorted(self.maxima, score)) / (len(self.maxima) + 1)
        return float(-np.expm1(self.tiles(shape) * np.log1p(-min(p, 1 - 1e-12))))

    def threshold(self, alpha: float, shape: tuple[int, int]) -> float:
        """Score that an untouched panel of ``shape`` (T, X) reaches with probability ``alpha``."""
        p = float(-np.expm1(np.log1p(-alpha) / self.tiles(shape)))
        start, xi, scale = self._pareto
        if p < TAIL_SHARE:
            return start + float(genpareto.isf(p / TAIL_SHARE, xi, scale=scale))
        return float(np.quantile(self.maxima, 1 - p))


class Extremes(BaseModel):
    r"""How far untouched panels deviate at most: what thresholds and p-values rest on.

    Attributes
    ----------
    maxima : list of float
        Largest \|a\| of every held-out panel, ascending, each judged by what was fitted to others.
    held_out : bool
        False if there was no held-out block and training data had to serve.
    tail : Tail, optional
        Maxima of tiles, for panels of another size than the held-out ones and for small alphas.
    shape : (int, int), optional
        Samples and traces of the largest held-out panel.
    exceeded : list of float
        \|a\| that the shares `SAMPLE_P` of all held-out samples exceed; empty in models of older versions.
    """

    model_config = ConfigDict(frozen=True)

    maxima: list[float]
    held_out: bool
    tail: Tail | None = None
    shape: tuple[int, int] | None = None
    exceeded: list[float] = []

    def threshold(self, alpha: float, shape: tuple[int, int] | None = None) -> float:
        r"""\|a\| that a normal panel exceeds anywhere with probability ``alpha`` at most.

        Parameters
        ----------
        alpha : float
        shape : (int, int), optional
            Samples and traces of the panel; by default those of the held-out ones.

        Notes
        -----
        For panels of about the size of the held-out ones, the conformal quantile of their maxima, which
        needs about ``1 / alpha`` of them. For others, or with fewer, the `Tail`; without one, the largest
        maximum is the best there is. `promise` says which.
        """
        if self.tail is not None and self.promise(alpha, shape) == "tail":
            return self.tail.threshold(alpha, shape or self.shape or self.tail.tile)
        rank = int(np.ceil((len(self.maxima) + 1) * (1 - alpha)))
        return self.maxima[min(max(rank, 1), len(self.maxima)) - 1]

    def promise(self, alpha: float, shape: tuple[int, int] | None = None) -> Promise:
        """What the threshold for ``alpha`` rests on."""
        enough = np.ceil((len(self.maxima) + 1) * (1 - alpha)) <= len(self.maxima)
        if enough and (shape is None or self.shape is None or _alike(shape, self.shape)):
            return "conformal"
        if self.tail is not None and len(self.tail.maxima) >= MIN_TILES:
            return "tail"
        return "largest"

    def supports(self, alpha: float, shape: tuple[int, int] | None = None) -> bool:
        """Whether there were enough held-out panels, or tiles of them, for this ``alpha``."""
        return self.held_out and self.promise(alpha, shape) != "largest"

    def p_value(self, score: float, shape: tuple[int, int] | None = None) -> float:
        r"""Probability that a normal panel of ``shape`` (T, X) reaches this \|a\| anywhere."""
        size = shape or self.shape
        if self.tail is not None and size is not None and len(self.tail.maxima) >= MIN_TILES:
            return self.tail.p_value(score, size)
        above = len(self.maxima) - int(np.searchsorted(self.maxima, score))
        return (1 + above) / (len(self.maxima) + 1)

    def sample_p_values(self, deviation: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Share of held-out samples that deviate as much as each sample does: for display only.

        Samples are many and alike, so this controls no false alarms: a section of a million has a hundred
        below 1e-4. The smallest value is that of `SAMPLE_P`; NaN stays NaN.
        """
        if not self.exceeded:
            return np.full(deviation.shape, np.nan, np.float32)
        logs = np.interp(np.abs(deviation), [0.0, *self.exceeded], np.log([1.0, *SAMPLE_P]))
        return np.where(np.isnan(deviation), np.nan, np.exp(logs)).astype(np.float32)


class Calibration(Extremes):
    r"""Maps a smoothed negative log-density to how far from held-out data it is, on either side.

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
        scale = np.where(offset > 0, high - middle, middle - low) / 2
        return (offset / np.maximum(scale, MIN_SCALE)).astype(np.float32)


class JointCalibration(Extremes):
    """Judges several features of a score together.

    Attributes
    ----------
    features : list of Calibration
        One for each feature; their own maxima are not kept.
    precision : list of list of float, optional
        Inverse covariance of the features' deviations, where the score asks for it.
    """

    features: list[Calibration]
    precision: list[list[float]] | None = None

    def deviations(
        self, values: Iterable[NDArray[np.float32]], depth: NDArray[np.float64]
    ) -> Iterator[NDArray[np.float32]]:
        """Signed deviation (T, X) of each feature (T, X) at ``depth`` (T,), one by one."""
        for feature, value in zip(self.features, values, strict=True):
            yield feature.deviation(value, depth)


def _alike(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether panels are of the same size within a quarter."""
    return 0.8 <= (a[0] * a[1]) / (b[0] * b[1]) <= 1.25


def benjamini_hochberg(p_values: Sequence[float], q: float) -> list[bool]:
    r"""Which of the hypotheses to reject so that, of those rejected, a share q is wrong at most.

    The k smallest, with the largest k for which :math:`p_{(k)} \le q k / n`.

    References
    ----------
    Benjamini & Hochberg, *Controlling the false discovery rate*, 1995.
    """
    if not p_values:
        return []
    p = np.asarray(p_values)
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= q * np.arange(1, len(p) + 1) / len(p))
    chosen = np.zeros(len(p), bool)
    if passed.size:
        chosen[order[: passed[-1] + 1]] = True
    return chosen.tolist()


def tile_maxima(score: NDArray[np.float32], tile: tuple[int, int]) -> list[float]:
    """Largest value in each tile of a map (T, X), without those that hold nothing; NaN counts as nothing.

    Tiles are as near to ``tile`` samples and traces as makes them fill the map.
    """
    rows, columns = (max(round(n / size), 1) for n, size in zip(score.shape, tile, strict=True))
    parts = (part for band in np.array_split(score, rows) for part in np.array_split(band, columns, axis=1))
    return [float(np.nanmax(part)) for part in parts if np.isfinite(part).any()]


def smooth(
    nll: NDArray[np.float32],
    mask: NDArray[Any],
    smoothing: tuple[float, float],
    weight: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average a map (T, X) over a Gaussian window, over unmasked samples only; NaN where masked.

    ``weight`` is `window_weight` of the mask, where that is known already.
    """
    if weight is None:
        weight = window_weight(mask, smoothing)
    total = _window(np.where(mask, nll, 0), smoothing)
    out = np.full_like(total, np.nan)
    np.divide(total, weight, out=out, where=mask & (weight > 1e-6))
    return out


def window_weight(mask: NDArray[Any], smoothing: tuple[float, float]) -> NDArray[np.float32]:
    """Share of the Gaussian window about each sample that is not masked, (T, X)."""
    return _window(mask, smoothing)


def reach_of(size: float) -> int:
    """Samples or traces to each side that a window of this standard deviation reaches."""
    return 3 * (_means(size) // 2) if size >= LONG else int(TRUNCATE * size + 0.5)


def _window(values: NDArray[Any], smoothing: tuple[float, float]) -> NDArray[np.float32]:
    out = values.astype(np.float32)
    for axis, size in enumerate(smoothing):
        if size >= LONG:
            # Three means in a row are near a Gaussian and cost the same however long they are.
            for _ in range(3):
                out = uniform_filter1d(out, _means(size), axis=axis, mode="constant")
    rest = tuple(0.0 if size >= LONG else size for size in smoothing)
    averaged: NDArray[np.float32] = gaussian_filter(out, rest, mode="constant", truncate=TRUNCATE)
    return averaged


def _means(size: float) -> int:
    """Odd length of three means whose variances sum to that of a Gaussian window of this size."""
    return round(np.sqrt(4 * size**2 + 1)) | 1


def calibrate(
    maps: Sequence[DepthMap],
    smoothing: tuple[float, float],
    *,
    held_out: bool = True,
    bins: int = 16,
    tile: tuple[int, int] | None = None,
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
    """
    draft = by_depth(maps, smoothing, bins, held_out=held_out)
    scores: list[NDArray[np.float32]] = []
    for others, some in folds(maps):
        judge = by_depth(others, smoothing, bins, held_out=held_out)
        scores += [np.abs(judge.deviation(values, depth)) for values, depth in some]
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


def folds(panels: Sequence[_Item]) -> Iterator[tuple[Sequence[_Item], Sequence[_Item]]]:
    """Pairs of what to fit to and what to judge by it; neighbours, which are alike, are judged together.

    Panels that were fitted to look more normal than new ones do. A single panel has to serve for both.

    References
    ----------
    Vovk, *Cross-conformal predictors*, 2015.
    """
    count = min(FOLDS, len(panels))
    edges = np.linspace(0, len(panels), count + 1).astype(int).tolist()
    for first, last in pairwise(edges):
        some = panels[first:last]
        yield [*panels[:first], *panels[last:]] or some, some


def extremes(scores: Sequence[NDArray[np.float32]], tile: tuple[int, int] | None) -> dict[str, Any]:
    """Maxima of held-out panels, their largest shape, and the tail: fields of a `Calibration`."""
    known = [score for score in scores if np.isfinite(score).any()]
    largest = max(known, key=lambda score: score.size)
    samples = np.concatenate([score[np.isfinite(score)] for score in known])
    tail = None
    if tile is not None:
        peaks = [peak for score in known for peak in tile_maxima(score, tile)]
        tail = Tail(tile=tile, maxima=sorted(peaks[:: len(peaks) // MOST_TILES + 1]))
    return {
        "maxima": sorted(float(np.nanmax(score)) for score in known),
        "shape": (largest.shape[0], largest.shape[1]),
        "tail": tail,
        "exceeded": [float(q) for q in np.quantile(samples, [1 - p for p in SAMPLE_P])],
    }
