"""Generalised Pareto tail of the maxima of held-out tiles."""

from functools import cached_property

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import genpareto

TAIL_SHARE = 0.25
"""Share of the tile maxima that the tail is fitted to."""
MIN_SCALE = 1e-3
"""Smallest spread of the score, in nats, so that a depth where nothing varies does not divide by zero."""
EXTRAPOLATED = 100
"""Times as many tiles as there are, up to which the tail is believed."""
MIN_TILES = 20
"""Tile maxima from which on a tail is fitted."""
SHAPES = (-0.5, 0.5)
"""Shapes that a tail may have: lighter ones would end at the largest maximum seen, heavier ones never end."""


class Tail(BaseModel):
    r"""Distribution of the highest score of an untouched section, for any size of section.

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

    @property
    def bound(self) -> float:
        """Least probability of a tile that the tail tells: beyond, it would be read off nothing."""
        return 1 / (EXTRAPOLATED * (len(self.maxima) + 1))

    def reaches(self, alpha: float, shape: tuple[int, int]) -> bool:
        """Whether the tail tells a probability as small as ``alpha`` of a panel of ``shape`` (T, X)."""
        return float(-np.expm1(np.log1p(-alpha) / self.tiles(shape))) >= self.bound

    def p_value(self, score: float, shape: tuple[int, int]) -> float:
        """Probability that an untouched panel of ``shape`` (T, X) reaches this score anywhere; never 0."""
        start, xi, scale = self._pareto
        if score > start:
            p = TAIL_SHARE * float(genpareto.sf(score - start, xi, scale=scale))
        else:
            p = 1 - int(np.searchsorted(self.maxima, score)) / (len(self.maxima) + 1)
        return float(-np.expm1(self.tiles(shape) * np.log1p(-min(max(p, self.bound), 1 - 1e-12))))

    def threshold(self, alpha: float, shape: tuple[int, int]) -> float:
        """Score that an untouched panel of ``shape`` (T, X) reaches with probability ``alpha``."""
        p = float(-np.expm1(np.log1p(-alpha) / self.tiles(shape)))
        start, xi, scale = self._pareto
        if p < TAIL_SHARE:
            return start + float(genpareto.isf(p / TAIL_SHARE, xi, scale=scale))
        return float(np.quantile(self.maxima, 1 - p))
