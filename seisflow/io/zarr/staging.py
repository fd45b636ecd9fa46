"""Staging of a Zarr data set: its place until it is whole, and the progress of the work on it."""

import json
import posixpath
import shutil
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import fsspec
import xarray as xr
import zarr
from fsspec.implementations.local import LocalFileSystem
from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore

from seisflow.errors import OutputError
from seisflow.io import atomic
from seisflow.io.files import is_url
from seisflow.io.segy.source_headers import FileHeaders
from seisflow.io.zarr.check import BEGUN, PARTIAL
from seisflow.io.zarr.write import create_arrays, create_raw_headers

_ATTRIBUTES = {"long_name": "seismic amplitude"}


class Stage:
    """Place of a data set until it is whole: beside its own, or, by URL, in it but not readable.

    A URL at which a data set is to be replaced is written beside it, too, and moved. Use it as a context
    manager: meanwhile no other process writes the same.
    """

    def __init__(self, output: str | Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
        self.output = str(output)
        self.inputs = list(inputs)
        self.fs, self.place = atomic.filesystem(output)
        self.remote = not isinstance(self.fs, LocalFileSystem)
        self.in_memory = self.output.startswith("memory://")
        if not self.remote and not Path(self.place).parent.is_dir():
            raise OutputError(f"{output}: there is no folder {Path(self.place).parent}. Make it first")
        in_place = self.remote and self._is_unfinished(self.place)
        if in_place:
            atomic.check_inputs(output, self.inputs)
        else:
            atomic.check_target(output, overwrite, self.inputs)
            in_place = self.remote and not self.fs.exists(self.place)
        self.root = self.place if in_place else _beside(self.place)
        url = self.output.rstrip("/")
        self.target = (url if in_place else _beside(url)) if self.remote else self.root
        self._lock = atomic.locked(self.output if self.remote else self.place)

    def __enter__(self) -> Self:
        self._lock.__enter__()
        if not self.remote:
            atomic.remove_leftovers(Path(self.place).parent, Path(self.place).name)
        return self

    def __exit__(self, *error: Any) -> None:
        self._lock.__exit__(*error)

    def _is_unfinished(self, root: str) -> bool:
        """Tell whether a folder holds an ingest that was stopped."""
        return bool(self.fs.exists(posixpath.join(root, PARTIAL)))

    def begin(
        self,
        section: xr.Dataset,
        chunks: tuple[int, ...],
        shards: tuple[int, ...],
        job: Mapping[str, Any],
        told: FileHeaders | None,
    ) -> None:
        """Make the arrays, also for the trace headers it is told of, unless the same job was begun before."""
        job = json.loads(
            json.dumps({**job, "chunks": chunks, "shards": shards, "shape": section["amplitude"].shape})
        )
        if self._job() == job:
            return
        with atomic.told_as_output_error(self.output):
            self._check_space(section["amplitude"].size * 4)
            if self.fs.exists(self.root):
                if self.root == self.place and not self._is_unfinished(self.root):
                    atomic.check_target(self.target, True, self.inputs)
                self.fs.rm(self.root, recursive=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                name = Path(self.output).stem
                store = _store(self.target)
                self.fs.makedirs(self._own(), exist_ok=True)
                self.fs.pipe_file(self._path(BEGUN), b"")
                create_arrays(store, name, section, {"amplitude": _ATTRIBUTES}, {}, chunks, shards)
                if told is not None:
                    create_raw_headers(store, section, told, shards[:-1])
            # Without its root, no reader takes the folder for a data set; until then, for what has begun.
            self.fs.mv(self._path("zarr.json"), self._own("zarr.json"))
            self.fs.rm_file(self._path(BEGUN))
            put(self.target, posixpath.join(PARTIAL, "job.json"), json.dumps(job).encode())

    def done(self) -> set[str]:
        """Return the names of the slabs that have been written."""
        return {posixpath.basename(str(path)) for path in self.fs.find(self._own())}

    def finish(self, overwrite: bool) -> None:
        """Make the data set readable, in its place; what was there goes when it stands."""
        path = Path(self.place)
        with atomic.told_as_output_error(self.output), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that consolidated metadata is not in the standard yet
            self.fs.pipe_file(self._path("zarr.json"), self.fs.cat_file(self._own("zarr.json")))
            zarr.consolidate_metadata(_store(self.target))
            if not self.remote:
                atomic.check_target(path, overwrite, self.inputs)  # something may have come into being since
                atomic.put_in_place(Path(self.root), path)
            elif self.root != self.place:
                self._move()
            self.fs.rm(posixpath.join(self.place, PARTIAL), recursive=True)

    def _move(self) -> None:
        """Put what was written beside a URL in its place; between, there is no data set rather than half."""
        root = posixpath.join(self.place, "zarr.json")
        if self.fs.exists(root):
            self.fs.rm_file(root)
        self.fs.rm(self.place, recursive=True)
        files = sorted(self.fs.find(self.root), key=lambda name: name == self._path("zarr.json"))
        for name in files:  # the root last: without it, no reader takes the folder for a data set
            self.fs.copy(name, self.place + name[len(self.root) :])
        self.fs.rm(self.root, recursive=True)

    def _job(self) -> Any:
        try:
            return json.loads(self.fs.cat_file(self._own("job.json")))
        except (OSError, ValueError):
            return None

    def _check_space(self, size: int) -> None:
        if not self.remote and size > (free := shutil.disk_usage(Path(self.place).parent).free):
            raise OutputError(
                f"{self.output}: needs {size / 1e6:.0f} MB, {free / 1e6:.0f} MB are free. "
                "Free some space, or write elsewhere"
            )

    def _path(self, name: str) -> str:
        return posixpath.join(self.root, name)

    def _own(self, name: str = "") -> str:
        return posixpath.join(self.root, PARTIAL, name) if name else posixpath.join(self.root, PARTIAL)


@lru_cache(maxsize=4)
def open_array(target: str, name: str) -> zarr.Array[Any]:
    """Open an array for writing; the group around it is not readable yet."""
    place = posixpath.join(target, name)
    return zarr.open_array(_store(place), mode="r+")


def put(target: str, name: str, data: bytes) -> None:
    """Write a small file below ``target``."""
    fs, root = fsspec.core.url_to_fs(target)
    fs.pipe_file(posixpath.join(root, name), data)


def _beside(place: str) -> str:
    folder, name = posixpath.split(place)
    return posixpath.join(folder, f".{name}{PARTIAL}")


def _store(target: str) -> Store:
    return FsspecStore.from_url(target) if is_url(target) else LocalStore(target)
