"""Read whole traces of a SEG-Y file, headers and all."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.io.files import open_binary
from seisflow.io.nulls import without_nulls
from seisflow.io.segy import formats
from seisflow.io.segy.layout import Layout

_BUFFER_BYTES = 4 * 2**20  # small enough to be converted while it is still in the cache


def read_traces(
    layout: Layout, rows: NDArray[np.int64], samples: slice | NDArray[np.int64] = slice(None)
) -> NDArray[np.float32]:
    """Read samples of some traces; NaN in the place of null values.

    Parameters
    ----------
    layout : Layout
    rows : array (n_trace,), int64
        Positions of the traces in the file, in any order.
    samples : slice or array of int
        Which samples of each trace.

    Returns
    -------
    array (n_trace, n_sample), float32
    """
    result = np.empty((len(rows), len(np.arange(layout.samples)[samples])), np.float32)
    for part, raw in raw_traces(layout, rows):
        order = layout.sample_endian or layout.endian
        formats.decode(raw[:, layout.header_bytes :], layout.format, order, samples, result[part])
        without_nulls(result[part], layout.nulls, layout.path)  # while they are in the cache
    return result


def raw_traces(layout: Layout, rows: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Read traces as they stand in the file, a few megabytes at a time.

    The file is opened for the call and closed after it: nothing is held that could not be pickled, or
    shared between threads and processes.

    Yields
    ------
    part : slice
        Which of ``rows``.
    raw : array (n_trace, bytes per trace), uint8
        Valid until the next step: the buffer is used again.

    Raises
    ------
    DataError
        If the file is gone, or has become shorter.
    """
    step = max(1, _BUFFER_BYTES // layout.stride)
    buffer = np.empty((min(step, len(rows)), layout.stride), np.uint8)
    try:
        with open_binary(layout.path) as file:
            for begin in range(0, len(rows), step):
                wanted = rows[begin : begin + step]
                breaks = np.flatnonzero(np.diff(wanted) != 1) + 1
                for first, last in zip([0, *breaks], [*breaks, len(wanted)], strict=True):
                    position = layout.first_trace + int(wanted[first]) * layout.stride
                    _fill(file, position, buffer[first:last], layout.path)
                yield slice(begin, begin + len(wanted)), buffer[: len(wanted)]
    except OSError as error:
        raise DataError(f"{layout.path}: {error.strerror or error}. It was readable before") from error


def _fill(file: BinaryIO, position: int, target: NDArray[np.uint8], path: str) -> None:
    file.seek(position)
    view = target.reshape(-1).data
    while view:  # one read may return less than asked for
        count = file.readinto(view)  # type: ignore[attr-defined]
        if not count:
            end = position + target.size
            raise DataError(f"{path}: ends before byte {end}. It has changed since it was opened")
        view = view[count:]
