"""Where a Zarr data set is written until it is whole, and how far the work on it has come."""

import json
import posixpath
import shutil
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import fsspec
import xarray as xr
import zarr
from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore

from seisflow.errors import OutputError
from seisflow.io import aside
from seisflow.io.files import is_url
from seisflow.io.source_headers import FileHeaders
from seisflow.io.zarr_write import create_arrays, create_raw_headers

PARTIAL = ".ingest"
_ATTRIBUTES = {"long_name": "seismic amplitude"}


class Stage:
    """Where a data set is written until it is whole: beside its place, or, by URL, in it but not readable."""

    def __init__(self, output: str | Path, overwrite: bool) -> None:
        self.output = str(output)
        self.remote = is_url(output)
        self.in_memory = self.output.startswith("memory://")
        path = Path(output)
        self.target = self.output.rstrip("/") if self.remote else str(_beside(path))
        if self.remote:
            try:
                self.fs, self.root = fsspec.core.url_to_fs(self.target)
            except (ImportError, ValueError) as error:
                raise OutputError(f"{output}: {error}. A URL that fsspec can write was expected") from error
            there = self.fs.exists(posixpath.join(self.root, "zarr.json"))
        else:
            self.fs, self.root = fsspec.filesystem("file"), self.target
            if not path.absolute().parent.is_dir():
                raise OutputError(f"{path}: there is no folder {path.absolute().parent}. Make it first")
            if path.is_dir() and not (path / "zarr.json").exists():
                raise OutputError(f"{path}: is a folder, and not a Zarr one. It is not replaced")
            there = path.exists()
        if there and not overwrite:
            raise OutputError(f"{output}: exists already. Pass overwrite (--overwrite) to replace it")

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
        with aside.told_as_output_error(Path(self.output)):
            self._check_space(section["amplitude"].size * 4)
            if self.fs.exists(self.root):
                self.fs.rm(self.root, recursive=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                name = Path(self.output).stem
                store = _store(self.target)
                create_arrays(store, name, section, {"amplitude": _ATTRIBUTES}, {}, chunks, shards)
                if told is not None:
                    create_raw_headers(store, section, told, shards[:-1])
            # Without its root, no reader takes the folder for a data set.
            self.fs.makedirs(self._own(), exist_ok=True)
            self.fs.mv(self._path("zarr.json"), self._own("zarr.json"))
            put(self.target, posixpath.join(PARTIAL, "job.json"), json.dumps(job).encode())

    def done(self) -> set[str]:
        """Return the names of the slabs that have been written."""
        return {posixpath.basename(str(path)) for path in self.fs.find(self._own())}

    def finish(self, overwrite: bool) -> None:
        """Make the data set readable, in its place."""
        path = Path(self.output)
        with aside.told_as_output_error(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that consolidated metadata is not in the standard yet
            root = self.fs.cat_file(self._own("zarr.json"))
            if not self.remote:
                self.fs.pipe_file(self._path("zarr.json"), root)
                self.fs.rm(self._own(), recursive=True)
                zarr.consolidate_metadata(_store(self.target))
                if path.exists():
                    if not overwrite:  # has come into being since
                        raise OutputError(
                            f"{path}: exists already. Pass overwrite (--overwrite) to replace it"
                        )
                    shutil.rmtree(path)
                Path(self.target).rename(path)
                return
            self.fs.pipe_file(self._path("zarr.json"), root)
            zarr.consolidate_metadata(_store(self.target))
            self.fs.rm(self._own(), recursive=True)

    def _job(self) -> Any:
        try:
            return json.loads(self.fs.cat_file(self._own("job.json")))
        except (OSError, ValueError):
            return None

    def _check_space(self, size: int) -> None:
        if not self.remote and size > (free := shutil.disk_usage(Path(self.output).absolute().parent).free):
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


def _beside(path: Path) -> Path:
    return path.absolute().with_name(f".{path.name}{PARTIAL}")


def _store(target: str) -> Store:
    return FsspecStore.from_url(target) if is_url(target) else LocalStore(target)
