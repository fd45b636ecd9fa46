"""Run folders: ``runs/<name>``, and ``runs/latest`` that points to the last one."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seisflow.errors import ModelError

log = logging.getLogger("seisflow")

ROOT = Path("runs")
LATEST = ROOT / "latest"
_OF_PARENT = "SEISFLOW_RUN"


def new(name: str) -> Path:
    """Folder for a new run: ``runs/<name>-<first free number>``.

    In a process that a data-parallel training has started it is the folder of that training
    (`told_to_children`).
    """
    if _OF_PARENT in os.environ:
        return Path(os.environ[_OF_PARENT])
    taken = {path.name for path in ROOT.glob(f"{name}-*")}
    number = next(n for n in range(1, len(taken) + 2) if f"{name}-{n}" not in taken)
    return ROOT / f"{name}-{number}"


@contextmanager
def told_to_children(folder: Path) -> Iterator[None]:
    """Context in which processes started, which run the same command again, take ``folder`` for their run."""
    before = os.environ.get(_OF_PARENT)
    os.environ[_OF_PARENT] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OF_PARENT]
        else:
            os.environ[_OF_PARENT] = before


def latest() -> Path:
    """Folder of the last run.

    Raises
    ------
    ModelError
        If nothing has been trained in this folder.
    """
    if not LATEST.exists():
        raise ModelError(
            f"{LATEST}: no run in this folder. Name one with -o, or train first: seisflow train INPUT"
        )
    return Path(os.path.normpath(ROOT / LATEST.readlink())) if LATEST.is_symlink() else LATEST


def set_latest(folder: Path) -> None:
    """Point ``runs/latest`` to ``folder``; the link is replaced in one step.

    Where that cannot be, as in a folder that may not be written, it is said: the run itself is elsewhere.
    """
    aside = ROOT / f".latest-{os.getpid()}"
    try:
        ROOT.mkdir(exist_ok=True)
        aside.symlink_to(os.path.relpath(folder.resolve(), ROOT.resolve()), target_is_directory=True)
        aside.replace(LATEST)
    except OSError as error:
        aside.unlink(missing_ok=True)
        why = (error.strerror or str(error)).lower()
        log.warning("%s: not pointed to %s (%s): name the run with -m", LATEST, folder, why)
