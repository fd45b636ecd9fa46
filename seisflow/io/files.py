"""Open files by path or, through fsspec, by URL."""

import hashlib
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

from seisflow.errors import DataError
from seisflow.regular import is_special

_PACKED = {
    b"\x1f\x8b": ("gzip", "gunzip -k"),
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\xfd7zXZ": ("xz", "unxz -k"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"PK\x03\x04": ("zip", "unzip"),
}
_BLOCKS, _BLOCK = 17, 2**16  # of a file, that tell it from another of its size and time


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


def refuse_packed(path: str | Path) -> None:
    """Refuse a pipe, a device, or a packed file: traces are read from any place of it.

    Raises
    ------
    DataError
        With the command that unpacks it.
    """
    if not is_url(path) and is_special(path):
        raise DataError(f"{path}: a pipe or device. A file that can be read from any place was expected")
    if not is_url(path) and not Path(path).is_file():
        return
    try:
        with open_binary(path) as file:
            start = file.read(6)
    except OSError:
        return  # told by who reads it
    for mark, (name, command) in _PACKED.items():
        if start.startswith(mark):
            raise DataError(
                f"{path}: packed by {name}. Traces that can be read from any place were expected: "
                f"unpack it ({command} {shlex.quote(Path(str(path)).name)})"
            )


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


def fingerprints(paths: Iterable[str | Path]) -> list[list[Any]]:
    """Return what tells whether files are those of an earlier job.

    Of each: name, bytes, time, and a hash of its beginning, its end, and blocks evenly spread between; of a
    folder, names, bytes and times of all files, and the contents of the small ones that describe it.
    """
    return [_fingerprint(path) for path in paths]


def _fingerprint(path: str | Path) -> list[Any]:
    import fsspec

    fs, place = fsspec.core.url_to_fs(str(path))
    about = fs.info(place)
    seen = hashlib.sha256()
    if about["type"] != "directory":
        with open_binary(path) as file:
            last = max(about["size"] - _BLOCK, 0)
            for number in range(_BLOCKS):
                file.seek(last * number // (_BLOCKS - 1))
                seen.update(file.read(_BLOCK))
        return [full_name(path), about["size"], _time(about), seen.hexdigest()]
    total = 0
    for name, part in sorted(fs.find(place, detail=True).items()):
        total += part["size"]
        seen.update(f"{name[len(place) :]}\0{part['size']}\0{_time(part)}\n".encode(errors="surrogateescape"))
        if name.endswith(("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")):
            seen.update(fs.cat_file(name))
    return [full_name(path), total, "", seen.hexdigest()]


def _time(about: dict[str, Any]) -> str:
    """Return when a file was last written, or the tag by which a store knows its version."""
    keys = ("mtime", "ETag", "etag", "LastModified", "last_modified", "updated", "created")
    return str(next((about[key] for key in keys if about.get(key)), ""))
