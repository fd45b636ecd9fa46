"""Write a section as SEG-Y: with the headers of the file it comes from, or with new ones."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import DataError, OutputError
from seisflow.io import atomic
from seisflow.io.segy import formats, made_headers, source_headers


class SegyWriter:
    """A SEG-Y file that is written panel by panel, and appears when the last one is in.

    Use it as a context manager. Traces stand in the order of the source file; where the section has no
    trace, none is written.
    """

    def __init__(
        self, path: Path, section: xr.Dataset, *, overwrite: bool, note: str, sample_format: int
    ) -> None:
        if sample_format not in formats.WRITABLE:
            known = ", ".join(map(str, formats.WRITABLE))
            raise OutputError(f"{path}: sample format {sample_format} cannot be written. One of {known} can")
        amplitude = section["amplitude"]
        self.path = path
        self._overwrite = overwrite
        self._format = sample_format
        self._samples = amplitude.shape[-1]
        self._rows = trace_rows(section)
        self._kept = np.sort(self._rows[self._rows >= 0])
        self._unwritten = np.ones(len(self._kept), bool)
        make = source_headers if source_headers.has_headers(section) else made_headers
        start, self._endian, self._header_bytes, self._headers = make.prepare(
            section, sample_format, len(self._kept), note
        )
        self._stride = self._header_bytes + self._samples * formats.sample_size(sample_format)
        self._first_trace = len(start)
        self._aside = atomic.reserve(path, overwrite, len(start) + len(self._kept) * self._stride)
        with atomic.told_as_output_error(path):
            self._file = (self._aside / path.name).open("wb", buffering=0)
            self._file.write(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        try:
            if kind is None:
                self._finish()
        finally:
            atomic.discard(self._aside)

    def write(self, lead: tuple[int, ...], values: NDArray[np.float32], columns: slice = slice(None)) -> None:
        """Write one panel, or some traces of it.

        Parameters
        ----------
        lead : tuple of int
            Index of the dimensions before the lateral one: () for a line, (i,) for a cube.
        values : array (n_trace, n_time)
            NaN is written as 0.
        columns : slice
            Which traces of the panel they are.

        Raises
        ------
        OutputError
            If the disk is full, or a value does not fit the sample format.
        """
        place: tuple[int | slice, ...] = (*lead, columns)
        rows = self._rows[place]
        if values.shape != (len(rows), self._samples):
            expected = (len(rows), self._samples)
            raise ValueError(f"a panel of shape {expected} was expected, not {values.shape}")
        there = rows >= 0
        positions = np.searchsorted(self._kept, rows[there])
        traces = np.empty((len(positions), self._stride), np.uint8)
        traces[:, : self._header_bytes] = self._headers(place, there)
        traces[:, self._header_bytes :] = formats.encode(values[there], self._format, self._endian)
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        with atomic.told_as_output_error(self.path):
            for run, first in zip(np.split(traces, breaks), [0, *breaks], strict=True):
                if len(run):
                    self._file.seek(self._first_trace + int(positions[first]) * self._stride)
                    _write_all(self._file.write, run)
        self._unwritten[positions] = False

    def _finish(self) -> None:
        if missing := int(self._unwritten.sum()):
            raise OutputError(
                f"{self.path}: {missing} of {len(self._kept)} traces were not written. Nothing was left"
            )
        atomic.publish(self._aside, self.path, self._overwrite)


def create_segy(
    path: str | Path,
    section: xr.Dataset,
    *,
    overwrite: bool = False,
    note: str = "",
    sample_format: int = 5,
) -> SegyWriter:
    """Start a SEG-Y file for values over a section.

    A section that comes from SEG-Y, be it by `ingest`, gives its headers, byte for byte but for sample
    format, sample count, and what a part of the section changes in count, start and interval. Others get new
    headers made from their coordinates: inline and crossline at bytes 189 / 193 (and 9 / 21), coordinates at
    181 / 185 (and 73 / 77).

    Parameters
    ----------
    path : str or Path
    section : xr.Dataset
        Section from `open_section`, or a part or result of it.
    overwrite : bool
        Replace a file that is there.
    note : str
        Where the values come from; written to blank lines of the text header.
    sample_format : int
        SEG-Y sample format code: 5 is IEEE float 32, 8 is int8.

    Raises
    ------
    OutputError
        If the file cannot be written.
    DataError
        If the SEG-Y file that the section comes from is gone or has changed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from seisflow.io import open_section
    >>> section = open_section("f3-sample")
    >>> with TemporaryDirectory() as folder, create_segy(f"{folder}/copy.sgy", section) as file:
    ...     for i in range(section.sizes["inline"]):
    ...         file.write((i,), section["amplitude"][i].to_numpy())
    """
    return SegyWriter(Path(path), section, overwrite=overwrite, note=note, sample_format=sample_format)


def trace_rows(section: xr.Dataset) -> NDArray[np.int64]:
    """Return the position of each trace in the source, or one made up where the section has no source."""
    if "trace_index" in section:
        rows: NDArray[np.int64] = section["trace_index"].to_numpy()
    else:
        shape = section["amplitude"].shape[:-1]
        rows = np.arange(np.prod(shape)).reshape(shape)
    if not (rows >= 0).any():
        name = section.attrs.get("source_file", "section")
        raise DataError(f"{name}: no trace in this part. Select a larger one")
    return rows


def _write_all(write: Callable[[memoryview], int | None], values: NDArray[np.uint8]) -> None:
    view = np.ascontiguousarray(values).reshape(-1).data
    while view:  # one write may take less than it is given
        view = view[write(view) or 0 :]
