"""Result objects of ``seisflow evaluate`` on disk, and the page made of them: a chapter for each survey."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seisflow.errors import OutputError
from seisflow.evaluation.anomalies.injection import SEVERITIES
from seisflow.evaluation.reporting import records
from seisflow.evaluation.reporting.chapters import put
from seisflow.io.atomic import replace_text

NAME, PAGE = "anomalies", "anomalies.md"

HEAD = """Anomalies: what finds them

Modelled anomalies of 18 kinds at three severities are injected, one at a time, into lines that neither the
model nor its thresholds have seen. A detector is measured by its AUROC over the samples of such a line: the
probability that a changed sample is ranked above an unchanged one, averaged over kinds. 0.5 is chance, 1 is
perfect. AUPRO counts every connected region the same, whatever its size, and looks at false positive rates up
to 0.3 only.

How to read the tables:

- All detectors, the baselines too, are judged on both sides against calibration lines at the same depth.
- *Inside* and *rim* are the AUROC of the inner samples of an anomaly and of those at its edge.
- *False alarms* are the share of untouched sections that raise an alarm at the nominal rate. Neighbouring
  lines are not independent; below each table stand the exact binomial interval, and the number of independent
  sections that would vary as much. *Of tiles* is the same for tiles of the size of a patch.
- Anomalies stand in one line each. A comparison with neighbouring lines would find all of them, and no
  geology, which goes on from line to line: no score here makes one.
- The parts of `combined` were chosen on other lines with the same kinds of anomalies. It may favour these, as
  no baseline does.

Kinds: `seisflow.evaluation.anomalies.injection`; baselines: `seisflow.evaluation.anomalies.detectors`;
scores: `seisflow.scores`.
"""


def markdown(found: Sequence[dict[str, Any]]) -> str:
    """Tables of result objects: all detectors, then their AUROC by kind."""
    lines = [
        "| detector | AUROC | 95 % | inside | rim | AUPRO | found at alpha | false alarms | of tiles "
        f"| lead on {found[0]['best_baseline']} |",
        "| --- | --: | --- | --: | --: | --: | --: | --: | --: | --- |",
    ]
    ranked = sorted(found, key=lambda one: (one["is_baseline"], -one["value"]))
    for one in ranked:
        name = one["score"] if one["is_baseline"] else f"**{one['score']}**"
        low, high = one["lead_interval"]
        lines.append(
            f"| {name} | {one['value']:.3f} | {_span(one['interval'])} | {one['interior']:.3f} "
            f"| {one['boundary']:.3f} | {one['aupro']:.3f} | {one['found_at_alpha']:.0%} "
            f"| {one['false_alarms']:.0%} | {_share(one.get('tile_false_alarms'))} "
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
        f"realised on {one['untouched_lines']} untouched sections, {len(one['seed'])} dithers each. "
        + _certainty(ranked[0])
        + f"{one['parameters']:,} parameters. {one['machine']}, {one['seconds']:,.0f} s, "
        f"commit {one['commit']}.",
    ]
    if one.get("note"):
        lines += ["", one["note"]]
    return "\n".join(lines)


def check(folder: Path, dataset: str, *, overwrite: bool = False) -> list[dict[str, Any]]:
    """Return the result objects of other surveys that a folder holds.

    Raises
    ------
    OutputError
        If it holds this survey, or a page without results, and ``overwrite`` is False.
    """
    old, page = records.load(folder, NAME), folder / PAGE
    if not overwrite and page.exists() and not old:
        raise OutputError(f"{page}: exists. Pass --overwrite to replace it, or another -o")
    others = [one for one in old if one["dataset"] != dataset]
    if not overwrite and len(others) < len(old):
        raise OutputError(
            f"{folder / 'results' / NAME}.json: holds {dataset} already. Pass --overwrite to replace it, or "
            f"another -o"
        )
    return others


def write(found: Sequence[dict[str, Any]], folder: Path, *, overwrite: bool = False) -> None:
    """Write ``results/anomalies.json`` and ``anomalies.md``, which keep the other surveys they hold.

    Raises
    ------
    OutputError
        As `check`.
    """
    others = check(folder, found[0]["dataset"], overwrite=overwrite)
    objects = folder / "results" / f"{NAME}.json"
    objects.parent.mkdir(parents=True, exist_ok=True)
    replace_text(objects, json.dumps([*others, *found], indent=1) + "\n")
    write_page(folder)


def write_page(folder: Path) -> Path:
    """Make the chapters of ``anomalies.md`` again from the results, one for each survey.

    What stands outside of ``<!-- NAME -->`` and ``<!-- end of NAME -->`` is kept.
    """
    results = records.load(folder, NAME)
    for dataset in dict.fromkeys(one["dataset"] for one in results):
        some = [one for one in results if one["dataset"] == dataset]
        text = f"## {dataset}\n\n{markdown(some)}\n\nMade by `{some[0]['command']}`."
        put(folder / PAGE, dataset, text, HEAD)
    return folder / PAGE


def _certainty(one: dict[str, Any]) -> str:
    """Exact interval of the false alarms of a score; empty for results of older versions, which lack it."""
    if "independent_lines" not in one:
        return ""
    low, high = one["false_alarms_interval"]
    return (
        f"{one['score']}: exact 95 % interval {low:.0%} to {high:.0%} if they were independent; its maps "
        f"vary as those of {one['independent_lines']} independent ones. Intervals of areas: over "
        f"{one['interval_over']}. "
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _span(values: list[float]) -> str:
    return f"{values[0]:.3f} to {values[1]:.3f}"
