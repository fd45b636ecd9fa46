"""Tables of realised false alarms and of fault picks, made from result objects alone."""

from collections.abc import Sequence
from typing import Any


def alarms_table(results: Sequence[dict[str, Any]]) -> str:
    """Realised share of alarms of every score at each nominal rate, with its exact interval."""
    one = results[0]
    rates = list(one["by_alpha"])
    lines = [
        "| score | " + " | ".join(f"at {float(rate):.0%}" for rate in rates) + " | correlation |",
        "| --- |" + " --- |" * len(rates) + " --: |",
    ]
    for row in results:
        name = f"**{row['score']}** (default)" if row["is_default"] else row["score"]
        cells = (_cell(row["by_alpha"][rate], row["segments"]) for rate in rates)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row['correlation_at_gap']:.2f} |")
    return "\n".join(
        [
            *lines,
            "",
            f"{one['dataset']}; {one['protocol']}. {one['segments']} segments: share with an alarm (exact "
            f"95 % interval). Correlation: of maps with themselves as far on as segments lie apart. Of "
            f"{one['lines_without_a_promise']} test lines `seisflow score` says that its alarm rate does not "
            f"hold; they count all the same. Calibrated on {one['calibration_panels']} held-out panels; "
            f"{one['steps']:,} steps in {one['training_seconds']:,.0f} s; {one['machine']}, "
            f"{one['seconds']:,.0f} s, seed {one['seed']}, commit {one['commit']}. *: beyond what so few "
            f"held-out panels promise.",
            "",
            f"Made by `{one['command']} --data DATA`.",
        ]
    )


def _cell(rate: dict[str, Any], segments: int) -> str:
    low, high = rate["interval"]
    star = "" if rate["rests_on"] != "largest" else " *"
    return f"{rate['alarms'] / segments:.1%} ({low:.1%} to {high:.1%}){star}"


def faults_table(results: Sequence[dict[str, Any]]) -> str:
    """Agreement with fault picks, section by section, of the default score and of attributes."""
    one = results[0]
    sections = list(one["by_section"])
    lines = [
        "| AUROC, average precision, AUPRO | "
        + " | ".join(f"{name} | | " for name in sections)
        + "| mean AUROC |",
        "| --- |" + " --: |" * (3 * len(sections) + 1),
    ]
    for row in sorted(results, key=lambda row: (row["is_baseline"], -row["value"])):
        cells = [
            f"{row['by_section'][section][key]:.3f}"
            for section in sections
            for key in ("auroc", "average_precision", "aupro")
        ]
        name = row["model"] if row["is_baseline"] else f"**{row['model']}** (default)"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row['value']:.3f} |")
    return "\n".join(
        [
            *lines,
            "",
            f"{one['protocol']}. {one['steps']:,} steps in {one['training_seconds']:,.0f} s; "
            f"{one['machine']}, seed {one['seed']}, commit {one['commit']}.",
            "",
            f"Made by `{one['command']} --data DATA`.",
        ]
    )
