"""Diagnosis of misplaced SEG-Y traces, in one line with a remedy."""

from dataclasses import replace

from seisflow.io.segy import formats, headers
from seisflow.io.segy.headers import TEXT_BYTES, TRACE_HEADER_BYTES, TRACE_SAMPLES
from seisflow.io.segy.placement import Placement, Traces, is_verified
from seisflow.io.segy.plausible import first_fields, is_first_plausible, is_text

_SIZES = (4, 2, 1, 3, 8)  # bytes of a sample
_WALKED = 50  # traces


def why_not(traces: Traces, place: Placement, code: int) -> str:
    """Tell what is wrong with a placement that headers do not confirm.

    Parameters
    ----------
    traces : Traces
    place : Placement
        What the headers claim.
    code : int
        Sample format code.
    """
    if (size := _other_size(traces, place)) is not None:
        fitting = ", ".join(
            f"{other} ({name})" for other, name in formats.NAMES.items() if formats.sample_size(other) == size
        )
        return (
            f"traces fit samples of {size} bytes, format code {code} ({formats.NAMES[code]}) has "
            f"{traces.sample_bytes}. They must agree: pass format (--format), one of {fitting}"
        )
    row = _first_bad(traces, place)
    at = place.first_trace + row * traces.stride(place)
    if row == 0:
        return (
            f"no trace header at byte {at}, where the first was expected: bytes are missing or added before "
            "it, or the binary header is of another file. Copy it again"
        )
    found = f"trace {row + 1} of {place.traces} does not begin at byte {at}, where {place.samples} samples"
    found += " a trace put it"
    if is_text(traces.read(at, TEXT_BYTES)):
        return (
            f"{found}: another file's text header stands there. One file was expected: "
            f"two were joined, cut it at byte {at}"
        )
    lengths = _lengths(traces, place)
    if len(set(lengths)) > 1:
        return (
            f"{found}: traces have {min(lengths)} to {max(lengths)} samples, by their headers. One length "
            "was expected: write them with one length, such as with zeros at their ends"
        )
    return (
        f"{found}: bytes are missing or added before it. Whole traces were expected: copy it again, or keep "
        f"the {row - 1 or 1} whole traces before (the first {at - traces.stride(place)} bytes)"
        if row > 1
        else f"{found}: its samples have another count or size. Copy it again, or pass the right --format"
    )


def _other_size(traces: Traces, place: Placement) -> int | None:
    """Return another number of bytes a sample with which every trace is where it should be."""
    for size in _SIZES:
        if size == traces.sample_bytes:
            continue
        other = replace(traces, sample_bytes=size)
        filled = other.filled(replace(place, traces=0, spare=0))
        if filled.traces > 1 and not filled.spare and is_verified(other, filled) and other.follows(filled):
            return size
    return None


def _first_bad(traces: Traces, place: Placement) -> int:
    """Return the first row without a header, by halving; headers before it stand where they should."""
    first = first_fields(traces.read(place.first_trace, TRACE_HEADER_BYTES), traces.endian)
    if not is_first_plausible(first) and not traces.follows(place):
        return 0
    good, bad = 0, place.traces
    while bad - good > 1:
        middle = (good + bad) // 2
        if traces.plausible(place, [middle])[0]:
            good = middle
        else:
            bad = middle
    return bad


def _lengths(traces: Traces, place: Placement) -> list[int]:
    """Walk from trace to trace by the count in each header, and return the counts; [] where that fails."""
    position = place.first_trace
    lengths: list[int] = []
    first = first_fields(traces.read(position, TRACE_HEADER_BYTES), traces.endian)
    while len(lengths) < _WALKED and position + TRACE_HEADER_BYTES <= traces.size:
        fields = first_fields(traces.read(position, TRACE_HEADER_BYTES), traces.endian)
        if fields[headers.TRACE_INTERVAL] != first[headers.TRACE_INTERVAL] or not fields[TRACE_SAMPLES]:
            return []
        lengths.append(fields[TRACE_SAMPLES])
        position += place.header_bytes + lengths[-1] * traces.sample_bytes
    return lengths if position == traces.size or len(lengths) == _WALKED else []
