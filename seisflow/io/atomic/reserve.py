"""A place beside a target to write to, which nobody else writes; and what killed runs left in such places."""

import logging
import re
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from seisflow.errors import OutputError
from seisflow.io.atomic.lock import lock_of, unlock
from seisflow.io.atomic.replace import put_in_place, told_as_output_error
from seisflow.io.atomic.target import check_target

log = logging.getLogger("seisflow")

_LEFT = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.partial")
_held: dict[Path, FileLock] = {}  # locks of the targets that this process writes, by where it writes them


def reserve(path: Path, overwrite: bool, size: int) -> Path:
    """Return an empty place in the folder of ``path`` to write ``size`` bytes to.

    Raises
    ------
    OutputError
        If something is there already and may not be replaced, the folder is missing or not writable, or
        the disk has less than ``size`` bytes left.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"{path}: there is no folder {folder}. Make it first, or write elsewhere")
    check_target(path, overwrite)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"{path}: needs {size / 1e6:.0f} MB, {free / 1e6:.0f} MB are free. "
            "Free some space, or write elsewhere"
        )
    with told_as_output_error(path):
        lock = lock_of(path)
        remove_leftovers(folder, path.name)
        place = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=folder))
    _held[place] = lock
    return place


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove what killed runs left of a target that nobody else is writing; tell of other leftovers."""
    for left in folder.glob(".*.partial"):
        of = _LEFT.fullmatch(left.name)
        if of is None or not left.is_dir() or left in _held:
            continue
        if of["name"] == name:
            log.info("%s: removed, a killed run had left it", left)
            shutil.rmtree(left, ignore_errors=True)
        elif not left.with_name(f".{of['name']}.lock").exists() or _is_free(folder / of["name"]):
            log.warning("%s: left by a killed run. It is in nobody's use: remove it", left)


def _is_free(path: Path) -> bool:
    try:
        lock = lock_of(path)
    except OutputError:
        return False
    unlock(lock)
    return True


def publish(place: Path, path: Path, overwrite: bool) -> None:
    """Move what was written in ``place`` to ``path``, and remove the place it was written in."""
    with told_as_output_error(path):
        check_target(path, overwrite)  # something may have come into being since
        put_in_place(place / path.name, path)
        shutil.rmtree(place, ignore_errors=True)


def discard(place: Path) -> None:
    """Remove what was written so far, and let others write the target."""
    shutil.rmtree(place, ignore_errors=True)
    if lock := _held.pop(place, None):
        unlock(lock)
