"""Regular files: what comes from elsewhere may be a pipe or a device, whose reading has no end."""

import errno
import stat
from pathlib import Path

MOST_TEXT = 10**8


def is_special(path: str | Path) -> bool:
    """Tell whether there is something at a path, or at the end of a link, that is no file and no folder."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False  # told by who reads it
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def read_text(path: str | Path, most: int = MOST_TEXT, encoding: str | None = None) -> str:
    """Read a text file of bounded size.

    Raises
    ------
    OSError
        If it is no file, or larger than ``most`` bytes.
    ValueError
        If it is no text.
    """
    if is_special(path):
        raise OSError(errno.EINVAL, "A pipe or device, where a file was expected", str(path))
    if (size := Path(path).stat().st_size) > most:
        raise OSError(errno.EFBIG, f"{size} bytes, where {most} at most were expected", str(path))
    return Path(path).read_text(encoding)
