"""Headers of a SEG-Y result taken from its source, byte for byte but for what must change."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.io import headers
from seisflow.io.headers import BINARY_FIELDS, BINARY_FIELDS_2, TEXT_BYTES, HeaderSource, order
from seisflow.io.layout import Layout, read_layout
from seisflow.io.segy import read_columns, time_axis
from seisflow.io.text import with_note
from seisflow.io.traces import raw_traces
from seisflow.io.vertical import delay_fields, interval_field, vertical


@dataclass(frozen=True)
class _Changes:
    """Trace header fields that the section asks for and the source does not have; None to leave them."""

    samples: int
    interval: int | None
    delay: tuple[int, int] | None

    def apply(self, raw: NDArray[np.uint8], endian: str) -> None:
        """Change trace headers ``raw`` (n_trace, header bytes) in place."""
        claimed = _get(raw, headers.TRACE_SAMPLES, endian)
        # A header that leaves the count to the binary header (0) is right, whatever the count.
        _put(raw, headers.TRACE_SAMPLES, np.where(claimed == 0, 0, self.samples), endian)
        if self.interval is not None:
            _put(raw, headers.TRACE_INTERVAL, np.full(len(raw), self.interval), endian)
        if self.delay is not None:
            _put(raw, headers.DELAY, np.full(len(raw), self.delay[0]), endian)
            _put(raw, headers.TIME_SCALAR, np.full(len(raw), self.delay[1]), endian)


def prepare(
    section: xr.Dataset, sample_format: int, traces: int, note: str
) -> tuple[bytes, str, int, HeaderSource]:
    """Return what stands before the first trace, byte order, bytes per trace header, and a reader of these.

    Raises
    ------
    DataError
        If the source file is gone, or has fewer traces than the section refers to.
    """
    source = Path(section.attrs["source_file"])
    axis = vertical(section)
    endian, encoding = section.attrs["endian"], section.attrs["encoding"]
    layout = read_layout(source, dt=axis.interval, endian=endian, encoding=encoding, domain=axis.domain)
    rows = section["trace_index"].to_numpy()
    if rows.max() >= layout.traces:
        raise DataError(
            f"{source}: {layout.traces} traces, the section refers to number {rows.max() + 1}. "
            "The file has changed since it was opened: open it again"
        )
    whole, _ = time_axis(layout, read_columns(layout))
    with source.open("rb") as file:
        head = bytearray(file.read(layout.first_trace))
    interval = None if np.isclose(layout.told_interval, axis.interval) else interval_field(axis, source)
    changes = _Changes(
        samples=axis.samples,
        interval=interval,
        delay=delay_fields(axis, source)
        if whole.shifts is not None or not np.isclose(whole.start, axis.start)
        else None,
    )
    _change_binary(head, layout, sample_format, traces, axis.samples, interval)
    head[:TEXT_BYTES] = with_note(bytes(head[:TEXT_BYTES]), note, encoding)

    def trace_headers(lead: tuple[int, ...], there: NDArray[np.bool_]) -> NDArray[np.uint8]:
        wanted = rows[lead][there]
        result = np.empty((len(wanted), layout.header_bytes), np.uint8)
        for part, raw in raw_traces(layout, wanted):
            result[part] = raw[:, : layout.header_bytes]
        changes.apply(result, endian)
        return result

    return bytes(head), endian, layout.header_bytes, trace_headers


def _change_binary(
    head: bytearray, layout: Layout, sample_format: int, traces: int, samples: int, interval: int | None
) -> None:
    places = BINARY_FIELDS | BINARY_FIELDS_2
    values: dict[str, float] = {"format": sample_format, "samples": samples if samples < 2**16 else 0}
    if interval is not None:
        values["sample_interval"] = interval
    # Revision 2 says some things twice; a second account that is not given stays so.
    if layout.binary.get("samples_extended", 0) or samples >= 2**16:
        values["samples_extended"] = samples
    if layout.binary.get("traces", 0):
        values["traces"] = traces
    if layout.binary.get("trailer_stanzas", 0):
        values["trailer_stanzas"] = 0
    if layout.binary["revision_major"] >= 2 and interval is not None:
        values["sample_interval_extended"] = float(interval)
    for name, value in values.items():
        first, kind = places[name]
        raw = np.array(value, order(layout.endian) + kind).tobytes()
        head[first - 1 : first - 1 + len(raw)] = raw


def _get(raw: NDArray[np.uint8], byte: int, endian: str) -> NDArray[np.int64]:
    field = np.ascontiguousarray(raw[:, byte - 1 : byte + 1])
    return field.view(order(endian) + headers.TRACE_HALVES[byte])[:, 0].astype(np.int64)


def _put(raw: NDArray[np.uint8], byte: int, values: NDArray[np.int64], endian: str) -> None:
    field = values.astype(order(endian) + headers.TRACE_HALVES[byte])
    raw[:, byte - 1 : byte + 1] = field.view(np.uint8).reshape(-1, 2)
