"""Tables of the image benchmarks."""

from collections.abc import Sequence
from typing import Any

from seisflow.evaluation.reporting.cells import conditions, grouped, number, sign
from seisflow.evaluation.reporting.extrapolation import limit

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


def table1_tables(results: Sequence[dict[str, Any]]) -> str:
    """Table 1 of the paper for each data set: what it gives and what was measured."""
    return image_tables(results, paper=True)


def _own_samples(one: dict[str, Any]) -> str:
    """Bits/dim of a model's own samples, with their temperature unless it is 1."""
    temperature = one.get("temperature", 1.0)
    return number(one.get("own_samples"), 2) + ("" if temperature == 1 else f" (T {temperature:.2f})")


def image_tables(results: Sequence[dict[str, Any]], *, paper: bool = False) -> str:
    """Return a table for each data set and way of resizing."""
    lines: list[str] = []
    for _, some in grouped(results, "dataset", "resize"):
        first = min(one["seed"] for one in some)
        first_seed = [one for one in some if one["seed"] == first] if paper else some
        best = min(one["value"] for one in first_seed)
        lines += [
            f"**{some[0]['dataset']}**: {some[0]['protocol'].split(', uniform')[0]}.",
            "",
            "| model | parameters | bits/dim | s.e. | bits an image | held out | own samples | random bytes "
            + ("| steps " if paper else "")
            + "| epochs | training (s) |"
            + (" straightness | limit of its curve | other seeds (steps) | paper |" if paper else ""),
            "| --- " + "| --: " * (14 if paper else 9) + "|",
        ]
        for one in first_seed:
            value = f"{sign(one)}{one['value']:.3f}"
            row = [
                one["model"],
                f"{one['parameters']:,}",
                f"**{value}**" if one["value"] == best else value,
                f"{one['standard_error']:.3f}",
                f"{one['bits_per_image']:,.0f}",
                number(one["held_out"], 3),
                _own_samples(one),
                number(one.get("random_bytes"), 1),
                *([f"{one['steps']:,}"] if paper else []),
                f"{one['epochs']:.1f}",
                f"{one['seconds']:,.0f}",
            ]
            if paper:
                figure = PAPER.get((one["dataset"].split(",")[0], one["model"]))
                found = limit(one.get("curve", []))
                others = [other for other in some if other["model"] == one["model"] and other is not one]
                row += [
                    number(one.get("straightness"), 2),
                    "" if found is None else f"{found[0]:.2f} ± {found[1]:.2f}",
                    ", ".join(f"{sign(other)}{other['value']:.3f} ({other['steps']:,})" for other in others),
                    "" if figure is None else f"{figure:.2f}",
                ]
            lines.append("| " + " | ".join(row) + " |")
        lines += ["", conditions(some), ""]
        if paper:
            name = some[0]["dataset"].split(",")[0]
            lines += [f"![Learning curves on {name}](images/table1-{name}.png)", ""]
    lines.append("≤: an upper bound on the discrete bits/dim of 8-bit values; =: those themselves.")
    return "\n".join(lines)


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
        + conditions(results),
        "",
        "![Latent and density of RealNVP and KAT-NF](images/moons.png)",
    ]
    return "\n".join(lines)


def ood_tables(results: Sequence[dict[str, Any]]) -> str:
    """Return a table for each model: how well every score tells its test images from others."""
    lines: list[str] = []
    models = [one for one in results if not one["is_baseline"]]
    for (dataset, run), some in grouped(models, "dataset", "run"):
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
        lines += ["", f"{first['protocol']}. {conditions(some)}", ""]
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
    for _, some in grouped(results, "dataset", "resize"):
        best = max(one["value"] for one in some)
        lines += [
            f"**{some[0]['dataset']}**: {some[0]['protocol']}.",
            "",
            "| | NMI | purity | shoes from the rest | bits/dim | training (s) |",
            "| --- | --: | --: | --: | --: | --: |",
        ]
        for one in sorted(some, key=lambda one: ("bits_per_dim" not in one, -one["value"])):
            nmi = f"{one['value']:.3f}"
            name = f"topics of `{one['model']}`" if "bits_per_dim" in one else one["model"]
            shoes = f"{one['shoes']:.3f}" if "shoes" in one else ""
            bits = f"≤ {one['bits_per_dim']:.3f}" if "bits_per_dim" in one else ""
            seconds = f"{one['seconds']:,.0f}" if "bits_per_dim" in one else ""
            lines.append(
                f"| {name} | {f'**{nmi}**' if one['value'] == best else nmi} | {one['purity']:.3f} "
                f"| {shoes} | {bits} | {seconds} |"
            )
        lines += ["", conditions([one for one in some if "bits_per_dim" in one]), ""]
    return "\n".join(lines).rstrip()
