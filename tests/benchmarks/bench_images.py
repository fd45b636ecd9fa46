"""Bits/dim against training time, beside the Glow of normflows with as many parameters.

Run: ``python tests/benchmarks/bench_images.py mnist --data DIR --seconds 180`` with normflows installed
(extra ``bench``). Both learn the same training images on one thread, in turns of
a tenth of their time, so that they share what load the machine has; time is CPU time of the training alone.
The learning curve is that of held-out training images, the final number that of all test images.
"""

import copy
import json
import math
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn

from seisflow.config import Config, load_config
from seisflow.evaluation.images.likelihood import bits_per_dim
from seisflow.flows import Arctanh
from seisflow.io.images import dequantise, read_images, resize
from seisflow.models import build_model
from seisflow.runs.hardware import Hardware
from seisflow.runs.provenance import commit, machine

LEVELS, STEPS = 3, 4
HELD_OUT, SHOWN = 5000, 1000
TURNS = 10


class Glow(nn.Module):
    """normflows' Glow after the map of pixel values that the paper, and seisflow, begin with.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of an image.
    hidden : int
        Channels of its subnets.
    """

    device = torch.device("cpu")

    def __init__(self, shape: tuple[int, int, int], hidden: int) -> None:
        super().__init__()
        import normflows as nf

        self.size = math.prod(shape)
        self.pixels = Arctanh()
        channels, height, width = shape
        bases, flows, merges = [], [], []
        for i in range(LEVELS):
            inside = channels * 2 ** (LEVELS + 1 - i)
            blocks = [nf.flows.GlowBlock(inside, hidden, split_mode="channel") for _ in range(STEPS)]
            flows.append([*blocks, nf.flows.Squeeze()])
            merges += [nf.flows.Merge()] if i else []
            scale = 2 ** (LEVELS - i)
            kept = inside if i == 0 else inside // 2
            bases.append(nf.distributions.DiagGaussian((kept, height // scale, width // scale)))
        self.flow = nf.MultiscaleFlow(bases, flows, merges)

    def log_prob(self, x: Tensor) -> Tensor:
        z, log_det = self.pixels(x)
        return self.flow.log_prob(z, None) + log_det


def glow_of(shape: tuple[int, int, int], parameters: int) -> Glow:
    """Glow with a number of parameters next to ``parameters``."""
    hidden = min(range(8, 256, 2), key=lambda n: abs(count(Glow(shape, n)) - parameters))
    return Glow(shape, hidden)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def train(
    model: Any, pixels: Any, settings: Any, seconds: float, seed: int
) -> Iterator[tuple[float, int, Any]]:
    """Train for CPU ``seconds``; after each part of it, yield the time, the steps and the averaged model."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=0.0)
    average, used, steps = copy.deepcopy(model), 0.0, 0
    marks = iter([*np.geomspace(min(2.0, seconds / 2), seconds, TURNS)[:-1], math.inf])
    mark = next(marks)
    while used < seconds:
        start = time.process_time()
        rate = min(1.0, (steps + 1) / settings.warmup) * 0.5 * (1 + math.cos(math.pi * used / seconds))
        optimiser.param_groups[0]["lr"] = settings.learning_rate * rate
        some = pixels[rng.integers(len(pixels), size=settings.batch)]
        loss = -model.log_prob(dequantise(some, rng)).mean() / model.size
        optimiser.zero_grad()
        loss.backward()
        if torch.isfinite(nn.utils.clip_grad_norm_(model.parameters(), settings.clip)):
            optimiser.step()
        steps += 1
        weight = 1 - min(settings.ema, (1 + steps) / (10 + steps))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(now, weight)
        used += time.process_time() - start
        if used >= mark:
            yield used, steps, average
            mark = next(marks)
    yield used, steps, average


@click.command()
@click.argument("name", type=click.Choice(["mnist", "fashion-mnist", "cifar10-automobile"]))
@click.option("--data", required=True, type=click.Path(path_type=Path))
@click.option("-c", "--config", "preset", default="mnist", help="Preset of our model.")
@click.option("--set", "overrides", multiple=True, help="Changes of it.")
@click.option("--seconds", default=180.0, help="CPU time of each.")
@click.option("--glow-rate", default=1e-3, help="Learning rate of Glow, which takes 4 times the batch.")
@click.option("--to", "goal", default=1.77, help="Bits/dim whose time is wanted.")
@click.option("--seed", default=0)
@click.option("--json", "out", type=click.Path(path_type=Path))
def main(
    name: str,
    data: Path,
    preset: str,
    overrides: tuple[str, ...],
    seconds: float,
    glow_rate: float,
    goal: float,
    seed: int,
    out: Path | None,
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config: Config = load_config(preset, overrides)
    pixels = resize(read_images(name, "train", data).pixels, "bilinear")
    test = resize(read_images(name, "test", data).pixels, "bilinear")
    order = np.random.default_rng(seed).permutation(len(pixels))
    held_out = min(HELD_OUT, len(pixels) // 10)
    shown, learned = pixels[order[:held_out][:SHOWN]], pixels[order[held_out:]]
    ours: Any = build_model(config)
    glow = glow_of(ours.shape, count(ours))
    start = torch.as_tensor(dequantise(learned[:256], np.random.default_rng(seed)))
    with torch.no_grad():
        ours.initialise(start)
        glow.log_prob(start)  # its activation normalisation initialises from its first batch
    ours.compute_in(Hardware.choose("cpu").subnet_dtype("auto"))
    theirs = config.training.model_copy(
        update={"learning_rate": glow_rate, "batch": 4 * config.training.batch, "clip": 1.0}
    )
    results: dict[str, Any] = {"data": name, "machine": machine(), "commit": commit(), "seed": seed}
    running = {
        "seisflow": (ours, train(ours, learned, config.training, seconds, seed)),
        "normflows": (glow, train(glow, learned, theirs, seconds, seed)),
    }
    curves: dict[str, list[tuple[float, float]]] = {key: [] for key in running}
    last: dict[str, Any] = {}
    for _ in range(TURNS):
        for key, (_, parts) in running.items():
            used, steps, last[key] = next(parts)
            bits = float(bits_per_dim(last[key], shown, draws=1).mean())
            curves[key].append((round(used, 1), round(bits, 4)))
            click.echo(f"{key}: {used:.0f} s, {steps} steps, {bits:.3f} bits/dim held out")
    for key, (model, _) in running.items():
        reached = [t for t, bits in curves[key] if bits <= goal]
        value = float(bits_per_dim(last[key], test, draws=1).mean())
        results[key] = {
            "version": version(key),
            "parameters": count(model),
            "curve": curves[key],
            f"seconds_to_{goal}": reached[0] if reached else None,
            "test_bits_per_dim": round(value, 4),
        }
        at = f"{reached[0]:.0f} s" if reached else f"not in {seconds:.0f} s"
        click.echo(f"{key}: {count(model):,} parameters, {goal} held out: {at}, all test images: {value:.3f}")
    if out is not None:
        out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
