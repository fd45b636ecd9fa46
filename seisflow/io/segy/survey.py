"""Survey of a large SEG-Y file from few of its trace headers: from line to line, and in blocks.

Reading every trace header of a file touches most of its pages, so it takes as long as reading all of it.
The first traces tell which fields count lines; traces of a line are neighbours, so the end of each line is
found by guessing from the one before, in two reads where lines are equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seisflow.io.files import open_binary
from seisflow.io.segy import headers
from seisflow.io.segy.coordinates import Columns, Coordinates, find_coordinates, whole_numbers
from seisflow.io.segy.geometry import find_geometry, regular
from seisflow.io.segy.headers import TRACE_HEADER_BYTES
from seisflow.io.segy.layout import Layout
from seisflow.io.segy.plausible import evidence
from seisflow.io.segy.stated import stated_bytes, stated_coordinates

_LEADING = 20_000  # traces read from the start, to find out what the fields are
_BLOCKS, _BLOCK = 128, 64
_MOST_READS = 100_000


@dataclass(frozen=True)
class Outline:
    """A volume or gathers, by its lines.

    Attributes
    ----------
    kind : {"3d", "gathers"}
    axes : tuple of (name, byte)
    labels : tuple of arrays
        Coordinate of each leading dimension, in the direction in which the file counts.
    columns : dict
        Trace header fields of the traces that were looked at.
    coordinates : Coordinates or None
        Coordinates of the traces.
    """

    kind: str
    axes: tuple[tuple[str, int], ...]
    labels: tuple[NDArray[np.int64], ...]
    columns: Columns
    coordinates: Coordinates | None


def outline(layout: Layout, **given: Any) -> Outline | None:
    """Walk along the lines of a file.

    Parameters
    ----------
    layout : Layout
    **given
        ``iline``, ``xline``, ``cdp_x``, ``cdp_y`` as for `open_section`.

    Returns
    -------
    Outline or None
        None where the file is not sorted by lines, or is no volume: its headers must all be read.

    Raises
    ------
    GeometryError
        If the first traces make neither a volume nor a line.
    """
    wanted = [given.get(name) for name in ("iline", "xline", "cdp_x", "cdp_y")]
    words = tuple(
        dict.fromkeys((*headers.TRACE_WORDS, *(b for b in wanted if b), *stated_bytes(layout.text)))
    )
    with open_binary(layout.path) as file:
        reader = _Reader(file, layout, words)
        leading_rows = np.arange(min(_LEADING, layout.traces))
        leading = reader.rows(leading_rows)
        if whole_numbers(leading, words)[1]:
            return None  # numbers are floats: all headers are read, and put right
        found = find_geometry(
            layout.path, leading, iline=given.get("iline"), xline=given.get("xline"), text=layout.text
        )
        if found.kind == "2d" or found.warnings:
            return None
        slow_first = sorted(found.axes, key=lambda axis: np.count_nonzero(np.diff(leading[axis[1]])))
        lines = _walk(reader, slow_first[0][1], layout.traces)
        if lines is None:
            return None
        starts = np.linspace(0, layout.traces - _BLOCK, _BLOCKS).astype(np.int64)
        looked_rows = np.ravel(starts[:, None] + np.arange(_BLOCK))
        looked = reader.rows(looked_rows)
        end_rows = np.unique(np.concatenate([lines, np.append(lines[1:], layout.traces) - 1]))
        ends = reader.rows(end_rows)
    columns = {byte: np.concatenate([part[byte] for part in (leading, looked, ends)]) for byte in words}
    columns |= {
        byte: np.concatenate([part[byte] for part in (leading, looked, ends)])
        for byte in headers.TRACE_HALVES
    }
    first = {byte: int(values[0]) for byte, values in columns.items()}
    if not evidence(columns, first, np.concatenate([leading_rows, looked_rows, end_rows])).all():
        return None  # bytes are missing somewhere: all headers tell where
    labels = tuple(_labels(columns[byte], found.kind) for _, byte in found.axes)
    if np.prod([len(values) for values in labels]) < layout.traces:
        return None  # some traces share a position, or labels lie between those looked at
    falling = {
        name: len(values) > 1 and values[0] > values[-1]
        for (name, _), values in zip(found.axes, found.labels, strict=True)
    }
    slow = slow_first[0]
    falling[slow[0]] = bool(leading[slow[1]][0] > ends[slow[1]][-1])
    return Outline(
        found.kind,
        found.axes,
        tuple(
            values[::-1] if falling[name] else values
            for (name, _), values in zip(found.axes, labels, strict=True)
        ),
        columns,
        find_coordinates(
            columns,
            found.kind,
            revision=layout.revision,
            length_unit=layout.length_unit,
            stated=stated_coordinates(layout.text),
            cdp_x=given.get("cdp_x"),
            cdp_y=given.get("cdp_y"),
        ),
    )


class _Reader:
    """Trace header fields of any rows of an open file."""

    def __init__(self, file: BinaryIO, layout: Layout, words: tuple[int, ...]) -> None:
        self.file, self.layout, self.words = file, layout, words

    def rows(self, rows: NDArray[np.int64]) -> Columns:
        """Return the fields of some traces."""
        raw = np.empty((len(rows), TRACE_HEADER_BYTES), np.uint8)
        for position, row in enumerate(rows):
            raw[position] = np.frombuffer(self._header(int(row)), np.uint8)
        return headers.fields_of(raw, self.layout.endian, self.words)

    def value(self, byte: int) -> Callable[[int], int]:
        """Return a function from a row to a field of its trace."""
        kind = headers.order(self.layout.endian) + "i4"

        def read(row: int) -> int:
            return int(np.frombuffer(self._header(row), kind, count=1, offset=byte - 1)[0])

        return read

    def _header(self, row: int) -> bytes:
        self.file.seek(self.layout.first_trace + row * self.layout.stride)
        return self.file.read(TRACE_HEADER_BYTES)


def _walk(reader: _Reader, byte: int, traces: int) -> NDArray[np.int64] | None:
    """Return where each line starts; None if a line comes twice, or if there are too many."""
    value = reader.value(byte)
    starts, seen = [0], {value(0)}
    length, reads = 1, 1
    while True:
        start = starts[-1]
        end, count = _line_end(value, start, length, traces)
        reads += count
        if end == traces:
            return np.array(starts)
        label = value(end)
        if label in seen or reads > _MOST_READS:
            return None
        seen.add(label)
        starts.append(end)
        length = end - start


def _line_end(value: Callable[[int], int], start: int, length: int, traces: int) -> tuple[int, int]:
    """Return the first row after ``start`` with another value, looking first ``length`` rows on."""
    label, inside, outside, reads = value(start), start, traces, 1
    step = length
    while inside + step < outside:  # gallop: the row at `inside` belongs to the line
        row = inside + step
        reads += 1
        if value(row) == label:
            inside, step = row, 2 * step
            continue
        outside = row
        reads += 1
        if value(row - 1) == label:
            return row, reads
        break
    while outside - inside > 1:
        middle = (inside + outside) // 2
        reads += 1
        inside, outside = (middle, outside) if value(middle) == label else (inside, middle)
    return outside, reads


def _labels(values: NDArray[np.int32], kind: str) -> NDArray[np.int64]:
    distinct = np.unique(values).astype(np.int64)
    return regular(distinct) if kind == "3d" else distinct
