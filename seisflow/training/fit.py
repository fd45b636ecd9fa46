"""Optimisation of a model by Lightning, and the card it leaves with."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from seisflow import progress
from seisflow.errors import SeisflowError, TrainingError
from seisflow.models import FractalFlowModel, Model, save_model
from seisflow.models.denoiser import Denoiser
from seisflow.models.provenance import Provenance
from seisflow.runs import folders
from seisflow.runs.hardware import Hardware, is_first_process
from seisflow.runs.provenance import commit, machine, versions
from seisflow.shown import shown
from seisflow.training.bar import TrainingBar
from seisflow.training.callbacks import Averaging, Checkpoint, NoLastLook, SafeStop, WholeFiles
from seisflow.training.data import TrainingData
from seisflow.training.module import FlowModule
from seisflow.training.record import METRICS, STATE, Record, Run
from seisflow.training.timing import Budget, Pace

STRAIGHTNESS_PATCHES = 16
"""Training patches that the straightness in the card is measured on."""

log = logging.getLogger("seisflow")


def fit(
    model: Model,
    data: TrainingData,
    folder: Path,
    hardware: Hardware,
    state: Path | None,
    *,
    budget: Budget,
    calibrate: bool = True,
    denoiser: Denoiser | None = None,
) -> Run:
    training = data.config.training
    model.compute_in(hardware.subnet_dtype(training.precision))
    module = FlowModule(model, training)
    limit = budget.max_time
    if limit is not None:
        earlier = 0.0 if state is None else seconds_of(state)
        limit = budget.for_steps(model.to(hardware.device), data, earlier)
    stop, timer, begun = SafeStop(), Timer(limit, verbose=False), _Begun()
    callbacks: list[Callback] = [Pace(budget, timer), timer, stop, NoLastLook(), begun]
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
        with folders.told_to_children(folder), _told_before_the_first_step(begun, state):
            trainer.fit(module, datamodule=data, ckpt_path=state, weights_only=True)
    if stop.stopped:
        raise KeyboardInterrupt(
            f"{folder}: stopped after step {trainer.global_step} of {training.steps}, nothing is lost. "
            f"Go on with: seisflow train --resume -o {folder}"
        )
    run = Run(folder, model, trainer.global_step, timer.time_elapsed(), int(module.bad_steps[0]))
    if is_first_process():
        validated = trainer.callback_metrics.get("held_out/nats_per_dim")
        model.denoiser = denoiser  # which the steps of the flow leave alone
        _finish(run, data, budget, hardware, calibrate=calibrate)
        if validated is not None:
            _compare(model, data, float(validated))
    return run


@contextmanager
def _told_before_the_first_step(begun: "_Begun", state: Path | None) -> Iterator[None]:
    """Say in one line that a checkpoint is not of the run that it lies in."""
    try:
        yield
    except (SeisflowError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # what restores it raises what it likes
        if state is None or begun.so:
            raise
        why = shown(" ".join(str(error).split()))[:200]
        raise TrainingError(
            f"{state}: does not fit the configuration of its run ({why}). Expected the checkpoint that "
            "belongs to it: put it back, or train anew"
        ) from error


class _Begun(Callback):
    """Whether steps have begun: all that was kept has been restored then."""

    so = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.so = True


def _csv_logger(folder: Path) -> CSVLogger:
    """Lightning's logger, which starts ``metrics.csv`` anew, made to go on with that of a resumed run."""
    logger = CSVLogger(folder, name="", version="logs")
    path = folder / "logs" / METRICS
    if is_first_process() and path.is_file():
        earlier = path.read_bytes()
        logger.experiment.metrics_keys = earlier.split(b"\r\n", 1)[0].decode().split(",")
        path.write_bytes(earlier)
    return logger


def _finish(run: Run, data: TrainingData, budget: Budget, hardware: Hardware, *, calibrate: bool) -> None:
    """Evaluate the model, save it with its card, and draw what a run folder shows."""
    from seisflow.training import finish
    from seisflow.training.refining import learn_to_refine

    model = run.model.cpu().eval()
    model.compute_in(torch.float32)
    model.card = data.card()
    model.card.provenance = provenance(run, data.record)
    with progress.bar("Fitting the topics"):
        finish.fit_concentrations(model, data)
    data.evaluate(model, run.folder, budget.left, calibrate=calibrate)
    with progress.bar("Drawing samples"):
        if isinstance(model, FractalFlowModel):
            straightness = model.straightness(data.first(STRAIGHTNESS_PATCHES))
            model.card.provenance["straightness"] = round(straightness, 3)
        finish.match(model, data, budget.left)
        save_model(model, run.folder)
        finish.draw_run(model, data, run.folder)
    if data.config.training.denoiser_steps:
        with progress.bar("Learning to refine samples", percent=True) as report:
            learn_to_refine(model, data, hardware, budget.for_refining, report)
        save_model(model, run.folder)
        if model.denoiser is not None:
            with progress.bar("Drawing refined samples"):
                finish.draw_run(model, data, run.folder)


def _compare(model: Model, data: TrainingData, validated: float) -> None:
    """Say how the held-out likelihood of the card differs from the one that training has shown."""
    card = model.card
    if card is None or "held_out_nats_per_dim" not in card.provenance:
        return
    log.info(
        "held out: %.3f nats/dim over %s; during training %.3f, over some windows of all that is held out",
        card.provenance["held_out_nats_per_dim"],
        data.measured_on(card),
        validated,
    )


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
