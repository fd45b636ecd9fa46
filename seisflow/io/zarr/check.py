"""Checks of a Zarr or NetCDF file from elsewhere, before anything of it is unpacked."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import zarr
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from zarr.abc.store import Store
from zarr.core.metadata import ArrayV2Metadata
from zarr.storage import FsspecStore, LocalStore

from seisflow.errors import DataError, SeisflowError
from seisflow.io.files import exists, is_url
from seisflow.io.segy.source_headers import FileHeaders
from seisflow.regular import is_special
from seisflow.shown import shown

# What numbers and names are packed by; other codecs of numcodecs, such as pickle, run what is in the file.
_CODECS = {
    *("bytes", "blosc", "zstd", "gzip", "zlib", "lz4", "lzma", "bz2", "sharding_indexed", "transpose"),
    *("crc32c", "crc32", "adler32", "fletcher32", "jenkins_lookup3", "shuffle", "delta", "bitround"),
    *("fixedscaleoffset", "quantize", "packbits", "astype", "zfpy", "pcodec", "vlen-utf8", "vlen-bytes"),
}
LIMIT = 1.0
"""GiB that arrays may unpack to which are stored in less than a thousandth of that."""
PARTIAL = ".ingest"
"""Folder, within a data set, of an ingest that has not finished."""
BEGUN = f"{PARTIAL}/begun"
"""File that stands there while its arrays are made."""
_SMALL = 2**24  # bytes; arrays below are not looked at
_RATIO = 1000


@contextmanager
def told_as_data_error(path: str | Path, words: str, expected: str) -> Iterator[None]:
    """Turn whatever a damaged store makes its libraries raise into one line that names the file.

    Raises
    ------
    DataError
    """
    try:
        yield
    except (SeisflowError, MemoryError):
        raise
    except Exception as error:  # the libraries raise what they like on damaged input
        raise DataError(f"{path}: not readable as {words} ({first_line(error)}). {expected}") from error


def first_line(error: Exception) -> str:
    """Return what an error says, in 120 signs."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


class RegularStore(LocalStore):
    """A folder whose files are read if they are such, and lie in it or are linked to by it."""

    async def get(self, key: str, *arguments: Any, **options: Any) -> Any:
        self._refuse(key)
        return await super().get(key, *arguments, **options)

    def get_sync(self, key: str, *arguments: Any, **options: Any) -> Any:
        self._refuse(key)
        return super().get_sync(key, *arguments, **options)

    def _refuse(self, key: str) -> None:
        if ".." in PurePosixPath(key).parts or key.startswith("/"):
            raise ValueError(f"{shown(key)} lies outside of the folder")
        if is_special(self.root / key):
            raise ValueError(f"{shown(key)} is a pipe or device")


def store_of(path: str | Path) -> Store:
    """Return the store of a Zarr, to be read only."""
    if is_url(path):
        return FsspecStore.from_url(str(path), read_only=True)
    return RegularStore(path, read_only=True)


def check_zarr(path: str | Path, limit: float) -> None:
    """Refuse a store that is not finished, would run code when it is unpacked, or grow beyond all measure.

    Parameters
    ----------
    path : str or Path
    limit : float
        See `LIMIT`.

    Raises
    ------
    DataError
    """
    if exists(f"{path}/{BEGUN}"):
        raise DataError(
            f"{path}: an ingest that has not finished. Ingest the same to the same place: it goes on"
        )
    place = store_of(path)
    sizes = []
    for name, array in zarr.open_group(place, mode="r").arrays():
        _check_codecs(path, name, array.metadata)
        declared = math.prod(array.shape) * max(array.dtype.itemsize, 1)
        sizes.append((name, declared, int(array.nbytes_stored()) if declared > _SMALL else declared))
    _check_sizes(path, sizes, limit)


def check_hdf5(path: str | Path, limit: float) -> None:
    """Refuse a file that reads others, or grows beyond all measure when it is unpacked.

    Raises
    ------
    DataError
    """
    import h5py  # comes with h5netcdf, without which nothing of this is opened

    sizes: list[tuple[str, int, int]] = []
    seen: set[Any] = set()  # several names of one group would else be looked through as often as they combine

    def look(group: Any) -> None:
        if (address := h5py.h5o.get_info(group.id).addr) in seen:
            return
        seen.add(address)
        for name in group:
            link = group.get(name, getlink=True)
            found = None if isinstance(link, h5py.ExternalLink) else group.get(name)
            outside = isinstance(link, h5py.ExternalLink)
            if isinstance(found, h5py.Dataset):
                outside = bool(found.external) or found.is_virtual
                declared = math.prod(found.shape or ()) * found.dtype.itemsize
                sizes.append((name, declared, found.id.get_storage_size()))
            elif isinstance(found, h5py.Group) and isinstance(link, h5py.HardLink):
                look(found)
            if outside:
                raise DataError(
                    f"{path}: {name} lies in another file. Data in the file itself were expected: "
                    "copy them into one, with h5repack or nccopy"
                )

    with h5py.File(path, "r") as file:
        look(file)
    _check_sizes(path, sizes, limit)


def _check_sizes(path: str | Path, sizes: Iterable[tuple[str, int, int]], limit: float) -> None:
    swollen = [(declared, name, stored) for name, declared, stored in sizes if declared > _RATIO * stored]
    total = sum(declared for declared, *_ in swollen)
    if total > limit * 2**30:
        _, name, stored = max(swollen)
        size = total / 2**30
        raise DataError(
            f"{path}: {name} and others would unpack to {size:.1f} GiB from {stored} bytes. No more than "
            f"{limit:g} GiB is taken from so few: pass --limit {math.ceil(size)} if that is right"
        )


def _check_codecs(path: str | Path, name: str, metadata: Any) -> None:
    if isinstance(metadata, ArrayV2Metadata):
        found = [codec.codec_id for codec in (*(metadata.filters or ()), metadata.compressor) if codec]
    else:
        found = [str(codec.to_dict().get("name")) for codec in _unfolded(metadata.codecs)]
    if strange := [codec for codec in found if codec.removeprefix("numcodecs.") not in _CODECS]:
        raise DataError(
            f"{path}: array {name} is packed by {strange[0]!r}. A codec of numbers, such as blosc or "
            "zstd, was expected: write it anew"
        )


def _unfolded(codecs: Iterable[Any]) -> Iterator[Any]:
    """Give codecs, and those within shards."""
    for codec in codecs:
        yield codec
        for within in ("codecs", "index_codecs"):
            yield from _unfolded(getattr(codec, within, ()))


class _Attributes(BaseModel):
    """Attributes that the readers and writers of seisflow rely on."""

    model_config = ConfigDict(extra="allow", strict=False)

    text_header: str = Field(default="", max_length=10**7)
    binary_header: str = "{}"
    file_headers: str = ""
    quantisation_step: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    warnings: list[str] = Field(default=[], max_length=1000)
    source_file: str = ""
    crs: str = ""
    endian: Literal["big", "little"] | None = None
    encoding: Literal["ebcdic", "ascii"] | None = None
    segy_format: int | None = None


_NUMBERS = TypeAdapter(dict[str, int | float])


def checked_attributes(attrs: dict[str, Any]) -> dict[str, Any]:
    """Return attributes without those that are of another kind than they should be, with a warning each.

    ``header_bytes``, the size of the raw trace headers beside them, is taken out.
    """
    given = dict(attrs)
    header_bytes = given.pop("header_bytes", None)
    left_out = []
    try:
        _Attributes.model_validate(given)
    except ValidationError as error:
        left_out = sorted({str(fault["loc"][0]) for fault in error.errors()})
    checks: dict[str, Callable[[Any], object]] = {
        "binary_header": _NUMBERS.validate_json,
        "file_headers": lambda text: _check_file_headers(text, header_bytes),
    }
    for name, check in checks.items():
        if given.get(name) and name not in left_out:
            try:
                check(given[name])
            except (ValueError, TypeError, KeyError):
                left_out.append(name)
    for name in left_out:
        del given[name]
    kept: dict[str, Any] = {
        "text_header": "",
        "binary_header": "{}",
        "quantisation_step": 0.0,
        "warnings": [],
    } | given
    told = [f"attribute {name} is damaged: left out" for name in left_out]
    return kept | {"warnings": [*kept["warnings"], *told]}


def _check_file_headers(text: str, header_bytes: int | None) -> None:
    told = FileHeaders.from_json(text)
    TypeAdapter(dict[str, Any]).validate_python(json.loads(text))
    if not (
        told.header_bytes == header_bytes
        and 240 <= told.header_bytes <= 240 * 101
        and len(told.head) >= 3600
        and told.endian in ("big", "little")
        and told.encoding in ("ebcdic", "ascii")
        and isinstance(told.interval, int | float)
        and isinstance(told.start, int | float | None)
    ):
        raise ValueError("no file headers of SEG-Y")
