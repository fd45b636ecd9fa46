"""``seisflow facies``: map seismic facies, without labels."""

import json
import logging
from pathlib import Path
from typing import Any

import click

from . import options

log = logging.getLogger("seisflow")


@click.command()
@options.inputs
@options.model
@options.output
@click.option(
    "--topics",
    metavar="Q",
    type=click.IntRange(2, 16),
    default=4,
    show_default=True,
    help="Facies to tell apart.",
)
@options.selection
@options.geometry
@options.device
@options.seed
@options.crs
@options.trust
@options.overwrite
@options.as_json
def command(
    inputs: tuple[Path, ...],
    model: str | None,
    output: Path | None,
    topics: int,
    select: tuple[str, ...],
    geometry: dict[str, Any],
    device: str | None,
    seed: int | None,
    crs: str | None,
    trust: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Map the seismic facies of the sections in INPUT, numbered from the most predictable.

    Without INPUT, maps what the model was trained on. Writes Zarr (amplitude, facies, probability) or, with
    `-o OUT.sgy`, facies numbers as SEG-Y with the headers of the source; beside it a picture of the middle
    panel, windows typical of each facies, and a summary. Tells what each facies is by its power, frequency,
    continuity, dip and predictability beside the survey's, and how well other seeds find it again. Without
    -o, all go to the folder `facies` of the run.

    \b
    Examples:
      seisflow facies survey.sgy -o facies.sgy --topics 5
    """
    with options.starting():
        from seisflow import progress
        from seisflow.output.facies_files import write_facies
        from seisflow.output.paths import output_path
        from seisflow.runs.choose import choose_model

    chosen = choose_model(model, device)
    log.info("%s", chosen.describe())
    sources = chosen.inputs(options.files(inputs), select, geometry, trusted=trust)
    several = len(sources) > 1
    paths = [output_path(output, chosen.home / "facies", source.name, several=several) for source in sources]
    if len(set(paths)) < len(paths):
        raise click.UsageError("Some inputs have the same name. Map them one by one, each with its own -o.")
    summaries = []
    for source, path in zip(sources, paths, strict=True):
        section = source.open()
        if crs is not None:
            section.attrs["crs"] = crs
        for warning in section.attrs.get("warnings", ()):
            log.warning("%s: %s", source.path, warning)
        with progress.bar(f"Mapping {source.name}") as report:
            summary = write_facies(
                section,
                chosen.model,
                path,
                topics=topics,
                seed=seed or 0,
                overwrite=overwrite,
                model_name=chosen.name,
                report=report,
            )
        summaries.append(summary.model_dump(mode="json"))
        if not as_json:
            options.echo(f"{path}: {summary.sentence()}\n{summary.table()}")
    if as_json:
        options.echo(json.dumps(summaries, indent=1))
