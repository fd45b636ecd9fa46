"""Scores of a model and the detectors in use today, calibrated on the same lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.calibration.by_depth import Calibration, JointCalibration, calibrate
from seisflow.evaluation.anomalies.all_scores import features_of_all
from seisflow.evaluation.anomalies.detectors import fit_detectors
from seisflow.evaluation.anomalies.injection import Host, Injected, estimate_wavelet, inject
from seisflow.evaluation.anomalies.lines import Lines
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import Panel, layout, read_panel
from seisflow.patches.areas import evenly
from seisflow.scores import Score, scores_of
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.scoring.calibrated import deviation_of
from seisflow.scoring.places import BESIDE

FITTED_LINES = 6
"""Training lines that the baselines are fitted to."""
OF_SCORES = 60
"""Percent of the time that calibrating the scores of the model takes, beside that of the baselines."""


class Contest:
    """Scores of a model, and the baselines, made ready to judge panels of a survey.

    Parameters
    ----------
    section : xr.Dataset
    model : Model
    lines : Lines
    seed : int
        Seed of the baselines.
    report : callable
        Takes the percent of the calibrations that are done, and 100.
    """

    def __init__(
        self,
        section: xr.Dataset,
        model: Model,
        lines: Lines,
        *,
        seed: int = 0,
        report: progress.Report = progress.silent,
    ) -> None:
        card = section_card(model)
        self.section, self.model, self.lines = section, model, lines
        self.scaling = card.scaling
        self.depth = section[layout(section).vertical].values.astype(np.float64)
        self.scores = scores_of(model)
        panels = self.read(lines.calibration, pieces=True)
        beside = self._trained(lines.train, BESIDE)
        found = calibrate_scores(
            model,
            ((p, self.depth) for p in panels),
            self.scaling,
            held_out=True,
            count=len(panels) + len(beside),
            beside=((p, self.depth) for p in beside),
            report=lambda done, total: report(OF_SCORES * done // total, 100),
        )
        report(OF_SCORES, 100)
        one = found.calibration
        self.calibrations: dict[str, Calibration | JointCalibration] = {
            "typicality": one, "nll": one, **found.calibrations,
        }  # fmt: skip
        few = self._trained(lines.train, FITTED_LINES, pieces=False)
        self.detectors = fit_detectors([self._scaled(p) for p in few], seed)
        tile = (model.shape[1], model.shape[2])
        for number, (name, detector) in enumerate(self.detectors.items()):
            report(OF_SCORES + (100 - OF_SCORES) * number // len(self.detectors), 100)
            maps, more = (
                [(self._statistic(detector, panel), self.depth) for panel in some]
                for some in (panels, beside)
            )
            self.calibrations[name] = calibrate(maps, (0.0, 0.0), tile=tile, beside=more)
        self.wavelet = estimate_wavelet([panel.amplitude for panel in panels])

    def read(self, lines: Sequence[int], *, pieces: bool = False) -> list[Panel]:
        """Panels of some lines; of a 2D line, the one panel of some traces, or pieces as wide as a patch."""
        lead = layout(self.section).lead
        if lead:
            return [read_panel(self.section, (line, *(0,) * (len(lead) - 1))) for line in lines]
        panel = read_panel(self.section, (), slice(lines[0], lines[-1] + 1))
        count = max(len(lines) // self.model.shape[2], 1) if pieces else 1
        edges = np.linspace(0, len(lines), count + 1).astype(int).tolist()
        return [panel.crop(slice(None), slice(*ends)) for ends in pairwise(edges)]

    def _trained(self, lines: Sequence[int], most: int, *, pieces: bool = True) -> list[Panel]:
        """At most so many panels of training lines, evenly taken; of a 2D line, pieces of it or the whole."""
        if layout(self.section).lead:
            return self.read([lines[k] for k in evenly(len(lines), most)])
        panels = self.read(lines, pieces=pieces)
        return [panels[k] for k in evenly(len(panels), most)]

    def limits(self, alpha: float, shape: tuple[int, int]) -> dict[str, float]:
        """Threshold of every score and baseline for panels of ``shape`` (T, X)."""
        return {name: one.threshold(alpha, shape) for name, one in self.calibrations.items()}

    def scores_of(self, panel: Panel, seed: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Map of every score and baseline: the larger, the more anomalous."""
        for score, features in features_of_all(
            panel, self.model, self.scaling, self.scores.values(), (1, seed)
        ):
            yield score.name, self._deviation(score, features, panel)
        for name, detector in self.detectors.items():
            calibration = self.calibrations[name]
            assert isinstance(calibration, Calibration)
            yield name, np.abs(calibration.deviation(self._statistic(detector, panel), self.depth))

    def inject(self, panel: Panel, kind: str, severity: int, seed: list[int]) -> Injected:
        """Put an anomaly into a panel, at the survey's sample interval."""
        interval = float(self.depth[1] - self.depth[0]) / 1000
        return inject(Host(panel.amplitude.astype(np.float64), interval, self.wavelet), kind, severity, seed)

    def _deviation(
        self, score: Score, features: Sequence[NDArray[np.float32]], panel: Panel
    ) -> NDArray[np.float32]:
        deviation = deviation_of(features, self.depth, panel.mask, self.calibrations[score.name], score)
        return np.abs(deviation) if score.two_sided else deviation

    def _statistic(
        self, detector: Callable[[NDArray[np.float32]], NDArray[np.float32]], panel: Panel
    ) -> NDArray[np.float32]:
        """Statistic of a baseline; NaN where there is no data, as scores are."""
        return np.where(panel.mask, detector(self._scaled(panel)), np.float32(np.nan))

    def _scaled(self, panel: Panel) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.scaling.scale(panel.amplitude), dtype=np.float32)
