"""What a SEG-Y file is made of: byte order, sample format, trace length and count, sampling.

Headers lie, so each fact is held against the size of the file and against the trace headers.
"""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from seisflow.errors import DataError
from seisflow.io.files import open_binary
from seisflow.io.segy import formats, headers
from seisflow.io.segy.headers import BINARY_BYTES, TEXT_BYTES, TRACE_HEADER_BYTES

_FIRST = TEXT_BYTES + BINARY_BYTES
_END_TEXT = "((SEG: EndText))"
_MAX_TEXT_HEADERS = 100
_FIXED_WITH_GAIN = 4
_BYTE_ORDER, _BYTE_ORDER_VALUE, _SWAPPED_IN_PAIRS = (3297, "i4"), 0x01020304, 0x02010403
_DEPTH = re.compile(
    r"depth\s+min\b|domain\s*[:=]?\s*depth|depth\s+(?:section|volume|cube|domain|step|interval|sampling)"
    r"|sampl\w*\s+(?:interval|rate)[^\n]{0,20}\d\s*(?:m|metres?|meters?|ft|feet)\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"\btime\s+min\b|domain\s*[:=]?\s*time|\btwt\b", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """Where everything stands in one SEG-Y file, and what its samples are.

    ``interval`` is in ms, or in ``unit`` (m, ft) where ``domain`` is "depth"; ``told_interval`` is what the
    headers say, 0 where they say nothing.
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
        return "ms" if self.domain == "time" else self.length_unit

    @property
    def length_unit(self) -> str:
        """Unit of lengths and coordinates."""
        return "ft" if self.binary.get("measurement_system") == 2 else "m"

    def warn(self, *texts: str) -> "Layout":
        """Return a copy with more warnings."""
        return replace(self, warnings=self.warnings + texts)


def read_layout(
    path: str | Path,
    *,
    dt: float | None = None,
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
    endian : {"big", "little"}, optional
    encoding : {"ebcdic", "ascii"}, optional
        Of the text header.
    domain : {"time", "depth"}, optional
    strict : bool
        Refuse what would otherwise be a warning.

    Raises
    ------
    DataError
        If the file is missing, empty, too short or not SEG-Y, or if its sampling is not known.
    """
    if dt is not None and not dt > 0:
        raise DataError(f"{path}: dt is {dt}. A sample interval in ms (m for depth) must be above 0")
    try:
        with open_binary(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            return _read(file, str(path), size, dt, endian, encoding, domain, strict)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}. A readable file was expected") from error


def _read(
    file: BinaryIO,
    path: str,
    size: int,
    dt: float | None,
    endian: str | None,
    encoding: str | None,
    domain: str | None,
    strict: bool,
) -> Layout:
    if size == 0:
        raise DataError(f"{path}: the file is empty. SEG-Y starts with 3600 bytes of headers: copy it again")
    if size < _FIRST + TRACE_HEADER_BYTES:
        raise DataError(
            f"{path}: {size} bytes. SEG-Y has at least 3600 bytes of headers and a trace: "
            "not SEG-Y, or cut short: copy it again"
        )
    start = file.read(_FIRST)
    text, header = start[:TEXT_BYTES], start[TEXT_BYTES:]
    endian = _endian(path, header, endian)
    binary = headers.binary_fields(header, endian)
    encoding = encoding or headers.guess_encoding(text)
    warnings: list[str] = []

    first_trace, trailer = _first_trace(file, path, size, binary, encoding)
    header_bytes = TRACE_HEADER_BYTES * (1 + _between(binary.get("additional_trace_headers", 0), 0, 100))
    first_header = _read_at(file, first_trace, header_bytes)
    if len(first_header) < header_bytes:
        raise DataError(f"{path}: {size} bytes end inside the headers. The file is cut short: copy it again")
    samples = _samples(file, size - trailer, binary, first_trace, header_bytes, first_header, endian)
    stride = header_bytes + samples * formats.sample_size(binary["format"])
    body = size - trailer - first_trace
    traces, spare = divmod(body, stride)
    if samples == 0 or traces == 0:
        raise DataError(
            f"{path}: {body} bytes after the headers, {samples} samples a trace by the headers. At least one "
            f"whole trace ({stride} bytes) was expected: not SEG-Y, or cut short: copy it again"
        )
    if spare:
        found = f"the last trace is cut short ({spare} of {stride} bytes)"
        if strict:
            raise DataError(
                f"{path}: {found}. Whole traces were expected: copy it again, or leave out strict"
            )
        warnings.append(f"{found}: the {traces} whole traces are read")
    if binary["samples"] not in (samples, 0) and "samples_extended" not in binary:
        warnings.append(
            f"the binary header says {binary['samples']} samples, the file holds {samples}: {samples} is used"
        )

    if header_bytes > TRACE_HEADER_BYTES:
        warnings.append(
            f"trace headers of {header_bytes} bytes: what stands beyond the first {TRACE_HEADER_BYTES}, such "
            "as coordinates in double precision, is not read, but kept in results"
        )

    lines = headers.decode_text(text, encoding)
    layout = Layout(
        path=path,
        endian=endian,
        encoding=encoding,
        format=binary["format"],
        samples=samples,
        traces=traces,
        first_trace=first_trace,
        header_bytes=header_bytes,
        interval=0.0,
        told_interval=0.0,
        domain=domain or guess_domain(lines),
        text=lines,
        binary=binary,
    ).warn(*warnings)
    extended = (
        headers.field(header, headers.BINARY_FIELDS_2["sample_interval_extended"], endian)
        if binary["revision_major"] >= 2
        else 0.0
    )
    return _with_interval(layout, dt, extended, first_header, strict)


def guess_domain(text: str) -> str:
    """Tell depth from time by what a text header says; time where it says neither or both."""
    return "depth" if _DEPTH.search(text) and not _TIME.search(text) else "time"


def _endian(path: str, header: bytes, wanted: str | None) -> str:
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
    for endian in (wanted,) if wanted else ("big", "little"):
        if codes[endian] in formats.NAMES:
            return endian
    if _FIXED_WITH_GAIN in codes.values():
        raise DataError(
            f"{path}: sample format code 4 (fixed point with gain, obsolete since 2002). "
            "Floats or whole numbers were expected: convert it with the software that wrote it"
        )
    found = f"sample format code {codes[wanted or 'big']}"
    known = ", ".join(map(str, formats.NAMES))
    if wanted and any(code in formats.NAMES for code in codes.values()):
        raise DataError(f"{path}: {found} if {wanted}-endian. One of {known} was expected: leave out endian")
    raise DataError(
        f"{path}: {found} at byte 3225. One of {known} was expected: "
        "not SEG-Y, or its binary header must be put right first"
    )


def _first_trace(
    file: BinaryIO, path: str, size: int, binary: dict[str, int], encoding: str
) -> tuple[int, int]:
    """Return the position of the first trace, and the bytes after the last one that are no trace."""
    if binary["revision_major"] < 1:
        return _FIRST, 0
    count = binary["extended_text_headers"]
    if count < 0:  # as many as there are until a closing stanza
        end = _END_TEXT.encode("cp037" if encoding == "ebcdic" else "latin-1")
        stanzas = _read_at(file, _FIRST, _MAX_TEXT_HEADERS * TEXT_BYTES)
        found = stanzas.find(end)
        if found < 0:
            raise DataError(
                f"{path}: extended text headers without the closing {_END_TEXT}. "
                "It was expected: the file is cut short, or byte 3505 is wrong"
            )
        count = found // TEXT_BYTES + 1
    first = binary.get("first_trace_offset", 0) or _FIRST + count * TEXT_BYTES
    if not _FIRST <= first < size:
        raise DataError(
            f"{path}: the headers put the first trace at byte {first} of {size}. "
            "The file is cut short, or the count of extended text headers (byte 3505) is wrong"
        )
    trailer = max(0, binary.get("trailer_stanzas", 0)) * TEXT_BYTES
    return first, trailer if first + trailer < size else 0


def _samples(
    file: BinaryIO,
    end: int,
    binary: dict[str, int],
    first_trace: int,
    header_bytes: int,
    first_header: bytes,
    endian: str,
) -> int:
    """Return the samples per trace that fit the file, among those its headers claim."""
    trace = int(headers.field(first_header, (headers.TRACE_SAMPLES, "u2"), endian, base=0))
    extended = max(0, binary.get("samples_extended", 0))
    claims = [extended, binary["samples"], trace, binary["samples_original"]]
    same_in_all = slice(headers.TRACE_SAMPLES - 1, headers.TRACE_INTERVAL + 1)

    def evidence(samples: int) -> int:
        stride = header_bytes + samples * formats.sample_size(binary["format"])
        if first_trace + stride > end:
            return 0
        second = _read_at(file, first_trace + stride, header_bytes)[same_in_all]
        follows = any(second) and second == first_header[same_in_all]
        return 1 + 2 * follows + 4 * ((end - first_trace) % stride == 0)

    possible = [claim for claim in claims if claim > 0]
    return max(possible, key=evidence, default=0)  # the first of equals: the binary header's


def _with_interval(
    layout: Layout, dt: float | None, extended: float, first_header: bytes, strict: bool
) -> Layout:
    """Settle the sample interval: as given, else the binary header's, else the trace header's."""
    binary = extended if 0 < extended < 1e9 else layout.binary["sample_interval"]
    trace = headers.field(first_header, (headers.TRACE_INTERVAL, "u2"), layout.endian, base=0)
    told = (binary or trace) / 1000
    layout = replace(layout, interval=float(dt or told), told_interval=told)
    if layout.interval == 0:
        raise DataError(
            f"{layout.path}: the sample interval is 0 in the binary and the trace header. "
            "It must be known: pass dt in ms (--dt 4)"
        )
    if dt is None and binary and trace and trace != binary:
        found = f"sample interval {binary:g} us in the binary header, {trace:g} us in the first trace header"
        if strict:
            raise DataError(f"{layout.path}: {found}. They must agree: pass dt in ms (--dt)")
        layout = layout.warn(f"{found}: {told:g} {layout.unit} is used; if that is wrong, pass dt (--dt)")
    return layout


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _between(value: int, low: int, high: int) -> int:
    return value if low <= value <= high else 0
