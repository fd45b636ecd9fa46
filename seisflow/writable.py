"""Places to write to, tried before any work is done for them."""

import tempfile
from pathlib import Path

from seisflow.errors import OutputError


def check_writable(path: Path) -> None:
    """Refuse a file or folder that cannot be made, by trying to write where it would be.

    Nothing is left there, and no folder is made.

    Raises
    ------
    OutputError
    """
    folder = path.absolute()
    try:
        while not folder.is_dir():
            if folder.exists() and folder != path.absolute():
                raise OutputError(
                    f"{path}: cannot be made, as {folder} is a file. Choose another place with -o"
                )
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise OutputError(f"{path}: cannot be written ({why}). Choose another place with -o") from error
