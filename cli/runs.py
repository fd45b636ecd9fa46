"""``seisflow runs``: the runs of this folder, and how two of them differ."""

import json
from pathlib import Path

import click

from . import options


@click.command()
@click.argument("runs", metavar="[RUN RUN]", nargs=-1, type=click.Path(path_type=Path))
@options.as_json
def command(runs: tuple[Path, ...], as_json: bool) -> None:
    """List the runs in runs/, the last first; or compare two: what differs in configuration and result.

    \b
    Examples:
      seisflow runs
      seisflow runs runs/survey-1 runs/survey-2
    """
    with options.starting():
        from seisflow.runs import folders
        from seisflow.runs.info import differences, run_rows

    if runs:
        if len(runs) != 2:
            raise click.UsageError("Name two runs to compare, or none to list all.")
        one, other = (path if path.exists() else folders.ROOT / path for path in runs)
        rows = list(differences(one, other))
        if as_json:
            options.echo(json.dumps({name: [a, b] for name, a, b in rows}, indent=1))
            return
        options.echo_table([("", one.name, other.name), *rows] if rows else [("no difference",)])
        return
    found = run_rows()
    if as_json:
        options.echo(json.dumps(found, indent=1))
    elif not found:
        options.echo("no runs here: seisflow train INPUT makes one")
    else:
        options.echo_table(
            [
                ("run", "state", "steps", "nats/dim"),
                *(
                    (
                        row["run"] + (" *" if row["latest"] else ""),
                        row["state"],
                        str(row.get("steps") or ""),
                        "" if row.get("nats_per_dim") is None else f"{row['nats_per_dim']:.3f}",
                    )
                    for row in found
                ),
            ]
        )
        options.echo("* runs/latest")
