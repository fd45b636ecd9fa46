"""``seisflow scan``."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from seisflow.errors import SeisflowError
from seisflow.io.scan import ScanReport, describe, scan

from . import options

_TABLE_FROM = 4


@click.command()
@options.required_inputs
@options.as_json
@options.geometry
def command(inputs: tuple[Path, ...], as_json: bool, geometry: dict[str, Any]) -> None:
    """Tell what files are: format, geometry, sampling, amplitudes, and what is odd about them.

    INPUT is a SEG-Y file, a Zarr folder, or the name of a data set that ships. Files that cannot be read
    get one line each, and exit code 1.
    """
    reports: list[ScanReport] = []
    failures: list[str] = []
    for path in inputs:
        try:
            reports.append(scan(path, **geometry))
        except SeisflowError as error:
            failures.append(str(error))
    if as_json:
        click.echo(json.dumps([report.model_dump() for report in reports], indent=2))
    elif len(reports) < _TABLE_FROM:
        click.echo("\n\n".join(map(describe, reports)), nl=bool(reports))
    else:
        _print_table(reports)
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    if failures:
        sys.exit(1)


def _print_table(reports: list[ScanReport]) -> None:
    table = Table("file", "format", "geometry", "traces", "samples", "interval", "start", "std", "odd")
    for report in reports:
        sizes = " x ".join(str(axis.size) for axis in report.axes)
        table.add_row(
            Path(report.file).name,
            report.sample_format_name or report.kind,
            f"{report.geometry} {sizes}",
            str(report.traces),
            str(report.samples),
            f"{report.interval or 0:g} {report.unit}",
            f"{report.start:g}",
            f"{report.amplitudes.std:.3g}",
            "; ".join([*report.warnings, *([report.problem] if report.problem else [])]),
        )
    console = Console()
    if not console.is_terminal:  # a pipe has no width to fit into
        console = Console(width=240)
    console.print(table)
