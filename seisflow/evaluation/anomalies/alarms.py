"""False alarms of all scores on independent lines, beside the rates that their thresholds promise.

The lines of a survey are shared out by turns, in the order in which they were shot: one is for training,
which holds out a part of each to calibrate on as ever, the next is for the test. Test lines are scored whole,
each as `seisflow.scoring.survey_match.for_survey` would have it, and cut into segments of a fixed width with
gaps over which maps correlate little. A segment raises an alarm if any sample of it exceeds the threshold
for a panel of its size.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.errors import DataError
from seisflow.evaluation.anomalies.all_scores import features_of_all
from seisflow.evaluation.anomalies.detection import exact_interval
from seisflow.evaluation.asked import Asked
from seisflow.evaluation.sections.trained import model_for
from seisflow.io import open_section
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import layout, panel_index, read_panel
from seisflow.runs.provenance import commit, machine
from seisflow.scores import default_score, scores_of
from seisflow.scoring.calibrated import calibration_of, deviation_of
from seisflow.scoring.survey_match import for_survey

FOLDER = "sbp"
ALPHAS = (0.01, 0.05, 0.1, 0.2)
"""Nominal rates."""
WIDTH, GAP = 192, 64
"""Traces of a segment, and between segments."""

Map = NDArray[np.float32]


@dataclass
class Alarms:
    """Segments of test lines under one score.

    Attributes
    ----------
    raised : dict of list of float
        For each nominal rate, 1 for every segment with an alarm, else 0.
    correlations : list of float
        For each line, correlation of its map with itself `GAP` traces on.
    """

    raised: dict[float, list[float]] = field(default_factory=lambda: {alpha: [] for alpha in ALPHAS})
    correlations: list[float] = field(default_factory=list)


def run(data: Path, asked: Asked) -> list[dict[str, Any]]:
    """Train on every other line of the lake in ``data/sbp``, unless a model is asked for, and count alarms.

    Raises
    ------
    DataError
        If there are no lines.
    """
    lines = sorted((data / FOLDER).glob("*.seg"))
    if not lines:
        raise DataError(f"{data / FOLDER}: no lines. Expected *.seg, the sub-bottom profiles of Lake Tziscao")
    known, unknown = by_turns(lines)
    model = model_for(asked, known)
    with progress.bar("Counting alarms") as report:
        return results(model, known, unknown, seed=asked.seed, report=report)


def by_turns(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Lines to train on and lines to test on, by turns in the order in which they were shot.

    That is told by the end of their names, as in ``..._20180312135640.seg``.
    """
    ordered = sorted(paths, key=lambda path: path.stem.rsplit("_", 1)[-1])
    return ordered[::2], ordered[1::2]


def segments(traces: int) -> list[slice]:
    """Parts of a line, `WIDTH` traces each with `GAP` between them, about its middle."""
    count = (traces + GAP) // (WIDTH + GAP)
    first = (traces - count * (WIDTH + GAP) + GAP) // 2
    return [slice(first + k * (WIDTH + GAP), first + k * (WIDTH + GAP) + WIDTH) for k in range(count)]


def count_alarms(
    model: Model, paths: Sequence[Path], *, seed: int = 0, report: progress.Report = progress.silent
) -> tuple[dict[str, Alarms], list[str]]:
    """Score lines that the model has not seen and count alarms.

    Returns
    -------
    alarms : dict of Alarms
        By score.
    refused : list of str
        Names of lines of which `seisflow score` says that its alarm rate does not hold; they count, too.

    Raises
    ------
    DataError
        If no line is as long as a segment.
    """
    scores = scores_of(model)
    found = {name: Alarms() for name in scores}
    refused = []
    for number, path in enumerate(paths):
        report(number, len(paths))
        section = open_section(path)
        parts = segments(section.sizes[layout(section).lateral])
        if not parts:
            continue
        view, match = for_survey(section, model)
        refused += [path.stem] * bool(match.differences)
        for name, score, limits in _maps(section, view, match.scaling, scores, seed):
            found[name].correlations.append(correlation(score, GAP))
            for part in parts:
                highest = float(np.nanmax(score[:, part], initial=-np.inf))
                for alpha in ALPHAS:
                    found[name].raised[alpha].append(float(highest > limits[alpha]))
    if not any(one.correlations for one in found.values()):
        raise DataError(f"no line is as long as {WIDTH} traces. Expected lines to cut into segments")
    return found, refused


def _maps(section: xr.Dataset, model: Model, scaling: Any, scores: Any, seed: int) -> Any:
    """Name, map (T, X) and thresholds of every score of a line."""
    card = section_card(model)
    depth = section[layout(section).vertical].values.astype(np.float64)
    panel = read_panel(section, panel_index(section)[0])
    for score, features in features_of_all(panel, model, scaling, scores.values(), (seed, 0)):
        calibration = calibration_of(card, score.name)
        judged = deviation_of(features, depth, panel.mask, calibration, score)
        limits = {alpha: calibration.threshold(alpha, (len(depth), WIDTH)) for alpha in ALPHAS}
        yield score.name, np.abs(judged) if score.two_sided else judged, limits


def correlation(score: Map, lag: int) -> float:
    """Correlation of a map (T, X), less its mean at each depth, with itself ``lag`` traces on."""
    rest = score[np.isfinite(score).any(1)]
    rest = rest - np.nanmean(rest, axis=1, keepdims=True)
    a, b = rest[:, :-lag], rest[:, lag:]
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[both], b[both])[0, 1]) if both.any() else float("nan")


def results(
    model: Model,
    train: Sequence[Path],
    test: Sequence[Path],
    *,
    seed: int = 0,
    report: progress.Report = progress.silent,
) -> list[dict[str, Any]]:
    """One result object for each score, the default first."""
    start = time.monotonic()
    found, refused = count_alarms(model, test, seed=seed, report=report)
    card = section_card(model)
    default = default_score(model)
    done = []
    for name, one in sorted(found.items(), key=lambda item: item[0] != default):
        calibration = calibration_of(card, name)
        height = (calibration.shape or model.shape[1:])[0]
        rates = {
            f"{alpha:g}": {
                "alarms": int(sum(raised)),
                "share": round(float(np.mean(raised)), 4),
                "interval": [round(end, 4) for end in exact_interval(raised)],
                "rests_on": calibration.promise(alpha, (height, WIDTH)),
            }
            for alpha, raised in one.raised.items()
        }
        done.append(
            {
                "experiment": "false-alarms",
                "dataset": "Lake Tziscao, sub-bottom profiles",
                "protocol": f"{len(train)} lines for training and, of each, the calibration; {len(test)} "
                f"others cut into segments of {WIDTH} traces, {GAP} apart",
                "model": f"seisflow, {name}",
                "score": name,
                "is_default": name == default,
                "metric": "share of segments with an alarm at a nominal 5 %",
                "value": rates["0.05"]["share"],
                "segments": len(one.raised[ALPHAS[0]]),
                "by_alpha": rates,
                "correlation_at_gap": round(float(np.nanmean(one.correlations)), 3),
                "lines_without_a_promise": len(refused),
                "calibration_panels": len(calibration.maxima),
                "steps": card.provenance.get("steps"),
                "training_seconds": card.provenance.get("seconds"),
                "seed": seed,
                "seconds": round(time.monotonic() - start, 1),
                "machine": machine(),
                "commit": commit(),
            }
        )
    return done
