"""Training as a run: a folder that training fills and that scoring and generation read."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from lightning.pytorch import seed_everything

from seisflow import progress
from seisflow.config import Config
from seisflow.errors import TrainingError
from seisflow.io.atomic import check_inputs, replace_text
from seisflow.models import build_model
from seisflow.models.memory import check_memory
from seisflow.models.storage import WEIGHTS, load_model
from seisflow.patches import Split
from seisflow.runs.hardware import is_first_process
from seisflow.runs.moved import moved_sources
from seisflow.runs.place import final, in_its_place
from seisflow.runs.sources import ImageSource, Source
from seisflow.runs.trust import check_named, sign
from seisflow.training.fit import fit, seconds_of
from seisflow.training.kinds import new_data, stored_data
from seisflow.training.plan import Plan
from seisflow.training.record import CONFIG, RECORD, STATE, Record, Run, read_config, read_record
from seisflow.training.refining import STEPS
from seisflow.training.start import (
    as_yaml,
    choose_hardware,
    discard_folder,
    initialise,
    make_folder,
)
from seisflow.training.timing import Budget
from seisflow.writable import check_writable

log = logging.getLogger("seisflow")


@in_its_place
def train(
    sources: Sequence[Source] | Plan | ImageSource,
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
    began: float | None = None,
) -> Run:
    """Train a model on the sections of ``sources``, or on images, and leave it in ``folder``.

    Parameters
    ----------
    sources : sequence of Source, Plan, or ImageSource
        Sections to learn from, as they are or as `make_plan` has grouped them; or an image data set.
    config : Config
        What to train, and how.
    folder : str or Path
        Run folder to make.
    seed : int
        Fixes initial weights, patches and dither.
    device : str, optional
        See `Hardware.choose`.
    max_time : timedelta, optional
        For all of the run, calibration included; the learning rate decays towards it.
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
    began : float, optional
        By `time.monotonic`, from when on ``max_time`` counts; by default from now.

    Raises
    ------
    DataError
        If the sections hold no patch to train on.
    ConfigError
        If there is no such scheduler.
    MissingPackageError
        If Dask is needed for it and not installed.
    OutputError
        If ``folder`` exists.
    TrainingError
        If the loss stays non-finite.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, once the state is saved; the message says how to go on.
    """
    budget = Budget(max_time, time.monotonic() if began is None else began)
    folder = Path(folder)
    if is_first_process():
        check_writable(folder)
    hardware = choose_hardware(device, config)
    with _no_run_without_a_step(folder):
        data = new_data(sources, config, splits=splits, seed=seed, max_time=max_time)
        check_memory(data.config, data.config.training.batch)
        for one in data.left_out:
            log.warning("left out: %s", one)
        check_inputs(final(folder), data.record.paths)
        data.record = data.record.model_copy(update={"named": sign(data.record.paths)})
        data.read()
        seed_everything(seed, verbose=False)
        model = build_model(data.config)
        with progress.bar("Setting whitening and scales from patches"):
            initialise(model, data, budget.for_initialising)
        if is_first_process():
            make_folder(folder, data.record, data.config)
        data.scheduler = scheduler
        return fit(model, data, folder, hardware, None, budget=budget, calibrate=calibrate)


@contextmanager
def _no_run_without_a_step(folder: Path) -> Iterator[None]:
    """Say of a run that is interrupted how to go on, or that it has no state to go on from."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if stop.args:
            raise
        if (folder / STATE).is_file():
            raise KeyboardInterrupt(
                f"{folder}: interrupted, its steps up to the last checkpoint are kept. Go on with: "
                f"seisflow train --resume -o {folder}"
            ) from stop
        if is_first_process():
            discard_folder(folder)
        raise KeyboardInterrupt(
            f"{folder}: interrupted before the first checkpoint, so there is no run to resume. Start it again"
        ) from stop


@in_its_place
def resume(
    folder: str | Path,
    *,
    steps: int | None = None,
    refine: bool = False,
    device: str | None = None,
    max_time: timedelta | None = None,
    scheduler: str | None = None,
    trusted: bool = False,
    inputs: Sequence[str | Path] = (),
    data_root: str | Path | None = None,
    began: float | None = None,
) -> Run:
    """Go on with an interrupted run, or with a finished one if there is more to do.

    That is so if ``steps`` or ``max_time`` allow for more, or if it is to learn to ``refine``.

    Parameters
    ----------
    folder : str or Path
        Run folder.
    steps : int, optional
        New number of steps in all, instead of the limits the run was started with.
    refine : bool
        Learn to refine generated patches at the end, anew if the run has learned it.
    device : str, optional
        See `Hardware.choose`.
    max_time : timedelta, optional
        More time, calibration included; by default what is left of the time of a run that was interrupted.
    scheduler : str, optional
        See `train`.
    trusted : bool
        Open what the run names even if it was not started by this user.
    inputs, data_root
        Where files of the run are now, if they have moved; see `moved_sources`.
    began : float, optional
        See `train`.

    Raises
    ------
    TrainingError
        If ``folder`` holds no state to go on from, or a damaged record, or if images are to be refined.
    DataError
        If the run names files that are not opened unasked, or if what has moved is sampled otherwise.
    """
    budget = Budget(None, time.monotonic() if began is None else began)
    folder = Path(folder)
    if not (folder / STATE).is_file():
        raise TrainingError(
            f"{folder}: no {STATE} to resume from. Expected a run folder: train without --resume"
        )
    try:
        state = torch.load(folder / STATE, weights_only=True, mmap=True)
    except Exception as error:  # its reader raises what it likes on damaged input
        raise TrainingError(f"{folder / STATE}: damaged. Expected a whole checkpoint: train anew") from error
    record, config = read_record(folder), read_config(folder)
    if inputs or data_root is not None:
        record = _with_moved(record, folder, inputs, data_root, trusted)
    else:
        check_named(record.paths, record.named, folder, trusted)
    if refine and record.images is not None:
        raise TrainingError(f"{folder}: a run of images. --refine is for sections: leave it out")
    if max_time is not None:
        record = record.model_copy(update={"max_time": max_time})
        replace_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
    changes = {} if steps is None else {"steps": steps}
    if refine:
        changes["denoiser_steps"] = max(STEPS, config.training.denoiser_steps)
    if changes:
        config = config.model_copy(update={"training": config.training.model_copy(update=changes)})
        replace_text(folder / CONFIG, as_yaml(config))
    done = int(state["global_step"])
    # what denoises has learned from the data alone, so that more steps of the flow leave it as it is
    denoiser = load_model(folder).denoiser if (folder / WEIGHTS).is_file() and not refine else None
    refined = denoiser is not None or not config.training.denoiser_steps
    if done >= config.training.steps and max_time is not None and refined:
        log.warning(
            "all %d steps are done, so there is no use for more time: give more steps, --max-steps %d",
            done,
            2 * done,
        )
    hardware = choose_hardware(device, config)
    check_memory(config, config.training.batch)
    model = build_model(config)
    data = stored_data(record, config)
    data.read()
    data.scheduler = scheduler
    budget.max_time = max_time
    if max_time is None and not changes and record.max_time is not None:
        rest = record.max_time - timedelta(seconds=seconds_of(folder / STATE))
        budget.max_time = timedelta(0) if (folder / WEIGHTS).is_file() else max(rest, timedelta(0))
    return fit(model, data, folder, hardware, folder / STATE, budget=budget, denoiser=denoiser)


def _with_moved(
    record: Record,
    folder: Path,
    inputs: Sequence[str | Path],
    data_root: str | Path | None,
    trusted: bool,
) -> Record:
    """Return the record with the places where its inputs are now, and keep it."""
    sources = moved_sources(record.sources, inputs, data_root)
    kept = set(record.paths) & {path for source in sources for path in source.paths}
    if kept:  # those that have not moved are vouched for as before
        check_named(record.paths, record.named, folder, trusted)
    record = record.model_copy(update={"sources": sources})
    record = record.model_copy(update={"named": sign(record.paths)})
    replace_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
    return record
