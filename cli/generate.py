"""``seisflow generate``: draw new patches from a model."""

import logging
from pathlib import Path

import click

from . import options

log = logging.getLogger("seisflow")


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
    default=1.0,
    show_default=True,
    help="Below 1 for more typical patches.",
)
@options.seed
@options.device
@options.overwrite
def command(
    n: int,
    model: str | None,
    output: Path | None,
    topic: int | None,
    temperature: float,
    seed: int | None,
    device: str | None,
    overwrite: bool,
) -> None:
    """Draw new sections, each a patch of the model's size; or new images, from a model of images.

    Writes Zarr, or SEG-Y with `-o OUT.sgy`: inlines 1 to N are the patches, crosslines their traces. Beside
    it stands a gallery of the first 100. Without -o, `generated.zarr` in the run folder. Images are 8-bit
    Zarr.
    """
    from seisflow import progress
    from seisflow.output.generated_files import write_generated, write_generated_images
    from seisflow.output.paths import output_path
    from seisflow.runs.choose import choose_model

    chosen = choose_model(model, device)
    log.info("%s", chosen.describe())
    path = output_path(output, chosen.home, "generated")
    with progress.bar("Generating") as report:
        write = write_generated if chosen.card.images is None else write_generated_images
        summary = write(
            chosen.model,
            n,
            path,
            topic=topic,
            temperature=temperature,
            seed=seed or 0,
            overwrite=overwrite,
            model_name=chosen.name,
            report=report,
        )
    click.echo(f"{path}: {summary.sentence()}")
