"""The protocol of ``seisflow evaluate``: injected anomalies on held-out lines, beside what is used today.

Lines that the model was not trained on are cut, in order, into calibration, development and test lines, with
gaps between them. Thresholds come from the calibration lines alone. What the score ``combined`` is made of
was chosen on development lines. Into every test line anomalies of all kinds are injected, one at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.calibration import Calibration, JointCalibration, calibrate
from seisflow.errors import DataError, OutputError
from seisflow.evaluation.detection import Case, aupro, auroc, bootstrap, by_kind, macro
from seisflow.evaluation.detectors import fit_detectors
from seisflow.evaluation.injection import KINDS, SEVERITIES, Host, Injected, estimate_wavelet, inject
from seisflow.models import Model
from seisflow.patches import Panel, layout, read_panel, section_name
from seisflow.provenance import commit, machine
from seisflow.scores import Evaluation, Score, scores_of
from seisflow.scores.calibrate import calibrate_scores
from seisflow.scores.judge import deviation_of
from seisflow.scoring import measure_panel, section_card

GAP = 2
"""Lines left out between calibration, development and test."""
SHARES = {"development": 0.15, "test": 0.4}
"""Of the lines that were not trained on; the rest calibrates."""
SEEDS = 3
FITTED_LINES = 6
"""Training lines that the baselines are fitted to."""

HEAD = """# Anomalies: what finds them

Modelled anomalies of 18 kinds and three severities are injected, one at a time, into lines that neither model
nor thresholds have seen. A detector is as good as its AUROC over the samples of such a line: the probability
that a changed sample is ranked above an unchanged one, averaged over kinds. AUPRO counts every connected
region the same and looks at false positive rates up to 0.3 only. All detectors, the baselines too, are
judged on both sides against calibration lines at the same depth. Kinds: `seisflow.evaluation.injection`;
baselines: `seisflow.evaluation.detectors`; scores: `seisflow.scores`. What `combined` is made of was
chosen on the development lines with the same kinds of anomalies: it may favour these, as no baseline does.

Lines of a survey are not exchangeable: it drifts from the calibration to the test lines, and realised false
alarms beyond the nominal share tell how far.
"""


@dataclass(frozen=True)
class Lines:
    """Positions of lines along the first dim, by what they are for."""

    train: list[int]
    calibration: list[int]
    development: list[int]
    test: list[int]


def share_out(section: xr.Dataset, trained: tuple[int, int], gap: int = GAP) -> Lines:
    """Cut the lines after the trained ones into calibration, development and test.

    Parameters
    ----------
    section : xr.Dataset
        The survey, with lines along its first dim.
    trained : (int, int)
        First line trained on and the one after the last.
    gap : int
        Lines between the parts, and at least as many after the trained ones.

    Raises
    ------
    DataError
        If fewer than ten lines are left.
    """
    dim = layout(section).lead[:1]
    count = section.sizes[dim[0]] if dim else 1
    first = trained[1] + max(gap, 4)
    left = count - first - 2 * gap
    if left < 10:
        raise DataError(
            f"{section_name(section)}: {max(left, 0)} of {count} lines are left beside those the model was "
            f"trained on. Expected 10 or more to calibrate and test on: train with --select on fewer"
        )
    test, development = (round(SHARES[part] * left) for part in ("test", "development"))
    middle = count - test - gap - development
    return Lines(
        list(range(*trained)),
        list(range(first, middle - gap)),
        list(range(middle, middle + development)),
        list(range(count - test, count)),
    )


def trained_lines(section: xr.Dataset, model: Model) -> tuple[int, int]:
    """First line of a survey that a model was trained on, and the one after the last, by its card."""
    from seisflow.io import select

    dim = layout(section).lead[0]
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
        panels = self.read(lines.calibration)
        found = calibrate_scores(
            model, ((p, self.depth) for p in panels), self.scaling, held_out=True, count=len(panels)
        )
        one = found.calibration
        self.calibrations: dict[str, Calibration | JointCalibration] = {
            "typicality": one, "nll": one, **found.calibrations,
        }  # fmt: skip
        few = np.unique(np.linspace(0, len(lines.train) - 1, FITTED_LINES).astype(int))
        self.detectors = fit_detectors(
            [self._scaled(p) for p in self.read([lines.train[i] for i in few])], seed
        )
        tile = (model.shape[1], model.shape[2])
        for name, detector in self.detectors.items():
            maps = [(detector(self._scaled(panel)), self.depth) for panel in panels]
            self.calibrations[name] = calibrate(maps, (0.0, 0.0), tile=tile)
        self.wavelet = estimate_wavelet([panel.amplitude for panel in panels])

    def read(self, lines: Sequence[int]) -> list[Panel]:
        """Panels of some lines."""
        rest = (0,) * (len(layout(self.section).lead) - 1)
        return [read_panel(self.section, (line, *rest)) for line in lines]

    def judge(self, panel: Panel, seed: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Map of every score and baseline: the larger, the more anomalous."""
        taken: list[int] = []

        def maps(seen: Evaluation) -> torch.Tensor:
            parts = [score.maps(seen) for score in self.scores.values()]
            taken[:] = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
            return torch.cat(parts, 1)

        measured = measure_panel(panel, self.model, self.scaling, maps, seed=(1, seed))
        for k, (name, score) in enumerate(self.scores.items()):
            yield name, self._deviation(name, score, measured[taken[k] : taken[k + 1]], panel)
        for name, detector in self.detectors.items():
            calibration = self.calibrations[name]
            assert isinstance(calibration, Calibration)
            yield name, np.abs(calibration.deviation(detector(self._scaled(panel)), self.depth))

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

    def _scaled(self, panel: Panel) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.scaling.scale(panel.amplitude), dtype=np.float32)


def run(
    contest: Contest,
    part: str = "test",
    *,
    alpha: float = 0.05,
    seeds: int = SEEDS,
    kinds: Sequence[str] = tuple(KINDS),
    report: progress.Report = progress.silent,
) -> tuple[list[Case], dict[str, list[float]]]:
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
    alarms : dict of list of float
        For each detector, one value an untouched line and seed: 1 if it raised an alarm, else 0.
    """
    panels = contest.read(getattr(contest.lines, part))
    plan = [
        (kind, severity, seed)
        for seed in range(seeds)
        for kind in kinds
        for severity in range(len(SEVERITIES))
    ]
    total, done = len(plan) + seeds * len(panels), 0
    limits = {name: c.threshold(alpha, panels[0].shape) for name, c in contest.calibrations.items()}
    alarms: dict[str, list[float]] = {name: [] for name in limits}
    for seed in range(seeds):
        for number, panel in enumerate(panels):
            for name, score in contest.judge(panel, seed * len(panels) + number):
                alarms[name].append(float(np.nanmax(score) > limits[name]))
            done += 1
            report(done, total)
    cases: list[Case] = []
    for number, (kind, severity, seed) in enumerate(plan):
        line = (list(kinds).index(kind) + 5 * seed) % len(panels)
        made = contest.inject(panels[line], kind, severity, [seed, list(KINDS).index(kind)])
        untouched = ~made.mask
        touched = replace(panels[line], amplitude=np.where(panels[line].mask, made.amplitude, 0))
        for name, score in contest.judge(touched, 1000 + number):
            whole, inside, rim = (
                auroc(score, mask, untouched) for mask in (made.mask, made.interior, made.boundary)
            )
            found = bool(np.nanmax(score[made.mask], initial=-np.inf) > limits[name])
            area = aupro(score, made.mask)
            cases.append(Case(name, kind, severity, line, whole, inside, rim, area, found))
        done += 1
        report(done, total)
    return cases, alarms


def results(
    contest: Contest,
    cases: Sequence[Case],
    alarms: dict[str, list[float]],
    *,
    part: str,
    alpha: float,
    seeds: int,
    seconds: float,
    command: str,
    note: str = "",
) -> list[dict[str, Any]]:
    """One result object for each score and baseline, the scores first."""
    dim = layout(contest.section).lead[0]
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
    for name, some in mine.items():
        scores = name in contest.scores
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
                "false_alarms": round(float(np.mean(alarms[name])), 4),
                "untouched_lines": len(alarms[name]) // seeds,
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
        The whole survey, zeros taken as in training.
    model : Model
        Trained on its first lines.
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
    if not layout(section).lead:
        raise DataError(
            f"{section_name(section)}: a single line. Expected a survey of lines, some of which the model "
            "was trained on: name a 3D file"
        )
    lines = share_out(section, trained_lines(section, model))
    tell(", ".join(f"{len(some)} lines for {name}" for name, some in vars(lines).items()))
    contest = Contest(section, model, lines)
    cases, alarms = run(contest, part, alpha=alpha, seeds=seeds, kinds=kinds, report=report)
    return results(
        contest,
        cases,
        alarms,
        part=part,
        alpha=alpha,
        seeds=seeds,
        seconds=time.monotonic() - start,
        command=command,
        note=note,
    )


def markdown(found: Sequence[dict[str, Any]]) -> str:
    """Tables of result objects: all detectors, then their AUROC by kind."""
    lines = [
        "| detector | AUROC | 95 % | inside | rim | AUPRO | found at alpha | false alarms | lead on "
        f"{found[0]['best_baseline']} |",
        "| --- | --: | --- | --: | --: | --: | --: | --: | --- |",
    ]
    ranked = sorted(found, key=lambda one: (one["is_baseline"], -one["value"]))
    for one in ranked:
        name = one["score"] if one["is_baseline"] else f"**{one['score']}**"
        low, high = one["lead_interval"]
        lines.append(
            f"| {name} | {one['value']:.3f} | {_span(one['interval'])} | {one['interior']:.3f} "
            f"| {one['boundary']:.3f} | {one['aupro']:.3f} | {one['found_at_alpha']:.0%} "
            f"| {one['false_alarms']:.0%} "
            f"| {one['lead_over_best_baseline']:+.3f} ({low:+.3f} to {high:+.3f}) |"
        )
    names = [one["score"] for one in ranked]
    lines += ["", "| kind | " + " | ".join(names) + " |", "| --- |" + " --: |" * len(names)]
    for kind in found[0]["by_kind"]:
        lines.append(f"| {kind} | " + " | ".join(f"{one['by_kind'][kind]:.2f}" for one in ranked) + " |")
    for severity in SEVERITIES:
        values = (f"{one['by_severity'][severity]:.2f}" for one in ranked)
        lines.append(f"| *all, {severity}* | " + " | ".join(values) + " |")
    one = found[0]
    lines += [
        "",
        f"{one['dataset']}; {one['protocol']}. Nominal false alarms: {one['alpha']:.0%} of the sections; "
        f"realised on {one['untouched_lines']} untouched lines, {len(one['seed'])} dithers each. "
        f"{one['parameters']:,} parameters. {one['machine']}, {one['seconds']:,.0f} s, "
        f"commit {one['commit']}.",
    ]
    if one.get("note"):
        lines += ["", one["note"]]
    return "\n".join(lines)


def check(folder: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Return where objects and page go in a folder.

    Raises
    ------
    OutputError
        If either is there and ``overwrite`` is False.
    """
    paths = folder / "results" / "anomalies.json", folder / "anomalies.md"
    for path in paths:
        if path.exists() and not overwrite:
            raise OutputError(f"{path}: exists. Pass --overwrite to replace it, or another -o")
    return paths


def write(found: Sequence[dict[str, Any]], folder: Path, *, overwrite: bool = False) -> None:
    """Write ``results/anomalies.json`` and ``anomalies.md`` into ``folder``.

    Raises
    ------
    OutputError
        If either is there and ``overwrite`` is False.
    """
    objects, page = check(folder, overwrite=overwrite)
    objects.parent.mkdir(parents=True, exist_ok=True)
    objects.write_text(json.dumps(list(found), indent=1) + "\n")
    page.write_text(f"{HEAD}\n{markdown(found)}\n\nMade by `{found[0]['command']}`.\n")


def _auroc(case: Case) -> float:
    return case.auroc


def _rounded(values: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in values]


def _span(values: list[float]) -> str:
    return f"{values[0]:.3f} to {values[1]:.3f}"
