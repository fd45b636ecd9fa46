"""Null values: numbers that stand for no measurement, such as 1e30 and -999.25.

Some traces are looked at when a file is opened. What is masked in others, as they are read, is told once.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger("seisflow")

NULL_FROM = 9e19
"""Size from which on a number is no amplitude: 1e20, OpendTect's 1e30, Petrel's 3.4e38, the largest float."""

NAMED = 4
"""Values of such a size that are named one by one at most; more of them are rather data, read wrongly."""

_KNOWN = (-999.25, -9999.25, -999.0, -999.9, -9999.0, -99999.0, -999999.0, 9999.0, 99999.0, 999999.0)
_CERTAIN = (-999.25, -9999.25)  # no real amplitude is one of these by chance
_MOST_FREQUENT = -999.25
_FAR = 20  # times the size of nearly all others, from where on a known null is one, wherever it stands
_RUN = 8  # equal samples in a row that are a mute
_SHARED = 0.05  # of all traces that begin or end with one value
_LEAST_SHARED = 3
_RANKED = 2**17  # amplitudes that are ranked for their usual size
_MOST_LEVELS = 1000  # values of data that are quantised, which have runs of their own


_told: set[tuple[str, float]] = set()  # file and value, of what was met in reading


@dataclass(frozen=True)
class Nulls:
    """Null values of a file, below `NULL_FROM`.

    Those ``seen`` in some traces, and those ``suspected`` in others: known ones that stand far from all
    amplitudes of the file, where a look costs nothing, and the most frequent.
    """

    seen: tuple[float, ...] = ()
    suspected: tuple[float, ...] = ()


def find_nulls(traces: NDArray[np.float32], *, whole: bool = False) -> Nulls:
    """Return the null values below `NULL_FROM` of a file, by some of its traces (n_trace, n_sample).

    A known null counts where it stands in runs, as a mute does, or far from all other amplitudes. Any other
    value counts where many traces begin or end with a run of it.

    Parameters
    ----------
    traces : array (n_trace, n_sample), float32
    whole : bool
        The samples are whole numbers, which repeat by chance.
    """
    if not traces.size:
        return Nulls()
    low, high = float(np.fmin.reduce(traces, axis=None)), float(np.fmax.reduce(traces, axis=None))
    found = [v for v in _KNOWN if low <= v <= high and _is_known_null(traces, np.float32(v), whole)]
    if not whole:
        found += [value for value in _fills(traces) if value not in found]
    size = _usual_size(traces, found)
    usual = None if whole else _MOST_FREQUENT
    suspected = [v for v in _KNOWN if v not in found and (v == usual or 0 < _FAR * size < abs(v))]
    return Nulls(tuple(found), tuple(suspected))


def without_nulls(traces: NDArray[np.float32], nulls: Nulls, name: str) -> NDArray[np.float32]:
    """Put NaN in the place of null values of a file, in an array of any shape, which is changed."""
    if not traces.size:
        return traces
    low, high = float(traces.min()), float(traces.max())
    if not max(-low, high) < NULL_FROM:  # or NaN
        with np.errstate(invalid="ignore"):
            traces[np.abs(traces) >= NULL_FROM] = np.nan
        low, high = float(np.fmin.reduce(traces, axis=None)), float(np.fmax.reduce(traces, axis=None))
    for value in nulls.seen:
        if not (value < low or value > high):
            traces[traces == np.float32(value)] = np.nan
    for value in nulls.suspected:
        if not (value < low or value > high) and (here := traces == np.float32(value)).any():
            traces[here] = np.nan
            if (name, value) not in _told:
                _told.add((name, value))
                log.warning("%s: null value %.8g in traces that were not looked at: masked", name, value)
    return traces


def count_nulls(traces: NDArray[np.float32], nulls: Nulls) -> dict[float, int]:
    """Return how many samples have each null value; those beyond `NULL_FROM` by their own values."""
    counts = {value: int((traces == np.float32(value)).sum()) for value in nulls.seen}
    if np.fmax.reduce(traces, axis=None) < NULL_FROM and np.fmin.reduce(traces, axis=None) > -NULL_FROM:
        return {value: number for value, number in counts.items() if number}
    values, numbers = np.unique(traces[np.abs(traces) >= NULL_FROM], return_counts=True)
    counts |= {float(value): int(number) for value, number in zip(values, numbers, strict=True)}
    return {value: number for value, number in counts.items() if number}


def describe_nulls(traces: NDArray[np.float32], nulls: Nulls, samples: int) -> list[str]:
    """Say which null values are in traces (n_trace, n_sample), which are all or a part of ``samples``."""
    size = traces.size
    looked = f"{size} samples" if size >= samples else f"{size} samples looked at"
    counts = count_nulls(traces, nulls)
    huge = sum(abs(value) >= NULL_FROM for value in counts)
    pooled = {value: number for value, number in counts.items() if huge > NAMED and abs(value) >= NULL_FROM}
    found = [
        f"null value {value:.8g}: {number} of {looked} ({number / size:.2g}), masked"
        for value, number in counts.items()
        if value not in pooled
    ]
    if pooled:
        number, most = sum(pooled.values()), max(map(abs, pooled))
        found.append(
            f"{len(pooled)} values from {NULL_FROM:g} on, up to {most:.4g}: {number} of {looked} "
            f"({number / size:.2g}), masked. If they are amplitudes, see whether sample format and byte "
            "order are right (of SEG-Y: --format, --endian)"
        )
    return found


def _usual_size(traces: NDArray[np.float32], nulls: Iterable[float]) -> float:
    """Return the size that nearly all amplitudes stay below; 0 if there are none."""
    size = np.abs(traces[~np.isin(traces, np.array(list(nulls), np.float32))])
    size = size[size < NULL_FROM]  # nor NaN
    size = size[:: max(1, size.size // _RANKED)]
    return float(np.quantile(size, 0.999)) if size.size else 0.0


def _is_known_null(traces: NDArray[np.float32], value: np.float32, whole: bool) -> bool:
    here = traces == value
    if not here.any():
        return False
    if value in _CERTAIN and not whole:
        return True
    far = abs(float(value)) > _FAR * _usual_size(traces, [float(value)])
    return far or bool(_starts_of_runs(here).any())


def _starts_of_runs(here: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where `_RUN` marked samples in a row begin."""
    if here.shape[1] < _RUN:
        return np.zeros((len(here), 0), bool)
    runs = np.lib.stride_tricks.sliding_window_view(here, _RUN, axis=1)
    every: NDArray[np.bool_] = np.asarray(runs.all(axis=2))
    return every


def _fills(traces: NDArray[np.float32]) -> list[float]:
    """Return values, other than 0, with which many traces are filled at one of their ends."""
    if traces.shape[1] < 2 * _RUN or len(np.unique(traces[:: max(len(traces) // 64, 1)])) < _MOST_LEVELS:
        return []
    alive = ~(traces == traces[:, :1]).all(axis=1)
    found: list[float] = []
    for end in (traces[:, :_RUN], traces[:, -_RUN:]):
        filled = (end == end[:, :1]).all(axis=1) & (end[:, 0] != 0) & np.isfinite(end[:, 0]) & alive
        filled &= np.abs(end[:, 0]) < NULL_FROM
        values, counts = np.unique(end[filled, 0], return_counts=True)
        least = max(_LEAST_SHARED, _SHARED * len(traces))
        found += [float(v) for v, n in zip(values, counts, strict=True) if n >= least]
    return list(dict.fromkeys(found))
