"""Pictures of a result, drawn when the result itself is in its place."""

import logging
from collections.abc import Callable
from pathlib import Path

from seisflow.io.atomic import together

log = logging.getLogger("seisflow")


def draw_after(path: Path, draw: Callable[[Path], object]) -> None:
    """Draw a picture to ``path``; if that fails, say so, and leave none: what it shows is safe without it.

    Parameters
    ----------
    path : Path
        Replaced if it is there: that was checked with the other files of the result.
    draw : callable
        Writes the picture to the path that it is given.
    """
    try:
        with together([path], overwrite=True) as folder:
            draw(folder / path.name)
    except Exception as error:  # of whatever kind, the result does not depend on it
        path.unlink(missing_ok=True)  # one of an older result
        why = " ".join(str(error).split()) or type(error).__name__
        log.warning("%s: not drawn (%s). The result it would show is whole", path, why)
