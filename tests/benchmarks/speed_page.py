"""Tables of docs/speed.md from docs/results/speed.json and docs/results/mnist-beside-glow.json alone.

Run: ``python tests/benchmarks/speed_page.py [docs]``. What stands outside of the marks in the page is kept.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from seisflow.evaluation.reporting.chapters import put

PAGE, TITLE = "speed.md", "Speed and memory"
SIZES = ("1x32x32", "3x32x32", "1x256x64")
WORKS = ("train", "log_prob", "sample")
NO_RECOMPUTATION = ("normflows", "nflows", "FrEIA")
OURS, STORED = "seisflow", "seisflow, storing states"
Result = dict[str, Any]


class Results:
    """Result objects, found by what they are of."""

    def __init__(self, found: Sequence[Result]) -> None:
        self.found = found

    def of(self, experiment: str, **wanted: Any) -> list[Result]:
        wanted["experiment"] = experiment
        return [one for one in self.found if all(one.get(key) == value for key, value in wanted.items())]

    def one(self, experiment: str, **wanted: Any) -> Result:
        (only,) = self.of(experiment, **wanted)
        return only

    def lead(self, experiment: str, size: str, what: str, key: str = "ratio") -> tuple[float, str]:
        """Our lead over the best peer, and its name."""
        peers = [
            one
            for one in self.of(experiment, dataset=size, metric=what)
            if not one["model"].startswith(OURS) and one["model"] != "memcnn"
        ]
        best = min(peers, key=lambda one: one[key])
        return best[key], best["model"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Markdown table; the first ``words`` columns are words, the others numbers."""
    rule = ["---"] * words + ["--:"] * (len(head) - words)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def conditions(results: Sequence[Result]) -> str:
    """Machine, versions, commit, load and command of an experiment."""
    one = results[0]
    versions = ", ".join(f"{name} {number}" for name, number in one["versions"].items())
    return (
        f"Made by `{one['command']} --json docs/results/speed.json`: {one['machine']}; load {one['load']} "
        f"before; {versions}; commit {one['commit']}, seed {one['seed']}."
    )


def targets(results: Results, glow: Result) -> str:
    rows = []

    def add(what: str, target: str, found: str, holds: bool) -> None:
        rows.append((what, target, found, "holds" if holds else "**missed**"))

    for what in WORKS:
        name = {"train": "training step"}.get(what, what)
        for size in SIZES:
            wanted = 3.0 if what == "train" and size == "1x256x64" else 2.0
            for experiment in ("same budget", "same work"):
                lead, peer = results.lead(experiment, size, what)
                if experiment == "same work" and what == "train":  # the faster of our two ways
                    lead, peer = max((lead, peer), results.lead(experiment, size, what, "ratio_stored"))
                found = f"{lead:.2f} x {peer}"
                add(f"{name}, {size}, {experiment}", f"{wanted:g} x the best peer", found, lead >= wanted)
    few, many = (results.one("memory", model=OURS, couplings=n)["value"] for n in (8, 32))
    add("memory, 32 couplings beside 8", "within 1.2 x", f"{many / few:.2f} x", many <= 1.2 * few)
    for couplings in (8, 32):
        below = memory_below(results, couplings=couplings)
        add(f"memory, {couplings} couplings", "8 x below the best peer", f"{below:.1f} x", below >= 8)
    below = memory_below(results, metric="the same budget (MB)")
    add("memory, same budget", "8 x below the best peer", f"{below:.1f} x", below >= 8)
    own, other = (glow[name]["seconds_to_1.77"] for name in ("seisflow", "normflows"))
    limit = other or glow["normflows"]["curve"][-1][0]
    found = f"{own:.0f} s; Glow " + (f"{other:.0f} s" if other else f"not in {limit:.0f} s")
    add("1.77 bits/dim on MNIST", "3 x sooner than Glow", found, limit >= 3 * own)
    for one in results.of("sampling"):
        value = one["value"]
        add(f"sampling / scoring, {one['model']}", "within 1.3 x", f"{value:.2f} x", value <= 1.3)
    share = results.one("limits", model="LDA prior", metric="share of a step")["value"]
    add("LDA prior, share of a step", "15 % or less", f"{share:.1%}", share <= 0.15)
    return table(("what", "target", "measured", ""), rows, 4)


def memory_below(results: Results, **wanted: Any) -> float:
    """Least peak of the peers that store states, over ours."""
    found = {one["model"]: one["value"] for one in results.of("memory", **wanted)}
    return min(found[name] for name in NO_RECOMPUTATION) / found[OURS]


def beside(results: Results, experiment: str) -> str:
    """A table for each size: time of every contestant, and that over ours."""
    parts = []
    for size in dict.fromkeys(one["dataset"] for one in results.of(experiment) if "ratio" in one):
        names = list(dict.fromkeys(one["model"] for one in results.of(experiment, dataset=size)))
        first = results.of(experiment, dataset=size)[0]
        stored, arithmetic = "ratio_stored" in first, "gflop" in first
        head = ["", "parameters"] + ["GFLOP a patch"] * arithmetic
        for what in WORKS:
            head += [f"{what} (ms)", "/ ours"] + ["/ ours, storing"] * (stored and what == "train")
        rows = []
        for name in names:
            found = [results.one(experiment, dataset=size, model=name, metric=what) for what in WORKS]
            row = [name, f"{found[0]['parameters']:,}"]
            row += [f"{one['gflop']:.3f}" for one in found[:1] if arithmetic]
            for one in found:
                row += [f"{one['value'] * 1e3:.1f}", f"{one['ratio']:.2f}"]
                if stored and one["metric"] == "train":
                    row.append(f"{one['ratio_stored']:.2f}")
            rows.append(row)
        couplings = f", {first['couplings']} couplings" if "couplings" in first else ""
        parts += [f"**{size}**{couplings}", "", table(head, rows), ""]
    alone = results.of(experiment, dataset="pixel by pixel")
    if alone:
        times = ", ".join(f"{one['metric']} {one['value'] * 1e3:,.0f} ms" for one in alone)
        parts += [
            f"Beside these, the preset `mnist` ({alone[0]['parameters']:,} parameters), whose first step "
            f"goes pixel by pixel, on as many images: {times}.",
            "",
        ]
    return "\n".join([*parts, conditions(results.of(experiment))])


def memory(results: Results, experiment: str) -> str:
    metric = "peak of a training step (MB)"
    names = list(dict.fromkeys(one["model"] for one in results.of(experiment, metric=metric)))
    rows = []
    for name in names:
        few, many = (results.one(experiment, model=name, couplings=n)["value"] for n in (8, 32))
        budget = results.of(experiment, model=name, metric="the same budget (MB)")
        last = f"{budget[0]['value']:.1f}" if budget else ""
        rows.append((name, f"{few:.1f}", f"{many:.1f}", f"{many / few:.2f}", last))
    head = ("MB", "8 couplings", "32 couplings", "32 / 8", "the same budget")
    return table(head, rows) + "\n\n" + conditions(results.of(experiment))


def sampling(results: Results, experiment: str) -> str:
    rows = [
        (
            one["model"],
            f"{one['parameters']:,}",
            f"{one['patches']:,}",
            f"{one['seconds']:.1f}",
            f"{one['score_seconds']:.1f}",
            f"{one['value']:.2f}",
        )
        for one in results.of(experiment)
    ]
    head = ("model", "parameters", "patches", "sampling (s)", "scoring (s)", "ratio")
    return table(head, rows) + "\n\n" + conditions(results.of(experiment))


def time_to(glow: Result) -> str:
    ours, theirs = glow["seisflow"], glow["normflows"]
    head = ["", "parameters", *(f"{seconds:.0f} s" for seconds, _ in ours["curve"]), "test"]
    rows = [
        [
            name,
            f"{one['parameters']:,}",
            *(f"{bits:.3f}" for _, bits in one["curve"]),
            f"{one['test_bits_per_dim']:.3f}",
        ]
        for name, one in (("seisflow", ours), (f"normflows' Glow {theirs['version']}", theirs))
    ]
    return table(head, rows) + f"\n\n{glow['machine']}, seed {glow['seed']}, commit {glow['commit']}."


def limits(results: Results) -> str:
    rates = [
        (one["metric"], one["dataset"], f"{one['value']:.4g}")
        for one in results.of("limits", model="machine")
    ]
    parts = [table(("rate of one thread", "of", ""), rates, 2), ""]
    rows = [
        (one["model"], f"{one['seconds'] * 1e3:.2f}", f"{one['least'] * 1e3:.2f}", f"{one['value']:.0%}")
        for one in results.of("limits", metric="part of its limit")
    ]
    parts += [table(("operation, batch of 8", "time (ms)", "limit (ms)", "part of its limit"), rows), ""]
    again = results.one("limits", model="recomputed / stored step")
    parts += [
        f"A step of four couplings with recomputed states takes {again['value']:.2f} times one with stored "
        f"states; the arithmetic alone makes it {again['least']:.2f}.",
        "",
    ]
    shares = [(one["model"], f"{one['value']:.1%}") for one in results.of("limits", metric="share of a step")]
    parts += [table(("training step of the preset `seismic`", "share"), shares), ""]
    return "\n".join([*parts, conditions(results.of("limits"))])


def scaling(results: Results) -> str:
    curves = dict.fromkeys(
        (one["dataset"], one["metric"]) for one in results.of("scaling") if "exponent" in one
    )
    rows = []
    for name, metric in curves:
        found = results.of("scaling", dataset=name, metric=metric)
        points = ", ".join(f"{one['model']}: {one['value']:.3g}" for one in found)
        rows.append((name, metric, points, f"{found[0]['exponent']:.2f}", f"{found[0]['last']:.2f}"))
    parts = [table(("cost against", "of", "measured", "exponent", "of the last two"), rows, 3), ""]
    pair = results.of("scaling", dataset="2 processes")
    values = ", ".join(f"{one['metric']} {one['value']:.2f}" for one in pair)
    parts += [
        f"Data-parallel training (gloo) in two processes, a core each, beside one process with the batch of "
        f"one of them: {values} (load of the machine afterwards {pair[0]['load_after']:.1f}).",
        "",
    ]
    return "\n".join([*parts, conditions(results.of("scaling"))])


def fed(results: Results) -> str:
    rows = [
        (
            one["dataset"],
            f"{one['value']:,.0f}",
            *(
                f"{results.one('input', dataset=one['dataset'], model=preset)['value']:.3f}"
                for preset in ("seismic", "seismic-small")
            ),
        )
        for one in results.of("input", model="patches")
    ]
    head = ("survey", "patches/s of one process", "rate of `seismic`", "rate of `seismic-small`")
    return "\n".join([table(head, rows), "", conditions(results.of("input"))])


def terabyte(results: Results) -> str:
    found = results.of("scaling", dataset="1 TB")
    return table(
        ("", "", "value"), [(one["model"], one["metric"], f"{one['value']:,.4g}") for one in found], 2
    )


def everywhere(make: Callable[[Results, str], str], results: Results, experiment: str) -> str:
    """Tables of a CPU and, if they were made, of a GPU."""
    on_gpu = f"{experiment} on CUDA"
    parts = [make(results, name) for name in (experiment, on_gpu) if results.of(name)]
    return "\n\nOn a GPU:\n\n".join(parts)


@click.command()
@click.argument("folder", default="docs", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Put all tables into the page."""
    results = Results(json.loads((folder / "results" / "speed.json").read_text()))
    glow = json.loads((folder / "results" / "mnist-beside-glow.json").read_text())
    sections = {
        "targets": targets(results, glow),
        "same work": everywhere(beside, results, "same work"),
        "same budget": everywhere(beside, results, "same budget"),
        "memory": everywhere(memory, results, "memory"),
        "sampling": everywhere(sampling, results, "sampling"),
        "time to": time_to(glow),
        "limits": limits(results),
        "input": fed(results),
        "scaling": scaling(results),
        "terabyte": terabyte(results),
    }
    for name, text in sections.items():
        put(folder / PAGE, name, text, TITLE)


if __name__ == "__main__":
    main()
