"""``seisflow info``: training, data, density and calibration of a model."""

import json

import click

from . import options


@click.command()
@click.argument("model", metavar="[RUN|MODEL]", required=False)
@options.as_json
def command(model: str | None, as_json: bool) -> None:
    """Tell what a model was trained on, how long, how well, and what it is calibrated for.

    RUN|MODEL is a run folder, a saved model, or the name of a model that ships. [default: runs/latest]

    \b
    Examples:
      seisflow info runs/latest
    """
    with options.starting():
        from seisflow.models.storage import DEFAULT_MODEL
        from seisflow.runs import folders
        from seisflow.runs.info import info_lines, model_info

    name = model or (str(folders.latest()) if folders.LATEST.exists() else DEFAULT_MODEL)
    facts = model_info(name)
    if as_json:
        options.echo(json.dumps(facts, indent=1))
        return
    options.echo(name)
    options.echo_pairs(info_lines(facts))
