"""What is normal: held-out statistics of the score, by depth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.ndimage import gaussian_filter

LEVELS = (0.0228, 0.1587, 0.5, 0.8413, 0.9772)
"""Quantile levels kept for each depth: those of a Gaussian at -2, -1, 0, 1 and 2 standard deviations."""
MIN_SCALE = 1e-3
"""Smallest spread of the score, in nats, so that a depth where nothing varies does not divide by zero."""


class Calibration(BaseModel):
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
    maxima : list of float
        Largest \|a\| of every held-out panel, ascending.
    held_out : bool
        False if there was no held-out block and training data had to serve.

    References
    ----------
    Nalisnick et al., *Detecting out-of-distribution inputs to deep generative models using typicality*, 2019.
    """

    model_config = ConfigDict(frozen=True)

    smoothing: tuple[float, float]
    depth: list[float]
    quantiles: list[list[float]]
    maxima: list[float]
    held_out: bool

    def deviation(self, smooth: NDArray[np.float32], depth: NDArray[np.float64]) -> NDArray[np.float32]:
        """Signed deviation (T, X) of a smoothed negative log-density (T, X) at ``depth`` (T,)."""
        table = np.array(self.quantiles)
        low, middle, high = (np.interp(depth, self.depth, table[:, i])[:, None] for i in (0, 2, 4))
        offset = smooth - middle
        scale = np.where(offset > 0, high - middle, middle - low) / 2
        return (offset / np.maximum(scale, MIN_SCALE)).astype(np.float32)

    def threshold(self, alpha: float) -> float:
        r"""\|a\| that a normal panel exceeds anywhere with probability ``alpha`` at most.

        The conformal quantile of the held-out maxima. It needs about ``1 / alpha`` panels; with fewer, the
        largest maximum is the best there is, and `supports` says so.
        """
        rank = int(np.ceil((len(self.maxima) + 1) * (1 - alpha)))
        return self.maxima[min(max(rank, 1), len(self.maxima)) - 1]

    def supports(self, alpha: float) -> bool:
        """Whether there were enough held-out panels for this ``alpha``."""
        return self.held_out and np.ceil((len(self.maxima) + 1) * (1 - alpha)) <= len(self.maxima)


def smooth(
    nll: NDArray[np.float32], mask: NDArray[Any], smoothing: tuple[float, float]
) -> NDArray[np.float32]:
    """Average a map (T, X) over a Gaussian window, over unmasked samples only; NaN where masked."""
    weight = gaussian_filter(mask.astype(np.float32), smoothing, mode="constant")
    total = gaussian_filter(np.where(mask, nll, 0).astype(np.float32), smoothing, mode="constant")
    out = np.full_like(total, np.nan)
    np.divide(total, weight, out=out, where=mask & (weight > 1e-6))
    return out


def calibrate(
    maps: Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]],
    smoothing: tuple[float, float],
    *,
    held_out: bool = True,
    bins: int = 16,
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
    """
    depths = np.concatenate([np.repeat(depth, values.shape[1]) for values, depth in maps])
    values = np.concatenate([values.ravel() for values, _ in maps])
    valid = np.isfinite(values)
    depths, values = depths[valid], values[valid]
    edges = np.linspace(depths.min(), depths.max(), bins + 1)
    width = edges[1] - edges[0]
    centres, table = [], []
    for centre in (edges[1:] + edges[:-1]) / 2:
        near = values[np.abs(depths - centre) <= width]
        if near.size:
            centres.append(float(centre))
            table.append([float(q) for q in np.quantile(near, LEVELS)])
    draft = Calibration(smoothing=smoothing, depth=centres, quantiles=table, maxima=[], held_out=held_out)
    maxima = sorted(
        float(np.nanmax(np.abs(draft.deviation(values, depth))))
        for values, depth in maps
        if np.isfinite(values).any()
    )
    return draft.model_copy(update={"maxima": maxima})
