"""Speed and memory of the flow beside its peers, in one run: the same work, and the same budget.

Run: ``python tests/benchmarks/bench_flows.py COMMAND [--json docs/results/speed.json]``, with normflows,
nflows, FrEIA, memcnn and zuko installed (extra ``bench``). Times are CPU seconds of one thread, medians over
rounds in which every contestant has its turn; a ratio is the median of (theirs / ours), round by round. Where
there is a GPU, all is done on it once more; there a time ends when the GPU has done its work.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from measuring import (
    Records,
    Work,
    arithmetic,
    everywhere,
    in_own_process,
    in_turns,
    one_thread,
    ratio,
    rise,
    typical,
)
from peers_flows import DENSE, EVERY
from peers_native import NATIVE, count, with_parameters

from seisflow.config import load_config
from seisflow.flows import AffineCoupling
from seisflow.generation.batches import BATCH
from seisflow.models import build_model, load_model
from seisflow.models.section_density import BATCH_CPU
from seisflow.runs.hardware import Hardware

LIBRARIES = ("normflows", "nflows", "FrEIA", "memcnn", "zuko")
SQUEEZED = {  # name: squeezed state, couplings, batch
    "1x32x32": ((4, 16, 16), 8, 32),
    "3x32x32": ((12, 16, 16), 8, 32),
    "1x256x64": ((32, 32, 16), 8, 8),
}
PRESETS = {  # name: shape, preset, changes of it, batch
    "1x32x32": ((1, 32, 32), "table1-ldafnf-cnn", (), 32),
    "3x32x32": ((3, 32, 32), "table1-ldafnf-cnn", ("data.channels=3",), 32),
    "1x256x64": ((1, 256, 64), "seismic", (), 8),
}
FEATURES, DENSE_COUPLINGS, DENSE_HIDDEN, DENSE_BATCH = 1024, 8, [256, 256], 64
PARTS = 4  # turns of sampling and scoring, in the batches of the commands
STORED = "seisflow, storing states"
OUT = click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers there.")


def training(flow: Any, loss: Callable[[], Tensor]) -> Work:
    """Return a training step of ``flow``."""
    optimiser = torch.optim.AdamW(flow.parameters(), lr=1e-4)

    def train() -> None:
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()

    return train


def works_of(
    flow: Any, x: Tensor, loss: Callable[[], Tensor] | None = None, drawn: int | None = None
) -> dict[str, Work]:
    """Training step and density of a batch, and samples, by default as many."""
    with torch.no_grad():
        flow.log_prob(x)  # those that initialise from data do it now

    @torch.no_grad()
    def evaluate() -> None:
        flow.log_prob(x)

    @torch.no_grad()
    def draw() -> None:
        flow.sample(drawn or len(x))

    def likelihood() -> Tensor:
        return -flow.log_prob(x).mean()

    return {"train": training(flow, loss or likelihood), "log_prob": evaluate, "sample": draw}


def compare(records: Records, size: str, works: dict[str, dict[str, Work]], rounds: int, **more: Any) -> None:
    """Time all contestants at all kinds of work; ``more`` are dicts of what to say by contestant."""
    for what in ("train", "log_prob", "sample"):
        times = in_turns({name: work[what] for name, work in works.items()}, rounds)
        for name, found in times.items():
            value = sorted(found)[len(found) // 2]
            by_ours: dict[str, Any] = {
                key: ratio(found, times[ours])
                for key, ours in (("ratio", "seisflow"), ("ratio_stored", STORED))
                if ours in times
            }
            said = {key: values[name] for key, values in more.items()}
            records.add(size, name, what, value, seconds=value, rounds=rounds, **by_ours, **said)


def device() -> str:
    return torch.get_default_device().type


def subnet_dtype() -> torch.dtype:
    return Hardware.choose(device()).subnet_dtype("auto")


def same_work(size: str) -> tuple[dict[str, Any], dict[str, dict[str, Work]]]:
    shape, couplings, batch = SQUEEZED[size]
    x = torch.randn(batch, *shape)
    flows = {name: build(shape, couplings) for name, build in EVERY.items()}
    return flows, {name: works_of(flow, x) for name, flow in flows.items()}


def preset(size: str) -> tuple[Any, Tensor]:
    """Return seisflow's preset for this size, untrained, and a batch that it takes."""
    return untrained(*PRESETS[size])


def untrained(
    shape: tuple[int, int, int], name: str, changes: tuple[str, ...], batch: int
) -> tuple[Any, Tensor]:
    model: Any = build_model(load_config(name, changes)).to(device())
    x = torch.randn(4 * batch, *shape)
    x = x if "seismic" in name else torch.rand_like(x) * 256
    model.initialise(x)
    model.compute_in(subnet_dtype())
    return model, x[:batch]


def same_budget(size: str) -> tuple[dict[str, Any], dict[str, dict[str, Work]], int]:
    model, x = preset(size)
    mask = torch.ones(len(x), 1, *x.shape[2:], dtype=torch.bool)
    couplings = sum(isinstance(module, AffineCoupling) for module in model.modules())
    flows = {"seisflow": model}
    works = {"seisflow": works_of(model, x, lambda: model.loss(x, mask)[0], BATCH)}
    y = torch.randn_like(x)  # peers get what stands behind a map of pixel values
    for name in NATIVE:
        flows[name] = with_parameters(name, model.shape, couplings, count(model))
        works[name] = works_of(flows[name], y, drawn=BATCH)
    return flows, works, couplings


def write_work(rounds: int, path: Path | None) -> None:
    records = Records("same work", "python tests/benchmarks/bench_flows.py work", LIBRARIES)
    for size in SQUEEZED:
        flows, works = same_work(size)
        compare(records, size, works, rounds, parameters={name: count(flow) for name, flow in flows.items()})
    x = torch.randn(DENSE_BATCH, FEATURES, 1, 1)
    dense = {name: build(FEATURES, DENSE_COUPLINGS, DENSE_HIDDEN) for name, build in DENSE.items()}
    parameters = {name: count(flow) for name, flow in dense.items()}
    compare(
        records,
        "1,024 flat",
        {name: works_of(flow, x) for name, flow in dense.items()},
        rounds,
        parameters=parameters,
    )
    records.write(path)


def write_budget(rounds: int, path: Path | None) -> None:
    records = Records("same budget", "python tests/benchmarks/bench_flows.py budget", LIBRARIES)
    for size in PRESETS:
        flows, works, couplings = same_budget(size)
        batch = PRESETS[size][3]
        compare(
            records,
            size,
            works,
            rounds,
            parameters={name: count(flow) for name, flow in flows.items()},
            couplings=dict.fromkeys(flows, couplings),
            gflop={name: arithmetic(work["log_prob"]) / batch / 1e9 for name, work in works.items()},
        )
    model, x = untrained((1, 32, 32), "mnist", (), PRESETS["1x32x32"][3])
    mask = torch.ones(len(x), 1, *x.shape[2:], dtype=torch.bool)
    for what, one in works_of(model, x, lambda: model.loss(x, mask)[0], BATCH).items():
        value = typical(one, 3)
        records.add("pixel by pixel", "preset `mnist`", what, value, seconds=value, parameters=count(model))
    records.write(path)


def write_memory(path: Path | None) -> None:
    records = Records("memory", "python tests/benchmarks/bench_flows.py memory", LIBRARIES)
    for couplings in (8, 32):
        for name in EVERY:
            value = in_own_process(__file__, "one-memory", name, str(couplings), device())
            records.add("1x256x64", name, "peak of a training step (MB)", value, couplings=couplings)
    for name in ("seisflow", *NATIVE):
        value = in_own_process(__file__, "one-memory", name, "0", device())
        records.add("1x256x64", name, "the same budget (MB)", value)
    records.write(path)


def write_sampling(models: tuple[str, ...], patches: int, path: Path | None) -> None:
    records = Records("sampling", "python tests/benchmarks/bench_flows.py sampling")
    part = patches // PARTS
    for name in models:
        model: Any = load_model(name).to(device()).eval()
        model.compute_in(subnet_dtype())
        x = model.sample(BATCH_CPU)

        @torch.inference_mode()
        def sample(model: Any = model) -> None:
            for _ in range(0, part, BATCH):
                model.sample(BATCH)

        @torch.inference_mode()
        def score(model: Any = model, x: Tensor = x) -> None:
            for _ in range(0, part, BATCH_CPU):
                model.log_prob_map(x)

        times = in_turns({"sample": sample, "score": score}, PARTS)
        records.add(
            "1x256x64",
            f"{name} (ships)" if not Path(name).exists() else "preset `seismic`, trained",
            "sampling / scoring",
            ratio(times["sample"], times["score"]),
            parameters=count(model),
            seconds=sum(times["sample"]),
            score_seconds=sum(times["score"]),
            patches=patches,
        )
    records.write(path)


@click.group()
def main() -> None:
    """Compare the flow with its peers."""
    one_thread()


@main.command()
@click.option("--rounds", default=7, show_default=True)
@OUT
def work(rounds: int, path: Path | None) -> None:
    """Equal subnets inside every library: the same arithmetic, the flow around it differs."""
    everywhere(lambda: write_work(rounds, path))


@main.command()
@click.option("--rounds", default=5, show_default=True)
@OUT
def budget(rounds: int, path: Path | None) -> None:
    """Each library as its documentation builds an image flow, with equal couplings and parameters."""
    everywhere(lambda: write_budget(rounds, path))


@main.command()
@OUT
def memory(path: Path | None) -> None:
    """Peak memory of a training step at 1x256x64, each in a process of its own."""
    everywhere(lambda: write_memory(path))


@main.command()
@click.option("-m", "--model", "models", multiple=True, default=["f3-small"], show_default=True)
@click.option("--patches", default=1024, show_default=True)
@OUT
def sampling(models: tuple[str, ...], patches: int, path: Path | None) -> None:
    """Sampling beside scoring, with trained models."""
    everywhere(lambda: write_sampling(models, patches, path))


@main.command(hidden=True)
@click.argument("name")
@click.argument("couplings", type=int)
@click.argument("place", default="cpu")
def one_memory(name: str, couplings: int, place: str) -> None:
    """MB of one training step; 0 couplings: the same budget."""
    if place == "cuda":
        torch.set_default_device(place)
    if couplings:
        shape, _, batch = SQUEEZED["1x256x64"]
        step = works_of(EVERY[name](shape, couplings), torch.randn(batch, *shape))["train"]
    else:
        model, x = preset("1x256x64")
        if name == "seisflow":
            mask = torch.ones(len(x), 1, *x.shape[2:], dtype=torch.bool)
            step = training(model, lambda: model.loss(x, mask)[0])
        else:
            inside = sum(isinstance(module, AffineCoupling) for module in model.modules())
            step = works_of(with_parameters(name, model.shape, inside, count(model)), x)["train"]
    print(rise(step))


if __name__ == "__main__":
    main()
