"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seisflow.shown import shown

Report = Callable[[int, int], None]
"""Takes how much is done, and of how much."""

_told = 0
_hearts = 0
_last = time.monotonic()
log = logging.getLogger("seisflow")
FIRST, LONGEST, SHARE = 5.0, 30.0, 0.05
"""Seconds to the first line, most between two, and these as a part of the time so far."""
SHORT = 0.5
"""Seconds below which work is not told of, even where nothing was for long."""


def silent(done: int, total: int) -> None:
    """Report nothing."""


def part(report: Report, first: float, last: float) -> Report:
    """Report of a part of some work, of its shares from first to last; tells percents of the whole."""
    return lambda done, total: report(round(100 * (first + (last - first) * done / total)), 100)


def is_shown() -> bool:
    """Whether a bar can be drawn and is wanted."""
    return sys.stderr.isatty() and log.isEnabledFor(logging.INFO)


@contextmanager
def telling() -> Iterator[None]:
    """Note that something finer is told meanwhile, so that a `heartbeat` keeps still."""
    global _told
    _told += 1
    try:
        yield
    finally:
        _told -= 1


@contextmanager
def heartbeat(title: str, first: float | None = None) -> Iterator[None]:
    """Say now and then that long work goes on, wherever nothing finer is told, by another one or else."""
    global _hearts
    _hearts += 1
    own = _hearts
    try:
        with lines(lambda: title if own == _hearts and not _told else "", first):
            yield
    finally:
        _hearts -= 1


@contextmanager
def bar(title: str, *, percent: bool = False) -> Iterator[Report]:
    """Show the progress of some work, and yield the function that takes it; ``percent`` hides the counts."""
    with telling(), _bar(title, percent=percent) as report:
        yield report


@contextmanager
def _bar(title: str, *, percent: bool) -> Iterator[Report]:
    if not is_shown():
        state = [0, 0]

        def note(done: int, total: int) -> None:
            state[:] = done, total

        def describe() -> str:
            done, total = state
            if not total:
                return title
            return f"{title}: {100 * done // total} %" if percent else f"{title}: {done} of {total}"

        with lines(describe):
            yield note
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TaskProgressColumn as Percent
    from rich.progress import TimeRemainingColumn as Remaining

    share = Percent() if percent else MofNCompleteColumn()
    columns = TextColumn("{task.description}"), BarColumn(), share, Remaining()
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(shown(title)), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


@contextmanager
def lines(describe: Callable[[], str], first: float | None = None) -> Iterator[None]:
    """Log a line every few seconds, whatever the work is doing.

    The first after ``first`` seconds, else a few after the last one that was told of other work: short pieces
    of it, one after the other, are not silent.
    """
    ended = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        global _last
        wait = max(FIRST - (began - _last), min(SHORT, FIRST)) if first is None else first
        while not ended.wait(wait):
            passed = time.monotonic() - began
            if words := describe():
                log.info("%s, %s so far", shown(words), clock(passed))
                _last = time.monotonic()
            wait = min(max(SHARE * passed, FIRST), LONGEST)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def clock(seconds: float) -> str:
    """Time span as people say it: 45 s, 3:05 min, 2:10 h."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
