"""``seisflow scan``: tell what files are, and what is odd about them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seisflow.shown import shown

from . import options

if TYPE_CHECKING:
    from seisflow.io import ScanReport


@click.command()
@options.required_inputs
@options.as_json
@click.option("--plot", is_flag=True, help="Draw a preview of each file: a PNG in the current folder.")
@options.overwrite
@options.geometry
def command(
    inputs: tuple[Path, ...], as_json: bool, plot: bool, overwrite: bool, geometry: dict[str, Any]
) -> None:
    """Tell what files are: format, geometry, sampling, amplitudes, and what is odd about them.

    INPUT is a SEG-Y or SU file, a Zarr folder, NetCDF, what obspy reads, a folder of these, a pattern such
    as '*.sgy', or the name of a data set that ships. Files that cannot be read get one line each, and exit
    code 1. Of large files, the headers at the ends of lines and some between are read.

    \b
    Examples:
      seisflow scan survey.sgy
      seisflow scan segy/ --json
    """
    from seisflow import progress
    from seisflow.errors import SeisflowError  # here: --help does not wait for numpy and xarray
    from seisflow.io import describe, find_files, scan

    reports: list[ScanReport] = []
    failures: list[str] = []
    pictures: list[str] = []
    files = find_files(inputs)
    with progress.bar("Scanning") as tell:
        for number, path in enumerate(files):
            tell(number, len(files))
            try:
                reports.append(scan(path, **geometry))
                if plot:
                    pictures.append(_draw(path, geometry, reports[-1], overwrite))
            except SeisflowError as error:
                failures.append(str(error))
            except Exception as error:  # a fault of ours with one file costs no report of the others
                failures.append(f"{path}: {type(error).__name__}: {error}. This is a fault of seisflow")
    for picture in pictures:
        options.echo(picture, err=True)
    reports = _joined(reports, geometry)
    if as_json:
        options.echo(json.dumps([report.model_dump() for report in reports], indent=2))
    elif files == list(inputs) and len(reports) <= _BLOCKS:
        options.echo("\n\n".join(map(describe, reports)), nl=bool(reports))
    else:
        _print_table(reports)
    for failure in failures:
        options.echo(f"Error: {failure}", err=True)
    if failures:
        sys.exit(1)


_BLOCKS = 3  # more files than this are a table


def _joined(reports: list["ScanReport"], geometry: dict[str, Any]) -> list["ScanReport"]:
    """Put one report of a volume in the place of those of its lines, where these are files of their own."""
    from seisflow.errors import SeisflowError
    from seisflow.io import open_section, scan
    from seisflow.io.lines import group_lines

    lines = {Path(report.file): report for report in reports if report.line_of_volume}
    if len(lines) < 2:
        return reports
    sections = (open_section(path, **geometry) for path in lines)
    for group in group_lines(list(lines), sections):
        if len(group) < 2:
            continue
        try:
            whole = scan(group, **geometry)
        except SeisflowError:
            continue  # they are lines of one volume, and not of one whole
        place = reports.index(lines[group[0]])
        reports[place] = whole
        reports = [report for report in reports if Path(report.file) not in group]
    return reports


def _draw(path: Path, geometry: dict[str, Any], report: "ScanReport", overwrite: bool) -> str:
    from seisflow import plotting

    given = geometry | ({"line": True} if report.problem else {})
    figure = plotting.draw(options.open_section(path, given))
    return str(plotting.save(figure, Path(f"{path.stem}.png"), overwrite=overwrite))


def _print_table(reports: list["ScanReport"]) -> None:
    """Print a line for each file, then what is odd about some."""
    rows = [("file", "samples", "size", "every", "std")]
    for report in reports:
        sizes = " x ".join(str(axis.size) for axis in report.axes)
        rows.append(
            (
                shown(Path(report.file).name),
                report.sample_format_name or report.kind,
                f"{report.geometry} {sizes} x {report.samples}",
                f"{report.interval or 0:g} {report.unit}",
                f"{report.amplitudes.std:.3g}",
            )
        )
    options.echo_table(rows)
    for report in reports:
        odd = [*report.warnings, *([report.problem] if report.problem else [])]
        if odd:
            options.echo(f"{shown(Path(report.file).name)}: {'; '.join(odd)}")
