"""`seisflow benchmark`: protocols whose numbers anyone can check."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from . import options
from .train import Duration


@click.command()
@click.argument("name", type=click.Choice(["seismic"]))
@options.model
@options.config
@options.overrides
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), envvar="SEISFLOW_DATA",
              help="Folder that holds segy/. [default: $SEISFLOW_DATA]")  # fmt: skip
@click.option("--max-time", type=Duration(), help="Training time.")
@click.option("--eval-only", is_flag=True, help="Evaluate MODEL instead of training one.")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for the result objects (results/) and the table, e.g. docs.")  # fmt: skip
@options.seed
@options.as_json
@options.overwrite
def command(
    name: str,
    model: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
    max_time: timedelta | None,
    eval_only: bool,
    output: Path | None,
    seed: int | None,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Train and evaluate under a fixed protocol, beside baselines on the same samples.

    NAME seismic: nats/dim on held-out Volve inlines.
    """
    from seisflow import runs
    from seisflow.config import load_config
    from seisflow.evaluation import tables, volve
    from seisflow.models import load_model

    if data is None:
        raise click.UsageError("Missing option '--data': the folder that holds segy/ (or set SEISFLOW_DATA).")
    file = data / "segy" / volve.FILE
    if eval_only:
        if config or overrides or max_time:
            raise click.UsageError("--eval-only trains nothing: leave -c, --set and --max-time out")
        trained = load_model(model or runs.latest())
    else:
        folder = Path(model) if model else runs.new("volve")
        settings = load_config(config or "seismic", overrides)
        trained = volve.train_model(
            file, folder, settings, seed=seed or 0, max_time=max_time, overwrite=overwrite
        )
        runs.set_latest(folder)
    results: list[dict[str, Any]] = [*volve.baselines(file), volve.model_result(trained, file)]
    if output is not None:
        tables.write(results, output, name, title="Volve: held-out nats/dim", overwrite=overwrite)
    click.echo(json.dumps(results, indent=1) if as_json else tables.markdown(results))
