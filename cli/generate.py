"""``seisflow generate``: draw new patches from a model."""

import logging
import math
from pathlib import Path

import click

from . import options

log = logging.getLogger("seisflow")


def _place(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[float, float, float] | None:
    if value is None:
        return None
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not all(math.isfinite(number) for number in numbers):
        raise click.BadParameter(f"{value!r} is not of the form X,Y or X,Y,METRES.", ctx, param)
    return numbers[0], numbers[1], (*numbers, 25.0)[2]


@click.command()
@click.option(
    "--n", metavar="N", type=click.IntRange(min=1), default=100, show_default=True, help="Patches to draw."
)
@options.model
@options.output
@click.option(
    "--topic", metavar="Q", type=click.IntRange(min=0), help="Topic of all, from 0. [default: each its own]"
)
@click.option(
    "--temperature",
    metavar="T",
    type=click.FloatRange(min=0),
    help="Below 1 for more typical patches. [default: 1; for images, that of the model]",
)
@click.option(
    "--at",
    metavar="X,Y[,M]",
    callback=_place,
    help="Coordinates of the first trace, and metres between traces. [default: none, 25]",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Draws of the density itself, not matched to data in strength, continuity, spectra or temperature.",
)
@options.seed
@options.device
@options.overwrite
def command(
    n: int,
    model: str | None,
    output: Path | None,
    topic: int | None,
    temperature: float | None,
    at: tuple[float, float, float] | None,
    exact: bool,
    seed: int | None,
    device: str | None,
    overwrite: bool,
) -> None:
    """Draw new sections, each a patch of the model's size; or new images, from a model of images.

    Writes Zarr, or SEG-Y with `-o OUT.sgy`: inlines 1 to N are the patches, crosslines their traces. Beside
    it stand a gallery of the first 100, and a table (CSV) of the density and topic of each. Without -o,
    `generated.zarr` in the run folder. Images are 8-bit Zarr.

    \b
    Examples:
      seisflow generate --n 100
      seisflow generate -m f3-small --n 16 --topic 2 -o patches.sgy
    """
    with options.starting():
        from seisflow import progress
        from seisflow.output.generated_files import write_generated
        from seisflow.output.paths import output_path
        from seisflow.runs.choose import choose_model

    chosen = choose_model(model, device)
    log.info("%s", chosen.describe())
    path = output_path(output, chosen.home, "generated")
    with progress.bar("Generating") as report:
        summary = write_generated(
            chosen.model,
            n,
            path,
            topic=topic,
            temperature=temperature,
            seed=seed or 0,
            exact=exact,
            overwrite=overwrite,
            model_name=chosen.name,
            at=at,
            report=report,
        )
    options.echo(f"{path}: {summary.sentence()}")
