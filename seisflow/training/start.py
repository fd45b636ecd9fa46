"""Data, hardware and folder of a run before its first step."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
import xarray as xr
import yaml

from seisflow.config import Config
from seisflow.errors import DataError, OutputError, TrainingError
from seisflow.models import Model
from seisflow.patches import GridDataset, PatchDataset, Split, split
from seisflow.runs.hardware import Hardware
from seisflow.runs.sources import Source
from seisflow.training.data import PatchData
from seisflow.training.record import RECORD, Record

log = logging.getLogger("seisflow")
INITIAL_PATCHES = 512
INITIAL_SAMPLES = 2**21  # more of small patches: 2,048 images


def large_enough(
    sources: Sequence[Source], sections: list[xr.Dataset], config: Config
) -> tuple[list[Source], list[xr.Dataset], list[Split]]:
    """Split each section, and leave out those too small for it; if none is large enough, say so of the first.

    Raises
    ------
    DataError
        If no section has room for training and held-out blocks.
    """
    data = config.data
    kept: list[tuple[Source, xr.Dataset, Split]] = []
    refused: list[DataError] = []
    for source, section in zip(sources, sections, strict=True):
        try:
            parts = source.split() or split(section, data.patch, data.validation, data.gap)
        except DataError as error:
            refused.append(error)
        else:
            kept.append((source, section, parts))
    if not kept:
        raise refused[0]
    for reason in refused:
        log.warning("left out: %s", reason)
    return [one[0] for one in kept], [one[1] for one in kept], [one[2] for one in kept]


def choose_hardware(device: str | None, config: Config) -> Hardware:
    hardware = Hardware.choose(device)
    batch = config.training.batch
    if batch % hardware.count:
        raise TrainingError(
            f"training.batch = {batch}: not a multiple of the {hardware.count} devices. "
            f"Pass --set training.batch={hardware.count * max(1, batch // hardware.count)}"
        )
    return hardware


def patch_data(record: Record, config: Config, sections: list[xr.Dataset]) -> PatchData:
    data, training = config.data, config.training
    patches = PatchDataset(
        sections,
        [part.train for part in record.splits],
        data.patch,
        record.scaling,
        seed=record.seed,
        length=max(training.steps * training.batch, INITIAL_PATCHES),
        flip=data.flip,
        polarity=data.polarity,
        min_valid=data.min_valid,
    )
    held_out = None
    if any(part.validation for part in record.splits):
        held_out = GridDataset(
            sections,
            [part.validation for part in record.splits],
            data.patch,
            (data.patch[0] // 2, data.patch[1] // 2),
            record.scaling,
            seed=record.seed,
        )
    return PatchData(patches, held_out, training)


def initialise(model: Model, data: PatchData) -> None:
    size = data.patches[0]["x"].numel()
    count = min(max(INITIAL_PATCHES, INITIAL_SAMPLES // size), len(data.patches))
    with torch.no_grad():
        model.initialise(torch.stack([data.patches[i]["x"] for i in range(count)]))


def make_folder(folder: Path, record: Record, config: Config, overwrite: bool) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            raise OutputError(
                f"{folder}: exists. Pass --resume to go on, --overwrite to replace it, or another -o"
            )
        if not (folder / RECORD).is_file():
            raise OutputError(
                f"{folder}: holds something else than a run, so it is not replaced. Pass another -o"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).write_text(record.model_dump_json(indent=1) + "\n")
    (folder / "config.yaml").write_text(as_yaml(config))


def as_yaml(config: Config) -> str:
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
