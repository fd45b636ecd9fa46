"""Tables in docs/, made from result objects alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seisflow.evaluation.reporting import anomaly_pages, pictures, records
from seisflow.evaluation.reporting.alarm_pages import alarms_table, faults_table
from seisflow.evaluation.reporting.cells import conditions, grouped, sign
from seisflow.evaluation.reporting.chapters import put
from seisflow.evaluation.reporting.image_tables import (
    image_tables,
    moons_table,
    ood_tables,
    table1_tables,
    topics_table,
)
from seisflow.evaluation.reporting.posterior_pages import POSTERIOR_TABLES
from seisflow.plotting.files import save

IMAGES_PAGE = "images-benchmarks.md"
SIDE_BY_SIDE_PAGE = "fractal-models.md"
POSTERIOR_PAGE = "posterior.md"
FACIES_PAGE = "facies.md"
IMAGE_SETS = ("mnist", "fashion-mnist", "cifar10-automobile")


def write_pages(folder: Path) -> list[Path]:
    """Make the tables and curves of all results in ``folder/results`` again, each in its page.

    A page keeps what stands outside of ``<!-- NAME -->`` and ``<!-- end of NAME -->``; a missing one is made.

    Returns
    -------
    list of Path
        Pages written.
    """
    done = []
    table1 = records.load(folder, "table1")
    single = [one for name in IMAGE_SETS for one in records.load(folder, name)]
    sections = {"moons": records.load(folder, "moons"), "table 1": table1, "best": single}
    texts = {"moons": moons_table, "table 1": table1_tables, "best": image_tables}
    for name, results in sections.items():
        if results:
            done.append(put(folder / IMAGES_PAGE, name, texts[name](results), "Image benchmarks"))
    for dataset, results in grouped(table1, "dataset"):
        watched = [one for one in results if one["curve"] and one["seed"] == results[0]["seed"]]
        figure = pictures.draw_curves(watched, title=f"Table 1, {dataset[0]}")
        (folder / "images").mkdir(exist_ok=True)
        place = folder / "images" / f"table1-{results[0]['dataset'].split(',')[0]}.png"
        save(figure, place, overwrite=True, dpi=110)
    outliers = records.load(folder, "ood")
    if outliers:
        done.append(put(folder / IMAGES_PAGE, "ood", ood_tables(outliers), "Image benchmarks"))
    topics = records.load(folder, "topics")
    if topics:
        done.append(put(folder / IMAGES_PAGE, "topics", topics_table(topics), "Image benchmarks"))
    facies = records.load(folder, "facies")
    if facies:
        done.append(put(folder / FACIES_PAGE, "facies", facies_table(facies), "Facies"))
    if records.load(folder, anomaly_pages.NAME):
        done.append(anomaly_pages.write_page(folder))
    alarms = records.load(folder, "false-alarms")
    if alarms:
        done.append(put(folder / anomaly_pages.PAGE, "false alarms", alarms_table(alarms), "Anomalies"))
    faults = records.load(folder, "faults")
    if faults:
        done.append(put(folder / anomaly_pages.PAGE, "faults", faults_table(faults), "Anomalies"))
    for name, table in POSTERIOR_TABLES.items():
        if results := records.load(folder, name):
            done.append(put(folder / POSTERIOR_PAGE, name, table(results), "Filling and denoising"))
    side = records.load(folder, "side-by-side")
    if side:
        text = side_by_side_table(side)
        done.append(put(folder / SIDE_BY_SIDE_PAGE, "side by side", text, "Fractal models"))
    return sorted(set(done))


def facies_table(results: Sequence[dict[str, Any]]) -> str:
    """Table of facies: how far they come back, and a legend of each section's."""
    lines = [
        "| model | section | facies | windows | seeds | lines | words dealt | gain (nats/word) |",
        "| --- | --- | --: | --: | --: | --: | --: | --: |",
    ]
    for one in results:
        lines.append(
            f"| {one['model']} | {one['dataset']} | {one['topics']} | {one['windows']:,} "
            f"| {one['value']:.2f} | {one['between_lines']:.2f} | {one['dealt']:.2f} "
            f"| {one['information']:.2f} |"
        )
    lines += ["", f"Adjusted Rand index; {results[-1]['protocol']}. {conditions(results)}"]
    for one in results:
        lines += ["", *_legend_lines(one)]
        if "picture" in one:
            lines += ["", f"![Facies of {one['dataset']} by {one['model']}]({one['picture']})"]
    return "\n".join(lines)


def _legend_lines(one: dict[str, Any]) -> list[str]:
    lines = [
        f"**{one['dataset']}**, medians:",
        "",
        "| facies | share | power (dB) | frequency (Hz) | continuity | dip (ms/trace) | predictability | |",
        "| --- | --: | --: | --: | --: | --: | --: | --- |",
    ]
    for row in one["legend"]:
        name = "survey" if row["facies"] == 0 else row["facies"]
        lines.append(
            f"| {name} | {row['share']:.0%} | {row['power_db']:.1f} | {row['frequency']:.1f} "
            f"| {row['continuity']:.2f} | {row['dip']:.1f} | {row['predictability']:+.2f} "
            f"| {'' if row['facies'] == 0 else row['words']} |"
        )
    return lines


def side_by_side_table(results: Sequence[dict[str, Any]]) -> str:
    """Return the one table of flow, FractalAR and FractalMAR on images and on seismic."""
    lines = [
        "| data | model | parameters | training (s) | steps | nats/dim | bits/dim | log p (s/patch) "
        "| samples/s | memory (MiB) |",
        "| --- | --- " + "| --: " * 8 + "|",
    ]
    for one in results:
        seismic = one["metric"] == "nats/dim"
        nats = f"{one['value']:.3f}" if seismic else ""
        if seismic and one["kind"] == "fractal-mar":
            nats = f"≤ {nats}"
        bits = one["bits_per_dim_at_step"] if seismic else one["value"]
        lines.append(
            f"| {one['dataset']} | {one['model']} | {one['parameters']:,} | {one['seconds']:,.0f} "
            f"| {one['steps']:,} | {nats} | {sign(one)}{bits:.3f} | {one['score_seconds_per_patch']:.4f} "
            f"| {one['samples_per_second']:.2f} | {one['memory_mib']:,} |"
        )
    lines.append("")
    for _, some in grouped(results, "dataset"):
        one = some[0]
        lines.append(f"- {one['dataset']}: {one['protocol']}. {conditions(some)}")
        if "step" in one:
            lines.append(
                f"  Bits/dim are (nats/dim - log w) / log 2 of 8-bit amplitudes with w = {one['step']:.4f} "
                f"standard deviations, the width of FractalAR's bins."
            )
    lines += [
        "- Bits/dim: = of the 8-bit values themselves; ≤ an upper bound on that (a flow, by Jensen's "
        "inequality, and FractalMAR, whose likelihood is a bound).",
        "- 16 patches scored, and 16 drawn, at once; memory is what that takes beyond the loaded model.",
    ]
    for one in results:
        if "picture" in one:
            lines += ["", f"![{one['model']} on {one['dataset']}]({one['picture']})"]
    return "\n".join(lines)
