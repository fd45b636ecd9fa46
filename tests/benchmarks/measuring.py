"""What the benchmarks of speed share: times in turns, peak memory, records in ``docs/results/speed.json``."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from seisflow.runs.provenance import commit, machine

Work = Callable[[], object]


def everywhere(measure: Callable[[], None]) -> None:
    """Measure on the processor and, when there is one, on a GPU, where all tensors are made then."""
    measure()  # a context that names the CPU would cost every call of torch some microseconds
    if torch.cuda.is_available():
        with torch.device("cuda"):
            measure()


def on_gpu() -> bool:
    """Whether tensors are made on a GPU here."""
    return torch.get_default_device().type == "cuda"


def seconds(work: Work) -> float:
    """CPU seconds of one call; of a GPU, the seconds until it has done its work."""
    clock = time.perf_counter if on_gpu() else time.process_time
    _synchronise()
    start = clock()
    work()
    _synchronise()
    return clock() - start


def _synchronise() -> None:
    if on_gpu():
        torch.cuda.synchronize()


def in_turns(works: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Time all works one after another, ``rounds`` times, after one call of each that is not counted."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return times


def typical(work: Work, rounds: int = 5) -> float:
    """Median CPU seconds of a work on its own."""
    return statistics.median(in_turns({"work": work}, rounds)["work"])


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Median of the quotients, pair by pair: what load the machine has meanwhile falls on both."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


def rise(work: Work) -> float:
    """MB that this process needs for ``work``, the second time, beyond what it holds before."""
    work()
    if on_gpu():
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    work()
    return max(0.0, _resident("VmHWM") - before)


def in_own_process(script: str, *arguments: str) -> float:
    """Run a benchmark with arguments that make it print one number; that number."""
    command = [sys.executable, script, *arguments]
    # what a tensor took goes back to the system as soon as it is freed, so that the peak is that of tensors
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "16384"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.split()[-1])


def _resident(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


class _Arithmetic(TorchDispatchMode):
    """Adds up FLOP by torch's formulas, also within a backward pass that is written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.flop = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.flop += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def arithmetic(work: Work) -> float:
    """FLOP of a call: those of its matrix products and convolutions."""
    with _Arithmetic() as counter:
        work()
    return counter.flop


class Records:
    """Result objects of one experiment; `write` puts them in the place of its former ones.

    Parameters
    ----------
    experiment : str
        Name of the section of the page; of a GPU, "on CUDA" is added to it.
    command : str
        What makes them again.
    libraries : sequence of str
        Packages whose versions belong to the result, beside torch.
    """

    def __init__(self, experiment: str, command: str, libraries: Sequence[str] = ()) -> None:
        self._common = {
            "experiment": f"{experiment} on CUDA" if on_gpu() else experiment,
            "seed": 0,
            "machine": f"{torch.cuda.get_device_name() if on_gpu() else _processor()}, {machine()}",
            "commit": commit(),
            "command": command,
            "versions": {name: version(name) for name in ("torch", *libraries)},
            "load": round(os.getloadavg()[0], 2),
        }
        self._found: list[dict[str, Any]] = []

    def add(
        self, dataset: str, model: str, metric: str, value: float, *, protocol: str = "", **more: Any
    ) -> None:
        """Keep a number, and show it."""
        one = {"dataset": dataset, "model": model, "metric": metric, "value": value, "protocol": protocol}
        one = {**one, "parameters": None, "seconds": None, **more}
        self._found.append(self._common | one)
        shown = ", ".join(f"{key} {_short(part)}" for key, part in more.items() if part is not None)
        print(f"{dataset:22} {model:26} {metric:24} {value:.4g}  {shown}", flush=True)

    def write(self, path: Path | None) -> None:
        if path is None:
            return
        others = json.loads(path.read_text()) if path.is_file() else []
        kept = [one for one in others if one["experiment"] != self._common["experiment"]]
        lines = ",\n".join(" " + json.dumps(one) for one in [*kept, *self._found])
        path.write_text(f"[\n{lines}\n]\n")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def one_thread() -> None:
    """Compute on one thread, as all times here are of one."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
