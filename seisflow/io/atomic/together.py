"""Several files of one result, which appear all together or not at all."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seisflow.errors import OutputError
from seisflow.io.atomic.replace import exchange, sync_folder, told_as_output_error
from seisflow.io.atomic.reserve import discard, reserve
from seisflow.io.atomic.target import check_target


@contextmanager
def together(paths: Sequence[Path], *, overwrite: bool) -> Iterator[Path]:
    """Give a folder to write files of these names in; when all is well, they are moved to their places.

    Parameters
    ----------
    paths : sequence of Path
        Files or Zarr folders, all of one folder, which is made if need be.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    OutputError
        If something is there and may not be replaced, or the disk does not take it.
    """
    folder = paths[0].parent
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        with told_as_output_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            check_target(path, overwrite)
        staging = reserve(paths[0], overwrite, 0)
        try:
            with _told_by_final_name(staging, folder), _stopped_as_by_ctrl_c():
                yield staging
            for path in paths:  # some may have come into being since
                check_target(path, overwrite)
            _move(paths, staging)
        finally:
            discard(staging)
    except BaseException:
        for place in new:
            if place.exists() and not any(place.iterdir()):
                place.rmdir()
        raise


@contextmanager
def _told_by_final_name(staging: Path, folder: Path) -> Iterator[None]:
    """Name files in errors as the user does, not where they are written meanwhile."""
    try:
        yield
    except OutputError as error:
        meanwhile, finally_ = (str(place / "_").removesuffix("_") for place in (staging, folder))
        raise OutputError(str(error).replace(meanwhile, finally_)) from error


@contextmanager
def _stopped_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does, so that nothing half done is left."""
    if threading.current_thread() is not threading.main_thread():  # where Python sets no handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _move(paths: Sequence[Path], staging: Path) -> None:
    """Move files from ``staging`` to their places; put back what was there if one does not go.

    What is replaced is exchanged, so that at no time a name holds neither the old nor the new.
    """
    done: list[Path] = []
    with told_as_output_error(paths[0]):
        try:
            for path in paths:
                exchange(staging / path.name, path)
                done.append(path)
        except BaseException:
            for path in reversed(done):
                if (staging / path.name).exists():
                    exchange(staging / path.name, path)
                else:
                    path.replace(staging / path.name)
            raise
        sync_folder(paths[0].parent)
