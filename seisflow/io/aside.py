"""Results that appear whole or not at all: written beside their place, then renamed."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seisflow.errors import OutputError


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
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already. Pass overwrite (--overwrite) to replace it")
    if path.is_dir() and not _is_zarr(path):
        raise OutputError(f"{path}: is a folder, and not a Zarr one. It is not replaced: choose another name")
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"{path}: needs {size / 1e6:.0f} MB, {free / 1e6:.0f} MB are free. "
            "Free some space, or write elsewhere"
        )
    with told_as_output_error(path):
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=folder))


def publish(aside: Path, path: Path, overwrite: bool) -> None:
    """Move what was written in ``aside`` to ``path``, and remove the place it was written in."""
    with told_as_output_error(path):
        written = aside / path.name
        if path.exists() and not overwrite:  # has come into being since
            raise OutputError(f"{path}: exists already. Pass overwrite (--overwrite) to replace it")
        if path.is_dir():  # a folder cannot be renamed over another
            path.replace(aside / "replaced")
        written.replace(path)
        shutil.rmtree(aside, ignore_errors=True)


def discard(aside: Path) -> None:
    """Remove what was written so far."""
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def told_as_output_error(path: Path) -> Iterator[None]:
    """Turn a failing disk into one line that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "Free some space, or write elsewhere" if full else "Write elsewhere"
        found = (error.strerror or str(error)).lower()
        raise OutputError(f"{path}: {found}. {remedy}; nothing was left") from error


def _is_zarr(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("zarr.json", ".zgroup", ".zarray"))
