"""`seisflow train`: learn the density of sections."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from seisflow.runs.sources import ImageSource

log = logging.getLogger("seisflow")


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
    from seisflow.runs import folders

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


def _image_source(inputs: tuple[Path, ...], data: Path | None) -> "ImageSource | None":
    """Return the image data set that INPUT names; None if these are sections."""
    from seisflow.io import images
    from seisflow.runs.sources import ImageSource

    named = [str(path) for path in inputs if str(path) in images.names() and not path.exists()]
    if not named:
        return None
    if len(inputs) > 1:
        raise click.UsageError(f"{named[0]} is an image data set, which is learned alone.")
    return ImageSource(path=named[0], folder=None if data is None else str(data.resolve()))


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, type=click.Path(path_type=Path))
@options.config
@options.overrides
@click.option("-o", "--output", metavar="RUN", type=click.Path(path_type=Path),
              help="Run folder. [default: runs/<input>-<n>]")  # fmt: skip
@click.option(
    "--max-steps", metavar="N", type=click.IntRange(min=1), help="Optimiser steps. [default: the config's]"
)
@click.option(
    "--max-time", type=Duration(), help="Limit, calibration included; the learning rate decays towards it."
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
    """
    with options.starting():
        from seisflow import progress, training
        from seisflow.config import load_config
        from seisflow.runs import folders
        from seisflow.runs.hardware import Hardware, is_first_process
        from seisflow.runs.sources import Source, join_lines
        from seisflow.training.dry_run import describe, measure
        from seisflow.training.images import check_fits_sections, default_preset
        from seisflow.training.plan import make_plan
        from seisflow.training.record import summary
        from seisflow.training.start import check_folder

    from .main import Interrupted

    began = click.get_current_context().meta.get(options.BEGAN)
    if resume:
        if config or overrides or select or geometry or workers or dry_run:
            raise click.UsageError(
                "--resume goes on with what the run was started with: leave options out. "
                "INPUT may say where its files are now."
            )
        folder = output or folders.latest()
        with _latest(folder):
            run = training.resume(
                folder,
                steps=max_steps,
                device=device,
                max_time=max_time,
                scheduler=scheduler,
                trusted=trust,
                inputs=inputs,
                data_root=data_root,
                began=began,
            )
    else:
        if data_root is not None:
            raise click.UsageError("--data-root is for --resume.")
        if not inputs:
            raise click.UsageError("Missing argument 'INPUT...'.")
        images = _image_source(inputs, data)
        if images is not None and (select or geometry or keep_zeros):
            raise click.UsageError("Images have no headers: leave out the options for sections.")
        hardware = Hardware.choose(device)
        chosen_here = config is None and not any(one.startswith("data.patch=") for one in overrides)
        if config is None and images is not None:
            config = default_preset(images.path)
            log.info("config %s, chosen for %s (another: -c)", config, images.path)
        elif config is None:
            config = "seismic-small" if hardware.accelerator == "cpu" else "seismic"
            log.info("config %s, chosen for %s (another: -c)", config, hardware.accelerator)
        if max_steps is not None:
            overrides = (*overrides, f"training.steps={max_steps}")
        if workers is not None:
            overrides = (*overrides, f"training.workers={workers}")
        settings = load_config(config, overrides)
        sources: list[Source] | ImageSource = images or [
            Source(
                path=str(path.resolve() if path.exists() else path),
                select=select,
                geometry=geometry,
                zeros_are_data=keep_zeros,
            )
            for path in options.files(inputs)
        ]
        if output is not None and not dry_run and is_first_process():
            check_folder(output)
        if isinstance(sources, list):
            check_fits_sections(settings)
            try:
                with progress.bar(f"Reading {len(sources)} file{'s' * (len(sources) > 1)}"):
                    planned = make_plan(join_lines(sources), settings, fit_patch=chosen_here)
            except KeyboardInterrupt as stop:
                raise Interrupted("interrupted while files were read, so there is no run") from stop
            if dry_run:
                for line in describe(planned, measure(planned, seed or 0, device, max_time), max_time):
                    options.echo(line)
                return
        elif dry_run:
            raise click.UsageError("--dry-run is for sections: images all have one size.")
        folder = output or folders.new(planned.name if isinstance(sources, list) else sources.name)
        with _latest(folder):
            run = training.train(
                planned if isinstance(sources, list) else sources,
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
