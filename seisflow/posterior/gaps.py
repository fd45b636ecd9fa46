"""Gaps: which samples of a section are missing, and which of these are filled."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from seisflow.errors import DataError
from seisflow.patches import layout, panel_index, read_panel, section_name
from seisflow.posterior.examples import Mask, Values

MAX_GAP = 32
"""Traces in a row that are filled at most, by default; at the ends of a line, a quarter of it."""
BAD_SHARE = 0.25
"""Share of anomalous samples from which on a scored trace is bad."""


@dataclass(frozen=True)
class Observed:
    """Some traces of a panel, all arrays (T, X).

    Attributes
    ----------
    amplitude : ndarray of float32
        As read; what is not finite is NaN.
    known : ndarray of bool
        Samples that others may be predicted from: not muted, not of a missing trace.
    missing : ndarray of bool
        Samples to fill.
    muted : ndarray of bool
        Samples to fill with zero, since both neighbours are muted there.
    too_wide : ndarray of bool, (X,)
        Missing traces that are left missing.
    """

    amplitude: Values
    known: Mask
    missing: Mask
    muted: Mask
    too_wide: Mask


def observe(
    section: xr.Dataset, lead: tuple[int, ...], columns: slice, flagged: Mask, max_gap: int = MAX_GAP
) -> Observed:
    """Read some traces of a panel and tell known samples from missing ones.

    Missing are traces without a finite sample, constant ones, those the section's ``trace_mask`` leaves out,
    and flagged ones; besides, samples that are not finite in other traces. Traces that the source does not
    have are filled between others, not beyond the ends of a line.

    Parameters
    ----------
    section : xr.Dataset
    lead : tuple of int
        Position of the panel over the leading dims.
    columns : slice
        Traces to read; for gaps at their ends to be told, `max_gap` more than are to be filled.
    flagged : ndarray of bool, (..., X)
        Traces to take for missing, of the whole section.
    max_gap : int
        Traces in a row that are filled at most.
    """
    dims = layout(section)
    place: dict[str, int | slice] = dict(zip(dims.lead, lead, strict=True))
    part = section[_read_names(section)].isel(place | {dims.lateral: columns}).load()
    panel = read_panel(part, ())
    raw = part["amplitude"].to_numpy().astype(np.float32, copy=False).T
    finite = np.isfinite(raw)
    live = panel.mask.any(0) & ~flagged[lead][columns]
    known = panel.mask & live
    exists = np.ones(len(live), bool)
    if "trace_mask" in part:
        exists = part["trace_mask"].to_numpy().astype(bool)
    total = section.sizes[dims.lateral]
    start = columns.start or 0
    ends = start == 0, start + len(live) == total
    chosen = fillable(live, exists, max_gap, ends)
    missing = np.where(live, ~finite, chosen)
    muted = missing & _muted(finite & (raw == 0), live)
    return Observed(np.where(finite, raw, np.float32(np.nan)), known, missing, muted, ~live & ~chosen)


def without_coordinates(section: xr.Dataset) -> xr.Dataset:
    """Amplitudes and trace mask of a section, all that `observe` reads: workers get no more."""
    return section[_read_names(section)].reset_coords(drop=True)


def _read_names(section: xr.Dataset) -> list[str]:
    return [name for name in ("amplitude", "trace_mask") if name in section.variables]


def fillable(live: Mask, exists: Mask, max_gap: int, ends: tuple[bool, bool] = (True, True)) -> Mask:
    """Missing traces to fill: those in gaps that are not too wide.

    Parameters
    ----------
    live, exists : ndarray of bool, (X,)
        Traces with data, and traces that the source has.
    max_gap : int
        Most traces in a row; a quarter of it, and traces that exist, at the ends of a line.
    ends : (bool, bool)
        Whether the first and the last trace are those of the line.
    """
    chosen = np.zeros(len(live), bool)
    if not live.any():
        return chosen
    for first, last in runs(~live):
        at_end = (first == 0 and ends[0]) or (last == len(live) and ends[1])
        if at_end:
            chosen[first:last] = last - first <= max(max_gap // 4, 1) and exists[first:last].all()
        else:
            chosen[first:last] = last - first <= max_gap
    return chosen


def runs(flags: Mask) -> list[tuple[int, int]]:
    """First and last (exclusive) of every row of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _muted(zero: Mask, live: Mask) -> Mask:
    """Samples where the nearest live traces on both sides start, or end, in zeros."""
    mute = np.logical_and.accumulate(zero, 0) | np.logical_and.accumulate(zero[::-1], 0)[::-1]
    places = np.arange(len(live))
    before = np.maximum.accumulate(np.where(live, places, -1))
    after = np.minimum.accumulate(np.where(live, places, len(live))[::-1])[::-1]
    left = np.where(before < 0, after, before).clip(0, len(live) - 1)
    right = np.where(after == len(live), before, after).clip(0, len(live) - 1)
    return mute[:, left] & mute[:, right] & live.any()


def flag_traces(section: xr.Dataset, ranges: tuple[str, ...] = ()) -> Mask:
    """Traces named by their labels along the lateral dimension, of every panel; (..., X).

    Parameters
    ----------
    section : xr.Dataset
    ranges : tuple of str
        Such as ``"120:127"`` or ``"45"``, both ends included.

    Raises
    ------
    DataError
        If one cannot be read, or names no trace.
    """
    dim = layout(section).lateral
    flagged = np.zeros(section["amplitude"].shape[:-1], bool)
    labels = section[dim].values if dim in section.coords else np.arange(section.sizes[dim])
    for part in ranges:
        first, colon, last = part.partition(":")
        try:
            low, high = sorted((float(first), float(last if colon else first)))
        except ValueError:
            raise DataError(
                f"--traces {part}: cannot be read. Write FIRST:LAST or one label of {dim}"
            ) from None
        named = (labels >= low) & (labels <= high)
        if not named.any():
            raise DataError(
                f"{section_name(section)}: no trace at {part}. "
                f"{dim} runs from {labels.min():g} to {labels.max():g}: name traces within that"
            )
        flagged |= named
    return flagged


def flag_from_score(section: xr.Dataset, scored: xr.Dataset) -> Mask:
    """Traces of which a quarter or more of the samples is anomalous in a map of `seisflow score`; (..., X).

    Raises
    ------
    DataError
        If it is no such map, or one of another section.
    """
    name = section_name(scored)
    if "anomaly" not in scored or "threshold" not in scored["anomaly"].attrs:
        raise DataError(f"{name}: no anomaly with a threshold in it. Expected the Zarr of `seisflow score`")
    if scored["anomaly"].shape != section["amplitude"].shape:
        raise DataError(
            f"{name}: a map of {scored['anomaly'].shape}, of a section of {section['amplitude'].shape}. "
            f"Score {section_name(section)} itself"
        )
    threshold = float(scored["anomaly"].attrs["threshold"])
    flagged = np.zeros(section["amplitude"].shape[:-1], bool)
    for lead in panel_index(section):
        anomaly = scored["anomaly"].variable[lead].values
        known = np.isfinite(anomaly).sum(-1)
        bad = (np.abs(np.nan_to_num(anomaly)) > threshold).sum(-1)
        flagged[lead] = (bad >= BAD_SHARE * known) & (known > 0)
    return flagged
