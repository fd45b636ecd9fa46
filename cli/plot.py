"""``seisflow plot``: a picture of a section."""

from pathlib import Path
from typing import Any

import click

from . import options


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.output
@options.overwrite
@options.selection
@click.option("--clip", metavar="P", type=click.FloatRange(0, 100, min_open=True), default=99.0,
              show_default=True, help="Percentile of the amplitudes at which colours end.")  # fmt: skip
@click.option("--cmap", metavar="NAME", help="Colour map: of matplotlib, or cmcrameri. [default: vik; grey]")
@click.option("--wiggle", is_flag=True, help="Draw curves with filled peaks.")
@click.option("--agc", metavar="MS", type=click.FloatRange(min=0, min_open=True),
              help="Gain over a running window of so many ms (m).")  # fmt: skip
@click.option("--aspect", metavar="W", type=click.FloatRange(0.1, 20), help="Width over height.")
@options.geometry
def command(
    file: Path,
    output: Path | None,
    overwrite: bool,
    select: tuple[str, ...],
    clip: float,
    cmap: str | None,
    wiggle: bool,
    agc: float | None,
    aspect: float | None,
    geometry: dict[str, Any],
) -> None:
    """Draw a section, and its anomaly map over it.

    FILE is SEG-Y, Zarr, or the name of a data set that ships. Of a cube, the middle inline is drawn:
    `--select inline=10117`, `--select crossline=2200` or `--select time=1500` draws another plane.
    Writes PNG, PDF or SVG; without -o, a PNG in the current folder, named after FILE.

    \b
    Examples:
      seisflow plot map.zarr -o map.png
      seisflow plot line.sgy --wiggle --agc 500
    """
    from seisflow import plotting  # here: --help does not wait for matplotlib

    figure = plotting.draw(
        options.open_section(file, geometry, select),
        clip=clip,
        cmap=cmap,
        wiggle=wiggle,
        agc_window=agc,
        aspect=aspect,
    )
    picture = plotting.save(figure, output or Path(f"{file.stem}.png"), overwrite=overwrite)
    options.echo(f"{picture}: {figure.axes[0].get_title(loc='left')}")
