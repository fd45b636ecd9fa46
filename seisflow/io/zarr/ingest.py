"""Turn SEG-Y and other files into sharded Zarr, in parallel, in bounded memory, resumably.

The section is cut into slabs. A slab is read, compressed and written by one task as one shard, so no file
is written twice and no task waits for another. A finished slab leaves a marker; a job that was killed goes
on with the slabs that have none. Until the last one is in, no reader takes the output for a data set.
"""

from __future__ import annotations

import math
import os
import posixpath
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel

from seisflow.errors import DataError
from seisflow.io.atomic import told_as_output_error
from seisflow.io.files import fingerprints
from seisflow.io.lines import is_line_of_volume, join
from seisflow.io.section import open_section
from seisflow.io.segy.source_headers import FileHeaders, TraceHeaders, has_headers
from seisflow.io.workers import run
from seisflow.io.zarr.check import PARTIAL
from seisflow.io.zarr.staging import Stage, open_array, put

_CHUNK = (256, 512)  # traces and samples: half a megabyte; smaller ones cost more to find than to unpack
_SLAB_BYTES = 32 * 2**20
_WORTH_WORKERS = 10**9  # bytes; less is done before workers have started

Progress = Callable[[int, int], None]
_Part = TypeVar("_Part")


class Ingested(BaseModel):
    """Result of `ingest`.

    Attributes
    ----------
    output : str
    sizes : dict
        Sizes of the dimensions.
    chunks, shards : tuple of int
        Over the dimensions.
    slabs, resumed : int
        Slabs of the job, and those of them that an earlier, interrupted one had written.
    warnings : list of str
        What the readers had to assume.
    """

    output: str
    sizes: dict[str, int]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    slabs: int
    resumed: int
    warnings: list[str]


def ingest(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    overwrite: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
    crs: str | None = None,
    progress: Progress | None = None,
    **geometry: Any,
) -> Ingested:
    """Convert seismic files to one Zarr v3 data set of MDIO v1's shape.

    Parameters
    ----------
    inputs : path, URL or several
        Anything that `open_section` opens. Several are parts of one survey, joined along its first
        dimension (inline, shot, ...), in which they must not overlap.
    output : path or URL
        Zarr folder to make. URLs are written through fsspec.
    overwrite : bool
        Replace what is there.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers see inputs and
        output; else workers are started on this machine.
    workers : int, optional
        How many to start here; else one a core, or one for less than 1 GB. One does the work in this
        process.
    crs : str, optional
        Coordinate reference system of ``cdp_x`` and ``cdp_y``, such as ``"EPSG:23031"`` or WKT.
    progress : callable, optional
        Called with the slabs done and the slabs in all.
    **geometry
        As for `open_section`.

    Returns
    -------
    Ingested

    Raises
    ------
    DataError
        If an input cannot be read, or the inputs are no parts of one survey.
    OutputError
        If the output is there already, or cannot be written.
    ConfigError
        If there is no such scheduler.
    MissingPackageError
        If Dask is needed for it and not installed.

    Examples
    --------
    >>> ingest("f3-sample", "memory://f3.zarr").sizes
    {'inline': 10, 'crossline': 250, 'time': 463}
    """
    files = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    parts = [open_section(file, **geometry) for file in files]
    if len(parts) > 1 and all(map(is_line_of_volume, parts)):
        parts = [join(parts)]  # the volume whose lines they are
        kept = "its lines are files of their own: their trace headers are not kept"
        parts[0].attrs["warnings"] = [*parts[0].attrs["warnings"], kept]
    parts = _in_order(parts)
    section = _joined(parts, crs)
    amplitude = section["amplitude"]
    chunks, slab = plan(amplitude.shape)
    shards = tuple(math.ceil(size / chunk) * chunk for size, chunk in zip(slab, chunks, strict=True))
    headers = _raw_headers(parts)
    common = _common(headers)
    if common is None and any(map(has_headers, parts)):
        differ = "files differ in byte order or size of their headers, or some have none"
        section.attrs["warnings"] = [*section.attrs["warnings"], f"{differ}: trace headers are not kept"]
    sources = [name for part in parts for name in _files(part)]
    read = fingerprints(sources)
    job = {"inputs": read, "geometry": geometry, "crs": crs, "headers": common is not None}
    corners = list(
        product(*(range(0, size, step) for size, step in zip(amplitude.shape, shards, strict=True)))
    )
    samples = [part["amplitude"].variable for part in parts]
    with Stage(output, overwrite, sources) as stage:
        stage.begin(section, chunks, shards, job, common)
        done = stage.done()
        left = [corner for corner in corners if _name(corner) not in done]
        if progress:
            progress(len(corners) - len(left), len(corners))
        work = _Work(samples, headers if common else [], amplitude.shape, shards, stage.target)
        finished = run(
            work, left, scheduler, workers or _workers(amplitude.size * 4), in_threads=stage.in_memory
        )
        with told_as_output_error(output, "the same command goes on with what was written"):
            for count, _ in enumerate(finished, len(corners) - len(left) + 1):
                if progress:
                    progress(count, len(corners))
        if fingerprints(sources) != read:
            raise DataError(
                f"{', '.join(sources)}: changed while it was read. Nothing was made of it: ingest it again"
            )
        stage.finish(overwrite)
    return Ingested(
        output=str(output),
        sizes={str(dim): size for dim, size in section.sizes.items()},
        chunks=chunks,
        shards=shards,
        slabs=len(corners),
        resumed=len(corners) - len(left),
        warnings=[warning for part in parts for warning in part.attrs["warnings"]],
    )


def _files(part: xr.Dataset) -> list[str]:
    """Return the files that a part is read from."""
    attrs = part.attrs
    names = attrs["source_files"] if attrs["source_format"] == "joined" else [attrs["source_file"]]
    return [str(name) for name in names]


def plan(shape: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return sizes of chunks for reading patches, and of slabs of whole chunks that a worker holds.

    Parameters
    ----------
    shape : sequence of int
        Shape of the section, (..., lateral, vertical).
    """
    inner = tuple(min(size, most) for size, most in zip(shape[-2:], _CHUNK, strict=True))
    chunks = (1,) * (len(shape) - 2) + inner
    room = _SLAB_BYTES // 4
    slab: list[int] = []
    for size, chunk in zip(reversed(shape), reversed(chunks), strict=True):
        whole = min(size, max(chunk, room // chunk * chunk))
        slab.insert(0, whole)
        room = max(1, room // whole) if whole == size else 1
    return chunks, tuple(slab)


def _workers(size: int) -> int:
    return (os.cpu_count() or 1) if size > _WORTH_WORKERS else 1


class _Work:
    """State that all tasks share; small when pickled but for the places of the traces."""

    def __init__(
        self,
        samples: list[xr.Variable],
        headers: list[_Headers],
        shape: tuple[int, ...],
        shards: tuple[int, ...],
        target: str,
    ) -> None:
        self.samples, self.headers = samples, headers
        self.shape, self.shards, self.target = shape, shards, target

    def __call__(self, corner: tuple[int, ...]) -> str:
        """Write one slab, with the headers of its traces, and then its marker."""
        ranges = [(a, min(a + n, size)) for a, n, size in zip(corner, self.shards, self.shape, strict=True)]
        place = tuple(slice(*ends) for ends in ranges)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts = [part[wanted].to_numpy() for part, wanted in self._meet(self.samples, place)]
            open_array(self.target, "amplitude")[place] = _joint(parts)
            if self.headers and corner[-1] == 0:
                parts = [part.read(wanted) for part, wanted in self._meet(self.headers, place[:-1])]
                open_array(self.target, "raw_headers")[place[:-1]] = _joint(parts)
        put(self.target, posixpath.join(PARTIAL, _name(corner)), b"")
        return _name(corner)

    def _meet(
        self, parts: list[_Part], place: tuple[slice, ...]
    ) -> Iterator[tuple[_Part, tuple[slice, ...]]]:
        """Parts of the survey that a slab meets, and its place in each."""
        (slab, *rest), begin = place, 0
        for samples, part in zip(self.samples, parts, strict=True):
            end = begin + samples.shape[0]
            if begin < slab.stop and end > slab.start:
                yield part, (slice(max(slab.start - begin, 0), min(slab.stop, end) - begin), *rest)
            begin = end


class _Headers:
    """Trace headers of one part, over the places of its traces; zeros where there is no trace."""

    def __init__(self, section: xr.Dataset) -> None:
        self._kept: xr.Variable | None = None
        if "raw_headers" in section:
            self._kept = section["raw_headers"].variable
            self.told = FileHeaders.from_json(section.attrs["file_headers"])
        else:
            self._source = TraceHeaders(section)
            times = section[section["amplitude"].dims[-1]].to_numpy()
            # An axis longer than the traces is one that these have been shifted onto.
            start = float(times[0]) if len(times) == self._source.layout.samples else None
            self.told = self._source.file_headers(start)

    def read(self, place: tuple[slice, ...]) -> NDArray[np.void]:
        """Return the headers in some places."""
        if self._kept is not None:
            kept: NDArray[np.void] = self._kept[place].to_numpy()
            return kept
        rows = self._source.rows[place]
        found = np.zeros((*rows.shape, self.told.header_bytes), np.uint8)
        found[rows >= 0] = self._source.read(rows[rows >= 0])
        return found.view(f"V{self.told.header_bytes}")[..., 0]


def _raw_headers(parts: list[xr.Dataset]) -> list[_Headers]:
    """Return where the trace headers of the parts are; nothing if one has none."""
    return [_Headers(part) for part in parts] if all(has_headers(part) for part in parts) else []


def _common(headers: list[_Headers]) -> FileHeaders | None:
    """Return what the first part tells of its headers; None if those of others cannot stand beside them."""
    if not headers:
        return None
    first, *others = (part.told for part in headers)
    if any((one.endian, one.header_bytes) != (first.endian, first.header_bytes) for one in others):
        return None
    return first if all(one.start == first.start for one in others) else replace(first, start=None)


def _joint(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _in_order(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Check that sections are parts of one along their first dimension, and sort them by its labels."""
    first = parts[0]
    name = first.attrs["source_file"]
    dims = first["amplitude"].dims
    for part in parts[1:]:
        other = part.attrs["source_file"]
        if part["amplitude"].dims != dims:
            found = " x ".join(map(str, part["amplitude"].dims))
            raise DataError(
                f"{other}: {found}, but {name}: {' x '.join(map(str, dims))}. Parts of one survey were "
                "expected: ingest them one by one"
            )
        for dim in dims[1:]:
            if not np.array_equal(part[dim], first[dim]):
                raise DataError(
                    f"{other}: another {dim} axis than {name}. Parts of one survey were expected: "
                    "ingest them one by one"
                )
    if len(parts) == 1 or dims[0] == "trace":
        return parts
    falling = first.sizes[dims[0]] > 1 and first[dims[0]][0] > first[dims[0]][-1]
    parts = sorted(parts, key=lambda part: float(part[dims[0]][0]), reverse=bool(falling))
    labels = np.concatenate([part[dims[0]].to_numpy() for part in parts])
    if not (np.diff(labels) > 0).all() and not (np.diff(labels) < 0).all():
        raise DataError(
            f"{parts[1].attrs['source_file']}: {dims[0]} numbers that others have too. "
            "Parts that do not overlap were expected"
        )
    return parts


def _joined(parts: list[xr.Dataset], crs: str | None) -> xr.Dataset:
    """Return a section of all parts; of its samples, nothing but the shape counts."""
    section = parts[0]
    if len(parts) > 1:
        dim = str(section["amplitude"].dims[0])
        frames = [part.drop_vars(["amplitude", "raw_headers"], errors="ignore") for part in parts]
        section = xr.concat(frames, dim, data_vars="minimal", coords="minimal", combine_attrs="override")
        begin = np.cumsum([0, *(part["trace_mask"].size for part in parts)])
        places = [
            np.where(part["trace_index"] >= 0, part["trace_index"] + offset, -1)
            for part, offset in zip(parts, begin, strict=False)
        ]
        section["trace_index"] = (section["trace_mask"].dims, np.concatenate(places))
        if dim == "trace":
            section = section.assign_coords(trace=np.arange(1, section.sizes["trace"] + 1))
        shape = (*section["trace_mask"].shape, *parts[0]["amplitude"].shape[-1:])
        empty = np.broadcast_to(np.float32(np.nan), shape)
        section = section.assign(amplitude=(parts[0]["amplitude"].dims, empty))
        steps = {part.attrs.get("quantisation_step", 0.0) for part in parts}
        section.attrs["quantisation_step"] = steps.pop() if len(steps) == 1 else 0.0
        section.attrs["source_files"] = [part.attrs["source_file"] for part in parts]
    return section.assign_attrs({"crs": crs} if crs else {})


def _name(corner: tuple[int, ...]) -> str:
    return "slab-" + "-".join(map(str, corner))
