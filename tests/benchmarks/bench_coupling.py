"""Learned masks and the transport penalty beside the flow without them, for the same CPU time.

Run: ``python tests/benchmarks/bench_coupling.py mnist --data DIR --json docs/results/coupling-mnist.json``.
All variants of the preset learn the same training images on one thread, in turns of a tenth of their time,
so that they share what load the machine has. Bits/dim are of held-out training images.
"""

import copy
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from seisflow.config import Config, load_config
from seisflow.evaluation.images.likelihood import bits_per_dim
from seisflow.flows import LearnedMaskCoupling
from seisflow.io.images import dequantise, read_images, resize
from seisflow.models import FractalFlowModel, build_model
from seisflow.runs.hardware import Hardware
from seisflow.runs.provenance import commit, machine
from seisflow.training.module import MASKS_UNTIL

HELD_OUT, SHOWN, FIRST = 5000, 1000, 512
TURNS = 10
VARIANTS = {
    "as it is": (),
    "transport 0.01": ("training.transport=0.01",),
    "transport 0.1": ("training.transport=0.1",),
    "learned masks": ("flow.mask=learned",),
    "no 1x1 maps": ("flow.use_1x1=false",),
    "no 1x1 maps, learned masks": ("flow.use_1x1=false", "flow.mask=learned"),
}


def train(
    model: Any, config: Config, pixels: NDArray[np.uint8], seconds: float, seed: int
) -> Iterator[tuple[float, int, FractalFlowModel]]:
    """Train for CPU ``seconds``; after each part of it, yield the time, the steps and the averaged model."""
    settings, rng = config.training, np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.99))
    masks = [part for part in model.modules() if isinstance(part, LearnedMaskCoupling)]
    average, used, steps = copy.deepcopy(model), 0.0, 0
    for mark in [*np.geomspace(seconds / 20, seconds, TURNS)[:-1], seconds]:
        while used < mark:
            start = time.process_time()
            done = used / seconds
            rate = min(1.0, (steps + 1) / settings.warmup) * 0.5 * (1 + math.cos(math.pi * done))
            optimiser.param_groups[0]["lr"] = settings.learning_rate * rate
            if done < MASKS_UNTIL:
                for part in masks:
                    part.choose()
            some = pixels[rng.integers(len(pixels), size=settings.batch)]
            x = torch.as_tensor(dequantise(some, rng))
            mask = torch.ones_like(x[:, :1], dtype=torch.bool)
            loss, _ = model.loss(x, mask, settings.l2, settings.transport)
            optimiser.zero_grad()
            loss.backward()
            if torch.isfinite(nn.utils.clip_grad_norm_(model.parameters(), settings.clip)):
                optimiser.step()
            steps += 1
            weight = 1 - min(settings.ema, (1 + steps) / (10 + steps))
            with torch.no_grad():
                for mean, now in zip(average.parameters(), model.parameters(), strict=True):
                    mean.lerp_(now, weight)
                for kept, now in zip(average.buffers(), model.buffers(), strict=True):
                    kept.copy_(now)
            used += time.process_time() - start
        yield used, steps, average


def moved(model: FractalFlowModel) -> float:
    """Part of the channels that condition now and did not at the start, or the other way round."""
    changed = total = 0
    for part in model.modules():
        if isinstance(part, LearnedMaskCoupling):
            mask = part.mask.flatten()
            halves = torch.zeros_like(mask)
            halves[: part.conditioning] = True
            # the couplings of a step begin with the one half and the other in turns
            changed += min(int((mask != halves).sum()), int((mask != halves.flip(0)).sum()))
            total += len(mask)
    return changed / total if total else 0.0


@click.command()
@click.argument("name", type=click.Choice(["mnist", "fashion-mnist"]))
@click.option("--data", required=True, type=click.Path(path_type=Path))
@click.option("-c", "--config", "preset", default="table1-ldafnf-cnn", help="Preset that is varied.")
@click.option("--set", "overrides", multiple=True, help="Changes of it, in every variant.")
@click.option("--seconds", default=60.0, help="CPU time of each.")
@click.option("--seed", default=0)
@click.option("--json", "out", required=True, type=click.Path(path_type=Path))
def main(
    name: str, data: Path, preset: str, overrides: tuple[str, ...], seconds: float, seed: int, out: Path
) -> None:
    torch.set_num_threads(1)
    pixels = resize(read_images(name, "train", data).pixels, "bilinear")
    order = np.random.default_rng(seed).permutation(len(pixels))
    shown, learned = pixels[order[:HELD_OUT][:SHOWN]], pixels[order[HELD_OUT:]]
    first = torch.as_tensor(dequantise(learned[:FIRST], np.random.default_rng(seed)))
    running, models = {}, {}
    for variant, changes in VARIANTS.items():
        torch.manual_seed(seed)
        config = load_config(preset, (*overrides, *changes))
        model = build_model(config)
        with torch.no_grad():
            model.initialise(first)
        model.compute_in(Hardware.choose("cpu").subnet_dtype("auto"))
        running[variant] = train(model, config, learned, seconds, seed)
        models[variant] = model
    results: dict[str, Any] = {
        "data": f"{name}, held-out training images",
        "preset": " ".join((preset, *overrides)),
        "machine": machine(),
        "commit": commit(),
        "seed": seed,
        "variants": {variant: {"curve": []} for variant in running},
    }
    for _ in range(TURNS):
        for variant, parts in running.items():
            used, steps, average = next(parts)
            bits = float(bits_per_dim(average, shown, draws=1).mean())
            one = results["variants"][variant]
            one["curve"].append((round(used, 1), round(bits, 4)))
            some = torch.as_tensor(dequantise(shown[:64], np.random.default_rng(seed)))
            one |= {
                "parameters": sum(p.numel() for p in average.parameters()),
                "steps": steps,
                "straightness": round(average.straightness(some), 3),
                "channels_moved": round(moved(average), 3),
            }
            click.echo(f"{variant}: {used:.0f} s, {steps} steps, {bits:.3f}, {one['straightness']:.2f}")
        out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
