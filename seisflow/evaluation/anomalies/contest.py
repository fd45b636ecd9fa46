"""The protocol of ``seisflow evaluate``: injected anomalies on held-out lines, beside what is used today.

Lines that the model was not trained on are cut, in order, into calibration, development and test lines, with
gaps between them. Thresholds come from the calibration lines alone. What the score ``combined`` is made of
was chosen on development lines. Into every test line anomalies of all kinds are injected, one at a time.
Of a single 2D line the traces are shared out in the same way, with gaps wider than a patch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.calibration.by_depth import Calibration, JointCalibration, calibrate
from seisflow.calibration.extremes import tile_maxima
from seisflow.errors import DataError
from seisflow.evaluation.anomalies.detection import (
    Case,
    aupro,
    auroc,
    bootstrap,
    by_kind,
    exact_interval,
    independent,
    macro,
)
from seisflow.evaluation.anomalies.detectors import fit_detectors
from seisflow.evaluation.anomalies.injection import (
    KINDS,
    SEVERITIES,
    Host,
    Injected,
    estimate_wavelet,
    inject,
)
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import Panel, layout, read_panel, section_name
from seisflow.runs.provenance import commit, machine
from seisflow.scores import ForwardPass, Score, scores_of
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.scoring.calibrated import deviation_of
from seisflow.scoring.windows import measure_panel

GAP = 2
"""Lines left out between calibration, development and test."""
SHARES = {"development": 0.15, "test": 0.4}
"""Shares of the lines not trained on; the rest calibrates."""
SEEDS = 3
THINNED = 4
"""Every so many samples and traces of untouched lines are kept, to see how alike lines are."""
FITTED_LINES = 6
"""Training lines that the baselines are fitted to."""


@dataclass(frozen=True)
class Lines:
    """Positions of lines (of a 2D line: of traces) along `shared_dim`, by what they are for."""

    train: list[int]
    calibration: list[int]
    development: list[int]
    test: list[int]


def shared_dim(section: xr.Dataset) -> str:
    """Dim whose positions are shared out: the first leading one; the lateral one of a 2D line."""
    dims = layout(section)
    return dims.lead[0] if dims.lead else dims.lateral


def share_out(section: xr.Dataset, trained: tuple[int, int], width: int = 1) -> Lines:
    """Cut what comes after the trained lines, or before if more does, into calibration, development and test.

    Parameters
    ----------
    section : xr.Dataset
        A survey with lines along its first dim, or one 2D line.
    trained : (int, int)
        First line (or trace) trained on and the one after the last.
    width : int
        Traces of a patch: on a 2D line gaps are wider, and no part is narrower.

    Raises
    ------
    DataError
        If fewer than ten lines, or four patches of a 2D line, are left.
    """
    dim, single = shared_dim(section), not layout(section).lead
    count = section.sizes[dim]
    turned = trained[0] > count - trained[1]
    end = count - trained[0] if turned else trained[1]
    gap, least = (width + 1, 4 * width) if single else (GAP, 10)
    first = end + max(gap, 4)
    left = count - first - 2 * gap
    if left < least:
        what = f"traces, beside gaps of {gap}," if single else "lines"
        raise DataError(
            f"{section_name(section)}: {max(left, 0)} of {count} {what} are left beside those the model was "
            f"trained on. Expected {least} or more to calibrate and test on: train with --select on fewer"
            + (", or with narrower patches" if single else "")
        )
    test, development = (round(SHARES[part] * left) for part in ("test", "development"))
    development = max(development, width if single else 0)
    middle = count - test - gap - development
    spans = [(first, middle - gap), (middle, middle + development), (count - test, count)]
    if turned:
        spans = [(count - stop, count - start) for start, stop in spans]
    return Lines(list(range(*trained)), *(list(range(*span)) for span in spans))


def trained_lines(section: xr.Dataset, model: Model) -> tuple[int, int]:
    """First line, or trace of a 2D line, that a model was trained on, and the one after the last."""
    from seisflow.io import select

    dim = shared_dim(section)
    labels = section[dim].values.tolist()
    first, last = len(labels), 0
    for item in section_card(model).inputs:
        seen = select(section, item["select"])[dim].values
        for block in item["split"]["train"]:
            start, stop = block["ranges"].get(dim, (0, len(seen)))
            first = min(first, labels.index(seen[start]))
            last = max(last, labels.index(seen[stop - 1]) + 1)
    return first, last


class Contest:
    """Scores of a model, and the baselines, made ready to judge panels of a survey.

    Parameters
    ----------
    section : xr.Dataset
    model : Model
    lines : Lines
    seed : int
        Of the baselines.
    """

    def __init__(self, section: xr.Dataset, model: Model, lines: Lines, *, seed: int = 0) -> None:
        card = section_card(model)
        self.section, self.model, self.lines = section, model, lines
        self.scaling = card.scaling
        self.depth = section[layout(section).vertical].values.astype(np.float64)
        self.scores = scores_of(model)
        panels = self.read(lines.calibration, pieces=True)
        found = calibrate_scores(
            model, ((p, self.depth) for p in panels), self.scaling, held_out=True, count=len(panels)
        )
        one = found.calibration
        self.calibrations: dict[str, Calibration | JointCalibration] = {
            "typicality": one, "nll": one, **found.calibrations,
        }  # fmt: skip
        few = np.array(lines.train)
        if layout(section).lead:
            few = few[np.unique(np.linspace(0, len(few) - 1, FITTED_LINES).astype(int))]
        self.detectors = fit_detectors([self._scaled(p) for p in self.read(few.tolist())], seed)
        tile = (model.shape[1], model.shape[2])
        for name, detector in self.detectors.items():
            maps = [(self._statistic(detector, panel), self.depth) for panel in panels]
            self.calibrations[name] = calibrate(maps, (0.0, 0.0), tile=tile)
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

    def limits(self, alpha: float, shape: tuple[int, int]) -> dict[str, float]:
        """Threshold of every score and baseline for panels of ``shape`` (T, X)."""
        return {name: one.threshold(alpha, shape) for name, one in self.calibrations.items()}

    def judge(self, panel: Panel, seed: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Map of every score and baseline: the larger, the more anomalous."""
        taken: list[int] = []

        def maps(seen: ForwardPass) -> torch.Tensor:
            parts = [score.maps(seen) for score in self.scores.values()]
            taken[:] = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
            return torch.cat(parts, 1)

        measured = measure_panel(panel, self.model, self.scaling, maps, seed=(1, seed))
        for k, (name, score) in enumerate(self.scores.items()):
            yield name, self._deviation(name, score, measured[taken[k] : taken[k + 1]], panel)
        for name, detector in self.detectors.items():
            calibration = self.calibrations[name]
            assert isinstance(calibration, Calibration)
            yield name, np.abs(calibration.deviation(self._statistic(detector, panel), self.depth))

    def inject(self, panel: Panel, kind: str, severity: int, seed: list[int]) -> Injected:
        """Put an anomaly into a panel, at the survey's sample interval."""
        interval = float(self.depth[1] - self.depth[0]) / 1000
        return inject(Host(panel.amplitude.astype(np.float64), interval, self.wavelet), kind, severity, seed)

    def _deviation(
        self, name: str, score: Score, maps: NDArray[np.float32], panel: Panel
    ) -> NDArray[np.float32]:
        features = score.measure(maps, panel.mask)
        deviation = deviation_of(features, self.depth, self.calibrations[name], score)
        return np.abs(deviation) if score.two_sided else deviation

    def _statistic(
        self, detector: Callable[[NDArray[np.float32]], NDArray[np.float32]], panel: Panel
    ) -> NDArray[np.float32]:
        """Statistic of a baseline; NaN where there is no data, as scores are."""
        return np.where(panel.mask, detector(self._scaled(panel)), np.float32(np.nan))

    def _scaled(self, panel: Panel) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.scaling.scale(panel.amplitude), dtype=np.float32)


@dataclass
class Untouched:
    """False alarms of a detector on untouched lines.

    Attributes
    ----------
    alarms : list of float
        One value a line and dither: 1 if it raised an alarm, else 0.
    tiles : list of float
        The same for every tile, of the size of a patch, judged as a panel of that size.
    maps : list of ndarray
        Maps of the lines, first dither, thinned.
    """

    alarms: list[float] = field(default_factory=list)
    tiles: list[float] = field(default_factory=list)
    maps: list[NDArray[np.float32]] = field(default_factory=list)


def run(
    contest: Contest,
    part: str = "test",
    *,
    alpha: float = 0.05,
    seeds: int = SEEDS,
    kinds: Sequence[str] = tuple(KINDS),
    report: progress.Report = progress.silent,
) -> tuple[list[Case], dict[str, Untouched]]:
    """Inject, score and measure.

    Parameters
    ----------
    contest : Contest
    part : {"test", "development"}
        Lines to inject into.
    alpha : float
        False alarms allowed per panel.
    seeds : int
        Every kind and severity is injected this often, each time into another line at another place.
    kinds : sequence of str
    report : callable
        Takes panels done and panels in all.

    Returns
    -------
    cases : list of Case
    untouched : dict of Untouched
        For each detector.
    """
    panels = contest.read(getattr(contest.lines, part))
    plan = [
        (kind, severity, seed)
        for seed in range(seeds)
        for kind in kinds
        for severity in range(len(SEVERITIES))
    ]
    total, done = len(plan) + seeds * len(panels), 0
    tile = (contest.model.shape[1], contest.model.shape[2])
    limits, small = contest.limits(alpha, panels[0].shape), contest.limits(alpha, tile)
    found = {name: Untouched() for name in limits}
    for seed in range(seeds):
        for number, panel in enumerate(panels):
            for name, score in contest.judge(panel, seed * len(panels) + number):
                found[name].alarms.append(float(np.nanmax(score) > limits[name]))
                found[name].tiles += [float(peak > small[name]) for peak in tile_maxima(score, tile)]
                if not seed:
                    found[name].maps.append(score[::THINNED, ::THINNED])
            done += 1
            report(done, total)
    cases: list[Case] = []
    for number, (kind, severity, seed) in enumerate(plan):
        line = (list(kinds).index(kind) + 5 * seed) % len(panels)
        panel = panels[line]
        made = contest.inject(panel, kind, severity, [seed, list(KINDS).index(kind)])
        changed, untouched = made.mask & panel.mask, panel.mask & ~made.mask
        touched = replace(panel, amplitude=np.where(panel.mask, made.amplitude, 0))
        for name, score in contest.judge(touched, 1000 + number):
            whole, inside, rim = (
                auroc(score, mask & panel.mask, untouched)
                for mask in (made.mask, made.interior, made.boundary)
            )
            spotted = bool(np.nanmax(score[changed], initial=-np.inf) > limits[name])
            area = aupro(score, changed, untouched)
            cases.append(Case(name, kind, severity, line, seed, whole, inside, rim, area, spotted))
        done += 1
        report(done, total)
    return cases, found


def results(
    contest: Contest,
    cases: Sequence[Case],
    untouched: dict[str, Untouched],
    *,
    part: str,
    alpha: float,
    seeds: int,
    seconds: float,
    command: str,
    note: str = "",
) -> list[dict[str, Any]]:
    """One result object for each score and baseline, the scores first."""
    dim = shared_dim(contest.section)
    labels = contest.section[dim].values
    spans = {
        name: f"{labels[some[0]]:g}-{labels[some[-1]]:g}"
        for name, some in vars(contest.lines).items()
        if some
    }
    parameters = sum(p.numel() for p in contest.model.parameters())
    mine = {name: [case for case in cases if case.detector == name] for name in contest.calibrations}
    best = max(contest.detectors, key=lambda name: macro(mine[name], _auroc))
    found = []
    unit = "line" if layout(contest.section).lead else "place"
    for name, some in mine.items():
        scores, quiet = name in contest.scores, untouched[name]
        lead = bootstrap(some, _auroc, against=mine[best])
        found.append(
            {
                "experiment": "anomalies",
                "dataset": section_name(contest.section),
                "protocol": f"{dim} {', '.join(f'{k} {v}' for k, v in spans.items())}; {len(KINDS)} kinds x "
                f"{len(SEVERITIES)} severities x {seeds} seeds injected into {part} lines",
                "model": f"seisflow, {name}" if scores else name,
                "score": name,
                "is_baseline": not scores,
                "parameters": parameters if scores else None,
                "metric": "macro pixel AUROC",
                "value": round(macro(some, _auroc), 4),
                "interval": _rounded(bootstrap(some, _auroc)),
                "interval_over": f"{unit}s",
                "best_baseline": best,
                "lead_over_best_baseline": round(macro(some, _auroc) - macro(mine[best], _auroc), 4),
                "lead_interval": _rounded(lead),
                "interior": round(macro(some, lambda case: case.interior), 4),
                "boundary": round(
                    macro([c for c in some if np.isfinite(c.boundary)], lambda c: c.boundary), 4
                ),
                "aupro": round(macro(some, lambda case: case.aupro), 4),
                "aupro_interval": _rounded(bootstrap(some, lambda case: case.aupro)),
                "found_at_alpha": round(macro(some, lambda case: case.found), 4),
                "by_kind": {kind: round(v, 4) for kind, v in by_kind(some, _auroc).items()},
                "by_severity": {
                    word: round(macro([c for c in some if c.severity == i], _auroc), 4)
                    for i, word in enumerate(SEVERITIES)
                },
                "alpha": alpha,
                "false_alarms": round(float(np.mean(quiet.alarms)), 4),
                "false_alarms_interval": _rounded(exact_interval(quiet.alarms[: len(quiet.maps)])),
                "untouched_lines": len(quiet.maps),
                "independent_lines": round(independent(quiet.maps), 1),
                "tile_false_alarms": round(float(np.mean(quiet.tiles)), 4),
                "tiles": len(quiet.tiles) // seeds,
                "threshold_rests_on": contest.calibrations[name].promise(alpha),
                "seed": list(range(seeds)),
                "seconds": round(seconds, 1),
                "machine": machine(),
                "commit": commit(),
                "command": command,
            }
            | ({"note": note} if note else {})
        )
    return found


def evaluate(
    section: xr.Dataset,
    model: Model,
    *,
    part: str = "test",
    alpha: float = 0.05,
    seeds: int = SEEDS,
    kinds: Sequence[str] = tuple(KINDS),
    command: str = "seisflow evaluate",
    note: str = "",
    report: progress.Report = progress.silent,
    tell: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Evaluate the scores of a model on a survey of which it has seen a part.

    Parameters
    ----------
    section : xr.Dataset
        The survey, zeros taken as in training.
    model : Model
        Trained on its first lines, or its last.
    part, alpha, seeds, kinds, report
        As for `run`.
    command, note : str
        For the record.
    tell : callable
        Takes a line that says which lines are for what.

    Raises
    ------
    DataError
        If the survey has too few other lines.
    """
    start = time.monotonic()
    lines = share_out(section, trained_lines(section, model), model.shape[2])
    what = "lines" if layout(section).lead else "traces"
    tell(", ".join(f"{len(some)} {what} for {name}" for name, some in vars(lines).items()))
    contest = Contest(section, model, lines)
    cases, untouched = run(contest, part, alpha=alpha, seeds=seeds, kinds=kinds, report=report)
    return results(
        contest,
        cases,
        untouched,
        part=part,
        alpha=alpha,
        seeds=seeds,
        seconds=time.monotonic() - start,
        command=command,
        note=note,
    )


def _auroc(case: Case) -> float:
    return case.auroc


def _rounded(values: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in values]
