"""Folder that a run is trained in: its own, or one beside it until it may take the place of an older run."""

import functools
import inspect
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seisflow.errors import OutputError
from seisflow.io.atomic import locked, put_in_place, remove_leftovers
from seisflow.runs.folders import LATEST
from seisflow.runs.hardware import is_first_process

if TYPE_CHECKING:
    from seisflow.training.record import Run

log = logging.getLogger("seisflow")
_RECORD, _STATE, _NEW = "run.json", "checkpoint.ckpt", ".new"
_MARK = ".replaces-another"  # tells a run that is to replace another from one that was replaced, after a kill
_Train = TypeVar("_Train", bound=Callable[..., Any])


def in_its_place(train: _Train) -> _Train:
    """Make a function that trains in a folder leave an older run there until the new one is whole.

    With ``overwrite``, the run is trained in ``.NAME.new`` beside the folder and takes its place when it is
    finished; a later ``resume`` goes on with it. Meanwhile nobody else trains there.
    """

    signature = inspect.signature(train)

    @functools.wraps(train)
    def guarded(*arguments: Any, **options: Any) -> "Run":
        call = signature.bind(*arguments, **options)
        folder = _unlinked(Path(call.arguments["folder"]))
        if not is_first_process():
            call.arguments["folder"] = _beside(folder) if _beside(folder).exists() else folder
            call.arguments.pop("overwrite", None)
            return replace(train(*call.args, **call.kwargs), folder=folder)
        overwrite = call.arguments.pop("overwrite", False) if "overwrite" in signature.parameters else None
        with _occupied(folder), _told_by(folder):
            place = call.arguments["folder"] = _place(folder, overwrite)
            run: Run = train(*call.args, **call.kwargs)
            if place != folder:
                put_in_place(place, folder)
                (folder / _MARK).unlink(missing_ok=True)
        return replace(run, folder=folder)

    return guarded  # type: ignore[return-value]


def final(folder: Path) -> Path:
    """Return the folder whose place a run is to take."""
    name = folder.name
    return folder.with_name(name[1:].removesuffix(_NEW)) if _is_beside(name) else folder


def _is_beside(name: str) -> bool:
    return name.startswith(".") and name.endswith(_NEW)


def _unlinked(folder: Path) -> Path:
    """Return the folder that a link such as ``runs/latest`` stands for."""
    if folder.is_symlink():
        return folder.resolve()
    if folder.absolute() == LATEST.absolute():
        raise OutputError(f"{folder}: is the name of a link to the latest run. Pass another -o")
    return folder


def _beside(folder: Path) -> Path:
    path = folder.absolute()
    return path.with_name(f".{path.name}{_NEW}")


def _place(folder: Path, overwrite: bool | None) -> Path:
    """Return where to train; ``overwrite`` is None where a run is gone on with."""
    new = _beside(folder)
    there = folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir())
    if overwrite is None:
        if (new / _STATE).is_file() and (new / _MARK).is_file():
            log.info("%s: going on with the run that is to replace it", folder)
            return new
        return folder
    if there and not overwrite:
        raise OutputError(
            f"{folder}: exists. Pass --resume to go on, --overwrite to replace it, or another -o"
        )
    if there and not (folder / _RECORD).is_file():
        raise OutputError(
            f"{folder}: holds something else than a run, so it is not replaced. Pass another -o"
        )
    if new.exists():
        shutil.rmtree(new)
    remove_leftovers(folder.absolute().parent, folder.name)
    if not there:
        return folder
    new.mkdir()
    (new / _MARK).touch()
    return new


@contextmanager
def _occupied(folder: Path) -> Iterator[None]:
    missing = [place for place in folder.absolute().parents if not place.exists()]
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: {(error.strerror or str(error)).lower()}. Pass another -o") from error
    try:
        with locked(folder):
            yield
    finally:
        for place in missing:
            if place.exists() and not any(place.iterdir()):
                place.rmdir()


@contextmanager
def _told_by(folder: Path) -> Iterator[None]:
    """Name the run as its user does, not where it is trained meanwhile."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        error.args = tuple(
            part.replace(str(_beside(folder)), str(folder)) if isinstance(part, str) else part
            for part in error.args
        )
        raise
