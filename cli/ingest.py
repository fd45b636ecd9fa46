"""``seisflow ingest``: convert seismic files to Zarr."""

import logging
from typing import Any

import click

from . import options


@click.command()
@click.argument("inputs", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT.zarr",
    required=True,
    callback=options.writable,
    help="Zarr folder or URL to write.",
)
@options.overwrite
@options.scheduler
@options.workers
@options.crs
@options.as_json
@options.geometry
def command(
    inputs: tuple[str, ...],
    output: str,
    overwrite: bool,
    scheduler: str | None,
    workers: int | None,
    crs: str | None,
    as_json: bool,
    geometry: dict[str, Any],
) -> None:
    """Convert seismic files to Zarr, which is read faster, in parallel.

    FILE is anything that `seisflow scan` knows, or a URL of SEG-Y or Zarr; several are parts of one survey.
    The output has the shape of MDIO v1, in shards. From 1 GB on, a worker for each core does the work. If the
    command is interrupted, the same command goes on where it stopped.

    \b
    Examples:
      seisflow ingest survey.sgy -o survey.zarr
      seisflow ingest lines/*.sgy -o survey.zarr --workers 4
    """
    from seisflow import progress
    from seisflow.io import ingest  # here: --help does not wait for it

    with progress.bar("Ingesting") as report:
        done = ingest(
            inputs,
            output,
            overwrite=overwrite,
            scheduler=scheduler,
            workers=workers,
            crs=crs,
            progress=report,
            **geometry,
        )
    for warning in done.warnings:
        logging.getLogger("seisflow").warning("%s", warning)
    if as_json:
        options.echo(done.model_dump_json(indent=2))
        return
    sizes = " x ".join(f"{size} {dim}" for dim, size in done.sizes.items())
    resumed = f", {done.resumed} of them by an earlier run" if done.resumed else ""
    options.echo(f"{output}: {sizes}, {done.slabs} shards{resumed}")
