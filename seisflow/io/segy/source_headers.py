"""Headers of a SEG-Y result taken from its source, byte for byte but for what must change.

The source is a SEG-Y file, or a Zarr data set that `ingest` made of one: it keeps the headers as they were.
"""

import base64
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.io.files import open_binary
from seisflow.io.segy import headers
from seisflow.io.segy.headers import (
    BINARY_BYTES,
    BINARY_FIELDS,
    BINARY_FIELDS_2,
    TEXT_BYTES,
    HeaderSource,
    order,
)
from seisflow.io.segy.layout import read_layout
from seisflow.io.segy.read import read_columns, time_axis
from seisflow.io.segy.text import with_note
from seisflow.io.segy.traces import raw_traces
from seisflow.io.segy.vertical import delay_fields, interval_field, vertical


@dataclass(frozen=True)
class _Changes:
    """Trace header fields that the section asks for and the source does not have; None to leave them."""

    samples: int
    interval: int | None
    delay: tuple[int, int] | None
    scaled: bool  # the delay has a scalar, which revision 0 has no place for

    def apply(self, raw: NDArray[np.uint8], endian: str) -> None:
        """Change trace headers ``raw`` (n_trace, header bytes) in place."""
        claimed = _get(raw, headers.TRACE_SAMPLES, endian)
        # A header that leaves the count to the binary header (0) is right, whatever the count.
        _put(raw, headers.TRACE_SAMPLES, np.where(claimed == 0, 0, self.samples), endian)
        if self.interval is not None:
            _put(raw, headers.TRACE_INTERVAL, np.full(len(raw), self.interval), endian)
        if self.delay is not None:
            _put(raw, headers.DELAY, np.full(len(raw), self.delay[0]), endian)
            if self.scaled:
                _put(raw, headers.TIME_SCALAR, np.full(len(raw), self.delay[1]), endian)


@dataclass(frozen=True)
class FileHeaders:
    """Text, binary and extended headers of a SEG-Y file.

    Attributes
    ----------
    head : bytes
        All that stands before the first trace.
    header_bytes : int
        Bytes of a trace header, extensions included.
    endian, encoding : str
        Byte order of numbers, and encoding of text.
    interval : float
        Sample interval that the headers tell, 0 if none.
    start : float or None
        Time (depth) of the first sample; None where traces start at different ones.
    """

    head: bytes
    header_bytes: int
    endian: str
    encoding: str
    interval: float
    start: float | None

    def to_json(self) -> str:
        """Return all as JSON, the bytes in base 64."""
        return json.dumps(asdict(self) | {"head": base64.b64encode(self.head).decode()})

    @classmethod
    def from_json(cls, text: str) -> "FileHeaders":
        """Undo `to_json`."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values | {"head": base64.b64decode(values["head"])})


class TraceHeaders:
    """Trace headers of a SEG-Y file that a section comes from, read when asked for; may be pickled."""

    def __init__(self, section: xr.Dataset) -> None:
        source = section.attrs["source_file"]
        values = section[section["amplitude"].dims[-1]].to_numpy()
        self.layout = read_layout(
            source,
            dt=float(values[-1] - values[0]) / (len(values) - 1) if len(values) > 1 else 1.0,
            format=section.attrs["segy_format"],
            endian=section.attrs["endian"],
            encoding=section.attrs["encoding"],
            domain=str(section["amplitude"].dims[-1]),
        )
        self.rows = section["trace_index"].to_numpy()
        if self.rows.max(initial=-1) >= self.layout.traces:
            raise DataError(
                f"{source}: {self.layout.traces} traces, the section refers to number {self.rows.max() + 1}. "
                "The file has changed since it was opened: open it again"
            )

    def file_headers(self, start: float | None) -> FileHeaders:
        """Read what is told once for all traces, which start there."""
        layout = self.layout
        with open_binary(layout.path) as file:
            head = file.read(layout.first_trace)
        return FileHeaders(
            head, layout.header_bytes, layout.endian, layout.encoding, layout.told_interval, start
        )

    def start(self) -> float | None:
        """Find where all traces start; None if that differs."""
        axis, _ = time_axis(self.layout, read_columns(self.layout))
        return axis.start if axis.shifts is None else None

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return headers (n_trace, bytes per header) of the traces at these positions of the file."""
        result = np.empty((len(rows), self.layout.header_bytes), np.uint8)
        for part, raw in raw_traces(self.layout, rows):
            result[part] = raw[:, : self.layout.header_bytes]
        return result


def has_headers(section: xr.Dataset) -> bool:
    """Tell whether the headers of the SEG-Y file that a section comes from can be had."""
    kept = "raw_headers" in section and "file_headers" in section.attrs
    return kept or section.attrs.get("source_format") == "segy"


def prepare(
    section: xr.Dataset, sample_format: int, traces: int, note: str
) -> tuple[bytes, str, int, HeaderSource]:
    """Return what stands before the first trace, byte order, bytes per trace header, and a reader of these.

    Raises
    ------
    DataError
        If the source file is gone, or has fewer traces than the section refers to.
    """
    name = section.attrs["source_file"]
    axis = vertical(section)
    if section.attrs["source_format"] == "segy":
        source = TraceHeaders(section)
        told = source.file_headers(source.start())

        def raw(place: tuple[int | slice, ...], there: NDArray[np.bool_]) -> NDArray[np.uint8]:
            return source.read(source.rows[place][there])

    else:
        told = FileHeaders.from_json(section.attrs["file_headers"])

        def raw(place: tuple[int | slice, ...], there: NDArray[np.bool_]) -> NDArray[np.uint8]:
            kept = section["raw_headers"][place].to_numpy()[there]
            return np.frombuffer(kept.tobytes(), np.uint8).reshape(-1, told.header_bytes).copy()

    interval = None if np.isclose(told.interval, axis.interval) else interval_field(axis, name)
    moved = told.start is None or not np.isclose(told.start, axis.start)
    head = bytearray(told.head)
    binary = headers.binary_fields(bytes(head[TEXT_BYTES : TEXT_BYTES + BINARY_BYTES]), told.endian)
    delay = delay_fields(axis, name) if moved else None
    scaled = delay is not None and (delay[1] != 0 or binary["revision_major"] >= 1)
    changes = _Changes(axis.samples, interval, delay, scaled)
    if scaled and binary["revision_major"] < 1:  # bytes 3501 to 3506 of revision 1.0
        texts = (len(head) - TEXT_BYTES - BINARY_BYTES) // TEXT_BYTES
        halves = np.array([1, texts], order(told.endian) + "i2")
        head[3500:3506] = bytes([1, 0]) + halves.tobytes()
    _change_binary(head, told.endian, sample_format, traces, axis.samples, interval)
    head[:TEXT_BYTES] = with_note(bytes(head[:TEXT_BYTES]), note, told.encoding)

    def trace_headers(place: tuple[int | slice, ...], there: NDArray[np.bool_]) -> NDArray[np.uint8]:
        result = raw(place, there)
        changes.apply(result, told.endian)
        return result

    return bytes(head), told.endian, told.header_bytes, trace_headers


def _change_binary(
    head: bytearray, endian: str, sample_format: int, traces: int, samples: int, interval: int | None
) -> None:
    places = BINARY_FIELDS | BINARY_FIELDS_2
    values: dict[str, float] = {"format": sample_format, "samples": samples if samples < 2**16 else 0}
    binary = headers.binary_fields(bytes(head[TEXT_BYTES : TEXT_BYTES + BINARY_BYTES]), endian)
    if interval is not None:
        values["sample_interval"] = interval
    # Revision 2 says some things twice; a second account that is not given stays so.
    if binary.get("samples_extended", 0) or samples >= 2**16:
        values["samples_extended"] = samples
    if binary.get("traces", 0):
        values["traces"] = traces
    if binary.get("trailer_stanzas", 0):
        values["trailer_stanzas"] = 0
    if binary["revision_major"] >= 2 and interval is not None:
        values["sample_interval_extended"] = float(interval)
    for name, value in values.items():
        first, kind = places[name]
        raw = np.array(value, order(endian) + kind).tobytes()
        head[first - 1 : first - 1 + len(raw)] = raw


def _get(raw: NDArray[np.uint8], byte: int, endian: str) -> NDArray[np.int64]:
    field = np.ascontiguousarray(raw[:, byte - 1 : byte + 1])
    return field.view(order(endian) + headers.TRACE_HALVES[byte])[:, 0].astype(np.int64)


def _put(raw: NDArray[np.uint8], byte: int, values: NDArray[np.int64], endian: str) -> None:
    field = values.astype(order(endian) + headers.TRACE_HALVES[byte])
    raw[:, byte - 1 : byte + 1] = field.view(np.uint8).reshape(-1, 2)
