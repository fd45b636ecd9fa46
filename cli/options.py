"""Options shared by the commands, defined once so that they mean the same everywhere."""

import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar

import click

import seisflow
from seisflow.shown import shown
from seisflow.writable import check_writable

if TYPE_CHECKING:
    import xarray as xr

_Command = TypeVar("_Command", Callable[..., Any], click.Command)
_HEADER_BYTE = click.IntRange(1, 240)


def _assignments(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if "=" not in value[1:]:
            raise click.BadParameter(f"{value!r} is not of the form {param.metavar}.", ctx, param)
    return values


def writable(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Refuse a place that cannot be written, before libraries load and anything is computed."""
    if value is not None and "://" not in str(value):
        check_writable(Path(value))
    return value


def _note_horizons(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
    ctx.meta["seisflow.horizons"] = [f"horizon={value}" for value in values]


def _parts(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Parts with the files that they name by their whole paths, so that a run finds them again."""
    parts = (*_assignments(ctx, param, values), *ctx.meta.get("seisflow.horizons", ()))
    whole = []
    for part in parts:
        name, _, value = part.partition("=")
        if name in ("polygon", "horizon"):
            file, *window = value.rsplit(":", 2) if name == "horizon" else [value]
            value = ":".join([str(Path(file).resolve()), *window])
        whole.append(f"{name}={value}")
    return tuple(whole)


required_inputs = click.argument(
    "inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
inputs = click.argument("inputs", metavar="[INPUT]...", nargs=-1, type=click.Path(path_type=Path))
model = click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Run folder, saved model, or name of a model that ships. [default: runs/latest, else f3-small]",
)
output = click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(path_type=Path),
    callback=writable,
    help="What to write; the ending gives the format.",
)
trust = click.option("--trust", is_flag=True, help="Open the files that a model from elsewhere names.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace what is there already.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
seed = click.option(
    "--seed", metavar="S", type=click.IntRange(min=0), help="Same seed, same result on the same machine."
)
device = click.option(
    "--device", metavar="D", help="cpu, cuda, cuda:1, mps, ... [default: the fastest there is]"
)
select = click.option(
    "--select",
    metavar="DIM=FIRST:LAST",
    multiple=True,
    callback=_parts,
    help="Part of a survey by its labels, both ends included: inline=10090:10135, time=400:1600, "
    "cdp=200:300; or polygon=FILE (GeoJSON, CSV). Repeatable.",
)
_horizon = click.option(
    "--horizon",
    metavar="FILE:A:B",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_note_horizons,
    help="Part about a horizon (CSV) from A to B, in ms or m: top.csv:-50:+200.",
)


def selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--select`` and ``--horizon``; the command gets both as ``select``."""
    return select(_horizon(command))


config = click.option(
    "-c", "--config", metavar="CONFIG", help="Preset by name, or a YAML file. [default: by hardware]"
)
data = click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path),
    envvar="SEISFLOW_DATA",
    help="Folder that holds images/ and segy/. [default: $SEISFLOW_DATA; without it, images are downloaded]",
)
scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler whose workers do the work, e.g. tcp://10.0.0.1:8786; they must see the same files.",
)
workers = click.option(
    "--workers", metavar="N", type=click.IntRange(min=1), help="Worker processes on this machine."
)
crs = click.option(
    "--crs", metavar="CRS", help="Coordinate system, e.g. EPSG:23031, kept in Zarr. [default: the input's]"
)
alpha = click.option(
    "--alpha",
    metavar="A",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="False alarms allowed per panel.",
)

steps = functools.partial(  # commands name their default
    click.option,
    "--steps",
    metavar="N",
    type=click.IntRange(min=0),
    show_default=True,
    help="Steps of learning from each section; 0 takes the network as it ships.",
)
overrides = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_assignments,
    help="Change one value of the configuration, e.g. data.patch=[128,64]. Repeatable.",
)

_GEOMETRY = (
    click.option("--iline", metavar="BYTE", type=_HEADER_BYTE, help="Trace header byte of the inline."),
    click.option("--xline", metavar="BYTE", type=_HEADER_BYTE, help="Trace header byte of the crossline."),
    click.option("--cdp-x", metavar="BYTE", type=_HEADER_BYTE, help="Trace header byte of the easting."),
    click.option("--cdp-y", metavar="BYTE", type=_HEADER_BYTE, help="Trace header byte of the northing."),
    click.option(
        "--dt",
        metavar="MS",
        type=click.FloatRange(min=0, min_open=True),
        help="Sample interval in ms (m for depth), where the headers have none or a wrong one.",
    ),
    click.option(
        "--format",
        metavar="CODE",
        type=click.IntRange(1, 16),
        help="SEG-Y sample format code, where the header's is wrong: 1 IBM, 5 IEEE float, 3 int16, ...",
    ),
    click.option("--endian", type=click.Choice(["big", "little"]), help="Byte order. [default: detected]"),
    click.option(
        "--encoding",
        type=click.Choice(["ebcdic", "ascii"]),
        help="Encoding of the text header. [default: detected]",
    ),
    click.option(
        "--domain", type=click.Choice(["time", "depth"]), help="Vertical axis. [default: by the text header]"
    ),
    click.option("--line", is_flag=True, default=None, help="Read traces in file order, as one 2D line."),
    click.option("--strict", is_flag=True, default=None, help="Refuse what is else read with a warning."),
    click.option(
        "--limit",
        metavar="GB",
        type=click.FloatRange(min=0, min_open=True),
        help="Most that a small Zarr or NetCDF may unpack to. [default: 1]",
    ),
)
_GEOMETRY_NAMES = (
    "iline",
    "xline",
    "cdp_x",
    "cdp_y",
    "dt",
    "format",
    "endian",
    "encoding",
    "domain",
    "line",
    "strict",
    "limit",
)


def geometry(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how to read SEG-Y headers.

    The command gets those that were given as one dict ``geometry``, ready for
    ``seisflow.open_section(path, **geometry)``.
    """

    @functools.wraps(command)
    def with_geometry(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _GEOMETRY_NAMES}
        return command(geometry={name: value for name, value in given.items() if value is not None}, **values)

    for option in reversed(_GEOMETRY):
        with_geometry = option(with_geometry)
    return with_geometry


def check_different(paths: Sequence[Path]) -> None:
    """Stop where two inputs would be written to one place."""
    if len(set(paths)) < len(paths):
        raise click.UsageError("Some inputs have the same name. Take them one by one, each with its own -o.")


def open_section(path: Path, geometry: dict[str, Any], parts: Sequence[str] = ()) -> "xr.Dataset":
    """Open one input as the options ask, and pass on what its reader had to assume."""
    from seisflow.io import select  # here: --help does not wait for xarray and segyio

    section = seisflow.open_section(path, **geometry)
    for warning in section.attrs.get("warnings", ()):
        logging.getLogger("seisflow").warning("%s: %s", path.name, warning)
    return select(section, parts)


def files(inputs: Sequence[Path]) -> list[Path]:
    """Return inputs as they are, but the seismic files of a folder, or of a pattern, in its place."""
    from seisflow.io import find_files

    return find_files(inputs)


BEGAN = "seisflow.began"
"""Key of the context under which it is kept when the command began, by `time.monotonic`."""
WIDTH = 60
"""Columns that tables fit in."""


def echo_pairs(pairs: Iterable[tuple[str, str]], width: int = WIDTH) -> None:
    """Print names and values below each other; long values go on in the next line."""
    rows = list(pairs)
    left = max((len(name) for name, _ in rows), default=0) + 2
    for name, value in rows:
        for number, line in enumerate(wrap(value, width - left) or [""]):
            echo(f"{'' if number else name:<{left}}{line}")


def echo_table(rows: Sequence[Sequence[str]], width: int = WIDTH) -> None:
    """Print rows in columns.

    Names in the first column are never broken: where these leave too little room, each has a line of its own
    above the others. Of the other columns, the widest are wrapped.
    """
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    apart = sum(widths) + 2 * (len(widths) - 1) > width and widths[0] > width // 3
    if apart:
        rows, names, widths = [["", *row[1:]] for row in rows], [row[0] for row in rows], [0, *widths[1:]]
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths[1:], default=0) > 8:
        widths[1 + widths[1:].index(max(widths[1:]))] -= 1
    for k, row in enumerate(rows):
        if apart:
            echo(names[k])
        cells = [row[:1], *(wrap(cell, size) or [""] for cell, size in zip(row[1:], widths[1:], strict=True))]
        for number in range(max(map(len, cells))):
            parts = (
                (cell[number] if number < len(cell) else "").ljust(size)
                for cell, size in zip(cells, widths, strict=True)
            )
            echo("  ".join(parts).rstrip())


FIRST = 1.5
"""Seconds after which a command has said something."""


@contextmanager
def starting() -> Iterator[None]:
    """Say soon that something happens, and go on saying it while heavy libraries load.

    Ctrl-C ends the command at once meanwhile: as an exception, some library would catch it and go on.
    """
    from seisflow import progress

    usual = signal.getsignal(signal.SIGINT)
    alone = usual is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    if alone:
        signal.signal(signal.SIGINT, _leave)
    try:
        with progress.telling(), progress.lines(lambda: "loading PyTorch", first=FIRST):
            yield
    finally:
        if alone:
            signal.signal(signal.SIGINT, usual)


def _leave(signum: int, frame: object) -> None:
    """End the process while nothing is at stake yet."""
    os.write(2, b"Error: interrupted\n")
    os._exit(128 + signum)


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text; what would move a cursor, such as an escape sequence in a file's name, is written out."""
    click.echo(shown(text, keep="\n\t"), err=err, nl=nl)


class _StderrHandler(logging.Handler):
    """Log lines on the stderr of the moment, without colour codes where that is not a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        echo(shown(record.getMessage()) if not record.exc_info else self.format(record), err=True)


def _set_level(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    logger = logging.getLogger("seisflow")
    if not logger.handlers:
        logger.addHandler(_StderrHandler())
        logger.setLevel(logging.INFO)
    if wanted:
        ctx.find_root().call_on_close(functools.partial(logger.setLevel, logger.level))
        logger.setLevel(logging.DEBUG if param.name == "verbose" else logging.ERROR)


def verbosity(command: _Command) -> _Command:
    """Add ``-v`` and ``-q``, which set the level of the ``seisflow`` logger: DEBUG, ERROR, else INFO."""
    for flag, name, text in (
        ("-q", "quiet", "Say nothing but results and errors."),
        ("-v", "verbose", "Say more; show where an error came from."),
    ):
        command = click.option(
            flag, f"--{name}", is_flag=True, expose_value=False, callback=_set_level, help=text
        )(command)
    return command
