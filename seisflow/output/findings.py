"""Anomalies, means and the panel to draw, gathered while a section is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from seisflow import plotting
from seisflow.calibration.discoveries import benjamini_hochberg
from seisflow.calibration.smoothing import smooth
from seisflow.output.anomaly_types import anomaly_types
from seisflow.output.overview import LEVELS, Overview
from seisflow.output.report import report_page
from seisflow.output.summary import ScoreSummary
from seisflow.patches import layout, panel_index, section_name
from seisflow.patches.numbers import lateral_axis
from seisflow.scores import SMOOTHING, Score
from seisflow.scoring.anomalies import AnomalyList, Piece, describe, label_of
from seisflow.scoring.calibrated import CalibratedScore
from seisflow.scoring.maps import Scored
from seisflow.scoring.survey_match import SurveyMatch

LOOKED_INTO = 50
"""Anomalies, the strongest, of which it is found out which level of the flow sees them."""
FRAMED = 40
"""Most anomalies framed in a picture; it says if there are more."""
BOXES = 200
"""The same on a page, which shows a part of them at a time."""

TOO_LITTLE = "too little held-out data to promise a rate of false alarms"
"""A caveat of thresholds beyond which no held-out data lie."""


class Findings:
    """Findings of the panels seen so far: anomalies, means, and the panel to draw."""

    def __init__(
        self, anomalies: AnomalyList, top: int | None = None, overview: Overview | None = None
    ) -> None:
        self.anomalies = anomalies
        self.top = top
        self.overview = overview
        self.nats = 0.0
        self.scored = 0
        self._shown: tuple[Scored, list[Piece]] | None = None
        self._rank = (-1.0, -1.0)

    def add(self, scored: Scored, number: int = 0) -> None:
        """Take a panel, the so-manieth of the section."""
        if self.overview is not None:
            self.overview.add(scored, number)
        pieces = self.anomalies.add(scored)
        known = np.isfinite(scored.nll)
        self.nats += float(scored.nll[known].sum(dtype=np.float64))
        self.scored += int(known.sum())
        largest = float(np.abs(scored.anomaly[known]).max(initial=0))
        rank = max((piece.strength for piece in pieces), default=0.0), largest
        if rank > self._rank:
            self._rank, self._shown = rank, (scored, pieces)

    def describe(
        self,
        section: xr.Dataset,
        calibrated: CalibratedScore,
        alpha: float,
        shape: tuple[int, int],
        panels: int,
        match: SurveyMatch,
        *,
        supported: bool,
    ) -> list[dict[str, Any]]:
        """Describe the strongest anomalies, with how likely each is on a normal panel, and what it may be.

        Where there is no alarm rate, or calibration rests on too little for it to be ``supported``, each
        says so.
        """
        known = self.anomalies.strongest()
        p_values = [calibrated.calibration.p_value(abs(anomaly.peak), shape) for anomaly in known]
        silent = max(panels - len(known), 0)  # a panel without an anomaly is a hypothesis that stands
        discoveries = benjamini_hochberg([*p_values, *[1.0] * silent], alpha)
        strongest = known[: self.top]
        guesses = anomaly_types(strongest, section, calibrated.model, match.scaling, looked_into=LOOKED_INTO)
        promised = not match.differences
        caveat = match.caveat or ("" if supported else TOO_LITTLE)
        return [
            {"type": guess.type, "level": guess.level}
            | describe(anomaly, section, calibrated.score.name)
            | {
                "p_value": float(f"{p:.3g}") if promised else None,
                "discovery": discovery if promised else None,
                "levels": guess.deviations,
            }
            | ({"caveat": caveat} if caveat else {})
            for anomaly, guess, p, discovery in zip(
                strongest, guesses, p_values[: len(strongest)], discoveries[: len(strongest)], strict=True
            )
        ]

    def draw(self, section: xr.Dataset, score: Score, caveat: str = "", *, supported: bool = True) -> Figure:
        """Draw the panel that shows most of the strongest anomaly, with those of the summary framed.

        Where calibration rests on too little for its threshold to be ``supported``, and nothing lies beyond
        that, the highest 5 % of the panel are coloured, and the picture says so.
        """
        assert self._shown is not None  # a section without data has raised before
        scored, pieces = self._shown
        frames = self._frames()
        likely = score.name == "nll"
        shown = smooth(scored.nll, scored.mask, SMOOTHING) if likely else scored.anomaly
        words = "Negative log-density (nats)" if likely else "Deviation from held-out data (std)"
        words = "Surprise beside held-out data (nats)" if score.parts else words
        threshold = None if likely else self.anomalies.threshold
        if threshold is not None and not supported and not self.anomalies.count:
            told = f"no anomaly beyond {threshold:.3g}, the most of the little held-out data there is; "
            caveat = f"{told}coloured are the highest 5 %" + (f". {caveat}" if caveat else "")
            threshold = None
        elif not supported and not caveat:
            caveat = TOO_LITTLE
        if len(frames) < len(pieces):
            told = f"framed are the {len(frames)} strongest of the {len(pieces)} anomalies of this panel"
            caveat = f"{told}. {caveat[0].upper()}{caveat[1:]}" if caveat else told
        return plotting.draw_anomaly_overlay(
            scored.amplitude.T,
            shown.T,
            **self._axes(section),
            threshold=threshold,
            two_sided=score.two_sided,
            anomalies=frames,
            title=self._title(section),
            caveat=caveat,
            score_label=words,
        )

    def page(
        self, section: xr.Dataset, calibrated: CalibratedScore, result: ScoreSummary, caveat: str
    ) -> str:
        """Write the survey as a page of linked sections to look through, with the list of anomalies."""
        assert self.overview is not None
        dims, steps, score = layout(section), self.overview.steps, calibrated.score
        packed = self.overview.packed(two_sided=score.two_sided)
        sizes = np.linspace(packed["threshold"], packed["top"], LEVELS).astype(np.float32)
        lateral, name = lateral_axis(section)
        one = dims.lead[0] if len(dims.lead) == 1 else ""
        lines = section[one].values if one in section.coords else np.arange(len(panel_index(section)))
        boxes = self._boxes(section, steps)
        return report_page(
            packed,
            [
                [float(value) for value in np.asarray(axis)[::step]]
                for axis, step in zip((lines, lateral, section[dims.vertical].values), steps, strict=True)
            ],
            [
                plotting.LABELS.get(one, one or "Panel"),
                plotting.LABELS.get(name, name),
                plotting.LABELS[dims.vertical],
            ],
            start=boxes[0]["at"] if boxes else [size // 2 for size in self.overview.shape],
            boxes=boxes,
            anomalies=result.anomalies,
            shares=[float("nan"), *calibrated.calibration.sample_p_values(sizes).tolist()],
            title=section_name(section),
            sentence=f"{result.sentence()}. Model: {result.model}.",
            caveat=caveat,
            score=score.title,
            surprise=bool(score.parts),
        )

    def _boxes(self, section: xr.Dataset, steps: Sequence[int]) -> list[dict[str, Any]]:
        """Extents of the listed anomalies on the thinned grid of the page."""
        dims = layout(section)
        sizes = [section.sizes[dim] for dim in dims.lead]

        def line(lead: tuple[int, ...]) -> int:
            return int(np.ravel_multi_index(lead, sizes)) if lead else 0

        found = []
        for rank, anomaly in enumerate(self.anomalies.strongest(self.top)[:BOXES], start=1):
            top, bottom, left, right = anomaly.box
            *lead, trace, sample = anomaly.at
            first, last = (line(anomaly.first), left, top), (line(anomaly.last), right - 1, bottom - 1)
            at = (line(tuple(lead)), trace, sample)
            places = (
                [int(n // step) for n, step in zip(one, steps, strict=True)] for one in (at, first, last)
            )
            found.append({"label": rank, **dict(zip(("at", "first", "last"), places, strict=True))})
        return found

    def _axes(self, section: xr.Dataset) -> dict[str, Any]:
        """Coordinates of the panel to show, and their names."""
        assert self._shown is not None
        dims = layout(section)
        values, name = lateral_axis(section)
        return {
            "lateral": values[self._shown[0].columns],
            "vertical": section[dims.vertical].values,
            "lateral_label": plotting.LABELS.get(name, name),
            "vertical_label": plotting.LABELS[dims.vertical],
        }

    def _title(self, section: xr.Dataset) -> str:
        assert self._shown is not None
        lead = zip(layout(section).lead, self._shown[0].lead, strict=True)
        where = [f"{dim} {label_of(section, dim, index):g}" for dim, index in lead]
        return ", ".join([section_name(section), *where])

    def _frames(self) -> list[dict[str, Any]]:
        """Frames about the strongest pieces, on the panel to show, of anomalies in the lists."""
        assert self._shown is not None
        scored, pieces = self._shown
        ranks = {anomaly: rank for rank, anomaly in enumerate(self.anomalies.strongest(self.top), start=1)}
        listed = [piece for piece in pieces if piece.anomaly.whole() in ranks]
        frames = []
        for piece in sorted(listed, key=lambda piece: -piece.strength)[:FRAMED]:
            top, bottom, left, right = piece.box
            first = scored.columns.start
            frames.append(
                {"box": (top, bottom, left - first, right - first), "label": ranks[piece.anomaly.whole()]}
            )
        return frames
