"""Targets: what may be replaced by a result, by one rule for all file systems."""

import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from seisflow.errors import OutputError
from seisflow.io.files import is_url

_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_CHUNK = re.compile(r"c|\d+(\.\d+)*")
_HARMLESS = (".DS_Store", ".ingest")


def filesystem(path: str | Path) -> tuple[Any, str]:
    """Return the fsspec file system of a path or URL, and the place in it.

    Raises
    ------
    OutputError
        If fsspec does not know the kind of URL, or needs a package for it.
    """
    if not is_url(path):
        return LocalFileSystem(), str(Path(path).absolute())
    try:
        fs, place = fsspec.core.url_to_fs(str(path))
    except (ImportError, ValueError) as error:
        raise OutputError(f"{path}: {error}. A URL that fsspec can write was expected") from error
    return fs, place.rstrip("/")


def check_target(target: str | Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse to write where something else than a result is, or one that may not be replaced, or an input.

    A target may be absent or an empty folder; a file, or a Zarr data set and nothing else, if it may be
    replaced.

    Raises
    ------
    OutputError
        With what is there.
    """
    check_inputs(target, inputs)
    fs, place = filesystem(target)
    local = isinstance(fs, LocalFileSystem)
    if not fs.exists(place) and not (local and Path(place).is_symlink()):
        return
    names = _names(fs, place) if fs.isdir(place) else None
    if names == []:
        return
    if names is not None and (stranger := _stranger(fs, place, names)):
        raise OutputError(
            f"{target}: is a folder that holds {stranger}, and not a Zarr one. It is not replaced: "
            "choose another name"
        )
    if not overwrite:
        raise OutputError(f"{target}: exists already. Pass overwrite (--overwrite) to replace it")


def check_inputs(target: str | Path, inputs: Iterable[str | Path]) -> None:
    """Refuse a target that is, holds or lies in one of the inputs.

    Raises
    ------
    OutputError
    """
    fs, place = filesystem(target)
    local = isinstance(fs, LocalFileSystem)
    here = os.path.realpath(place) if local else place
    for source in inputs:
        other, there = filesystem(source)
        if isinstance(other, LocalFileSystem) != local or (not local and fs.protocol != other.protocol):
            continue
        there = os.path.realpath(there) if local else there
        same = local and Path(here).exists() and Path(there).exists() and Path(here).samefile(there)
        if same or (here + "/").startswith(there + "/") or (there + "/").startswith(here + "/"):
            raise OutputError(f"{target}: is, holds or lies in {source}, which is read. Write elsewhere")


def _names(fs: Any, place: str) -> list[str]:
    found = (posixpath.basename(str(name).rstrip("/")) for name in fs.ls(place, detail=False))
    return sorted(name for name in found if name not in _HARMLESS)


def _stranger(fs: Any, place: str, names: list[str]) -> str | None:
    """Return the first entry of a folder that is no part of a Zarr; None if it is all Zarr."""
    if not any(name in _METADATA for name in names):
        return names[0]
    for name in names:
        inner = posixpath.join(place, name)
        if name not in _METADATA and not _CHUNK.fullmatch(name):
            if not fs.isdir(inner):
                return name
            within = _names(fs, inner)
            if within and not any(entry in _METADATA for entry in within):
                return name
    return None
