"""New SEG-Y headers for a section that has none, made from its coordinates."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import OutputError
from seisflow.io.segy import headers
from seisflow.io.segy.headers import (
    BINARY_BYTES,
    BINARY_FIELDS,
    TEXT_BYTES,
    TRACE_HALVES,
    TRACE_HEADER_BYTES,
    HeaderSource,
)
from seisflow.io.segy.text import encode_text, with_note
from seisflow.io.segy.vertical import Vertical, delay_fields, interval_field, vertical

# Trace header bytes for the labels of a dimension.
_PLACES = {
    "inline": (189, 9),
    "crossline": (193, 21),
    "shot": (9, 17),
    "channel": (13,),
    "cdp": (21,),
    "fold": (25,),
    "offset": (37,),
    "trace": (21,),
}
_IN_LINE, _IN_FILE, _KIND = 1, 5, 29
_X, _Y = (73, 181), (77, 185)


def prepare(
    section: xr.Dataset, sample_format: int, traces: int, note: str
) -> tuple[bytes, str, int, HeaderSource]:
    """Return what stands before the first trace, byte order, bytes per trace header, and a maker of these."""
    axis = vertical(section)
    name = section.attrs.get("source_file", "section")
    leading = tuple(map(str, section["amplitude"].dims[:-1]))
    places = _places(leading)
    encoding = section.attrs.get("encoding", "ebcdic")
    lines = str(section.attrs.get("text_header") or _text(leading, places, axis)).split("\n")
    text = with_note(encode_text(lines, encoding), note, encoding)
    interval = interval_field(axis, name)
    binary = _binary(axis, sample_format, 1 if "offset" in section.coords else 4, interval)

    labels = [_whole_numbers(section[dim].to_numpy()) for dim in leading]
    scalar = _scalar(section)
    order_in_file = _order(section)
    constant = {
        _KIND: 1,
        headers.TRACE_SAMPLES: axis.samples if axis.samples < 2**16 else 0,
        headers.TRACE_INTERVAL: interval,
    }
    constant[headers.DELAY], constant[headers.TIME_SCALAR] = delay_fields(axis, name)
    if scalar:
        constant |= {headers.COORDINATE_SCALAR: -scalar, headers.COORDINATE_UNIT: 1}

    def trace_headers(place: tuple[int | slice, ...], there: NDArray[np.bool_]) -> NDArray[np.uint8]:
        raw = np.zeros((int(there.sum()), TRACE_HEADER_BYTES), np.uint8)
        position = order_in_file[place][there] + 1
        fields: dict[int, NDArray[np.int64] | int] = {**constant, _IN_LINE: position, _IN_FILE: position}
        for bytes_, values, at in zip(places, labels, place, strict=True):
            here = values[at]
            fields |= dict.fromkeys(bytes_, here[there] if isinstance(at, slice) else here)
        for coordinate, bytes_ in (("cdp", (21,)), ("offset", (37,)), ("cdp_x", _X), ("cdp_y", _Y)):
            if coordinate in section.coords and coordinate not in leading:
                values = section[coordinate].to_numpy()[place][there]
                factor = scalar if coordinate in ("cdp_x", "cdp_y") else 1
                fields |= dict.fromkeys(bytes_, np.rint(np.nan_to_num(values) * factor).astype(np.int64))
        for byte, value in fields.items():
            kind = np.dtype(">" + TRACE_HALVES.get(byte, "i2" if byte == _KIND else "i4"))
            column = np.broadcast_to(value, len(raw)).astype(kind)
            raw[:, byte - 1 : byte - 1 + kind.itemsize] = column.view(np.uint8).reshape(len(raw), -1)
        return raw

    return text + binary, "big", TRACE_HEADER_BYTES, trace_headers


def _places(leading: tuple[str, ...]) -> list[tuple[int, ...]]:
    """Return the bytes for each leading dimension; names that SEG-Y does not know become lines."""
    if set(leading) <= _PLACES.keys():
        return [_PLACES[dim] for dim in leading]
    if len(leading) > 2:
        raise OutputError(
            f"dimensions {', '.join(leading)}: SEG-Y has no place for these. Write Zarr, "
            f"or rename them to some of {', '.join(_PLACES)}"
        )
    return [(21,)] if len(leading) == 1 else [_PLACES["inline"], _PLACES["crossline"]]


def _whole_numbers(labels: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return labels as they are if they are whole numbers, else 1, 2, 3, ..."""
    if labels.dtype.kind in "iuf" and np.isfinite(labels).all() and (np.rint(labels) == labels).all():
        return labels.astype(np.int64)
    return np.arange(1, len(labels) + 1)


def _order(section: xr.Dataset) -> NDArray[np.int64]:
    """Return the position that each trace will have in the new file, from 0."""
    if "trace_index" not in section:
        shape = section["amplitude"].shape[:-1]
        return np.arange(np.prod(shape)).reshape(shape)
    rows: NDArray[np.int64] = section["trace_index"].to_numpy()
    return np.searchsorted(np.sort(rows[rows >= 0]), rows)


def _scalar(section: xr.Dataset) -> int:
    """Return the finest factor with which the coordinates fit 32 bits; 0 where there are none."""
    if "cdp_x" not in section.coords or "cdp_y" not in section.coords:
        return 0
    both = np.abs([section[name].to_numpy() for name in ("cdp_x", "cdp_y")])
    largest = float(np.nanmax(both, initial=0))
    return next((factor for factor in (100, 10) if largest * factor < 2**31), 1)


def _binary(axis: Vertical, sample_format: int, sorting: int, interval: int) -> bytes:
    values = {
        "traces_per_ensemble": 1,
        "sample_interval": interval,
        "samples": axis.samples,
        "format": sample_format,
        "ensemble_fold": 1,
        "sorting": sorting,
        "measurement_system": 2 if axis.unit == "ft" else 1,
        "revision_major": 1,
        "fixed_length": 1,
    }
    if axis.samples >= 2**15:
        raise OutputError(
            f"{axis.samples} samples per trace: SEG-Y revision 1 holds 32767. Write Zarr, or select less"
        )
    raw = bytearray(BINARY_BYTES)
    for name, value in values.items():
        first, kind = BINARY_FIELDS[name]
        field = np.array(value, ">" + kind).tobytes()
        raw[first - 1 - TEXT_BYTES : first - 1 - TEXT_BYTES + len(field)] = field
    return bytes(raw)


def _text(leading: tuple[str, ...], places: list[tuple[int, ...]], axis: Vertical) -> str:
    where = [f"{dim} at bytes {'/'.join(map(str, at))}" for dim, at in zip(leading, places, strict=True)]
    lines = [
        "Written by seisflow",
        f"Dimensions: {', '.join((*leading, axis.domain))}",
        f"{axis.samples} samples every {axis.interval:g} {axis.unit} from {axis.start:g} {axis.unit}",
        f"Trace header: {', '.join(where)}",
        "Trace header: easting at bytes 73/181, northing at 77/185, scalar at 71",
        f"Domain: {axis.domain}",
    ]
    lines += [""] * (38 - len(lines)) + ["SEG Y REV1", "END TEXTUAL HEADER"]
    return "\n".join(f"C{number:02d} {line}" for number, line in enumerate(lines, 1))
