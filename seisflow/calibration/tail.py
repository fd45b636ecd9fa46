"""Generalised Pareto tail of the maxima of held-out tiles."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.optimize import brentq
from scipy.stats import beta, norm

TAIL_SHARE = 0.25
"""Share of the tile maxima that the tail is fitted to."""
MIN_SCALE = 1e-3
"""Smallest spread of the score, in nats, so that a depth where nothing varies does not divide by zero."""
EXTRAPOLATED = 100
"""Times as many tiles as there are, up to which the tail is believed."""
MIN_TILES = 20
"""Tile maxima from which on a tail is fitted."""
XI = np.linspace(-0.5, 0.5, 40)
"""Shapes of a tail, none of them 0, by which is divided: those that thresholds are averaged over."""
XI_SPREAD = 0.25
"""Standard deviation of shapes before any data are seen."""
SIGMA = np.linspace(-1, 1, 25)
"""Scales of a tail: logarithms over that which gives the median excess, in parts of their reach."""
SPREADS, WIDEST = 6.0, 2.1
"""Reach of the scales in standard errors, and at most."""
SHARES = 9
"""Shares of tiles beyond its start that are averaged over."""


class Tail(BaseModel):
    r"""Distribution of the highest score of an untouched section, for any size of section.

    M, the maximum of a tile, has held-out values. The upper quarter of them, from :math:`u_0` on, follows a
    generalised Pareto law, which goes on beyond the largest. Tiles are about independent, so that of N

    .. math:: P(\max M > u) = 1 - \operatorname E\left[(1 - s\, S(u - u_0))^N\right], \qquad
        S(v) = (1 + \xi v / \sigma)^{-1/\xi}

    over all laws and shares s of tiles beyond :math:`u_0`, weighted by how probable the maxima make them. The
    threshold of the law that fits best would be exceeded too often: after 21 tiles by 19 % of panels of 8,
    for 5 %. The prior of :math:`\log \sigma` is flat, that of :math:`\xi` Gaussian about 0; s has the
    distribution of an order statistic.

    Attributes
    ----------
    tile : (int, int)
        Samples and traces of a tile.
    maxima : list of float
        Largest score in every held-out tile, ascending.

    References
    ----------
    Pickands, *Statistical inference using extreme order statistics*, 1975; Coles, *An introduction to
    statistical modeling of extreme values*, 2001, section 9.1.3 (predictive distributions).
    """

    model_config = ConfigDict(frozen=True)

    tile: tuple[int, int]
    maxima: list[float]

    @cached_property
    def _start(self) -> float:
        return float(np.quantile(self.maxima, 1 - TAIL_SHARE))

    @cached_property
    def _laws(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Shapes and scales of Pareto laws, and the posterior weight of each."""
        beyond = np.array(self.maxima)
        beyond = beyond[beyond > self._start] - self._start
        median = max(float(np.median(beyond)) if len(beyond) else 0.0, MIN_SCALE)  # one outlier is no scale
        reach = min(SPREADS / np.sqrt(max(len(beyond), 1)), WIDEST)
        shape, offset = (one.ravel() for one in np.meshgrid(XI, reach * SIGMA))
        scale = median * shape / (2**shape - 1) * np.exp(offset)
        density = _log_survival(beyond[:, None], shape, scale) * (1 + shape) - np.log(scale)
        posterior = density.sum(0) + norm.logpdf(shape, 0, XI_SPREAD)
        weight = np.exp(posterior - posterior.max())
        return shape, scale, weight / weight.sum()

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Equally probable shares of all tiles that exceed the start of the tail."""
        count = len(self.maxima)
        above = max(int((np.array(self.maxima) > self._start).sum()), 1)
        return np.asarray(beta.ppf((np.arange(SHARES) + 0.5) / SHARES, above, count - above + 1))

    def tiles(self, shape: tuple[int, int]) -> float:
        """Number of tiles, with fractions, that a panel of ``shape`` (T, X) holds; at least 1."""
        return max(shape[0] * shape[1] / (self.tile[0] * self.tile[1]), 1.0)

    @property
    def bound(self) -> float:
        """Least probability of a tile that the tail tells: beyond, it would be read off nothing."""
        return 1 / (EXTRAPOLATED * (len(self.maxima) + 1))

    def reaches(self, alpha: float, shape: tuple[int, int]) -> bool:
        """Whether the tail tells a probability as small as ``alpha`` of a panel of ``shape`` (T, X)."""
        return float(-np.expm1(np.log1p(-alpha) / self.tiles(shape))) >= self.bound

    def p_value(self, score: float, shape: tuple[int, int]) -> float:
        """Probability that an untouched panel of ``shape`` (T, X) reaches this score anywhere; never 0."""
        tiles = self.tiles(shape)
        least = _any_of(tiles, self.bound)
        if score > self._start:
            return max(self._exceedance(score, tiles), least)
        p = 1 - int(np.searchsorted(self.maxima, score)) / (len(self.maxima) + 1)
        return max(_any_of(tiles, min(p, 1 - 1e-12)), least)

    def threshold(self, alpha: float, shape: tuple[int, int]) -> float:
        """Score that an untouched panel of ``shape`` (T, X) reaches with probability ``alpha``."""
        tiles, start = self.tiles(shape), self._start
        if self._exceedance(start, tiles) <= alpha:
            return min(float(np.quantile(self.maxima, (1 - alpha) ** (1 / tiles))), start)
        step = max(float(self._laws[1].max()), MIN_SCALE)
        while self._exceedance(start + step, tiles) > alpha:
            step *= 2
        return float(brentq(lambda u: self._exceedance(u, tiles) - alpha, start, start + step))

    def _exceedance(self, score: float, tiles: float) -> float:
        """Predictive probability that the highest of some tiles exceeds a score beyond the start."""
        shape, scale, weight = self._laws
        beyond = np.exp(_log_survival(score - self._start, shape, scale))
        return float((weight * _any_of(tiles, self._shares[:, None] * beyond).mean(0)).sum())


def _log_survival(beyond: Any, shape: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the probability of more, under Pareto laws."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.maximum(1 + shape * beyond / scale, 0)) / shape)


def _any_of(tiles: float, p: Any) -> Any:
    """Probability that any of some tiles does what one does with probability p."""
    return -np.expm1(tiles * np.log1p(-p))
