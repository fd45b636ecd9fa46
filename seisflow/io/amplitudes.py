"""Statistics of amplitudes, and what is odd in them: dead, clipped and spiked traces."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

_RUN = 3  # successive samples at the largest amplitude, where a wavelet has one
_SPIKE = 30  # times the usual difference of a sample from the mean of its neighbours
_STANDS_OUT = 8  # times the trace's own standard deviation


class Amplitudes(BaseModel):
    """Statistics of a sample of ``traces`` traces; ``zeros`` and ``nan`` are fractions of their samples.

    ``dead`` counts traces that hold one value only, ``clipped`` those that stay at the largest amplitude of
    all for some samples, ``spiked`` those with single samples that stand out of their neighbours.
    """

    traces: int
    minimum: float
    maximum: float
    mean: float
    std: float
    zeros: float
    nan: float
    dead: int
    clipped: int
    spiked: int


def describe_amplitudes(traces: NDArray[np.float32]) -> Amplitudes:
    """Return the statistics of traces (n_trace, n_sample)."""
    finite = np.isfinite(traces)
    real = traces[finite].astype(np.float64)
    if not real.size:
        real = np.zeros(1)
    dead = (traces == traces[:, :1]).all(axis=1) if traces.size else np.zeros(0, bool)
    values = np.where(finite, traces, 0).astype(np.float64)
    return Amplitudes(
        traces=len(traces),
        minimum=real.min(),
        maximum=real.max(),
        mean=real.mean(),
        std=real.std(),
        zeros=float((traces == 0).sum() / max(1, traces.size)),
        nan=float((~finite).sum() / max(1, traces.size)),
        dead=int(dead.sum()),
        clipped=int((_is_clipped(values, real.min(), real.max()) & ~dead).sum()),
        spiked=int((_is_spiked(values) & ~dead).sum()),
    )


def _is_clipped(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    if values.shape[1] < _RUN or low == high:
        return np.zeros(len(values), bool)
    found = np.zeros(len(values), bool)
    for limit in (low, high):
        if limit:
            runs = np.lib.stride_tricks.sliding_window_view(values == limit, _RUN, axis=1)
            found |= np.any(np.all(runs, axis=2), axis=1)
    return found


def _is_spiked(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    if values.shape[1] < _RUN:
        return np.zeros(len(values), bool)
    bend = np.abs(values[:, 1:-1] - values[:, :-2] / 2 - values[:, 2:] / 2)
    usual = np.array([np.median(row[row > 0]) if row.any() else np.inf for row in bend])
    spread = values.std(axis=1)
    alone = (bend > _SPIKE * usual[:, None]) & (np.abs(values[:, 1:-1]) > _STANDS_OUT * spread[:, None])
    found: NDArray[np.bool_] = alone.any(axis=1)
    return found
