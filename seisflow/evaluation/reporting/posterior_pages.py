"""Tables of filling and denoising in docs/, made from result objects alone."""

from collections.abc import Sequence
from typing import Any

from seisflow.evaluation.reporting.cells import conditions

Result = dict[str, Any]


def filling_tables(results: Sequence[Result]) -> str:
    """Return a table for each data set and kind of gap."""
    lines: list[str] = []
    for dataset, some in _by_dataset(results):
        best = max(one["value"] for one in some)
        lines += [
            f"**{dataset}**: {some[0]['protocol']}.",
            "",
            "| | SNR over missing traces (dB) | in 90 % intervals | score | options | time (s) |",
            "| --- | --: | --: | --: | --- | --: |",
        ]
        for one in some:
            value = f"{one['value']:.2f}"
            lines.append(
                f"| {one['model']} | {f'**{value}**' if one['value'] == best else value} "
                f"| {one['coverage']:.1%} | {one['score']:.4f} | {one['options']} | {one['seconds']:,.1f} |"
            )
        for one in some:
            if "limit" in one:
                lines += ["", _limits(one)]
        lines.append("")
    return "\n".join([*lines, conditions(results)])


def _limits(one: Result) -> str:
    text = f"Incoherent noise alone, as estimated on the training lines, leaves {one['limit']:.1f} dB"
    if "neighbours" in one:
        sides, both = one["neighbours"]
        text += (
            "; f-x prediction of whole lines of this survey from the complete lines on both sides "
            f"{sides:.1f} dB, with the four nearest traces of the line itself {both:.1f} dB"
        )
    return text + "."


def denoising_tables(results: Sequence[Result]) -> str:
    """Return a table with a row for each section and noise, and a column for each way, ours last."""
    ways = sorted(dict.fromkeys(one["model"] for one in results), key=lambda way: way.startswith("seisflow"))
    lines = [
        "| PSNR (dB) | noisy | "
        + " | ".join(ways)
        + " | estimated level | correlation of removed, of input |",
        "| --- | --: |" + " --: |" * (len(ways) + 2),
    ]
    for dataset, some in _by_dataset(results):
        values = {one["model"]: one["value"] for one in some}
        best = max(values.values())
        cells = [
            ""
            if way not in values
            else f"**{values[way]:.2f}**"
            if values[way] == best
            else f"{values[way]:.2f}"
            for way in ways
        ]
        own = next((one for one in some if "estimated_level" in one), None)
        told = ["", ""]
        if own is not None:
            told = [
                f"{own['estimated_level']:.2f}",
                f"{own['coherence_of_removed']:.2f}, {own['coherence_of_input']:.2f}",
            ]
        lines.append(f"| {dataset} | {some[0]['noisy']:.2f} | " + " | ".join([*cells, *told]) + " |")
    return "\n".join([*lines, "", conditions(results)])


def samples_table(results: Sequence[Result]) -> str:
    """Return a table of AUROCs against held-out lines, and of differences over those of real from real."""
    lines = [
        "| | AUROC against held-out lines | s.e. | spectrum along time | across traces | histogram "
        "| time, fixed places | traces | histogram |",
        f"| --- |{' --: |' * 8}",
    ]
    names = ("time_spectrum_db", "trace_spectrum_db", "histogram")
    for one in results:
        ratios = [f"{one[kind][name]:.2f}" for kind in ("ratios", "ratios_fixed") for name in names]
        lines.append(
            f"| {one['model']} | {one['value']:.3f} | {one['standard_error']:.3f} | {' | '.join(ratios)} |"
        )
    return "\n".join([*lines, "", f"{results[-1]['protocol']}. {conditions(results)}"])


def _by_dataset(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    names = dict.fromkeys(one["dataset"] for one in results)
    return [(name, [one for one in results if one["dataset"] == name]) for name in names]


POSTERIOR_TABLES = {"fill": filling_tables, "denoise": denoising_tables, "samples": samples_table}
"""Table makers by the name of their results."""
