"""Layout of a Seismic Unix file: SEG-Y traces of IEEE floats in either byte order, nothing else."""

import os
from pathlib import Path

from seisflow.errors import DataError
from seisflow.io.files import open_binary
from seisflow.io.segy import headers
from seisflow.io.segy.diagnosis import why_not
from seisflow.io.segy.headers import TRACE_HEADER_BYTES
from seisflow.io.segy.interval import with_interval
from seisflow.io.segy.layout import Layout
from seisflow.io.segy.placement import Placement, Traces, is_verified

_IEEE = 5
_TRACE_ID = (29, "i2")
_LARGEST_ID = 255  # identification codes are small numbers, and large ones with their bytes swapped


def read_su_layout(
    path: str | Path,
    *,
    dt: float | None = None,
    endian: str | None = None,
    domain: str | None = None,
    strict: bool = False,
    certain: bool = False,
) -> Layout:
    """Find out how an SU file is laid out.

    Parameters
    ----------
    path, dt, endian, domain, strict
        As for `layout.read_layout`.
    certain : bool
        Nothing but its contents tells that the file is SU: whole traces, and two at least, must fit it.

    Raises
    ------
    DataError
        If the file is empty or no SU, or if its sampling is not known.
    """
    with open_binary(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = file.read(TRACE_HEADER_BYTES)
        fits: list[tuple[int, str, int]] = []
        for order in (endian,) if endian else ("little", "big"):
            samples = _samples(first, order)
            stride = TRACE_HEADER_BYTES + 4 * samples
            if not samples or stride > size:
                continue
            file.seek(stride)
            second = file.read(TRACE_HEADER_BYTES)
            agrees = len(second) < TRACE_HEADER_BYTES or _samples(second, order) == samples
            plausible = 0 <= headers.field(first, _TRACE_ID, order, base=0) <= _LARGEST_ID
            fits.append((4 * agrees + 2 * (size % stride == 0) + plausible, order, samples))
    score, order, samples = max(fits, key=lambda fit: fit[0], default=(0, "", 0))
    if score < (7 if certain else 4) or (certain and 2 * (TRACE_HEADER_BYTES + 4 * samples) > size):
        raise DataError(
            f"{path}: no SU traces of one length in either byte order. SU (trace headers of 240 bytes "
            "and IEEE floats) was expected: not SU, or cut short"
        )
    with open_binary(path) as file:
        traces = Traces(file, str(path), size, {"samples": samples}, "ascii", order, 4)
        place = traces.filled(Placement(0, TRACE_HEADER_BYTES, samples))
        if not is_verified(traces, place):
            raise DataError(f"{path}: {why_not(traces, place, _IEEE)}")
    warnings: tuple[str, ...] = ()
    if place.spare:
        found = f"the last trace is cut short ({place.spare} of {traces.stride(place)} bytes)"
        if strict:
            raise DataError(
                f"{path}: {found}. Whole traces were expected: copy it again, or leave out strict"
            )
        warnings = (f"{found}: the {place.traces} whole traces are read",)
    told = headers.field(first, (headers.TRACE_INTERVAL, "u2"), order, base=0)
    if not dt and not told:
        raise DataError(
            f"{path}: the sample interval is 0 in the trace header. It must be known: pass dt in ms (--dt 4)"
        )
    layout = Layout(
        path=str(path),
        kind="su",
        endian=order,
        encoding="ascii",
        format=_IEEE,
        samples=samples,
        traces=place.traces,
        first_trace=0,
        header_bytes=TRACE_HEADER_BYTES,
        interval=0.0,
        told_interval=0.0,
        domain=domain or "time",
        text="",
        binary={},
        warnings=warnings,
        sample_endian=order,
    )
    return with_interval(layout, dt, 0, told, strict)


def _samples(header: bytes, order: str) -> int:
    if len(header) < TRACE_HEADER_BYTES:
        return 0
    return int(headers.field(header, (headers.TRACE_SAMPLES, "u2"), order, base=0))
