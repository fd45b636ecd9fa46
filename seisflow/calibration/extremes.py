"""Maxima of held-out panels: thresholds and p-values."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from seisflow.calibration.tail import MIN_TILES, Tail

MOST_TILES = 4000
"""Tile maxima that are kept."""
SAMPLE_P = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
"""Shares of held-out samples for which it is kept how large a deviation they exceed."""
TAIL_FROM = 6
"""Index into `SAMPLE_P`, from the end, at which the exponential tail begins: 0.5 %."""
LEAST_STEP = 0.1
"""Least width of that tail, in the unit of the values."""
Promise = Literal["conformal", "tail", "largest"]
"""Grounds of a threshold: rank among held-out maxima; probable tails; the largest maximum there is."""


class Extremes(BaseModel):
    r"""Largest deviations of untouched panels, on which thresholds and p-values rest.

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
        """Grounds of the threshold for ``alpha``."""
        enough = np.ceil((len(self.maxima) + 1) * (1 - alpha)) <= len(self.maxima)
        if enough and (shape is None or self.shape is None or _alike(shape, self.shape)):
            return "conformal"
        size = shape or self.shape
        if self.tail is not None and size is not None and len(self.tail.maxima) >= MIN_TILES:
            return "tail" if self.tail.reaches(alpha, size) else "largest"
        return "largest"

    def supports(self, alpha: float, shape: tuple[int, int] | None = None) -> bool:
        """Whether there were enough held-out panels, or tiles of them, for this ``alpha``."""
        return self.held_out and self.promise(alpha, shape) != "largest"

    def p_value(self, score: float, shape: tuple[int, int] | None = None) -> float:
        r"""Probability that a normal panel of ``shape`` (T, X) reaches this \|a\| anywhere; never 0."""
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


def surprise(values: NDArray[np.float32], exceeded: Sequence[float]) -> NDArray[np.float32]:
    r"""Negative logarithm of the share of held-out samples that lie as high as each value does.

    Interpolated between `SAMPLE_P`; beyond the smallest, as an exponential tail goes on. NaN stays NaN.

    Parameters
    ----------
    values : ndarray
        Not negative.
    exceeded : sequence of float
        What the shares `SAMPLE_P` of held-out samples exceed.
    """
    logs = -np.log(SAMPLE_P)
    last, before = exceeded[-1], exceeded[-TAIL_FROM]
    slope = (logs[-1] - logs[-TAIL_FROM]) / max(last - before, LEAST_STEP)
    inside = np.interp(values, [0.0, *exceeded], [0.0, *logs])
    return (inside + slope * np.maximum(values - last, 0)).astype(np.float32)


def shares_exceed(maps: Iterable[NDArray[np.float32]]) -> list[float]:
    """Values that the shares `SAMPLE_P` of all finite samples of some maps exceed."""
    samples = np.concatenate([one[np.isfinite(one)] for one in maps])
    return [float(q) for q in np.quantile(samples, [1 - p for p in SAMPLE_P])]


def _alike(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether panels are of the same size within a quarter."""
    return 0.8 <= (a[0] * a[1]) / (b[0] * b[1]) <= 1.25


def tile_maxima(score: NDArray[np.float32], tile: tuple[int, int]) -> list[float]:
    """Largest value in each tile of a map (T, X), without those that hold nothing; NaN counts as nothing.

    Tiles are as near to ``tile`` samples and traces as makes them fill the map.
    """
    rows, columns = (max(round(n / size), 1) for n, size in zip(score.shape, tile, strict=True))
    parts = (part for band in np.array_split(score, rows) for part in np.array_split(band, columns, axis=1))
    return [float(np.nanmax(part)) for part in parts if np.isfinite(part).any()]


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
