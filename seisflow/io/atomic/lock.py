"""Locks that keep two processes from writing the same target."""

import json
import os
import platform
import posixpath
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from fsspec.implementations.local import LocalFileSystem

from seisflow.errors import OutputError
from seisflow.io.atomic.replace import told_as_output_error
from seisflow.io.atomic.target import filesystem
from seisflow.writable import check_writable


@contextmanager
def locked(target: str | Path) -> Iterator[None]:
    """Keep other processes from writing the same target meanwhile.

    On this machine's disks, the system sees to it. A URL has a file beside it that says who writes it, which
    two that begin within the same moment may both miss.

    Raises
    ------
    OutputError
        If one is at it.
    """
    fs, place = filesystem(target)
    if not isinstance(fs, LocalFileSystem):
        with _signed(str(target), fs, place):
            yield
        return
    lock = lock_of(Path(place))
    try:
        yield
    finally:
        unlock(lock)


@contextmanager
def _signed(target: str, fs: Any, place: str) -> Iterator[None]:
    """Put a file beside a URL meanwhile that says which process writes it."""
    folder, name = posixpath.split(place)
    sign = posixpath.join(folder, f".{name}.lock")
    own = {"host": platform.node(), "process": os.getpid(), "job": uuid.uuid4().hex}
    other = _read(fs, sign)
    if other is None or _has_ended(other):
        fs.pipe_file(sign, json.dumps(own).encode())
        other = _read(fs, sign)
    if other != own:
        who = f"process {other.get('process')} of {other.get('host')}" if other else "another"
        raise OutputError(
            f"{target}: another seisflow is writing it ({who}). Wait for it to end; if it was killed, remove "
            f"{target[: -len(name)] if target.endswith(name) else ''}.{name}.lock"
        )
    try:
        yield
    finally:
        if _read(fs, sign) == own:
            fs.rm_file(sign)


def _read(fs: Any, sign: str) -> dict[str, Any] | None:
    try:
        found = json.loads(fs.cat_file(sign))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _has_ended(other: dict[str, Any]) -> bool:
    """Tell whether the process that signed was one of this machine, and is no more."""
    process = other.get("process")
    if other.get("host") != platform.node() or not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def lock_of(target: Path) -> FileLock:
    """Return the lock of a target, held."""
    path = target.absolute()
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with told_as_output_error(path):
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            check_writable(path)  # for a lock, a place that takes no file looks like one that is held
            raise OutputError(
                f"{target}: another seisflow is writing it. Wait for it to end, or write elsewhere"
            ) from error
    return lock


def unlock(lock: FileLock) -> None:
    """Release a lock, and remove its file."""
    with suppress(OSError):  # whoever waits for it sees that the file is gone, and makes another
        Path(lock.lock_file).unlink()
    lock.release()
