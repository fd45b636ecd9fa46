"""Data, hardware and folder of a run before its first step."""

import logging
import shutil
import time
from pathlib import Path

import torch
import yaml

from seisflow.config import Config
from seisflow.errors import TrainingError
from seisflow.io.atomic import replace_text
from seisflow.models import Model
from seisflow.runs.hardware import Hardware
from seisflow.training.data import INITIAL_PATCHES, TrainingData
from seisflow.training.record import CONFIG, RECORD, STATE, Record

log = logging.getLogger("seisflow")
LEAST_PATCHES = 64
INITIAL_SAMPLES = 2**21  # more of small patches: 2,048 images


def choose_hardware(device: str | None, config: Config) -> Hardware:
    hardware = Hardware.choose(device)
    batch = config.training.batch
    if batch % hardware.count:
        raise TrainingError(
            f"training.batch = {batch}: not a multiple of the {hardware.count} devices. "
            f"Pass --set training.batch={hardware.count * max(1, batch // hardware.count)}"
        )
    return hardware


def initialise(model: Model, data: TrainingData, seconds: float | None = None) -> None:
    """Set the data-dependent parameters of a model from patches.

    Parameters
    ----------
    model : Model
    data : TrainingData
    seconds : float, optional
        Time it should take at most: fewer patches do then, as many as a first few of them let expect.
    """
    size = data.patches[0]["x"].numel()
    count = min(max(INITIAL_PATCHES, INITIAL_SAMPLES // size), len(data.patches))
    if seconds is not None:
        few = min(LEAST_PATCHES, count)
        began = time.monotonic()
        _initialise(model, data, few)
        count = min(count, int(few * seconds / max(time.monotonic() - began, 1e-9)))
        if count < 2 * few:
            return
    _initialise(model, data, count)


def _initialise(model: Model, data: TrainingData, count: int) -> None:
    with torch.no_grad():
        model.initialise(data.first(count))


def discard_folder(folder: Path) -> None:
    """Remove a run that has no state yet."""
    if (folder / RECORD).is_file() and not (folder / STATE).is_file():
        shutil.rmtree(folder)


def make_folder(folder: Path, record: Record, config: Config) -> None:
    """Make the folder of a run, with what it was started with."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
    replace_text(folder / CONFIG, as_yaml(config))


def as_yaml(config: Config) -> str:
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
