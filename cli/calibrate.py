"""``seisflow calibrate``: what is normal for a model on lines of a survey."""

import logging
from pathlib import Path
from typing import Any

import click

from . import options

log = logging.getLogger("seisflow")


@click.command()
@options.inputs
@options.model
@click.option(
    "-o",
    "--output",
    metavar="RUN",
    type=click.Path(path_type=Path),
    callback=options.writable,
    help="Folder for the calibrated model. [default: MODEL itself; runs/<model>-<n> if it ships]",
)
@options.selection
@options.geometry
@options.device
@options.trust
def command(
    inputs: tuple[Path, ...],
    model: str | None,
    output: Path | None,
    select: tuple[str, ...],
    geometry: dict[str, Any],
    device: str | None,
    trust: bool,
) -> None:
    """Calibrate MODEL on lines of a survey, so that its alarms mean something there.

    INPUT is files of the survey, or a folder of them, without what is looked for: choose undisturbed lines
    with `--select`. Without INPUT, calibrates anew on what the model was trained on, and matches what it
    generates to that.

    \b
    Examples:
      seisflow calibrate other.sgy -m runs/survey-1 --select inline=1:40
    """
    with options.starting():
        from seisflow import progress
        from seisflow.runs import folders
        from seisflow.runs.choose import choose_model
        from seisflow.scoring.recalibrate import calibrate_again, calibrate_survey, match_again, store

    chosen = choose_model(model, device)
    log.info("%s", chosen.describe())
    sources = chosen.inputs(options.files(inputs), select, geometry, trusted=trust)
    home = output or (folders.new(chosen.name) if chosen.home == Path() else chosen.folder)
    sections, paths = [source.open() for source in sources], [source.path for source in sources]
    with progress.bar("Calibrating", percent=True) as report:
        if inputs:
            surveys = [calibrate_survey(chosen.model, sections, paths, report=report)]
        else:
            surveys = calibrate_again(chosen.model, sections, paths, chosen.splits, report)
            match_again(chosen.model, sections, chosen.splits)
    store(chosen.model, surveys, home)
    names = " and ".join(survey.name for survey in surveys)
    options.echo(f"{home}: calibrated on {names}; score it with: seisflow score {paths[0]} -m {home}")
