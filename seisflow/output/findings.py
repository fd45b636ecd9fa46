"""Anomalies, means and the panel to draw, gathered while a section is scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from seisflow import plotting
from seisflow.calibration.discoveries import benjamini_hochberg
from seisflow.calibration.smoothing import smooth
from seisflow.models.base import judging_card
from seisflow.output.anomaly_types import anomaly_types
from seisflow.output.report import report_page
from seisflow.output.summary import ScoreSummary
from seisflow.patches import layout, section_name
from seisflow.scores import SMOOTHING, Score
from seisflow.scoring.anomalies import AnomalyList, Piece, describe, label_of
from seisflow.scoring.calibrated import CalibratedScore
from seisflow.scoring.maps import Scored
from seisflow.scoring.survey_match import fitting_scale

LISTED = 20
"""Anomalies in the summary."""
FRAMED = 12
"""Most anomalies framed in the picture."""


class Findings:
    """Findings of the panels seen so far: anomalies, means, and the panel to draw."""

    def __init__(self, anomalies: AnomalyList) -> None:
        self.anomalies = anomalies
        self.nats = 0.0
        self.scored = 0
        self._shown: tuple[Scored, list[Piece]] | None = None
        self._rank = (-1.0, -1.0)

    def add(self, scored: Scored) -> None:
        """Take a panel."""
        pieces = self.anomalies.add(scored)
        known = np.isfinite(scored.nll)
        self.nats += float(scored.nll[known].sum(dtype=np.float64))
        self.scored += int(known.sum())
        largest = float(np.abs(scored.anomaly[known]).max(initial=0))
        rank = max((piece.strength for piece in pieces), default=0.0), largest
        if rank > self._rank:
            self._rank, self._shown = rank, (scored, pieces)

    def describe(
        self, section: xr.Dataset, judge: CalibratedScore, alpha: float, shape: tuple[int, int], panels: int
    ) -> list[dict[str, Any]]:
        """Describe the strongest anomalies, with how likely each is on a normal panel, and what it may be."""
        known = self.anomalies.strongest()
        p_values = [judge.calibration.p_value(abs(anomaly.peak), shape) for anomaly in known]
        silent = max(panels - len(known), 0)  # a panel without an anomaly is a hypothesis that stands
        discoveries = benjamini_hochberg([*p_values, *[1.0] * silent], alpha)
        strongest = known[:LISTED]
        scaling = fitting_scale(section, judging_card(judge.model))
        guesses = anomaly_types(strongest, section, judge.model, scaling)
        return [
            {"type": guess.type, "level": guess.level}
            | describe(anomaly, section, judge.score.name)
            | {"p_value": float(f"{p:.3g}"), "discovery": discovery, "levels": guess.deviations}
            for anomaly, guess, p, discovery in zip(
                strongest, guesses, p_values[:LISTED], discoveries[: len(strongest)], strict=True
            )
        ]

    def draw(self, section: xr.Dataset, score: Score) -> Figure:
        """Draw the panel that shows most of the strongest anomaly, with those of the summary framed."""
        assert self._shown is not None  # a section without data has raised before
        scored, _ = self._shown
        likely = score.name == "nll"
        shown = smooth(scored.nll, scored.mask, SMOOTHING) if likely else scored.anomaly
        words = "Negative log-density (nats)" if likely else "Deviation from held-out data (std)"
        return plotting.draw_anomaly_overlay(
            scored.amplitude.T,
            shown.T,
            **self._axes(section),
            threshold=None if likely else self.anomalies.threshold,
            two_sided=score.two_sided,
            anomalies=self._frames(section),
            title=self._title(section),
            score_label=words,
        )

    def page(self, section: xr.Dataset, judge: CalibratedScore, result: ScoreSummary) -> str:
        """Write the same panel as a page to pan and zoom in, with the list of anomalies."""
        assert self._shown is not None
        (scored, _), score = self._shown, judge.score
        return report_page(
            scored.amplitude.T,
            scored.anomaly.T,
            **self._axes(section),
            p_value=judge.calibration.sample_p_values,
            threshold=self.anomalies.threshold,
            two_sided=score.two_sided,
            frames=self._frames(section),
            anomalies=result.anomalies,
            title=self._title(section),
            sentence=f"{result.sentence()}. Model: {result.model}.",
            score=score.title,
        )

    def _axes(self, section: xr.Dataset) -> dict[str, Any]:
        """Coordinates of the panel to show, and their names."""
        assert self._shown is not None
        dims = layout(section)
        return {
            "lateral": section[dims.lateral].values[self._shown[0].columns],
            "vertical": section[dims.vertical].values,
            "lateral_label": plotting.LABELS.get(dims.lateral, dims.lateral),
            "vertical_label": plotting.LABELS[dims.vertical],
        }

    def _title(self, section: xr.Dataset) -> str:
        assert self._shown is not None
        lead = zip(layout(section).lead, self._shown[0].lead, strict=True)
        where = [f"{dim} {label_of(section, dim, index):g}" for dim, index in lead]
        return ", ".join([section_name(section), *where])

    def _frames(self, section: xr.Dataset) -> list[dict[str, Any]]:
        """Frames about the pieces, on the panel to show, of anomalies in the summary."""
        assert self._shown is not None
        dims = layout(section)
        ranks = {anomaly: rank for rank, anomaly in enumerate(self.anomalies.strongest(LISTED), start=1)}
        frames: list[dict[str, Any]] = []
        for piece in sorted(self._shown[1], key=lambda piece: -piece.strength):
            if piece.anomaly.whole() in ranks and len(frames) < FRAMED:
                top, bottom, left, right = piece.box
                frames.append(
                    {
                        "lateral": [label_of(section, dims.lateral, index) for index in (left, right - 1)],
                        "vertical": [label_of(section, dims.vertical, index) for index in (top, bottom - 1)],
                        "label": ranks[piece.anomaly.whole()],
                    }
                )
        return frames
