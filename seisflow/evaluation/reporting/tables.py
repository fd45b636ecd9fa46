"""Result objects as tables."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seisflow.errors import OutputError
from seisflow.io.atomic import replace_text


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """Table of result objects, in their order, with what it takes to repeat them below it."""
    lines = [
        "| model | parameters | nats/dim | s.e. | bits/dim | by first sample of the window | time (s) |",
        "| --- | --: | --: | --: | --: | --- | --: |",
    ]
    for one in results:
        parts = ", ".join(f"{key}: {value:.3f}" for key, value in one["by_first_sample"].items())
        bits = one["value"] / 0.6931471805599453
        lines.append(
            f"| {one['model']} | {one['parameters']:,} | {one['value']:.3f} | {one['standard_error']:.3f} "
            f"| {bits:.3f} | {parts} | {one['seconds']:,.0f} |"
        )
    last = results[-1]
    lines += [
        "",
        f"{last['dataset']}. Protocol: {last['protocol']}.",
        f"Model: seed {last['seed']}, {last['steps']:,} steps, {last['machine']}, commit {last['commit']}.",
    ]
    if "realism" in last:
        lines += ["", *_realism(last["realism"])]
    return "\n".join(lines)


def _realism(differences: dict[str, dict[str, float]]) -> list[str]:
    """Rows of the comparison of generated patches with real ones."""
    lines = [
        "| difference of | spectrum along time (dB) | spectrum across traces (dB) | histogram (W1, std) |",
        "| --- | --: | --: | --: |",
    ]
    for name, one in differences.items():
        values = (one["time_spectrum_db"], one["trace_spectrum_db"], one["histogram"])
        lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    return lines


def write(
    results: Sequence[dict[str, Any]], folder: Path, name: str, *, title: str, overwrite: bool = False
) -> None:
    """Write ``results/<name>.json`` and ``<name>.md`` into ``folder``.

    Raises
    ------
    OutputError
        If either is there and ``overwrite`` is False.
    """
    objects, page = folder / "results" / f"{name}.json", folder / f"{name}.md"
    for path in (objects, page):
        if path.exists() and not overwrite:
            raise OutputError(f"{path}: exists. Pass --overwrite to replace it, or another -o")
    objects.parent.mkdir(parents=True, exist_ok=True)
    replace_text(objects, json.dumps(list(results), indent=1) + "\n")
    replace_text(page, f"# {title}\n\n{markdown(results)}\n\nMade by `{results[-1]['command']}`.\n")
