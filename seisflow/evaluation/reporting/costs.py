"""Cost of using a trained model: seconds to score and to draw, memory."""

import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from seisflow.models import load_model

PATCHES = 16
"""Scored at once, and drawn at once."""


@dataclass(frozen=True)
class Costs:
    """Cost of `PATCHES` patches at once, on the CPU.

    Attributes
    ----------
    score_seconds_per_patch : float
        Seconds of a patch for a map of log-densities.
    samples_per_second : float
    memory_mib : int
        Peak of the process beyond what it holds with the model loaded.
    """

    score_seconds_per_patch: float
    samples_per_second: float
    memory_mib: int


def measure(run: str | Path) -> Costs:
    """Time a saved model in a process of its own, so that the memory it takes is its own too."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (str(run), torch.get_num_threads()))


def _measure(run: str, threads: int) -> Costs:
    torch.set_num_threads(threads)
    model = load_model(run)
    assert model.card is not None
    generator = torch.Generator().manual_seed(0)
    if model.card.images is None:
        x = torch.randn(PATCHES, *model.shape, generator=generator)
    else:
        x = 256 * torch.rand(PATCHES, *model.shape, generator=generator)
    idle = _peak_kib()
    start = time.perf_counter()
    with torch.inference_mode():
        model.log_prob_map(x)
    scored = time.perf_counter()
    model.sample(PATCHES, generator=generator)
    drawn = time.perf_counter()
    return Costs(
        score_seconds_per_patch=round((scored - start) / PATCHES, 5),
        samples_per_second=round(PATCHES / (drawn - scored), 3),
        memory_mib=(_peak_kib() - idle) // 1024,
    )


def _peak_kib() -> int:
    """Most memory this process has held; on Linux not by getrusage, which counts what its parent held too."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(
            int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
