"""`seisflow train`: learn the density of sections."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from seisflow.runs import folders
from seisflow.writable import check_writable

from . import options


class Duration(click.ParamType):
    """A time span written HH:MM:SS, MM:SS or in seconds."""

    name = "HH:MM:SS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            parts = [float(part) for part in str(value).split(":")]
        except ValueError:
            parts = []
        if not 1 <= len(parts) <= 3 or any(not 0 <= part < math.inf for part in parts) or not sum(parts):
            self.fail(f"{value!r} is not a time span such as 00:10:00", param, ctx)
        seconds = 0.0
        for part in parts:
            seconds = 60 * seconds + part
        return timedelta(seconds=seconds)


@contextmanager
def _latest(folder: Path) -> Iterator[None]:
    """Make the run trained meanwhile the latest, also when stopped, so that --resume goes on with it."""
    from .main import Interrupted

    try:
        yield
    except KeyboardInterrupt as stop:
        if not stop.args:
            raise
        if folder.exists():
            folders.set_latest(folder)
        raise Interrupted(str(stop)) from stop
    folders.set_latest(folder)


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, type=click.Path(path_type=Path))
@options.config
@options.overrides
@click.option("-o", "--output", metavar="RUN", type=click.Path(path_type=Path), callback=options.writable,
              help="Run folder. [default: runs/<input>-<n>]")  # fmt: skip
@click.option(
    "--max-steps", metavar="N", type=click.IntRange(min=1), help="Optimiser steps. [default: the config's]"
)
@click.option(
    "--max-time",
    type=Duration(),
    help="Time limit, calibration included; the learning rate decays towards it.",
)
@click.option(
    "--refine",
    is_flag=True,
    help="Learn longer to refine generated sections. Takes longer than the rest.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would be trained, and how long it takes, by three steps."
)
@click.option("--resume", is_flag=True, help="Go on with RUN (default: runs/latest) where it stopped.")
@click.option("--data-root", metavar="DIR", type=click.Path(path_type=Path),
              help="With --resume: folder where the run's inputs are now, if they have moved.")  # fmt: skip
@click.option("--keep-zeros", is_flag=True, help="Learn mutes and dead traces too, instead of masking them.")
@options.data
@options.selection
@options.geometry
@options.device
@options.seed
@options.scheduler
@options.workers
@options.trust
@options.overwrite
def command(
    inputs: tuple[Path, ...],
    config: str | None,
    overrides: tuple[str, ...],
    output: Path | None,
    max_steps: int | None,
    max_time: timedelta | None,
    refine: bool,
    dry_run: bool,
    resume: bool,
    data_root: Path | None,
    keep_zeros: bool,
    data: Path | None,
    select: tuple[str, ...],
    geometry: dict[str, Any],
    device: str | None,
    seed: int | None,
    scheduler: str | None,
    workers: int | None,
    trust: bool,
    overwrite: bool,
) -> None:
    """Learn the probability density of the sections in INPUT, or of an image data set such as mnist.

    INPUT is files, or a folder of them. They are grouped into surveys, each with a scale of its own; what
    cannot share a model is left out, and said. Leaves a run folder with the model, its state, logs and
    pictures; `seisflow score` and `seisflow generate` take the latest one.

    \b
    Examples:
      seisflow train survey.sgy --dry-run
      seisflow train segy/ --max-time 01:00:00
      seisflow train --resume
      seisflow train --resume --refine -o runs/survey-1
    """
    if resume and (config or overrides or select or geometry or workers or dry_run):
        raise click.UsageError(
            "--resume goes on with what the run was started with: leave options out. "
            "INPUT may say where its files are now."
        )
    if data_root is not None and not resume:
        raise click.UsageError("--data-root is for --resume.")
    if not inputs and not resume:
        raise click.UsageError("Missing argument 'INPUT...'.")
    if output is None and not resume and not dry_run:
        check_writable(folders.ROOT)
    with options.starting():
        from seisflow import training
        from seisflow.errors import ConfigError
        from seisflow.runs.hardware import is_first_process
        from seisflow.training.choose import choose_training, image_source
        from seisflow.training.dry_run import describe, measure
        from seisflow.training.kinds import new_data
        from seisflow.training.record import summary
        from seisflow.training.refining import STEPS

    from .main import Interrupted

    began = click.get_current_context().meta.get(options.BEGAN)
    if resume:
        folder = output or folders.latest()
        with _latest(folder):
            run = training.resume(
                folder,
                steps=max_steps,
                refine=refine,
                device=device,
                max_time=max_time,
                scheduler=scheduler,
                trusted=trust,
                inputs=inputs,
                data_root=data_root,
                began=began,
            )
    else:
        try:
            images = image_source(inputs, data)
        except ConfigError as error:
            raise click.UsageError(str(error)) from error
        if images is not None and (select or geometry or keep_zeros):
            raise click.UsageError("Images have no headers: leave out the options for sections.")
        if images is not None and refine:
            raise click.UsageError("--refine is for sections: leave it out.")
        if max_steps is not None:
            overrides = (*overrides, f"training.steps={max_steps}")
        if refine:
            overrides = (*overrides, f"training.denoiser_steps={STEPS}")
        if workers is not None:
            overrides = (*overrides, f"training.workers={workers}")
        try:
            planned, settings = choose_training(
                images or inputs,
                config,
                overrides,
                select=select,
                geometry=geometry,
                keep_zeros=keep_zeros,
                device=device,
            )
        except KeyboardInterrupt as stop:
            raise Interrupted("interrupted while files were read, so there is no run") from stop
        if dry_run:
            made = new_data(planned, settings, seed=seed or 0)
            for line in describe(made, measure(made, device, max_time), max_time):
                options.echo(line)
            return
        folder = output or folders.new(planned.name)
        with _latest(folder):
            run = training.train(
                planned,
                settings,
                folder,
                seed=seed or 0,
                device=device,
                max_time=max_time,
                overwrite=overwrite,
                scheduler=scheduler,
                began=began,
            )
    if is_first_process():
        options.echo(f"{run.folder}: {summary(run)}")
