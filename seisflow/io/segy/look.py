"""A look at some traces of a SEG-Y file, for what headers do not tell: null values, a wrong sample format."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.io.nulls import describe_nulls, find_nulls
from seisflow.io.segy import formats
from seisflow.io.segy.layout import Layout
from seisflow.io.segy.sample_format import judge_format
from seisflow.io.segy.traces import raw_traces

_ALL_SAMPLES = 2**19  # up to which every trace is looked at
_MOST_TRACES, _MOST_BYTES = 256, 4 * 2**20
_JUDGED_BYTES = 2**18


def look(layout: Layout, rows: NDArray[np.int64], strict: bool = False) -> Layout:
    """Return a layout with the null values of its samples, and warnings on what is wrong with them.

    Parameters
    ----------
    layout : Layout
    rows : array of int64
        Traces that may be looked at; some of them, evenly spread, are.
    strict : bool
        Refuse samples that do not look like what the format code says.

    Raises
    ------
    DataError
        If the samples make sense in the headers' byte order, and not in that which was asked for.
    """
    count = len(rows)
    if count * layout.samples > _ALL_SAMPLES:
        count = min(count, _MOST_TRACES, max(1, _MOST_BYTES // layout.stride))
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(np.int64))]
    raw = np.empty((len(chosen), layout.sample_bytes), np.uint8)
    for part, bytes_ in raw_traces(layout, chosen):
        raw[part] = bytes_[:, layout.header_bytes :]
    some = raw[:: max(1, raw.size // _JUDGED_BYTES)]
    endian = layout.sample_endian or layout.endian
    found = judge_format(some, layout.format, endian)
    if found == layout.endian != endian:
        raise DataError(
            f"{layout.path}: the samples make no sense if {endian}-endian. "
            f"They are {layout.endian}-endian, as the headers are: leave out endian"
        )
    if found is not None:
        said = _said(found, layout.format)
        if strict:
            raise DataError(f"{layout.path}: {said}")
        layout = layout.warn(said)
    values = np.empty((len(chosen), layout.samples), np.float32)
    formats.decode(raw, layout.format, endian, slice(None), values)
    if found is not None:
        return layout  # what is misread has no null values
    nulls = find_nulls(values, whole=formats.is_integer(layout.format))
    texts = describe_nulls(values, nulls, layout.traces * layout.samples)
    return replace(layout, nulls=nulls).warn(*texts)


def _said(found: str, code: int) -> str:
    name = formats.NAMES[code]
    if found in ("big", "little"):
        return (
            f"amplitudes look like {found}-endian {name}: read in the order of the headers, they are spread "
            f"over all sizes or jump from sample to sample. If so, pass endian (--endian {found})"
        )
    if found == "nothing":
        return (
            f"amplitudes are spread over all sizes, as if the samples were no {name}. If so, pass format or "
            "endian (--format, --endian)"
        )
    return (
        f"amplitudes look like {formats.NAMES[int(found)]}, format code {code} says {name}. "
        f"If so, pass format (--format {found})"
    )
