"""A scored survey thinned out until it fits in a page: amplitude and deviation, gathered panel by panel."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.scoring.maps import Scored

MOST = 3_500_000
"""Samples that are kept of a survey."""
MOST_OF_A_PANEL = 3_000_000
"""The same of a single panel, which is shown as it is where it has fewer."""
LEVELS = 120
"""Steps of a deviation beyond the threshold, on either side."""


class Overview:
    """Amplitudes and deviations on a coarser grid; of a cell, the strongest deviation.

    Parameters
    ----------
    shape : sequence of int
        Panels, traces and samples; panels are those along the one leading dim, or a single one.
    threshold : float
    """

    def __init__(self, shape: Sequence[int], threshold: float) -> None:
        lines, traces, samples = shape
        most = MOST if lines > 1 else MOST_OF_A_PANEL
        self.steps = [1, 1, 1]
        sizes = np.array([lines, traces, samples])
        while np.prod(-(-sizes // self.steps)) > most:
            counts = -(-sizes // self.steps)
            # time is sampled finest for the eye, and lines are few
            axis = int((counts * (0.5, 1.2, 0.5)).argmax())
            self.steps[axis] += 1
        self.shape = tuple((-(-sizes // self.steps)).tolist())
        self.threshold = threshold
        self.amplitude = np.full(self.shape, np.nan, np.float32)
        self.deviation = np.full(self.shape, np.nan, np.float32)

    def add(self, scored: Scored, number: int) -> None:
        """Take a panel, or some traces of it; ``number`` is its position along the leading dim."""
        line, rest = divmod(number, self.steps[0])
        columns = scored.columns
        traces = np.arange(columns.start, columns.stop)
        peaks = _strongest(scored.anomaly.T, self.steps[2], 1)
        starts = np.flatnonzero(np.diff(traces // self.steps[1], prepend=-1))
        groups = traces[starts] // self.steps[1]
        low, high = (join.reduceat(peaks, starts, axis=0) for join in (np.fmin, np.fmax))
        found = np.where(np.nan_to_num(high) >= -np.nan_to_num(low), high, low)
        if rest == 0:
            own = traces % self.steps[1] == 0
            self.amplitude[line, traces[own] // self.steps[1]] = scored.amplitude.T[own][:, :: self.steps[2]]
        before = self.deviation[line, groups]
        stronger = ~(np.abs(np.nan_to_num(before)) > np.abs(np.nan_to_num(found))) | np.isnan(before)
        self.deviation[line, groups] = np.where(stronger, found, before)

    def packed(self, *, two_sided: bool) -> dict[str, Any]:
        """Arrays for the page: 8-bit, compressed, in text; and what their steps stand for."""
        values = self.amplitude.astype(np.float32)
        size = np.abs(values[np.isfinite(values) & (values != 0)])
        limit = float(np.percentile(size, 99)) if size.size else 1.0
        grey = np.where(np.isfinite(values), 128 + 127 * np.clip(np.nan_to_num(values) / limit, -1, 1), 0)
        marks = np.nan_to_num(self.deviation.astype(np.float32))
        marks = marks if two_sided else np.maximum(marks, 0)
        beyond = np.abs(marks[np.abs(marks) > self.threshold])
        top = float(np.percentile(beyond, 99.5)) if beyond.size else self.threshold + 1
        top = max(top, 1.01 * self.threshold)
        step = (np.abs(marks) - self.threshold) / (top - self.threshold)
        level = np.where(step > 0, 1 + np.clip(step, 0, 1) * (LEVELS - 1), 0)
        colour = np.where(marks < 0, 128 + level, level) * (level > 0)
        return {
            "shape": self.shape,
            "steps": self.steps,
            "amplitude": _text(grey.round().astype(np.uint8)),
            "deviation": _text(colour.round().astype(np.uint8)),
            "limit": limit,
            "threshold": self.threshold,
            "top": top,
            "levels": LEVELS,
            "twoSided": two_sided,
        }


def _strongest(values: NDArray[np.float32], step: int, axis: int) -> NDArray[np.float32]:
    """Largest by size of every ``step`` values along an axis; NaN where there is none."""
    starts = np.arange(0, values.shape[axis], step)
    low, high = (join.reduceat(values, starts, axis=axis) for join in (np.fmin, np.fmax))
    return np.where(np.nan_to_num(high) >= -np.nan_to_num(low), high, low)


def _text(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode("ascii")
