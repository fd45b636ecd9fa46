"""``seisflow plot``: a picture of a section."""

from pathlib import Path
from typing import Any

import click

from . import options


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.output
@options.overwrite
@options.select
@options.geometry
def command(
    file: Path, output: Path | None, overwrite: bool, select: tuple[str, ...], geometry: dict[str, Any]
) -> None:
    """Draw a section, and its anomaly map over it.

    FILE is SEG-Y, Zarr, or the name of a data set that ships. Of a cube, the middle inline is drawn:
    `--select inline=10117`, `--select crossline=2200` or `--select time=1500` draws another plane.
    Writes PNG, PDF or SVG; without -o, a PNG in the current folder, named after FILE.
    """
    from seisflow import plotting  # here: --help does not wait for matplotlib

    figure = plotting.draw(options.open_section(file, geometry, select))
    picture = plotting.save(figure, output or Path(f"{file.stem}.png"), overwrite=overwrite)
    click.echo(f"{picture}: {figure.axes[0].get_title(loc='left')}")
