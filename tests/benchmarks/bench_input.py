"""Does the input keep up: a batch of patches beside the training step that it feeds.

Run: ``python tests/benchmarks/bench_input.py [SURVEY.sgy] [--json docs/results/speed.json]``; without a
survey, one of white noise in a file of 350 MB. Each is read as SEG-Y and as Zarr, cached whole and as surveys
are that do not fit. Trainers take turns: one takes its batches from the loader, its twin the same batch again
and again.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import click
import numpy as np
import segyio
import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parent))
from measuring import Records, Work, in_turns, one_thread

import seisflow
from seisflow.config import Config, load_config
from seisflow.io.zarr.ingest import ingest
from seisflow.models import build_model
from seisflow.patches import Block, PatchDataset, dataset
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.hardware import Hardware
from seisflow.training.data import Batches

ROUNDS, STEPS, ITEMS = 7, 4, 1_000_000
LINES, TRACES, SAMPLES = 400, 256, 850


def noise(folder: Path) -> Path:
    """Write a survey of white noise."""
    path = folder / "noise.sgy"
    rng = np.random.default_rng(0)
    amplitude = rng.standard_normal((LINES, TRACES, SAMPLES), dtype=np.float32)
    segyio.tools.from_array3D(str(path), amplitude, dt=4000)
    return path


def patches(section: xr.Dataset, config: Config, whole: bool) -> PatchDataset:
    """Training patches of a section, cached whole or some panels at a time."""
    limit, dataset.CACHE_BYTES = dataset.CACHE_BYTES, dataset.CACHE_BYTES if whole else 1
    made = PatchDataset(
        [section], [[Block()]], config.data.patch, AmplitudeScaling(std=1.0), seed=0, length=ITEMS
    )
    dataset.CACHE_BYTES = limit
    assert made.fits == whole
    return made


def trainer(config: Config) -> Any:
    """Return a function that makes a step with a batch."""
    torch.manual_seed(0)
    model: Any = build_model(config)
    model.initialise(torch.randn(16, 1, *config.data.patch))
    model.compute_in(Hardware.choose("cpu").subnet_dtype("auto"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def step(batch: dict[str, Tensor]) -> None:
        optimiser.zero_grad()
        model.loss(batch["x"], batch["mask"])[0].backward()
        optimiser.step()

    return step


def steps(step: Any, batches: Iterator[dict[str, Tensor]]) -> Work:
    def work() -> None:
        for _ in range(STEPS):
            step(next(batches))

    return work


def loader(made: PatchDataset, batch: int) -> Iterator[dict[str, Tensor]]:
    return iter(DataLoader(made, batch_sampler=Batches(ITEMS // batch, batch)))


def fed(records: Records, preset: str, sources: dict[str, PatchDataset]) -> None:
    """Steps of a preset's trainer, fed from each source, beside those with one batch in memory."""
    config = load_config(preset)
    batch = config.training.batch
    one = next(loader(next(iter(sources.values())), batch))
    works = {"memory": steps(trainer(config), cycle([one]))}
    works |= {name: steps(trainer(config), loader(made, batch)) for name, made in sources.items()}
    times = in_turns(works, ROUNDS)
    for name in sources:
        rate = statistics.median(a / b for a, b in zip(times["memory"], times[name], strict=True))
        spent = statistics.median(times[name]) / STEPS
        records.add(name, preset, "rate of a trainer that never waits", rate, seconds=spent, batch=batch)


def made(records: Records, batch: int, sources: dict[str, PatchDataset]) -> None:
    """Patches a second of one process, after the caches are filled."""
    for name, one in sources.items():
        batches = loader(one, batch)
        taken = []
        for _ in range(40):
            start = time.process_time()
            next(batches)
            taken.append(time.process_time() - start)
        rate = batch / statistics.mean(taken[10:])
        records.add(name, "patches", "patches/s of one process", rate, slowest=max(taken))


@click.command()
@click.argument("survey", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "path", type=click.Path(path_type=Path), help="Put the results into this file.")
def main(survey: Path | None, path: Path | None) -> None:
    one_thread()
    command = f"python tests/benchmarks/bench_input.py {survey.name if survey else ''}".rstrip()
    records = Records("input", command, ("segyio", "zarr"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = survey or noise(folder)
        ingest(file, folder / "survey.zarr", workers=1)
        config = load_config("seismic")
        sources = {
            f"{kind}, {how}": patches(seisflow.open_section(source), config, how == "cached whole")
            for kind, source in (("SEG-Y", file), ("Zarr", folder / "survey.zarr"))
            for how in ("cached whole", "some panels at a time")
        }
        made(records, config.training.batch, sources)
        for preset in ("seismic", "seismic-small"):
            fed(records, preset, sources)
    records.write(path)


if __name__ == "__main__":
    main()
