"""How cost grows: with patch, depth, topics, means, batch, windows, processes; an estimate for a terabyte.

Run: ``python tests/benchmarks/bench_scaling.py [--json docs/results/speed.json]``. Each curve is measured
with all else as in the preset `seismic`, as CPU seconds of one thread, and fitted by
``cost = a * n ** exponent``: all points, and the last two, where fixed costs weigh least.
"""

import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

sys.path.insert(0, str(Path(__file__).parent))
from measuring import Records, Work, arithmetic, in_turns, one_thread

import seisflow
from seisflow.config import load_config
from seisflow.flows import AffineCoupling
from seisflow.models import build_model, load_model
from seisflow.priors import LDAPrior
from seisflow.runs.hardware import Hardware
from seisflow.scoring.windows import OVERLAP

BATCH, ROUNDS = 4, 5
PATCHES = ((64, 32), (128, 32), (128, 64), (256, 64), (256, 128))
COUPLINGS = (2, 4, 8, 16, 32)  # of the first level, all bands together
BATCHES = (1, 2, 4, 8, 16)
TOPICS = (1, 2, 4, 8, 16)
MEANS = (3, 7, 15, 31)
LINES = (1, 2, 4, 8)  # of the sample that comes with the library
SHAPE = (1, 256, 64)
STEPS = 6  # of data-parallel training, after two that are not timed
SURVEY = 2.5e11  # samples in 1 TB of float32
SEEN, LEARNED = (1 - OVERLAP) ** -2, 4  # windows that see a sample: those scored, and patches half apart
GPUS, PEAK, REACHED, READ = 8, 989e12, 0.1, 1e9  # cards, FLOP/s of one in bf16, part of it, bytes/s


def training_step(batch: int, *changes: str) -> tuple[Any, Work]:
    """Return the preset, changed, and its training step."""
    config = load_config("seismic", changes)
    torch.manual_seed(0)
    model: Any = build_model(config)
    x = torch.randn(max(batch, 8), 1, *config.data.patch)
    model.initialise(x)
    model.compute_in(Hardware.choose("cpu").subnet_dtype("auto"))
    some = x[:batch].clone()
    mask = torch.ones_like(some, dtype=torch.bool)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def step() -> None:
        optimiser.zero_grad()
        model.loss(some, mask)[0].backward()
        optimiser.step()

    return model, step


def exponent(numbers: Sequence[float], costs: Sequence[float]) -> float:
    return float(np.polyfit(np.log(numbers), np.log(costs), 1)[0])


def curve(records: Records, name: str, what: str, works: Sequence[tuple[str, float, Work]]) -> None:
    """Measure each work; ``works`` holds what to call it, its size n, and itself."""
    times = in_turns({label: work for label, _, work in works}, ROUNDS)
    costs = [statistics.median(times[label]) for label, _, _ in works]
    numbers = [n for _, n, _ in works]
    fitted, last = exponent(numbers, costs), exponent(numbers[-2:], costs[-2:])
    for (label, n, _), cost in zip(works, costs, strict=True):
        records.add(name, label, what, cost, seconds=cost, n=n, exponent=fitted, last=last)


def patches(records: Records) -> None:
    works = [
        (f"{h} x {w}", float(h * w), training_step(BATCH, f"data.patch=[{h},{w}]")[1]) for h, w in PATCHES
    ]
    curve(records, "patch", "training step (s)", works)


def depth(records: Records) -> None:
    works = []
    for count in COUPLINGS:
        model, step = training_step(BATCH, f"flow.couplings=[{count},1]")
        inside = sum(isinstance(module, AffineCoupling) for module in model.modules())
        works.append((str(inside), float(inside), step))
    curve(records, "couplings", "training step (s)", works)


def batches(records: Records) -> None:
    works = [(str(n), float(n), training_step(n)[1]) for n in BATCHES]
    curve(records, "batch", "training step (s)", works)


def priors(records: Records) -> None:
    def evaluation(topics: int, means: int) -> Work:
        prior = LDAPrior(SHAPE, topics, means, share="position")
        z = torch.randn(BATCH, *SHAPE, requires_grad=True)
        wanted = [z, *prior.parameters()]
        return lambda: torch.autograd.grad(prior.log_prob(z).sum(), wanted)

    some = [(str(q), float(q), evaluation(q, 7)) for q in TOPICS]
    curve(records, "topics Q", "the prior with its gradient (s)", some)
    some = [(str(m), float(m), evaluation(4, m)) for m in MEANS]
    curve(records, "means M", "the prior with its gradient (s)", some)


def windows(records: Records) -> None:
    section, model = seisflow.open_section("f3-sample"), load_model("f3-small")

    def scoring(lines: int) -> Work:
        return lambda: seisflow.score(section.isel(inline=slice(lines)), model)

    works = [(f"{lines} inlines", float(lines), scoring(lines)) for lines in LINES]
    curve(records, "windows scored", "scoring (s)", works)


class Loss(nn.Module):
    """What data-parallel training calls."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.model.loss(x, mask)[0]


def train_together(rank: int, size: int, port: int) -> tuple[float, float]:
    """Wall and CPU seconds of a step of this process, of ``size`` on one core each."""
    if rank >= 0:
        os.sched_setaffinity(0, {rank})
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=max(rank, 0), world_size=size)
    model, _ = training_step(BATCH)
    whole: Any = nn.parallel.DistributedDataParallel(Loss(model)) if size > 1 else Loss(model)
    x, mask = torch.randn(BATCH, *SHAPE), torch.ones(BATCH, *SHAPE, dtype=torch.bool)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)
    for i in range(2 + STEPS):
        if i == 2:
            dist.barrier()
            wall, cpu = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        whole(x, mask).backward()
        optimiser.step()
    found = (time.perf_counter() - wall) / STEPS, (time.process_time() - cpu) / STEPS
    dist.destroy_process_group()
    return found


def together(records: Records) -> None:
    """Two processes beside one, each on a core of its own and with the same batch."""
    found: dict[int, list[list[float]]] = {}
    for size in (1, 2):
        port = 29500 + os.getpid() % 500 + size
        command = [sys.executable, __file__, "one-process", str(size), str(port)]
        running = [
            subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, text=True) for rank in range(size)
        ]
        outputs = [process.communicate()[0].split()[-2:] for process in running]
        found[size] = [[float(part) for part in output] for output in outputs]
    load = os.getloadavg()[0]
    for i, kind in enumerate(("wall", "CPU")):
        both = max(one[i] for one in found[2])
        value = found[1][0][i] / both
        records.add("2 processes", "gloo", f"efficiency, {kind} time", value, seconds=both, load_after=load)


def estimate(records: Records) -> None:
    """Arithmetic of a terabyte: not measured, but for the FLOP of a patch."""
    model, step = training_step(BATCH)
    x = torch.randn(BATCH, *SHAPE)

    @torch.no_grad()
    def score() -> None:
        model.log_prob_map(x)

    forward, whole = arithmetic(score) / BATCH, arithmetic(step) / BATCH
    count, patches = (SURVEY * seen / math.prod(SHAPE) for seen in (SEEN, LEARNED))
    rate = GPUS * PEAK * REACHED
    records.add("1 TB", "preset", "GFLOP to score a patch", forward / 1e9)
    records.add("1 TB", "preset", "GFLOP to train on a patch", whole / 1e9)
    records.add("1 TB", "estimate", "windows to score (millions)", count / 1e6)
    records.add("1 TB", "estimate", "arithmetic of scoring (s)", count * forward / rate)
    records.add("1 TB", "estimate", "reading at 1 GB/s (s)", 4 * SURVEY / READ)
    records.add("1 TB", "estimate", "arithmetic of training on each once (s)", patches * whole / rate)


@click.group(invoke_without_command=True)
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers there.")
@click.pass_context
def main(context: click.Context, path: Path | None) -> None:
    """Measure all curves."""
    one_thread()
    if context.invoked_subcommand:
        return
    records = Records("scaling", "python tests/benchmarks/bench_scaling.py")
    for measure in (patches, depth, batches, priors, windows, together, estimate):
        measure(records)
    records.write(path)


@main.command(hidden=True)
@click.argument("size", type=int)
@click.argument("port", type=int)
@click.argument("rank", type=int)
def one_process(size: int, port: int, rank: int) -> None:
    """Print wall and CPU seconds of a step."""
    print(*train_together(rank, size, port))


if __name__ == "__main__":
    main()
