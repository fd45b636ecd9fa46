"""Layout of a SEG-Y file: byte order, sample format, trace length and count, sampling.

Headers lie, so each fact is held against the size of the file and against the trace headers.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from seisflow.errors import DataError
from seisflow.io.files import open_binary
from seisflow.io.nulls import Nulls
from seisflow.io.segy import formats, headers
from seisflow.io.segy.diagnosis import why_not
from seisflow.io.segy.domain import guess_domain
from seisflow.io.segy.headers import TEXT_BYTES, TRACE_HEADER_BYTES
from seisflow.io.segy.interval import with_interval
from seisflow.io.segy.placement import FIRST, Traces, is_verified, place_traces

_FIXED_WITH_GAIN = 4
_BYTE_ORDER, _BYTE_ORDER_VALUE, _SWAPPED_IN_PAIRS = (3297, "i4"), 0x01020304, 0x02010403
_PASSCAL_INTERVAL = (201, "i4")  # where 16 bits hold no interval, but 1


@dataclass(frozen=True)
class Layout:
    """Places of headers and samples in one SEG-Y file, with the format of the samples.

    ``interval`` is in ms, or in ``unit`` (m, ft) where ``domain`` is "depth"; ``told_interval`` is what the
    headers say, 0 where they say nothing. ``sample_endian`` is the byte order of the samples, which some
    files have in another one than their headers, whose order is ``endian``. ``nulls`` are values that stand
    for no measurement, besides those of `NULL_FROM` and more.
    """

    path: str
    endian: str
    encoding: str
    format: int
    samples: int
    traces: int
    first_trace: int
    header_bytes: int
    interval: float
    told_interval: float
    domain: str
    text: str
    binary: dict[str, int]
    warnings: tuple[str, ...] = field(default=())
    kind: str = "segy"
    sample_endian: str = ""
    depth_unit: str | None = None
    nulls: Nulls = field(default_factory=Nulls)

    @property
    def sample_bytes(self) -> int:
        """Bytes of the samples of one trace."""
        return self.samples * formats.sample_size(self.format)

    @property
    def stride(self) -> int:
        """Bytes from one trace to the next."""
        return self.header_bytes + self.sample_bytes

    @property
    def unit(self) -> str:
        """Unit of the vertical axis."""
        return "ms" if self.domain == "time" else self.depth_unit or self.length_unit

    @property
    def length_unit(self) -> str:
        """Unit of lengths and coordinates."""
        return "ft" if self.binary.get("measurement_system") == 2 else "m"

    @property
    def revision(self) -> int:
        """Revision of the standard, without what follows the point; 0 for SU."""
        return self.binary.get("revision_major", 0)

    def warn(self, *texts: str) -> "Layout":
        """Return a copy with more warnings."""
        return replace(self, warnings=self.warnings + texts)


def read_layout(
    path: str | Path,
    *,
    dt: float | None = None,
    format: int | None = None,
    endian: str | None = None,
    encoding: str | None = None,
    domain: str | None = None,
    strict: bool = False,
) -> Layout:
    """Find out how a SEG-Y file is laid out.

    Parameters
    ----------
    path : str or Path
        File, or URL that fsspec opens.
    dt : float, optional
        Sample interval in ms (m for depth); the headers' own where not given.
    format : int, optional
        Sample format code, one of `formats.NAMES`, instead of that of the binary header.
    endian : {"big", "little"}, optional
        Byte order; of the samples alone where the headers make sense in the other one only.
    encoding : {"ebcdic", "ascii"}, optional
        Encoding of the text header.
    domain : {"time", "depth"}, optional
    strict : bool
        Refuse what would otherwise be a warning.

    Raises
    ------
    DataError
        If the file is missing, empty, too short or not SEG-Y, if its trace headers are not where they should
        be, or if its sampling is not known.
    """
    if dt is not None and not dt > 0:
        raise DataError(f"{path}: dt is {dt}. A sample interval in ms (m for depth) must be above 0")
    if format is not None and format not in formats.NAMES:
        known = ", ".join(map(str, formats.NAMES))
        raise DataError(f"{path}: format is {format}. A sample format code was expected: one of {known}")
    try:
        with open_binary(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            return _read(file, str(path), size, dt, format, endian, encoding, domain, strict)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}. A readable file was expected") from error


def _read(
    file: BinaryIO,
    path: str,
    size: int,
    dt: float | None,
    code: int | None,
    endian: str | None,
    encoding: str | None,
    domain: str | None,
    strict: bool,
) -> Layout:
    if size == 0:
        raise DataError(f"{path}: the file is empty. SEG-Y starts with 3600 bytes of headers: copy it again")
    if size < FIRST + TRACE_HEADER_BYTES:
        raise DataError(
            f"{path}: {size} bytes. SEG-Y has at least 3600 bytes of headers and a trace: "
            "not SEG-Y, or cut short: copy it again"
        )
    start = file.read(FIRST)
    text, header = start[:TEXT_BYTES], start[TEXT_BYTES:]
    order = _endian(path, header, endian, code)
    binary = headers.binary_fields(header, order)
    encoding = encoding or headers.guess_encoding(text)
    code = code or binary["format"]

    traces = Traces(file, path, size, binary, encoding, order, formats.sample_size(code))
    place = place_traces(traces)
    stride = traces.stride(place)
    if place.samples == 0 or place.traces == 0:
        body = size - place.trailer - place.first_trace
        raise DataError(
            f"{path}: {body} bytes after the headers, {place.samples} samples a trace by the headers. At "
            f"least one whole trace ({stride} bytes) was expected: not SEG-Y, or cut short: copy it again"
        )
    if not is_verified(traces, place):
        raise DataError(f"{path}: {why_not(traces, place, code)}")
    warnings = [place.note] if place.note else []
    if place.spare:
        found = f"the last trace is cut short ({place.spare} of {stride} bytes)"
        if place.spare >= place.header_bytes and not traces.plausible(place, [place.traces])[0]:
            found = f"the last {place.spare} bytes are no trace"
        warnings.append(f"{found}: the {place.traces} whole traces are read")
    if warnings and strict:
        raise DataError(
            f"{path}: {warnings[-1]}. Whole traces were expected: copy it again, or leave out strict"
        )
    if binary["samples"] not in (place.samples, 0) and "samples_extended" not in binary and not place.note:
        warnings.append(
            f"the binary header says {binary['samples']} samples, the file holds {place.samples}: "
            f"{place.samples} is used"
        )
    if place.header_bytes > TRACE_HEADER_BYTES:
        warnings.append(
            f"trace headers of {place.header_bytes} bytes: what stands beyond the first {TRACE_HEADER_BYTES}"
            ", such as coordinates in double precision, is not read, but kept in results"
        )

    lines = headers.decode_text(text, encoding)
    guess, unit = guess_domain(lines)
    layout = Layout(
        path=path,
        endian=order,
        encoding=encoding,
        format=code,
        samples=place.samples,
        traces=place.traces,
        first_trace=place.first_trace,
        header_bytes=place.header_bytes,
        interval=0.0,
        told_interval=0.0,
        domain=domain or guess,
        text=lines,
        binary=binary,
        sample_endian=endian or order,
        depth_unit=unit,
    ).warn(*warnings)
    first_header = traces.read(place.first_trace, place.header_bytes)
    told, trace, certain = _intervals(header, first_header, binary, order)
    return with_interval(layout, dt, told, trace, strict, certain=certain)


def _intervals(
    header: bytes, first_header: bytes, binary: dict[str, int], endian: str
) -> tuple[float, float, bool]:
    """Return the sample intervals of binary and first trace header in us; True if the first is sure."""
    told: float = binary["sample_interval"]
    certain = False
    if binary["revision_major"] >= 2:
        extended = headers.field(header, headers.BINARY_FIELDS_2["sample_interval_extended"], endian)
        certain = 0 < extended < 1e9
        told = extended if certain else told
    trace = headers.field(first_header, (headers.TRACE_INTERVAL, "u2"), endian, base=0)
    if trace == 1:  # PASSCAL's sign that another field has it
        long = headers.field(first_header, _PASSCAL_INTERVAL, endian, base=0)
        trace = long if 1 < long < 1e9 else trace
        told = 0 if told == 1 else told
    return told, trace, certain


def _endian(path: str, header: bytes, wanted: str | None, code: int | None) -> str:
    """Find the byte order in which the sample format code makes sense: codes are small numbers."""
    codes = {e: int(headers.field(header, headers.BINARY_FIELDS["format"], e)) for e in ("big", "little")}
    told = [e for e in codes if int(headers.field(header, _BYTE_ORDER, e)) == _BYTE_ORDER_VALUE]
    if not wanted and int(headers.field(header, _BYTE_ORDER, "big")) == _SWAPPED_IN_PAIRS:
        raise DataError(
            f"{path}: bytes swapped in pairs, by byte 3297. Big- or little-endian was expected: "
            "swap them back (dd conv=swab), or pass endian if byte 3297 is wrong"
        )
    if told and not wanted and codes[told[0]] in formats.NAMES:  # since revision 2, a file can say it
        return told[0]
    fitting = [e for e in codes if codes[e] in formats.NAMES]
    if fitting:  # where the wanted order does not fit, it is that of the samples alone
        return wanted if wanted in fitting else fitting[0]
    if code is not None:
        return wanted or _likelier(header)
    if _FIXED_WITH_GAIN in codes.values():
        raise DataError(
            f"{path}: sample format code 4 (fixed point with gain, obsolete since 2002). "
            "Floats or whole numbers were expected: convert it with the software that wrote it"
        )
    known = ", ".join(map(str, formats.NAMES))
    raise DataError(
        f"{path}: sample format code {codes[wanted or 'big']} at byte 3225. One of {known} was expected: "
        "not SEG-Y, or if its binary header is wrong, pass format (--format)"
    )


def _likelier(header: bytes) -> str:
    """Return the byte order in which the counts of the binary header are smaller, as most are small."""
    counts = {
        e: headers.field(header, headers.BINARY_FIELDS["samples"], e)
        + headers.field(header, headers.BINARY_FIELDS["sample_interval"], e)
        for e in ("big", "little")
    }
    return min(counts, key=lambda e: counts[e])
