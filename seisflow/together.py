"""Several files of one result, which appear all together or not at all."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seisflow.errors import OutputError
from seisflow.io import aside


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
    first, *others = paths
    folder = first.parent
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    with aside.told_as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        for path in others:
            if path.exists() and not overwrite:
                raise OutputError(f"{path}: exists already. Pass overwrite (--overwrite) to replace it")
        staging = aside.reserve(first, overwrite, 0)
        try:
            yield staging
            for path in others:
                with aside.told_as_output_error(path):
                    if path.is_dir():
                        path.replace(staging / f"{path.name}.replaced")
                    (staging / path.name).replace(path)
            aside.publish(staging, first, overwrite)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except BaseException:
        for place in new:
            if not any(place.iterdir()):
                place.rmdir()
        raise
