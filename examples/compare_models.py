"""
Models of several kinds in one table
====================================

Held-out density, speed and memory of trained models, and a gallery of each::

    for model in seismic-small fractal-ar fractal-mar; do
        seisflow train f3-sample -c $model --max-time 00:05:00 -o runs/$model
    done
    python examples/compare_models.py runs/seismic-small runs/fractal-ar runs/fractal-mar -o comparison

Nats/dim are those of ``seisflow train`` on the block that it holds out: the same samples for models trained
on the same data. Each model is timed in a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import seisflow
from seisflow import plotting
from seisflow.evaluation.reporting import costs
from seisflow.evaluation.reporting.costs import PATCHES
from seisflow.runs.provenance import commit, machine


def measure(run: str, picture: Path) -> dict[str, Any]:
    """Time one model, and draw its samples."""
    model = seisflow.load_model(run)
    assert model.card is not None
    samples = model.sample(PATCHES, generator=torch.Generator().manual_seed(0))
    plotting.save(plotting.draw_gallery(samples.numpy()), picture, overwrite=True)
    card = model.card
    return {
        "experiment": "fractal-models",
        "dataset": ", ".join(Path(item["path"]).name for item in card.inputs),
        "protocol": "block held out by `seisflow train`, overlapping windows, dithered amplitudes",
        "model": card.config.model,
        "parameters": sum(p.numel() for p in model.parameters()),
        "metric": "nats/dim",
        "value": card.provenance["held_out_nats_per_dim"],
        "is_bound": getattr(model, "is_bound", False),
        "seed": card.provenance["seed"],
        "steps": card.provenance["steps"],
        "seconds": card.provenance["seconds"],
        **asdict(costs.measure(run)),
        "machine": machine(),
        "commit": commit(),
        "command": "python examples/compare_models.py RUN... -o DIR",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for the table and the galleries"
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = [measure(run, arguments.output / f"{Path(run).name}.png") for run in arguments.runs]
    (arguments.output / "comparison.json").write_text(json.dumps(results, indent=1) + "\n")
    (arguments.output / "comparison.md").write_text(table(results) + "\n")
    print(table(results))


def table(results: list[dict[str, Any]]) -> str:
    """Results in Markdown."""
    lines = [
        "| model | steps | training (s) | nats/dim | bits/dim | parameters | log p (s/patch) | samples/s "
        "| memory (MiB) |",
        "| --- " + "| --: " * 8 + "|",
    ]
    for one in results:
        nats, at_most = one["value"], "≤ " if one["is_bound"] else ""
        lines.append(
            f"| {one['model']} | {one['steps']:,} | {one['seconds']:.0f} | {at_most}{nats:.3f} "
            f"| {at_most}{nats / math.log(2):.3f} | {one['parameters']:,} "
            f"| {one['score_seconds_per_patch']:.2f} | {one['samples_per_second']:.2f} "
            f"| {one['memory_mib']:,} |"
        )
    last = results[-1]
    lines += [
        "",
        f"{last['dataset']}; {last['protocol']}. {PATCHES} patches scored and {PATCHES} drawn at once;",
    ]
    lines += [f"memory is what that takes beyond the loaded model. {last['machine']}, seed {last['seed']}."]
    lines += [
        "Nats are of a density, for all models of the same amplitudes. As discrete bits of 8-bit values "
        "(density times bin width) fractal-ar's are exact; a flow's are an upper bound, as fractal-mar's are."
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
