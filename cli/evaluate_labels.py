"""``seisflow evaluate-labels``: how well a map agrees with an interpreter's picks."""

import json
from pathlib import Path
from typing import Any

import click

from . import options


@click.command()
@click.argument("map_file", metavar="MAP", type=click.Path(path_type=Path))
@click.argument("labels", metavar="LABELS", type=click.Path(path_type=Path))
@click.option(
    "--section",
    "section_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Section that MAP was made of, for the attributes. [default: the amplitudes in MAP]",
)
@click.option("--within", metavar="N", type=click.IntRange(min=0), default=2, show_default=True,
              help="Traces to each side by which picks are widened.")  # fmt: skip
@click.option(
    "--threshold",
    metavar="X",
    type=float,
    help="Threshold of MAP for precision and recall. [default: as many samples reach it as are labelled]",
)
@options.output
@options.geometry
@options.overwrite
@options.as_json
def command(
    map_file: Path,
    labels: Path,
    section_file: Path | None,
    within: int,
    threshold: float | None,
    output: Path | None,
    geometry: dict[str, Any],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare MAP, made by `seisflow score`, with LABELS, beside the attributes in use today.

    LABELS is a volume that is not zero where something was picked (SEG-Y, Zarr, npy), or a table (.csv) of
    picks with a column for every dim of the map (`trace,sample` for a line; `sample` counts from 0) and maybe
    `name`: picks of one name are joined by lines. Draws hits, misses and false alarms; -o says where.

    \b
    Examples:
      seisflow evaluate-labels map.zarr picks.csv
    """
    from seisflow import plotting
    from seisflow.evaluation.labels.evaluate import evaluate_labels
    from seisflow.io.atomic import check_target

    picture = output or map_file.with_name(f"{map_file.stem}-labels.png")
    check_target(picture, overwrite, (map_file, labels))
    section = None if section_file is None else options.open_section(section_file, geometry, ())
    report = evaluate_labels(
        map_file, labels, section=section, within=within, threshold=threshold, **geometry
    )
    plotting.save(report.figure, picture, overwrite=overwrite)
    if as_json:
        options.echo(json.dumps(report.as_dict() | {"picture": str(picture)}, indent=1))
        return
    options.echo(report.table())
    panels = f"{report.panels} panel{'s' * (report.panels != 1)} with labels"
    options.echo(
        f"{picture}: {panels}, {report.labelled:.1%} of the samples once picks are widened by {within} "
        "traces to each side"
    )
