"""Speed and memory of the flow beside its peers, in one run, on the same work.

Run: ``python tests/benchmarks/bench_flows.py [--json OUT]`` with normflows, nflows and FrEIA installed
(extra ``bench``). Prints, for each size, the median of their time over ours, pair by pair, and the memory of
a training step.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch

sys.path.insert(0, str(Path(__file__).parent))
from peers_flows import EVERY, OURS, PEERS

from seisflow.provenance import commit, machine

SIZES = {  # name: squeezed state, couplings, batch
    "1x32x32": ((4, 16, 16), 8, 32),
    "3x32x32": ((12, 16, 16), 8, 32),
    "1x256x64": ((32, 32, 16), 8, 8),
}


def step(name: str, size: str, couplings: int | None = None) -> tuple[Callable[[], None], Any, Any]:
    """Return a training step, the flow, and its data."""
    shape, standard, batch = SIZES[size]
    torch.manual_seed(0)
    flow = EVERY[name](shape, couplings or standard)
    x = torch.randn(batch, *shape)
    flow.log_prob(x)  # those that initialise from data do it now
    optimiser = torch.optim.AdamW(flow.parameters(), lr=1e-4)

    def train() -> None:
        optimiser.zero_grad()
        (-flow.log_prob(x).mean()).backward()
        optimiser.step()

    return train, flow, x


@torch.no_grad()
def evaluate(flow: Any, x: Any) -> None:
    flow.log_prob(x)


@torch.no_grad()
def draw(flow: Any, x: Any) -> None:
    flow.sample(len(x))


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def peak(name: str, size: str, couplings: int) -> float:
    """Bytes that a training step needs on top of the model, in MB, in a process of its own."""
    command = [sys.executable, __file__, "--memory", name, size, str(couplings)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_memory(name: str, size: str, couplings: int) -> float:
    train, _, _ = step(name, size, couplings)
    before = _resident("VmRSS")
    train()
    return max(0.0, _resident("VmHWM") - before)


def _resident(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


@click.command()
@click.option("--memory", nargs=3, type=str, hidden=True)
@click.option("--pairs", default=15, show_default=True, help="Times each pair is measured.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers there.")
def main(memory: tuple[str, str, str] | None, pairs: int, path: Path | None) -> None:
    """Compare with peers; times are CPU seconds of one thread."""
    torch.set_num_threads(1)
    if memory:
        print(measure_memory(memory[0], memory[1], int(memory[2])))
        return
    found: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "versions": {name: version(name) for name in ("torch", "normflows", "nflows", "FrEIA")},
        "speed": {},
        "memory": {},
    }
    for size in SIZES:
        made = {name: step(name, size) for name in EVERY}
        for what in ("train", "log_prob", "sample"):
            works = {}
            for name, (train, flow, x) in made.items():
                calls = {
                    "train": train,
                    "log_prob": lambda f=flow, x=x: evaluate(f, x),
                    "sample": lambda f=flow, x=x: draw(f, x),
                }
                works[name] = calls[what]
            for work in works.values():
                work()
            times: dict[str, list[float]] = {name: [] for name in works}
            for _ in range(pairs):
                for name, work in works.items():
                    times[name].append(seconds(work))
            median = {name: statistics.median(values) for name, values in times.items()}
            ratios = {
                peer: statistics.median(b / a for a, b in zip(times["seisflow"], times[peer], strict=True))
                for peer in EVERY
                if peer != "seisflow"
            }
            found["speed"][f"{size} {what}"] = {"seconds": median, "theirs / ours": ratios}
            line = ", ".join(f"{peer} {ratio:.2f}" for peer, ratio in ratios.items())
            print(
                f"{size:9} {what:9} ours {median['seisflow'] * 1e3:7.1f} ms; times ours: {line}", flush=True
            )
        parameters = {name: sum(p.numel() for p in flow.parameters()) for name, (_, flow, _) in made.items()}
        print(f"{size:9} parameters {parameters}")
    for couplings in (8, 32):
        for name in [*OURS, *PEERS]:
            found["memory"][f"{name}, {couplings} couplings"] = value = peak(name, "1x256x64", couplings)
            print(f"1x256x64 training step, {couplings:2} couplings: {name} {value:.0f} MB", flush=True)
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
