"""A run: a folder that training fills and that scoring and generation read."""

import logging
import shutil
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import xarray as xr
import yaml
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import RichProgressBar, Timer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from pydantic import BaseModel

from seisflow.config import Config, parse_config
from seisflow.errors import DataError, OutputError, TrainingError
from seisflow.hardware import Hardware, is_first_process
from seisflow.io.aside import check_inputs
from seisflow.models import Model, ModelCard, build_model, save_model
from seisflow.patches import GridDataset, PatchDataset, Split, split
from seisflow.provenance import commit, machine, versions
from seisflow.scaling import AmplitudeScaling
from seisflow.source import ImageSource, Source
from seisflow.training.callbacks import Averaging, Checkpoint, Report, SafeStop, WholeFiles
from seisflow.training.data import PatchData
from seisflow.training.images import PIXELS, check_fits_sections, image_data
from seisflow.training.module import FlowModule
from seisflow.trust import check_named, sign

log = logging.getLogger("seisflow")

INITIAL_PATCHES = 512
INITIAL_SAMPLES = 2**21  # more of small patches: 2,048 images
STATE = "checkpoint.ckpt"
METRICS = "metrics.csv"
RECORD = "run.json"


class Record(BaseModel):
    """What a run was started with (``run.json``): enough to resume it."""

    sources: list[Source] = []
    splits: list[Split] = []
    images: ImageSource | None = None
    scaling: AmplitudeScaling
    seed: int
    max_time: timedelta | None = None
    named: str = ""
    """Signature of the paths, by which `resume` knows that the user has named them."""

    @property
    def paths(self) -> list[str]:
        """What the run reads."""
        if self.images is not None:
            return [self.images.folder] if self.images.folder else []
        return [source.path for source in self.sources]


@dataclass(frozen=True)
class Run:
    """A run folder and what it holds."""

    folder: Path
    model: Model
    steps: int
    seconds: float
    bad_steps: int


def train(
    sources: Sequence[Source] | ImageSource,
    config: Config,
    folder: str | Path,
    *,
    seed: int = 0,
    device: str | None = None,
    max_time: timedelta | None = None,
    overwrite: bool = False,
    splits: Sequence[Split] | None = None,
    calibrate: bool = True,
    scheduler: str | None = None,
) -> Run:
    """Train a model on the sections of ``sources``, or on images, and leave it in ``folder``.

    Parameters
    ----------
    sources : sequence of Source, or ImageSource
        Sections to learn from, or an image data set.
    config : Config
        What to train, and how.
    folder : str or Path
        Run folder to make.
    seed : int
        Fixes initial weights, patches and dither.
    device : str, optional
        See `Hardware.choose`.
    max_time : timedelta, optional
        Ends training early; the learning rate decays towards it.
    overwrite : bool
        Replace a run that is there already.
    splits : sequence of Split, optional
        Training and held-out blocks of each section; by default those of its
        data set card, else `seisflow.patches.split` makes them, and leaves
        out sections too small for that, if others are not.
    calibrate : bool
        Score panels of sections at the end, without which the model cannot judge others. That takes
        minutes where a model is slow to score.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose
        workers see the files and make the batches; they are the same.

    Raises
    ------
    DataError
        If the sections hold no patch to train on.
    ConfigError
        If Dask is needed and not installed, or there is no such scheduler.
    OutputError
        If ``folder`` exists.
    TrainingError
        If the loss stays non-finite.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, once the state is saved; the message says how to go on.
    """
    folder = Path(folder)
    hardware = _hardware(device, config)
    if isinstance(sources, ImageSource):
        record = Record(images=sources, scaling=PIXELS, seed=seed, max_time=max_time)
        data_module = image_data(sources, config, seed)
    else:
        check_fits_sections(config)
        sections = [source.open() for source in sources]
        if splits is None:
            sources, sections, splits = _large_enough(sources, sections, config)
        scaling = AmplitudeScaling.fit(sections, [part.train for part in splits], config.data.dither)
        record = Record(
            sources=list(sources), splits=list(splits), scaling=scaling, seed=seed, max_time=max_time
        )
        data_module = _patches(record, config, sections)
    record = record.model_copy(update={"named": sign(record.paths)})
    check_inputs(folder, [source.path for source in record.sources])
    seed_everything(seed, verbose=False)
    model = build_model(config)
    _initialise(model, data_module)
    if is_first_process():
        _make_folder(folder, record, config, overwrite)
    data_module.scheduler = scheduler
    return _fit(model, data_module, record, config, folder, hardware, None, calibrate=calibrate)


def resume(
    folder: str | Path,
    *,
    steps: int | None = None,
    device: str | None = None,
    max_time: timedelta | None = None,
    scheduler: str | None = None,
    trusted: bool = False,
) -> Run:
    """Go on with an interrupted run, or with a finished one if ``steps`` or ``max_time`` allow for more.

    Parameters
    ----------
    folder : str or Path
        Run folder.
    steps : int, optional
        New number of steps in all, instead of the limits the run was started with.
    device : str, optional
        See `Hardware.choose`.
    max_time : timedelta, optional
        New time limit, for all of the run.
    scheduler : str, optional
        See `train`.
    trusted : bool
        Open what the run names even if it was not started by this user.

    Raises
    ------
    TrainingError
        If ``folder`` holds no state to go on from.
    DataError
        If the run names files that are not opened unasked.
    """
    folder = Path(folder)
    if not (folder / STATE).is_file():
        raise TrainingError(
            f"{folder}: no {STATE} to resume from. Expected a run folder: train without --resume"
        )
    try:
        torch.load(folder / STATE, weights_only=True, mmap=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise TrainingError(f"{folder / STATE}: damaged. Expected a whole checkpoint: train anew") from error
    record = Record.model_validate_json((folder / RECORD).read_text())
    check_named(record.paths, record.named, folder, trusted)
    if max_time is not None or steps is not None:
        record = record.model_copy(update={"max_time": max_time})
        (folder / RECORD).write_text(record.model_dump_json(indent=1) + "\n")
    config = parse_config(yaml.safe_load((folder / "config.yaml").read_text()), str(folder / "config.yaml"))
    if steps is not None:
        config = config.model_copy(update={"training": config.training.model_copy(update={"steps": steps})})
        (folder / "config.yaml").write_text(_as_yaml(config))
    hardware = _hardware(device, config)
    model = build_model(config)
    if record.images is not None:
        data_module = image_data(record.images, config, record.seed)
    else:
        data_module = _patches(record, config, [source.open() for source in record.sources])
    data_module.scheduler = scheduler
    return _fit(model, data_module, record, config, folder, hardware, folder / STATE)


def _large_enough(
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


def _hardware(device: str | None, config: Config) -> Hardware:
    hardware = Hardware.choose(device)
    batch = config.training.batch
    if batch % hardware.count:
        raise TrainingError(
            f"training.batch = {batch}: not a multiple of the {hardware.count} devices. "
            f"Pass --set training.batch={hardware.count * max(1, batch // hardware.count)}"
        )
    return hardware


def _patches(record: Record, config: Config, sections: list[xr.Dataset]) -> PatchData:
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


def _initialise(model: Model, data: PatchData) -> None:
    size = data.patches[0]["x"].numel()
    count = min(max(INITIAL_PATCHES, INITIAL_SAMPLES // size), len(data.patches))
    with torch.no_grad():
        model.initialise(torch.stack([data.patches[i]["x"] for i in range(count)]))


def _make_folder(folder: Path, record: Record, config: Config, overwrite: bool) -> None:
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
    (folder / "config.yaml").write_text(_as_yaml(config))


def _as_yaml(config: Config) -> str:
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _fit(
    model: Model,
    data: PatchData,
    record: Record,
    config: Config,
    folder: Path,
    hardware: Hardware,
    state: Path | None,
    *,
    calibrate: bool = True,
) -> Run:
    training = config.training
    model.compute_in(hardware.subnet_dtype(training.precision))
    module = FlowModule(model, training)
    stop, timer = SafeStop(), Timer(record.max_time, verbose=False)
    callbacks: list[Callback] = [timer, stop]
    if training.ema:
        callbacks.append(Averaging(training.ema))
    callbacks.append(Checkpoint(folder / STATE, training.validate_every))
    callbacks.append(
        RichProgressBar(leave=True)
        if sys.stderr.isatty()
        else Report(training.steps, training.validate_every)
    )
    # Lightning's notes on devices and its advice on workers are for its own users, not for ours
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", ".*(num_workers|log_every_n_steps|isinstance.treespec).*")
        loggers: list[Logger] = [
            _csv_logger(folder),
            TensorBoardLogger(folder, name="", version="logs"),
        ]
        trainer = Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            strategy=hardware.strategy,
            max_steps=training.steps,
            max_epochs=-1,
            val_check_interval=training.validate_every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            limit_val_batches=0 if data.held_out is None else 1.0,
            gradient_clip_val=training.clip,
            log_every_n_steps=min(10, training.steps),
            logger=loggers,
            callbacks=callbacks,
            enable_checkpointing=False,
            enable_progress_bar=sys.stderr.isatty(),
            enable_model_summary=False,
            use_distributed_sampler=False,
            plugins=[WholeFiles()],
        )
        trainer.fit(module, datamodule=data, ckpt_path=state, weights_only=True)
    if stop.stopped:
        raise KeyboardInterrupt(
            f"{folder}: stopped after step {trainer.global_step} of {training.steps}, nothing is lost. "
            f"Go on with: seisflow train --resume -o {folder}"
        )
    run = Run(folder, model, trainer.global_step, timer.time_elapsed(), int(module.bad_steps[0]))
    if is_first_process():
        _finish(run, record, config, data, calibrate)
    return run


def _csv_logger(folder: Path) -> CSVLogger:
    """Lightning's logger, which starts ``metrics.csv`` anew, made to go on with that of a resumed run."""
    logger = CSVLogger(folder, name="", version="logs")
    path = folder / "logs" / METRICS
    if is_first_process() and path.is_file():
        earlier = path.read_bytes()
        logger.experiment.metrics_keys = earlier.split(b"\r\n", 1)[0].decode().split(",")
        path.write_bytes(earlier)
    return logger


def _finish(run: Run, record: Record, config: Config, data: PatchData, calibrate: bool) -> None:
    """Calibrate, save the model with its card, and draw what a run folder shows."""
    from seisflow.training.finish import calibrate_run, draw_image_run, draw_run, judge_images

    images = record.images
    model = run.model.cpu().eval()
    model.compute_in(torch.float32)
    model.card = ModelCard(
        config=config,
        images=None if images is None else images.path,
        scaling=record.scaling,
        inputs=[
            {**source.model_dump(mode="json"), "split": part.model_dump(mode="json")}
            for source, part in zip(record.sources, record.splits, strict=True)
        ]
        if images is None
        else [images.model_dump(mode="json")],
        provenance=provenance(run, record.seed) | {"named": record.named},
    )
    if images is not None:
        judge_images(model, data)
    elif calibrate:
        calibrate_run(model, data)
    save_model(model, run.folder)
    (draw_run if images is None else draw_image_run)(model, data, run.folder)


def provenance(run: Run, seed: int) -> dict[str, Any]:
    """Return seed, steps, time, machine, versions and commit of a run."""
    return {
        "seed": seed,
        "steps": run.steps,
        "skipped_steps": run.bad_steps,
        "seconds": round(run.seconds, 1),
        "machine": machine(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "versions": versions(),
    }
