"""Renames: a file or folder takes its place in one step, and what was there goes when the new one stands."""

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from seisflow.errors import OutputError

_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux


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
