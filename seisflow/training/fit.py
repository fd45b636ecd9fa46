"""Optimisation of a model by Lightning, and the card it leaves with."""

import logging
import time
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from seisflow import progress
from seisflow.config import Config
from seisflow.models import FractalFlowModel, Model, ModelCard, save_model
from seisflow.models.provenance import Provenance, TrainingInput
from seisflow.runs import folders
from seisflow.runs.hardware import Hardware, is_first_process
from seisflow.runs.place import final
from seisflow.runs.provenance import commit, machine, versions
from seisflow.runs.sources import ImageSource, Source
from seisflow.training.bar import TrainingBar
from seisflow.training.callbacks import Averaging, Checkpoint, NoLastLook, SafeStop, WholeFiles
from seisflow.training.data import PatchData
from seisflow.training.module import FlowModule
from seisflow.training.record import METRICS, STATE, Record, Run
from seisflow.training.timing import Budget, Pace

STRAIGHTNESS_PATCHES = 16
"""Training patches that the straightness in the card is measured on."""

log = logging.getLogger("seisflow")


def fit(
    model: Model,
    data: PatchData,
    record: Record,
    config: Config,
    folder: Path,
    hardware: Hardware,
    state: Path | None,
    *,
    budget: Budget,
    calibrate: bool = True,
) -> Run:
    training = config.training
    model.compute_in(hardware.subnet_dtype(training.precision))
    module = FlowModule(model, training)
    limit = budget.max_time
    if limit is not None:
        earlier = 0.0 if state is None else seconds_of(state)
        limit = budget.for_steps(model.to(hardware.device), data, record.survey_of, earlier)
    stop, timer = SafeStop(), Timer(limit, verbose=False)
    callbacks: list[Callback] = [Pace(budget, timer), timer, stop, NoLastLook()]
    if training.ema:
        callbacks.append(Averaging(training.ema))
    callbacks.append(Checkpoint(folder / STATE, training.validate_every))
    callbacks.append(TrainingBar(training.steps, timer))
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
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            plugins=[WholeFiles()],
        )
        with folders.told_to_children(folder):
            trainer.fit(module, datamodule=data, ckpt_path=state, weights_only=True)
    if stop.stopped:
        raise KeyboardInterrupt(
            f"{folder}: stopped after step {trainer.global_step} of {training.steps}, nothing is lost. "
            f"Go on with: seisflow train --resume -o {folder}"
        )
    run = Run(folder, model, trainer.global_step, timer.time_elapsed(), int(module.bad_steps[0]))
    if is_first_process():
        validated = trainer.callback_metrics.get("held_out/nats_per_dim")
        _finish(run, record, config, data, budget, calibrate=calibrate)
        if validated is not None:
            _compare(model, float(validated))
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


def _finish(
    run: Run, record: Record, config: Config, data: PatchData, budget: Budget, *, calibrate: bool
) -> None:
    """Calibrate, save the model with its card, and draw what a run folder shows."""
    from seisflow.training.calibration import calibrate_run
    from seisflow.training.finish import (
        draw_image_run,
        draw_run,
        fit_concentrations,
        judge_images,
        patch_rms,
    )

    images = record.images
    model = run.model.cpu().eval()
    model.compute_in(torch.float32)
    model.card = ModelCard(
        config=config,
        images=None if images is None else images.path,
        scaling=record.scaling,
        surveys=list(record.surveys),
        inputs=[
            _as_input(source, split=part.model_dump(mode="json"), survey=number)
            for source, part, number in zip(record.sources, record.splits, record.numbers, strict=True)
        ]
        if images is None
        else [_as_input(images)],
        provenance=provenance(run, record),
    )
    with progress.bar("Fitting the topics"):
        fit_concentrations(model, data)
    if images is None:
        model.card.provenance["patch_rms"] = patch_rms(data)
    if images is not None:
        judge_images(model, data, budget.left)
    elif calibrate:
        uncalibrated = model.card.model_copy(deep=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numpy's on means of nothing; what comes of them is told
                calibrate_run(model, data, budget.left)
        except Exception as error:  # hours of training are not lost to panels that have no statistics
            model.card = uncalibrated
            why = " ".join(str(error).split()) or type(error).__name__
            log.warning(
                "%s: not calibrated, its panels have too little signal in a piece (%s). It is saved and "
                "generates; to score, calibrate it on other lines: seisflow calibrate -m %s SURVEY",
                final(run.folder),
                why,
                final(run.folder),
            )
    with progress.bar("Drawing samples"):
        if isinstance(model, FractalFlowModel):
            some = torch.stack([data.patches[i]["x"] for i in range(STRAIGHTNESS_PATCHES)])
            model.card.provenance["straightness"] = round(model.straightness(some), 3)
        save_model(model, run.folder)
        (draw_run if images is None else draw_image_run)(model, data, run.folder)


def _compare(model: Model, validated: float) -> None:
    """Say how the held-out likelihood of the card differs from the one that training has shown."""
    card = model.card
    if card is None or "held_out_nats_per_dim" not in card.provenance:
        return
    judged = card.provenance.get("judged_images")
    images = "all images" if judged is None else f"{judged} images, as the time was short"
    where = f"the panels of {card.surveys[0].name}, each sample once" if card.surveys else images
    log.info(
        "held out: %.3f nats/dim over %s; during training %.3f, over some windows of all that is held out",
        card.provenance["held_out_nats_per_dim"],
        where,
        validated,
    )


def _as_input(source: Source | ImageSource, **more: Any) -> TrainingInput:
    return cast(TrainingInput, source.model_dump(mode="json") | more)


def seconds_of(state: Path) -> float:
    """Time that the steps of a checkpoint have taken."""
    kept = torch.load(state, weights_only=True, mmap=True).get("callbacks", {})
    return float(kept.get("Timer", {}).get("time_elapsed", {}).get("train", 0.0))


def provenance(run: Run, record: Record) -> Provenance:
    """Return seed, steps, time, machine, versions and commit of a run."""
    return {
        "seed": record.seed,
        "steps": run.steps,
        "skipped_steps": run.bad_steps,
        "seconds": round(run.seconds, 1),
        "machine": machine(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "versions": versions(),
        "named": record.named,
    }
