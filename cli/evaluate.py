"""``seisflow evaluate``: how well anomalies are found, beside what is used today."""

import json
import logging
from pathlib import Path
from typing import Any

import click

from . import options

log = logging.getLogger("seisflow")


@click.command()
@click.argument("survey", type=click.Path(path_type=Path), required=False)
@options.model
@click.option(
    "--on",
    "part",
    type=click.Choice(["test", "development"]),
    default="test",
    show_default=True,
    help="Held-out lines to inject into; choices are made on those of development.",
)
@options.alpha
@click.option(
    "--seeds", metavar="N", type=click.IntRange(min=1), default=3, show_default=True,
    help="Injections of each kind and severity.",
)  # fmt: skip
@options.selection
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              callback=options.writable,
              help="Folder for the result objects (results/) and the tables, e.g. docs.")  # fmt: skip
@click.option("--note", metavar="TEXT", default="", help="What a reader of the table should know.")
@options.geometry
@options.device
@options.trust
@options.overwrite
@options.as_json
def command(
    survey: Path | None,
    model: str | None,
    part: str,
    alpha: float,
    seeds: int,
    select: tuple[str, ...],
    output: Path | None,
    note: str,
    geometry: dict[str, Any],
    device: str | None,
    trust: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Inject modelled anomalies into lines of SURVEY that MODEL has not seen, and see what finds them.

    Without SURVEY, takes the file that the model was trained on a part of. The lines after those it was
    trained on (of a 2D line: the traces), or before, where more are left there, calibrate, and are tested on;
    baselines stand in the same table. Tables keep the other surveys that they hold.

    \b
    Examples:
      seisflow evaluate survey.sgy -m runs/survey-1
    """
    with options.starting():
        from seisflow.evaluation.anomalies import protocol as anomalies
        from seisflow.evaluation.reporting import anomaly_pages
        from seisflow.patches import section_name
        from seisflow.runs.choose import choose_model

    chosen = choose_model(model, device)
    log.info("%s", chosen.describe())
    named = chosen.inputs((survey,) if survey else (), (), geometry, trusted=trust)
    source = named[0].model_copy(update={"select": select})
    words = ["seisflow evaluate", "-m MODEL", Path(source.path).name]
    words += [f"--on {part}"] if part != "test" else []
    words += [f"--select {one}" for one in select]
    section = source.open()
    if output is not None:
        anomaly_pages.check(output, section_name(section), overwrite=overwrite)
    found = anomalies.evaluate(
        section,
        chosen.model,
        part=part,
        alpha=alpha,
        seeds=seeds,
        command=" ".join(words),
        note=note,
        tell=log.info,
    )
    if output is not None:
        anomaly_pages.write(found, output, overwrite=overwrite)
    options.echo(json.dumps(found, indent=1) if as_json else anomaly_pages.markdown(found))
