"""The ``seisflow`` command: finds the commands, and turns every known failure into one line."""

import errno
import logging
import pkgutil
import signal
import sys
import time
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module

import click

import seisflow
from seisflow import progress
from seisflow.errors import SeisflowError
from seisflow.shown import shown

from . import options

# Command `some-name` is the click command called `command` in the module cli/some_name.py. The help lists
# them in the order in which a user meets them.
_ORDER = (
    *("demo", "scan", "ingest", "train", "score", "calibrate", "facies", "fill", "denoise", "generate"),
    *("plot", "info", "runs", "evaluate", "evaluate-labels", "benchmark", "datasets", "config"),
)
_NOT_COMMANDS = ("main", "options")


class Failure(click.ClickException):
    """A failure that the user can act on: one line on stderr, and exit code 1."""

    def __init__(self, message: str) -> None:
        super().__init__(shown(" ".join(message.split())))


class Interrupted(Failure):
    """Ctrl-C, with the exit code that a shell gives it."""

    exit_code = 128 + signal.SIGINT


class Commands(click.Group):
    """The commands of the folder ``cli/``, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        folder = import_module(__package__).__path__
        modules = [module.name for module in pkgutil.iter_modules(folder)]
        names = [name.replace("_", "-") for name in modules if name not in _NOT_COMMANDS]
        return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f".{cmd_name.replace('-', '_')}", __package__).command
        options.verbosity(command)  # -v and -q are understood before and after the name of the command
        self.add_command(command, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if not args[0].startswith("-") and args[0] not in names:
            near = get_close_matches(args[0], names, n=1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        ctx.meta[options.BEGAN] = time.monotonic()
        try:
            with progress.heartbeat("at work", options.FIRST):
                return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            failure = _failure(error)
            if failure is None:
                raise
            logging.getLogger("seisflow").debug("the failure in full:", exc_info=True)
            raise failure from error


def _failure(error: BaseException) -> Failure | None:
    """Return what to tell the user about ``error``; None for bugs and for what click handles itself."""
    if isinstance(error, SeisflowError):
        return Failure(str(error))
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if isinstance(error, MemoryError) or _is_torch_out_of_memory(error):
        return Failure(
            "out of memory. The work needs more than is free: "
            "take a smaller part with --select, or a smaller batch or patch"
        )
    if isinstance(error, OSError) and error.errno not in (None, errno.EPIPE):
        where = f"{error.filename}: " if error.filename else ""
        remedy = ": free some space, or choose another place with -o" if error.errno in _DISK_FULL else ""
        return Failure(f"{where}{(error.strerror or str(error)).lower()}{remedy}")
    return None


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def _is_torch_out_of_memory(error: BaseException) -> bool:
    """Tell torch's own kinds of MemoryError, which are RuntimeErrors, without importing torch."""
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(seisflow.__version__, prog_name="seisflow")
@options.verbosity
def cli() -> None:
    """Learn the probability density of seismic sections; find what is unusual in them; make new ones.

    Start with `seisflow demo`, or with your own SEG-Y: `seisflow train segy/*.sgy`, `seisflow score`,
    `seisflow generate --n 100`.
    """


def main(arguments: Iterable[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 bad data, 2 bad usage, 130 interrupted."""
    cli.main(args=None if arguments is None else list(arguments), prog_name="seisflow")


if __name__ == "__main__":
    main(sys.argv[1:])
