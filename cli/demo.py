"""``seisflow demo``: train, score and generate on the sample that ships."""

import logging
from datetime import timedelta
from pathlib import Path

import click

from seisflow.errors import OutputError

from . import options
from .train import Duration

log = logging.getLogger("seisflow")

SAMPLE = "f3-sample"
PATCHES = 100


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    callback=options.writable,
    help="Folder for everything.",
)
@click.option("--max-time", type=Duration(), default="00:03:30", show_default=True, help="Time for training.")
@options.device
@options.seed
@options.overwrite
def command(output: Path, max_time: timedelta, device: str | None, seed: int | None, overwrite: bool) -> None:
    """Show on real North Sea data what seisflow does, in about five minutes on two cores.

    Trains a small flow on the undisturbed part of the F3 sample that ships, maps what is unusual in all of it
    (a gas chimney with a bright spot), and draws new sections.
    """
    if not overwrite and output.is_dir() and any(output.iterdir()):
        raise OutputError(f"{output}: is there already. Pass --overwrite to replace it, or another -o")

    with options.starting():
        from seisflow import progress, training
        from seisflow.config import load_config
        from seisflow.output.generated_files import write_generated
        from seisflow.output.score_files import write_scores
        from seisflow.runs.choose import choose_model
        from seisflow.runs.sources import Source
        from seisflow.training.record import summary

    source = Source(path=SAMPLE)
    log.info("training for %s on the undisturbed side of %s", max_time, SAMPLE)
    run = training.train(
        [source],
        load_config("seismic-small"),
        output / "run",
        seed=seed or 0,
        device=device,
        max_time=max_time,
        overwrite=overwrite,
    )
    chosen = choose_model(str(run.folder), device)
    with progress.bar("Scoring") as report:
        scores = write_scores(
            source.open(),
            chosen.model,
            [output / f"{SAMPLE}.zarr", output / f"{SAMPLE}.sgy"],
            seed=seed or 0,
            overwrite=overwrite,
            model_name=chosen.name,
            report=report,
        )
    with progress.bar("Generating") as report:
        patches = write_generated(
            chosen.model,
            PATCHES,
            output / "generated.sgy",
            seed=seed or 0,
            overwrite=overwrite,
            model_name=chosen.name,
            report=report,
        )
    options.echo(f"{run.folder}: the model, {summary(run)}; loss.png, samples.png")
    options.echo(f"{output / SAMPLE}.png: anomaly map over the section; {scores.sentence()}")
    options.echo(
        f"{output / SAMPLE}.sgy: that map with the headers of its source; .zarr: all maps; .json: summary"
    )
    options.echo(f"{output}/generated.sgy: {patches.sentence()}")
