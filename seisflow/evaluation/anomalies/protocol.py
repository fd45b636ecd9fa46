"""The protocol of ``seisflow evaluate``: injected anomalies on held-out lines, beside what is used today.

Lines that the model was not trained on are cut, in order, into calibration, development and test lines, with
gaps between them. Thresholds come from the calibration lines alone. What the score ``combined`` is made of
was chosen on development lines. Into every test line anomalies of all kinds are injected, one at a time.
Of a single 2D line the traces are shared out in the same way, with gaps wider than a patch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.calibration.extremes import tile_maxima
from seisflow.evaluation.anomalies.contest import Contest
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
from seisflow.evaluation.anomalies.injection import KINDS, SEVERITIES
from seisflow.evaluation.anomalies.lines import share_out, shared_dim, trained_lines
from seisflow.models import Model
from seisflow.patches import layout, section_name
from seisflow.runs.provenance import commit, machine

SEEDS = 3
THINNED = 4
"""Every so many samples and traces of untouched lines are kept, to see how alike lines are."""


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
            for name, score in contest.scores_of(panel, seed * len(panels) + number):
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
        for name, score in contest.scores_of(touched, 1000 + number):
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
    parameters = contest.model.parameter_count
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
    tell: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Evaluate the scores of a model on a survey of which it has seen a part.

    Parameters
    ----------
    section : xr.Dataset
        The survey, zeros taken as in training.
    model : Model
        Trained on its first lines, or its last.
    part, alpha, seeds, kinds
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
    with progress.bar("Calibrating scores and baselines", percent=True) as report:
        contest = Contest(section, model, lines, report=report)
    with progress.bar(f"Evaluating on {section_name(section)}") as report:
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
