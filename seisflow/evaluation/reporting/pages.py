"""Tables in docs/, made from result objects alone."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from seisflow.evaluation.reporting import pictures, records
from seisflow.evaluation.reporting.alarm_pages import alarms_table, faults_table
from seisflow.evaluation.reporting.extrapolation import limit
from seisflow.evaluation.reporting.posterior_pages import POSTERIOR_TABLES
from seisflow.io.atomic import replace_text
from seisflow.plotting.files import save

IMAGES_PAGE = "images-benchmarks.md"
SIDE_BY_SIDE_PAGE = "fractal-models.md"
POSTERIOR_PAGE = "posterior.md"
FACIES_PAGE = "facies.md"
ANOMALIES_PAGE = "anomalies.md"
IMAGE_SETS = ("mnist", "fashion-mnist", "cifar10-automobile")
PAPER = {
    ("mnist", "table1-realnvp"): 1.77,
    ("mnist", "table1-ldanf"): 1.76,
    ("mnist", "table1-ldafnf-mlp"): 1.53,
    ("mnist", "table1-ldafnf-kan"): 1.80,
    ("mnist", "table1-ldafnf-cnn"): 1.20,
    ("fashion-mnist", "table1-realnvp"): 3.04,
    ("fashion-mnist", "table1-ldanf"): 3.03,
    ("fashion-mnist", "table1-ldafnf-mlp"): 2.85,
    ("fashion-mnist", "table1-ldafnf-kan"): 3.24,
    ("fashion-mnist", "table1-ldafnf-cnn"): 2.45,
}
"""Table 1 of the paper, bits/dim; what is resized how there is not said, but bilinear fits its RealNVP."""


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
    for dataset, results in _grouped(table1, "dataset"):
        watched = [one for one in results if one["curve"]]
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
    alarms = records.load(folder, "false-alarms")
    if alarms:
        done.append(put(folder / ANOMALIES_PAGE, "false alarms", alarms_table(alarms), "Anomalies"))
    faults = records.load(folder, "faults")
    if faults:
        done.append(put(folder / ANOMALIES_PAGE, "faults", faults_table(faults), "Anomalies"))
    for name, table in POSTERIOR_TABLES.items():
        if results := records.load(folder, name):
            done.append(put(folder / POSTERIOR_PAGE, name, table(results), "Filling and denoising"))
    side = records.load(folder, "side-by-side")
    if side:
        text = side_by_side_table(side)
        done.append(put(folder / SIDE_BY_SIDE_PAGE, "side by side", text, "Fractal models"))
    return sorted(set(done))


def table1_tables(results: Sequence[dict[str, Any]]) -> str:
    """Table 1 of the paper for each data set: what it gives and what was measured."""
    return image_tables(results, paper=True)


def _own_samples(one: dict[str, Any]) -> str:
    """Bits/dim of a model's own samples, with their temperature unless it is 1."""
    temperature = one.get("temperature", 1.0)
    return _number(one.get("own_samples"), 2) + ("" if temperature == 1 else f" (T {temperature:.2f})")


def image_tables(results: Sequence[dict[str, Any]], *, paper: bool = False) -> str:
    """Return a table for each data set and way of resizing."""
    lines: list[str] = []
    for _, some in _grouped(results, "dataset", "resize"):
        best = min(one["value"] for one in some)
        lines += [
            f"**{some[0]['dataset']}**: {some[0]['protocol'].split(', uniform')[0]}.",
            "",
            "| model | parameters | bits/dim | s.e. | bits an image | held out | own samples | random bytes "
            "| epochs | training (s) |" + (" straightness | limit of its curve | paper |" if paper else ""),
            "| --- " + "| --: " * (12 if paper else 9) + "|",
        ]
        for one in some:
            value = f"{_sign(one)}{one['value']:.3f}"
            row = [
                one["model"],
                f"{one['parameters']:,}",
                f"**{value}**" if one["value"] == best else value,
                f"{one['standard_error']:.3f}",
                f"{one['bits_per_image']:,.0f}",
                _number(one["held_out"], 3),
                _own_samples(one),
                _number(one.get("random_bytes"), 1),
                f"{one['epochs']:.1f}",
                f"{one['seconds']:,.0f}",
            ]
            if paper:
                figure = PAPER.get((one["dataset"].split(",")[0], one["model"]))
                found = limit(one.get("curve", []))
                row += [
                    _number(one.get("straightness"), 2),
                    "" if found is None else f"{found[0]:.2f} ± {found[1]:.2f}",
                    "" if figure is None else f"{figure:.2f}",
                ]
            lines.append("| " + " | ".join(row) + " |")
        lines += ["", _conditions(some), ""]
        if paper:
            name = some[0]["dataset"].split(",")[0]
            lines += [f"![Learning curves on {name}](images/table1-{name}.png)", ""]
    lines.append("≤: an upper bound on the discrete bits/dim of 8-bit values; =: those themselves.")
    return "\n".join(lines)


def _number(value: float | None, digits: int) -> str:
    """Number in a table cell; empty where it was not measured."""
    return "" if value is None else f"{value:.{digits}f}"


def moons_table(results: Sequence[dict[str, Any]]) -> str:
    """Table of the two moons."""
    lines = [
        "| model | parameters | nats/dim | s.e. | above the entropy |",
        "| --- | --: | --: | --: | --: |",
    ]
    for one in results:
        above = one["value"] - one["entropy"]
        lines.append(
            f"| {one['model']} | {one['parameters']:,} | {one['value']:.3f} "
            f"| {one['standard_error']:.3f} | {above:.3f} |"
        )
    lines += [
        "",
        f"{results[-1]['protocol']}; entropy of these test points {results[-1]['entropy']:.3f} nats/dim. "
        + _conditions(results),
        "",
        "![Latent and density of RealNVP and KAT-NF](images/moons.png)",
    ]
    return "\n".join(lines)


def ood_tables(results: Sequence[dict[str, Any]]) -> str:
    """Return a table for each model: how well every score tells its test images from others."""
    lines: list[str] = []
    models = [one for one in results if not one["is_baseline"]]
    for (dataset, run), some in _grouped(models, "dataset", "run"):
        first = some[0]
        rows = [*some, *(one for one in results if one["is_baseline"] and one["dataset"] == dataset)]
        columns = list(first["by_set"])
        best = max(one["value"] for one in some)
        lines += [
            f"**{run}** on {dataset}: {first['parameters']:,} parameters, {first['steps']:,} steps, "
            f"{first['held_out']:.3f} bits/dim on held-out training images.",
            "",
            "| score | " + " | ".join(columns) + f" | found at {first['alpha']:.0%} | false alarms |",
            "| --- |" + " --: |" * (len(columns) + 2),
        ]
        for one in rows:
            name = f"*{one['score']}*" if one["is_baseline"] else one["score"]
            head = f"{one['value']:.4f} ± {one['standard_error']:.4f}"
            cells = [f"**{head}**" if one["value"] == best and not one["is_baseline"] else head]
            cells += [f"{one['by_set'][column]:.3f}" for column in columns[1:]]
            cells += [f"{one['found_at_alpha']:.0%}", f"{one['false_alarms']:.1%}"]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines += ["", f"{first['protocol']}. {_conditions(some)}", ""]
    lines += [
        "AUROC: the probability that an image from outside scores higher than one of the model's own test "
        "images. Found, false alarms: beyond the 95 % quantile of held-out training images, of the first set "
        "and of own test images. In italics: what is possible without a model.",
        "",
        *(f"- {title}" for title in dict.fromkeys(f"`{one['score']}`: {one['title']}" for one in results)),
    ]
    return "\n".join(lines)


def topics_table(results: Sequence[dict[str, Any]]) -> str:
    """Table of topics and clusters against labels, for each data set."""
    lines: list[str] = []
    for _, some in _grouped(results, "dataset", "resize"):
        best = max(one["value"] for one in some)
        lines += [
            f"**{some[0]['dataset']}**: {some[0]['protocol']}.",
            "",
            "| | NMI | purity | shoes from the rest | bits/dim | training (s) |",
            "| --- | --: | --: | --: | --: | --: |",
        ]
        for one in sorted(some, key=lambda one: ("bits_per_dim" not in one, -one["value"])):
            number = f"{one['value']:.3f}"
            name = f"topics of `{one['model']}`" if "bits_per_dim" in one else one["model"]
            shoes = f"{one['shoes']:.3f}" if "shoes" in one else ""
            bits = f"≤ {one['bits_per_dim']:.3f}" if "bits_per_dim" in one else ""
            seconds = f"{one['seconds']:,.0f}" if "bits_per_dim" in one else ""
            lines.append(
                f"| {name} | {f'**{number}**' if one['value'] == best else number} | {one['purity']:.3f} "
                f"| {shoes} | {bits} | {seconds} |"
            )
        lines += ["", _conditions([one for one in some if "bits_per_dim" in one]), ""]
    return "\n".join(lines).rstrip()


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
    lines += ["", f"Adjusted Rand index; {results[-1]['protocol']}. {_conditions(results)}"]
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
            f"| {one['steps']:,} | {nats} | {_sign(one)}{bits:.3f} | {one['score_seconds_per_patch']:.4f} "
            f"| {one['samples_per_second']:.2f} | {one['memory_mib']:,} |"
        )
    lines.append("")
    for _, some in _grouped(results, "dataset"):
        one = some[0]
        lines.append(f"- {one['dataset']}: {one['protocol']}. {_conditions(some)}")
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


def _sign(one: dict[str, Any]) -> str:
    return "= " if one["bound"] == "exact" else "≤ "


def _conditions(results: Sequence[dict[str, Any]]) -> str:
    """Machines, seeds, commits and commands of some results, each said once."""
    text = "; ".join(dict.fromkeys(one["machine"] for one in results))
    seeds = ", ".join(dict.fromkeys(str(one["seed"]) for one in results))
    commits = ", ".join(dict.fromkeys(str(one["commit"]) for one in results))
    commands = ", ".join(dict.fromkeys(f"`{one['command']}`" for one in results))
    return f"{text}; seed {seeds}, commit {commits}. Made by {commands}."


def _grouped(
    results: Sequence[dict[str, Any]], *names: str
) -> list[tuple[tuple[Any, ...], list[dict[str, Any]]]]:
    """Results that share the values of these keys, in the order in which they first come."""

    def group(one: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(one[name] for name in names)

    order = {key: place for place, key in enumerate(dict.fromkeys(map(group, results)))}
    ordered = sorted(results, key=lambda one: order[group(one)])
    return [(key, list(some)) for key, some in groupby(ordered, group)]


def put(page: Path, name: str, text: str, title: str) -> Path:
    """Put ``text`` between the marks ``name`` of a page; a missing page begins with its title."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    old = page.read_text() if page.is_file() else f"# {title}\n"
    if begin not in old or end not in old:
        old = f"{old.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = old.split(begin, 1)
    after = rest.split(end, 1)[1]
    page.parent.mkdir(parents=True, exist_ok=True)
    replace_text(page, f"{before}{begin}\n{text}\n{end}{after}")
    return page
