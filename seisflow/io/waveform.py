"""Open what obspy reads - SEG-2, MiniSEED, SAC, GSE2, ... - as a line of traces on one time axis."""

import io
import warnings
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr

from seisflow.errors import DataError
from seisflow.io.files import full_name, open_binary
from seisflow.io.nulls import describe_nulls, find_nulls, without_nulls

# Formats by name: obspy is never left to guess, for one of the readers it then tries unpickles the file.
# Readers in this list parse bytes, and neither unpickle nor run or unpack anything.
_SUFFIXES = {
    ".mseed": "MSEED",
    ".miniseed": "MSEED",
    ".ms": "MSEED",
    ".sac": "SAC",
    ".sg2": "SEG2",
    ".seg2": "SEG2",
    ".gse": "GSE2",
    ".gse2": "GSE2",
    ".ah": "AH",
}
_SEGY_SUFFIXES = (".sgy", ".segy", ".seg-y", ".seg")
_SAC_VERSION = 6  # in word 76 of the header
_HEAD = 632  # bytes of a SAC header, the longest start that tells a format
_MOST_BYTES = 4 * 2**30  # of samples on a common axis
_ROUNDING = 0.1  # of a sample
_MOST_STRETCH = 100  # times the longest trace that a common axis may be


def is_waveform(path: str | Path) -> bool:
    """Tell by the name or the first bytes whether obspy must read a file."""
    return _kind(path) is not None


def _kind(path: str | Path) -> str | None:
    """Return obspy's name of a file's format; None for SEG-Y by its name, and where nothing tells."""
    suffix = PurePosixPath(str(path)).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if suffix in _SEGY_SUFFIXES:
        return None
    try:
        with open_binary(path) as file:
            start = file.read(_HEAD)
    except OSError:
        return None
    if start[:6].isdigit() and start[6:7] in (b"D", b"R", b"Q", b"M"):
        return "MSEED"
    if start[:4] == b"WID2":
        return "GSE2"
    for order, magic in (("<", b"\x55\x3a"), (">", b"\x3a\x55")):
        if start[:2] == magic and len(start) >= 32:
            _, revision, pointers, traces = np.frombuffer(start[:8], order + "u2")
            if revision == 1 and 0 < 4 * int(traces) <= int(pointers):
                return "SEG2"
        if len(start) == _HEAD and np.frombuffer(start[304:308], order + "i4")[0] == _SAC_VERSION:
            return "SAC"
    return None


def open_waveform(path: str | Path, *, dt: float | None = None) -> xr.Dataset:
    """Open a file by obspy, as (trace, time); time counts from the earliest sample.

    Parameters
    ----------
    path : str or Path
    dt : float, optional
        Sample interval in ms, instead of the file's own.

    Raises
    ------
    DataError
        If obspy cannot read the file, its traces differ in sample interval, or lie too far apart in time.
    """
    import obspy  # here: it takes a second to load, and few files need it

    kind = _kind(path)
    if kind is None:
        raise DataError(
            f"{path}: of no known format. SEG-Y, SU, SEG-2, MiniSEED, SAC, GSE2, Zarr or NetCDF was "
            "expected: if it is one of these, give it its usual ending"
        )
    try:
        with warnings.catch_warnings(), open_binary(path) as file:
            warnings.simplefilter("ignore")
            # An open file, for obspy takes names as patterns and URLs; not unpacked if it is an archive.
            stream = obspy.read(io.BytesIO(file.read()), format=kind, check_compression=False)
    except Exception as error:  # obspy's readers raise what they like on damaged input
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise DataError(f"{path}: damaged, or no {kind} ({said}). A whole file was expected") from error
    traces = [trace for trace in stream if trace.stats.npts and np.asarray(trace.data).dtype.kind in "iuf"]
    if not traces:
        raise DataError(f"{path}: no samples. At least one trace was expected")
    intervals = np.array([trace.stats.delta for trace in traces]) * 1000
    if not np.allclose(intervals, intervals[0], rtol=1e-4):
        raise DataError(
            f"{path}: sample intervals {intervals.min():g} to {intervals.max():g} ms. "
            "One was expected: resample the traces, or split the file"
        )
    interval = float(dt or round(intervals[0], 6))
    if kind == "MSEED":
        traces = _merged(traces)
    return _section(path, stream, traces, interval)


def _merged(traces: list[Any]) -> list[Any]:
    """Join the pieces of each station and channel to one trace, masked in its gaps, in order of the first."""
    from obspy import Stream

    pieces: dict[str, list[Any]] = {}
    for trace in traces:
        pieces.setdefault(trace.id, []).append(trace)
    merged = []
    for group in pieces.values():
        first = group[0]
        span = max(one.stats.endtime for one in group) - min(one.stats.starttime for one in group)
        longest = max(one.stats.npts for one in group)
        if len(group) == 1 or span / first.stats.delta > _MOST_STRETCH * longest:
            merged += group
            continue
        kind = np.result_type(*(one.data for one in group))
        for one in group:
            one.data = one.data.astype(kind)
            one.stats.sampling_rate = first.stats.sampling_rate
        merged += list(Stream(group).merge(method=1))  # later pieces win where two overlap
    return merged


def _section(path: str | Path, stream: Any, traces: list[Any], interval: float) -> xr.Dataset:
    earliest = min(trace.stats.starttime for trace in traces)
    shifts = np.array([1000 * (trace.stats.starttime - earliest) / interval for trace in traces])
    starts = np.rint(shifts).astype(int)
    lengths = np.array([trace.stats.npts for trace in traces])
    samples = int((starts + lengths).max())
    if samples > _MOST_STRETCH * lengths.max() or samples * len(traces) * 4 > _MOST_BYTES:
        raise DataError(
            f"{path}: {len(traces)} traces spread over {samples} samples. A section was expected: "
            "cut out one time window first"
        )
    amplitude = np.full((len(traces), samples), np.nan, np.float32)
    for row, start, trace in zip(amplitude, starts, traces, strict=True):
        real = np.ma.filled(np.ma.asarray(trace.data, np.float32), np.nan)
        row[start : start + trace.stats.npts] = real * np.float32(_factor(trace))
    whole = all(np.asarray(trace.data).dtype.kind in "iu" for trace in traces)
    nulls = find_nulls(amplitude, whole=whole)
    said = describe_nulls(amplitude, nulls, amplitude.size)
    without_nulls(amplitude, nulls, str(path))
    first_delay = _delay(traces)
    if np.abs(shifts - starts).max() > _ROUNDING:
        said.append("traces start between samples: shifted to the nearest")
    if (lengths < samples).any():
        said.append("traces differ in start or length: masked beyond their ends")
    gaps = [int(np.ma.count_masked(trace.data)) for trace in traces]
    if any(gaps):
        said.append(f"{np.count_nonzero(gaps)} of {len(traces)} traces have gaps: {sum(gaps)} samples masked")
    factors = {_factor(trace) for trace in traces}
    section = xr.Dataset(
        {
            "amplitude": (("trace", "time"), amplitude, {"long_name": "seismic amplitude"}),
            "trace_mask": ("trace", np.ones(len(traces), bool)),
            "trace_index": ("trace", np.arange(len(traces))),
        },
        coords={
            "trace": np.arange(1, len(traces) + 1),
            "time": ("time", first_delay + interval * np.arange(samples), {"units": "ms"}),
        },
        attrs={
            "source_file": full_name(path),
            "source_format": str(traces[0].stats._format).lower(),
            "start_time": str(earliest),
            "quantisation_step": factors.pop() if whole and len(factors) == 1 else 0.0,
            "warnings": said,
        },
    )
    offsets = [_offset(trace) for trace in traces]
    if all(offset is not None for offset in offsets):
        section = section.assign_coords(offset=("trace", np.array(offsets, float), {"units": "m"}))
    return section


def _factor(trace: Any) -> float:
    """Return the factor from stored numbers to amplitudes, as SEG-2 gives it; 1 for other formats."""
    factor = float(trace.stats.calib) if trace.stats._format == "SEG2" else 1.0
    return factor if np.isfinite(factor) and factor > 0 else 1.0


def _delay(traces: list[Any]) -> float:
    """Return the delay in ms that SEG-2 headers give all traces."""
    delays = {float(trace.stats.get("seg2", {}).get("DELAY", 0)) for trace in traces}
    return 1000 * delays.pop() if len(delays) == 1 else 0.0


def _offset(trace: Any) -> float | None:
    """Return the distance of source and receiver in m, where the headers have it."""
    seg2, sac = trace.stats.get("seg2", {}), trace.stats.get("sac", {})
    if "RECEIVER_LOCATION" in seg2 and "SOURCE_LOCATION" in seg2:
        places = [np.array(str(seg2[f"{who}_LOCATION"]).split(), float) for who in ("RECEIVER", "SOURCE")]
        difference = places[0] - places[1] if len(places[0]) == len(places[1]) else places[0][:1]
        return float(difference[0]) if len(difference) == 1 else float(np.linalg.norm(difference[:2]))
    return 1000 * float(sac["dist"]) if "dist" in sac else None
