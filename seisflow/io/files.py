"""Open files by path or, through fsspec, by URL."""

from pathlib import Path
from typing import BinaryIO, cast

from seisflow.errors import DataError


def is_url(path: str | Path) -> bool:
    """Tell ``s3://bucket/a.sgy`` from a path on this machine."""
    return "://" in str(path)


def open_binary(path: str | Path) -> BinaryIO:
    """Open a file for reading, unbuffered where it is on this machine.

    Raises
    ------
    OSError
        If it cannot be opened.
    DataError
        If fsspec does not know the kind of URL, or needs a package for it.
    """
    if not is_url(path):
        return cast(BinaryIO, Path(path).open("rb", buffering=0))
    import fsspec  # here: few files are remote

    try:
        return cast(BinaryIO, fsspec.open(str(path), "rb").open())
    except (ImportError, ValueError) as error:
        raise DataError(f"{path}: {error}. A URL that fsspec can open was expected") from error


def exists(path: str | Path) -> bool:
    """Tell whether there is a file or folder."""
    if not is_url(path):
        return Path(path).exists()
    import fsspec

    try:
        fs, place = fsspec.core.url_to_fs(str(path))
        return bool(fs.exists(place))
    except (ImportError, ValueError) as error:
        raise DataError(f"{path}: {error}. A URL that fsspec can open was expected") from error


def full_name(path: str | Path) -> str:
    """Return a name by which the file is found from any folder."""
    return str(path) if is_url(path) else str(Path(path).resolve())
