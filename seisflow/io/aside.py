"""Results that appear whole or not at all: written beside their place, then renamed.

What is to be replaced is looked at first, by one rule for all file systems, and goes when the new one stands.
"""

import ctypes
import errno
import logging
import os
import posixpath
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from filelock import FileLock, Timeout
from fsspec.implementations.local import LocalFileSystem

from seisflow.errors import OutputError
from seisflow.io.files import is_url

log = logging.getLogger("seisflow")

_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_CHUNK = re.compile(r"c|\d+(\.\d+)*")
_HARMLESS = (".DS_Store", ".ingest")
_LEFT = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.partial")
_held: dict[Path, FileLock] = {}  # locks of the targets that this process writes, by where it writes them
_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux


def filesystem(path: str | Path) -> tuple[Any, str]:
    """Return the fsspec file system of a path or URL, and the place in it.

    Raises
    ------
    OutputError
        If fsspec does not know the kind of URL, or needs a package for it.
    """
    if not is_url(path):
        return LocalFileSystem(), str(Path(path).absolute())
    try:
        fs, place = fsspec.core.url_to_fs(str(path))
    except (ImportError, ValueError) as error:
        raise OutputError(f"{path}: {error}. A URL that fsspec can write was expected") from error
    return fs, place.rstrip("/")


def check_target(target: str | Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse to write where something else than a result is, or one that may not be replaced, or an input.

    A target may be absent or an empty folder; a file, or a Zarr data set and nothing else, if it may be
    replaced.

    Raises
    ------
    OutputError
        With what is there.
    """
    check_inputs(target, inputs)
    fs, place = filesystem(target)
    local = isinstance(fs, LocalFileSystem)
    if not fs.exists(place) and not (local and Path(place).is_symlink()):
        return
    names = _names(fs, place) if fs.isdir(place) else None
    if names == []:
        return
    if names is not None and (stranger := _stranger(fs, place, names)):
        raise OutputError(
            f"{target}: is a folder that holds {stranger}, and not a Zarr one. It is not replaced: "
            "choose another name"
        )
    if not overwrite:
        raise OutputError(f"{target}: exists already. Pass overwrite (--overwrite) to replace it")


def check_inputs(target: str | Path, inputs: Iterable[str | Path]) -> None:
    """Refuse a target that is, holds or lies in one of the inputs.

    Raises
    ------
    OutputError
    """
    fs, place = filesystem(target)
    local = isinstance(fs, LocalFileSystem)
    here = os.path.realpath(place) if local else place
    for source in inputs:
        other, there = filesystem(source)
        if isinstance(other, LocalFileSystem) != local or (not local and fs.protocol != other.protocol):
            continue
        there = os.path.realpath(there) if local else there
        same = local and Path(here).exists() and Path(there).exists() and Path(here).samefile(there)
        if same or (here + "/").startswith(there + "/") or (there + "/").startswith(here + "/"):
            raise OutputError(f"{target}: is, holds or lies in {source}, which is read. Write elsewhere")


def _names(fs: Any, place: str) -> list[str]:
    found = (posixpath.basename(str(name).rstrip("/")) for name in fs.ls(place, detail=False))
    return sorted(name for name in found if name not in _HARMLESS)


def _stranger(fs: Any, place: str, names: list[str]) -> str | None:
    """Return the first entry of a folder that is no part of a Zarr; None if it is all Zarr."""
    if not any(name in _METADATA for name in names):
        return names[0]
    for name in names:
        inner = posixpath.join(place, name)
        if name not in _METADATA and not _CHUNK.fullmatch(name):
            if not fs.isdir(inner):
                return name
            within = _names(fs, inner)
            if within and not any(entry in _METADATA for entry in within):
                return name
    return None


@contextmanager
def locked(target: str | Path) -> Iterator[None]:
    """Keep other processes from writing the same target on this machine's disks meanwhile.

    Raises
    ------
    OutputError
        If one is at it.
    """
    lock = _lock(Path(target))
    try:
        yield
    finally:
        _unlock(lock)


def _lock(target: Path) -> FileLock:
    path = target.absolute()
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with told_as_output_error(path):
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise OutputError(
                f"{target}: another seisflow is writing it. Wait for it to end, or write elsewhere"
            ) from error
    return lock


def _unlock(lock: FileLock) -> None:
    with suppress(OSError):  # whoever waits for it sees that the file is gone, and makes another
        Path(lock.lock_file).unlink()
    lock.release()


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes its place, in one step, when all is on the disk.

    Until then, and if anything fails, what was there stays as it was.

    Raises
    ------
    OutputError
        If the disk does not take it; the message names its place.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        with told_as_output_error(path, "what was there is as it was"):
            with beside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            sync_folder(path.parent)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Replace a text file, in one step, as `replaced_file` does."""
    with replaced_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def put_in_place(new: Path, path: Path) -> None:
    """Move ``new`` to ``path``; what is there goes when the new one stands."""
    exchange(new, path)
    if new.is_dir() and not new.is_symlink():
        # renamed first: a kill amid the removal leaves nothing that looks like work begun
        old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
        new.replace(old)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.unlink(missing_ok=True)
    sync_folder(path.parent)


def exchange(new: Path, path: Path) -> None:
    """Move ``new`` to ``path``, and what is there, if anything, to ``new``.

    One step where the system can exchange names (Linux), else two, between which nothing is at ``path``.
    """
    if not path.exists() and not path.is_symlink():
        new.replace(path)
    elif not _exchange(new, path):
        old = new.with_name(f"{new.name}.replaced")
        path.replace(old)
        try:
            new.replace(path)
        except BaseException:
            old.replace(path)
            raise
        old.replace(new)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return rename is not None and not rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)


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
        lock = _lock(path)
        remove_leftovers(folder, path.name)
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=folder))
    _held[aside] = lock
    return aside


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
        lock = _lock(path)
    except OutputError:
        return False
    _unlock(lock)
    return True


def publish(aside: Path, path: Path, overwrite: bool) -> None:
    """Move what was written in ``aside`` to ``path``, and remove the place it was written in."""
    with told_as_output_error(path):
        check_target(path, overwrite)  # something may have come into being since
        put_in_place(aside / path.name, path)
        shutil.rmtree(aside, ignore_errors=True)


def discard(aside: Path) -> None:
    """Remove what was written so far, and let others write the target."""
    shutil.rmtree(aside, ignore_errors=True)
    if lock := _held.pop(aside, None):
        _unlock(lock)


@contextmanager
def told_as_output_error(path: str | Path, left: str = "nothing was left") -> Iterator[None]:
    """Turn a failing disk into one line that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "Free some space, or write elsewhere" if full else "Write elsewhere"
        found = (error.strerror or str(error)).lower()
        raise OutputError(f"{path}: {found}. {remedy}; {left}") from error
