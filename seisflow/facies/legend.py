"""Legend of facies: medians of attributes beside the survey's, and words for them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

MOST = 200_000
"""Blocks that medians are taken of; more are thinned."""
LOUDER, FASTER, SMOOTHER, STEEPER, PLAINER = 1.5, 0.06, 0.03, 1.0, 0.1
"""Differences from the survey that a word tells: dB, share of the frequency, correlation, samples a trace,
nats a sample."""


class FaciesLegend(BaseModel):
    """Attributes of a facies.

    Attributes
    ----------
    facies : int
        Its number on the map, from 1; 0 is the survey.
    share : float
        Share of the blocks looked at: those of 24 panels, evenly taken.
    power_db : float
        Median power against the survey's.
    frequency : float
        Median frequency, in Hz, or in cycles a km of depth.
    continuity : float
        Median correlation of a trace with the next.
    dip : float
        Median absolute dip, in ms or m a trace.
    predictability : float
        Median log-determinant of the flow against the survey's, in nats a sample: how much less of it the
        flow could not foresee.
    words : str
        The same, where it differs from the survey.
    """

    facies: int
    share: float
    power_db: float
    frequency: float
    continuity: float
    dip: float
    predictability: float
    words: str


class LegendMaker:
    """Gathers attributes of blocks by facies.

    Parameters
    ----------
    topics : int
        Number of facies.
    interval : float
        Sample interval, in ms or m.
    """

    def __init__(self, topics: int, interval: float) -> None:
        self.topics, self.interval = topics, interval
        self._blocks: list[NDArray[np.int8]] = []
        self._values: list[NDArray[np.float64]] = []

    def add(self, blocks: NDArray[np.int8], values: NDArray[np.float64]) -> None:
        """Take facies of blocks (rows, columns), 0 none, with their attributes (rows, columns, 5).

        Those of `seisflow.facies.attributes`, then the log-determinant.
        """
        known = (blocks > 0) & np.isfinite(values).all(-1)
        self._blocks.append(blocks[known])
        self._values.append(values[known].astype(np.float32))
        if sum(map(len, self._blocks)) > 2 * MOST:
            thin = np.concatenate(self._blocks)[::2], np.concatenate(self._values)[::2]
            self._blocks, self._values = [thin[0]], [thin[1]]

    def legend(self) -> list[FaciesLegend]:
        """Rows of the survey, then of each facies."""
        blocks = np.concatenate(self._blocks)
        values = np.concatenate(self._values).astype(np.float64)
        level = np.median(values, 0) if len(values) else np.ones(5)
        rows = [self._row(0, values, level, 1.0, None)]
        for number in range(1, self.topics + 1):
            some = values[blocks == number]
            rows.append(self._row(number, some, level, len(some) / max(len(values), 1), rows[0]))
        return rows

    def _row(
        self,
        number: int,
        values: NDArray[np.float64],
        level: NDArray[np.float64],
        share: float,
        survey: FaciesLegend | None,
    ) -> FaciesLegend:
        power, frequency, continuity, dip, log_det = np.median(values, 0) if len(values) else level
        row = FaciesLegend(
            facies=number,
            share=round(share, 4),
            power_db=round(10 * float(np.log10(max(power, 1e-30) / max(level[0], 1e-30))), 1),
            frequency=round(1000 / self.interval * float(frequency), 1),
            continuity=round(float(continuity), 3),
            dip=round(self.interval * float(dip), 1),
            predictability=round(float(log_det - level[4]), 2),
            words="the survey",
        )
        return row if survey is None else row.model_copy(update={"words": self._words(row, survey)})

    def _words(self, row: FaciesLegend, survey: FaciesLegend) -> str:
        if not row.share:
            return "nowhere"
        slow, fast = (survey.frequency * (1 + sign * FASTER) for sign in (-1, 1))
        found = [
            _word(row.predictability, -PLAINER, PLAINER, "unpredictable", "predictable"),
            _word(row.power_db, -LOUDER, LOUDER, "weak", "strong"),
            _word(row.frequency, slow, fast, "low-frequency", "high-frequency"),
            _word(
                row.continuity,
                survey.continuity - SMOOTHER,
                survey.continuity + SMOOTHER,
                "broken",
                "continuous",
            ),
            _word(row.dip - survey.dip, -STEEPER * self.interval, STEEPER * self.interval, "flat", "dipping"),
        ]
        return ", ".join(filter(None, found)) or "like the survey"


def _word(value: float, low: float, high: float, below: str, above: str) -> str:
    return below if value <= low else above if value >= high else ""


def as_table(rows: Sequence[FaciesLegend], domain: str) -> str:
    """Lines of text of at most 60 columns: measures of each facies, and words for it below."""
    unit, dip = ("Hz", "ms/trace") if domain == "time" else ("1/km", "m/trace")
    widths = (6, 6, 7, 7, 11, 9, 8)
    heads = (
        ("facies", "share", "power", "freq.", "continuity", "dip", "predict."),
        ("", "", "dB", unit, "", dip, "nats"),
    )
    lines = ["".join(f"{name:>{width}}" for name, width in zip(head, widths, strict=True)) for head in heads]
    for row in rows:
        cells = (
            "survey" if row.facies == 0 else str(row.facies),
            f"{row.share:.0%}",
            f"{row.power_db:.1f}",
            f"{row.frequency:.1f}",
            f"{row.continuity:.2f}",
            f"{row.dip:.1f}",
            f"{row.predictability:+.2f}",
        )
        lines.append("".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))
        if row.facies:
            lines += wrap(row.words, 60, initial_indent="        ", subsequent_indent="        ")
    return "\n".join(lines)
