"""Placement of the traces of a SEG-Y file: first trace, bytes of a header, samples a trace.

What the file's headers claim is tried first, then what is known to go wrong in them. A placement counts when
the headers of the first, second, third, middle and last trace are where it puts them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from seisflow.errors import DataError
from seisflow.io.segy import headers
from seisflow.io.segy.headers import (
    BINARY_BYTES,
    MOST_TEXT_HEADERS,
    MOST_TRACE_HEADERS,
    TEXT_BYTES,
    TRACE_HEADER_BYTES,
    TRACE_INTERVAL,
    TRACE_SAMPLES,
)
from seisflow.io.segy.plausible import evidence, first_fields, is_first_plausible

FIRST = TEXT_BYTES + BINARY_BYTES
_END_TEXT = "((SEG: EndText))"
_OTHER_TEXT_HEADERS = 10  # tried where those that are claimed do not fit
_WRAP, _MOST_WRAPS = 2**16, 1000  # 16 bits count samples up to here
_LONG = (229, "i4")  # PASSCAL's count of samples, where 16 bits do not hold it
_SAME_IN_ALL = slice(TRACE_SAMPLES - 1, TRACE_INTERVAL + 1)
_SEARCHED = 2**16  # bytes looked through for the first trace


@dataclass(frozen=True)
class Placement:
    """Placement of traces; ``spare`` bytes follow the last; ``note`` says what was not as claimed."""

    first_trace: int
    header_bytes: int
    samples: int
    trailer: int = 0
    traces: int = 0
    spare: int = 0
    note: str = ""


@dataclass(frozen=True)
class Traces:
    """A file as far as its traces are to be found: what is read from it, and what its binary header says."""

    file: BinaryIO
    path: str
    size: int
    binary: dict[str, int]
    encoding: str
    endian: str
    sample_bytes: int

    def read(self, position: int, count: int) -> bytes:
        """Return bytes of the file."""
        self.file.seek(position)
        return self.file.read(count)

    def stride(self, place: Placement) -> int:
        """Return the bytes from one trace to the next."""
        return place.header_bytes + place.samples * self.sample_bytes

    def filled(self, place: Placement) -> Placement:
        """Return a placement with the traces that fit the file."""
        body = self.size - place.trailer - place.first_trace
        traces, spare = divmod(body, self.stride(place)) if place.samples > 0 and body > 0 else (0, 0)
        return replace(place, traces=traces, spare=spare)

    def plausible(self, place: Placement, rows: Iterable[int]) -> list[bool]:
        """Tell whether headers stand at these rows, beside the one at the first."""
        first = first_fields(self.read(place.first_trace, TRACE_HEADER_BYTES), self.endian)
        wanted = list(rows)
        raw = [self.read(place.first_trace + r * self.stride(place), TRACE_HEADER_BYTES) for r in wanted]
        whole = np.array([len(header) == TRACE_HEADER_BYTES for header in raw], bool)
        table = np.frombuffer(b"".join(h.ljust(TRACE_HEADER_BYTES, b"\0") for h in raw), np.uint8)
        found = headers.fields_of(table.reshape(-1, TRACE_HEADER_BYTES), self.endian)
        return list(evidence(found, first, np.array(wanted, np.int64)) & whole)

    def follows(self, place: Placement) -> bool:
        """Tell whether the second header repeats the sample count and interval of the first."""
        one, two = (
            self.read(place.first_trace + row * self.stride(place), TRACE_HEADER_BYTES)[_SAME_IN_ALL]
            for row in (0, 1)
        )
        return any(two) and one == two

    def skips(self, place: Placement) -> bool:
        """Tell whether the first traces' numbers count on by more than one, so that some lie between."""
        first = first_fields(self.read(place.first_trace, TRACE_HEADER_BYTES), self.endian)
        steps = []
        for row in (1, 2):
            header = self.read(place.first_trace + row * self.stride(place), TRACE_HEADER_BYTES)
            if row >= place.traces or len(header) < TRACE_HEADER_BYTES:
                return False
            fields = first_fields(header, self.endian)
            steps.append([(fields[byte] - first[byte]) / row for byte in (headers.IN_LINE, headers.IN_FILE)])
        counting = [one for one, two in zip(*steps, strict=True) if one == two > 0]
        return bool(counting) and min(counting) > 1


def place_traces(traces: Traces) -> Placement:
    """Find out where the traces of a file stand.

    Raises
    ------
    DataError
        If the headers before the first trace claim what the file is too short for.
    """
    start, trailer, note = _claimed_start(traces)
    extra = traces.binary.get("additional_trace_headers", 0)
    header_bytes = TRACE_HEADER_BYTES * (1 + (extra if 0 <= extra <= MOST_TRACE_HEADERS else 0))
    first = traces.read(start, header_bytes)
    if len(first) < header_bytes:
        raise DataError(
            f"{traces.path}: {traces.size} bytes end inside the headers. The file is cut short: copy it again"
        )
    claims = _claims(traces, first)
    usual = [traces.filled(Placement(start, header_bytes, samples, trailer, note=note)) for samples in claims]
    best = max(usual, key=lambda place: score(traces, place), default=Placement(start, header_bytes, 0))
    if not best.traces or (is_verified(traces, best) and not _is_untold(traces, first)):
        return best
    for place in _unusual(traces, start, header_bytes, claims):
        sure = not place.spare or traces.follows(place)
        if is_verified(traces, place) and sure and not traces.skips(place):
            return place
    return best


def is_verified(traces: Traces, place: Placement) -> bool:
    """Tell whether trace headers stand where they should."""
    return score(traces, place) >= _VERIFIED


_VERIFIED = 8


def score(traces: Traces, place: Placement) -> int:
    """Return how well a placement fits: at least 8 where headers confirm it."""
    if not place.traces:
        return 0
    follows = place.traces > 1 and traces.follows(place)
    rows = sorted({1, 2, place.traces // 2, place.traces - 1} - {0})
    rows = [row for row in rows if row < place.traces]
    if not rows and place.spare >= place.header_bytes:  # the header of a trace that is cut short
        rows.append(place.traces)
    first = first_fields(traces.read(place.first_trace, TRACE_HEADER_BYTES), traces.endian)
    verified = all(traces.plausible(place, rows)) and (is_first_plausible(first) or follows)
    if not rows and place.spare:  # one trace, and nothing that could confirm its length
        verified &= place.samples == traces.binary["samples"]
    return _VERIFIED * verified + 4 * (not place.spare) + 2 * follows + 1


def _claims(traces: Traces, first_header: bytes) -> list[int]:
    """Return the samples a trace that headers claim, the binary header's first."""
    binary = traces.binary
    trace = int(headers.field(first_header, (TRACE_SAMPLES, "u2"), traces.endian, base=0))
    claims = (
        max(0, binary.get("samples_extended", 0)),
        binary["samples"],
        trace,
        binary["samples_original"],
    )
    return list(dict.fromkeys(claim for claim in claims if claim > 0))


def _claimed_start(traces: Traces) -> tuple[int, int, str]:
    """Return the position of the first trace, the bytes after the last one that are no trace, and a note."""
    path, size, binary = traces.path, traces.size, traces.binary
    count = binary["extended_text_headers"]
    if binary["revision_major"] < 1:
        return FIRST, 0, ""
    if count < 0:  # as many as there are until a closing stanza
        end = _END_TEXT.encode("cp037" if traces.encoding == "ebcdic" else "latin-1")
        found = traces.read(FIRST, MOST_TEXT_HEADERS * TEXT_BYTES).find(end)
        if found < 0:
            raise DataError(
                f"{path}: extended text headers without the closing {_END_TEXT}. "
                "It was expected: the file is cut short, or byte 3505 is wrong"
            )
        count = found // TEXT_BYTES + 1
    first = binary.get("first_trace_offset", 0) or FIRST + count * TEXT_BYTES
    if not FIRST <= first < size:
        raise DataError(
            f"{path}: the headers put the first trace at byte {first} of {size}. "
            "The file is cut short, or the count of extended text headers (byte 3505) is wrong"
        )
    trailer = max(0, binary.get("trailer_stanzas", 0)) * TEXT_BYTES
    return first, trailer if first + trailer < size else 0, ""


def _is_untold(traces: Traces, first_header: bytes) -> bool:
    """Tell whether the first trace has neither sample count nor interval of the binary header."""
    told = traces.binary["samples"], traces.binary["sample_interval"]
    fields = first_fields(first_header, traces.endian)
    own = (fields[TRACE_SAMPLES], fields[TRACE_INTERVAL])
    return all(told) and own[0] != told[0] and own[1] != told[1]


def _unusual(traces: Traces, start: int, header_bytes: int, claims: list[int]) -> Iterator[Placement]:
    """Give placements that the headers do not claim, the likeliest first."""
    for first, where in _starts(traces, start):
        counts = dict.fromkeys(claims, "") | _long_counts(traces, first, claims)
        for samples, how in counts.items():
            for size in dict.fromkeys((header_bytes, TRACE_HEADER_BYTES, 2 * TRACE_HEADER_BYTES)):
                place = traces.filled(Placement(first, size, samples))
                notes = [where, how]
                if size != header_bytes:
                    notes.append(f"trace headers of {size} bytes fit the file, {header_bytes} do not")
                yield replace(place, note="; ".join(note for note in notes if note))
    for k in range(1, _MOST_WRAPS):  # more samples than 16 bits count
        for claim in claims:
            place = traces.filled(Placement(start, header_bytes, claim % _WRAP + k * _WRAP))
            if place.traces > 1 and traces.follows(place):
                yield replace(
                    place, note=f"{place.samples} samples a trace, of which 16 bits can say {claim}"
                )
        if FIRST + k * _WRAP * traces.sample_bytes > traces.size:
            return


def _starts(traces: Traces, start: int) -> Iterator[tuple[int, str]]:
    """Give positions that the first trace may have, and what to say of them."""
    yield start, ""
    raw = traces.read(TEXT_BYTES, BINARY_BYTES)
    count = int(headers.field(raw, headers.BINARY_FIELDS["extended_text_headers"], traces.endian))
    counts = [count] if 0 < count <= MOST_TEXT_HEADERS else []
    for number in dict.fromkeys((*counts, *range(_OTHER_TEXT_HEADERS + 1))):
        first = FIRST + number * TEXT_BYTES
        if first != start:
            said = f"{number} extended text headers precede the traces"
            yield first, f"{said}, as byte 3505 says in spite of revision 0" if number == count else said
    told = [traces.binary["samples"], traces.binary["sample_interval"]]
    if all(told):
        begin = FIRST - TRACE_HEADER_BYTES
        mark = np.array(told, headers.order(traces.endian) + "u2").tobytes()
        found = traces.read(begin, _SEARCHED).find(mark)
        first = begin + found - (TRACE_SAMPLES - 1)
        if found >= 0 and first > TEXT_BYTES and first != start:
            yield first, f"the first trace begins at byte {first}, {first - start:+d} from where it should"


def _long_counts(traces: Traces, first: int, claims: list[int]) -> dict[int, str]:
    """Return PASSCAL's 32-bit count of samples, where the first trace header has one."""
    header = traces.read(first, TRACE_HEADER_BYTES)
    if len(header) < TRACE_HEADER_BYTES:
        return {}
    count = int(headers.field(header, _LONG, traces.endian, base=0))
    if count <= 0 or count in claims or count * traces.sample_bytes > traces.size:
        return {}
    return {count: f"{count} samples a trace, by byte {_LONG[0]} as PASSCAL writes them"}
