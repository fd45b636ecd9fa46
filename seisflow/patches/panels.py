"""Panels: the 2-D slices of a section that patches are cut from, with a mask of usable samples."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.shown import shown

MUTE_RUN = 8
"""Exact zeros in a row, inside a trace, from which on they are a mute and not zero crossings."""

ZEROS_ARE_DATA = "zeros_are_data"
"""Attribute of a section whose zeros, mutes and dead traces count as measurements."""

READ_AT_ONCE = 16
"""Sets of panels sharing chunks that a cache has room for."""

VERTICAL_DIMS = ("time", "depth")

MASKS = ("amplitude", "trace_mask", "beyond", "window_top", "window_base")
"""Variables that a panel and its mask are made of; the last three tell of a polygon or a horizon."""


class Layout(NamedTuple):
    """The role of each dim of a section."""

    lead: tuple[str, ...]
    lateral: str
    vertical: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One 2-D section, read-only and maybe sharing memory with the section it comes from.

    Attributes
    ----------
    amplitude : ndarray (T, X) of float32
        Samples down, traces across; 0 where masked.
    mask : ndarray (T, X) of bool
        True where the sample is usable.
    """

    amplitude: NDArray[np.float32]
    mask: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int]:
        """``(T, X)``."""
        return self.mask.shape[0], self.mask.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes held by both arrays."""
        return self.amplitude.nbytes + self.mask.nbytes

    def crop(self, rows: slice, columns: slice) -> "Panel":
        """Part of the panel, as views."""
        return Panel(self.amplitude[rows, columns], self.mask[rows, columns])


def section_name(section: xr.Dataset) -> str:
    """File name of a section, for messages and titles."""
    return shown(Path(str(section.attrs.get("source_file", "section"))).name)


def layout(section: xr.Dataset) -> Layout:
    """Tell leading, lateral and vertical dims of a section apart.

    Raises
    ------
    DataError
        If ``amplitude`` does not end in a lateral dim and time or depth, or has an empty dim.
    """
    name = section_name(section)
    if "amplitude" not in section.variables:
        raise DataError(f"{name}: no variable 'amplitude'. Open the file with seisflow.open_section.")
    variable = section.variables["amplitude"]
    dims = [str(dim) for dim in variable.dims]
    if len(dims) < 2 or dims[-1] not in VERTICAL_DIMS:
        raise DataError(
            f"{name}: amplitude has dims {tuple(dims)}. Expected (..., lateral, time or depth): "
            "transpose or rename them."
        )
    if 0 in variable.shape:
        sizes = ", ".join(f"{dim} {size}" for dim, size in zip(dims, variable.shape, strict=True))
        raise DataError(f"{name}: nothing in it ({sizes}). Expected at least one trace: widen the selection.")
    return Layout(tuple(dims[:-2]), dims[-2], dims[-1])


def chunk_size(section: xr.Dataset, dim: str) -> int:
    """Positions along a dim in a chunk of the file; 1 where the file has no chunks."""
    return int(section.variables["amplitude"].encoding.get("preferred_chunks", {}).get(dim, 1))


def panel_index(section: xr.Dataset) -> list[tuple[int, ...]]:
    """Positions, over the leading dims, of all panels of a section in order; ``[()]`` for a 2D line."""
    return list(np.ndindex(*(section.sizes[dim] for dim in layout(section).lead)))


def read_panel(
    section: xr.Dataset, lead: Sequence[int], columns: slice = slice(None), *, whole: bool = False
) -> Panel:
    """Read one panel, or some of its traces, and nothing else, with its mask.

    Masked are samples without a trace, not finite, of a dead (constant) trace, in the exact zeros
    that a trace starts or ends with, and in runs of at least 8 exact zeros. A sample that is not
    finite counts as a zero of the run it lies in. With the attribute `ZEROS_ARE_DATA`, only samples that
    are not finite, or without a trace, are masked. Of a section cut by a horizon, so is what lies outside
    its window.

    Parameters
    ----------
    section : xr.Dataset
        A section, lazy or not; never modified.
    lead : sequence of int
        Position over the leading dims, as from `panel_index`.
    columns : slice
        Traces to read. Masks do not depend on neighbouring traces, so a part is the same alone.
    whole : bool
        Leave unmasked what lies outside a polygon or a window about a horizon; see `part_of_panel`.
    """
    at: tuple[int | slice, ...] = (*lead, columns)
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf, which is masked
        traces = np.ascontiguousarray(section.variables["amplitude"][at].values, dtype=np.float32)
    finite = np.isfinite(traces)
    if section.attrs.get(ZEROS_ARE_DATA):
        mask, dropped = finite.copy(), np.zeros(len(traces), bool)
    else:
        mask = finite & (traces != 0)
        _keep_zero_crossings(finite, mask)
        dropped = _constant(traces, mask)
    if "trace_mask" in section.variables:
        there = section.variables["trace_mask"][at].values
        if whole and "beyond" in section.variables:
            there = there | section.variables["beyond"][at].values
        dropped |= ~there
    if "window_top" in section.variables and not whole:
        mask &= _in_window(section, at)
    if dropped.any():
        mask[dropped] = False
    if dropped.any() or not finite.all() or ("window_top" in section.variables and not whole):
        traces = np.where(mask, traces, np.float32(0))
    # Transposed views: traces stay contiguous, as they come from the file, and nothing is moved.
    panel = Panel(traces.T, mask.T)
    panel.amplitude.flags.writeable = panel.mask.flags.writeable = False
    return panel


def part_of_panel(
    section: xr.Dataset, lead: Sequence[int], columns: slice = slice(None)
) -> NDArray[np.bool_] | None:
    """Mask (T, X) of the part of a panel that a polygon or a horizon selects; None where none does."""
    at: tuple[int | slice, ...] = (*lead, columns)
    if "beyond" not in section.variables and "window_top" not in section.variables:
        return None
    samples = section.variables["amplitude"].shape[-1]
    inside = np.repeat(section.variables["trace_mask"][at].values[:, None], samples, axis=1)
    if "window_top" in section.variables:
        inside &= _in_window(section, at)
    return inside.T


def _in_window(section: xr.Dataset, at: tuple[int | slice, ...]) -> NDArray[np.bool_]:
    """Mask (X, T) of a window about a horizon, false where that is not known."""
    labels = section[str(section.variables["amplitude"].dims[-1])].values
    top, base = (section.variables[name][at].values[:, None] for name in ("window_top", "window_base"))
    inside: NDArray[np.bool_] = (labels >= top) & (labels <= base)
    return inside


def _constant(traces: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask of traces (X, T) that hold fewer than two different usable values."""
    first = traces[np.arange(len(traces)), mask.argmax(1)][:, None]
    # A few probes clear nearly every trace; only the others are compared in full.
    probes = slice(None, None, max(traces.shape[1] // 8, 1))
    constant = ~((traces[:, probes] != first) & mask[:, probes]).any(1)
    doubtful = np.flatnonzero(constant)
    constant[doubtful] = ~((traces[doubtful] != first[doubtful]) & mask[doubtful]).any(1)
    return constant


def _keep_zero_crossings(finite: NDArray[np.bool_], mask: NDArray[np.bool_]) -> None:
    """Set ``mask`` (X, T), False at zeros and what is not finite, True at zeros of short inner runs."""
    n_samples = mask.shape[1]
    blank = np.flatnonzero(~mask)
    if blank.size == 0:
        return
    starts = np.empty(blank.size, bool)
    starts[0] = True
    np.not_equal(blank[1:], blank[:-1] + 1, out=starts[1:])
    starts |= blank % n_samples == 0
    heads = np.flatnonzero(starts)
    length = np.diff(heads, append=blank.size)
    first = blank[heads] % n_samples
    crossing = (length < MUTE_RUN) & (first > 0) & (first + length < n_samples)
    zeros = blank[np.repeat(crossing, length)]
    mask.reshape(-1)[zeros] = finite.reshape(-1)[zeros]


_Key = tuple[int, tuple[int, ...], int | None, int | None]


class PanelCache:
    """Panels of several sections, the least recently used dropped when they exceed ``capacity`` bytes.

    Panels that share chunks of their file are read together, as far as they take a sixteenth of the capacity.

    At least ``keep`` panels stay, whatever their size. A pickled cache is empty: each worker of a
    DataLoader or of Dask fills its own, which the threads of one worker share.
    """

    def __init__(self, sections: Sequence[xr.Dataset], capacity: int, keep: int = 1) -> None:
        self.sections = list(sections)
        self.capacity = capacity
        self.keep = keep
        self._panels: OrderedDict[_Key, Panel] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def get(self, section: int, lead: tuple[int, ...], columns: slice = slice(None)) -> Panel:
        """Panel at ``lead`` of section number ``section``, or some traces of it."""
        key = (section, lead, columns.start, columns.stop)
        with self._lock:
            if key not in self._panels:
                self._read(section, lead, columns)
            self._panels.move_to_end(key)
            panel = self._panels[key]
            while self._nbytes > self.capacity and len(self._panels) > self.keep:
                self._nbytes -= self._panels.popitem(last=False)[1].nbytes
            return panel

    def together(self, section: int, lead: tuple[int, ...]) -> range:
        """Positions over the last leading dim of the panels that are read with one."""
        if not lead:
            return range(0)
        dims, whole = layout(self.sections[section]), self.sections[section]
        chunk = chunk_size(whole, dims.lead[-1])
        nbytes = 5 * whole.sizes[dims.lateral] * whole.sizes[dims.vertical]  # amplitude and mask
        count = max(min(chunk, self.capacity // READ_AT_ONCE // nbytes), 1)
        start = lead[-1] // chunk * chunk
        first = start + (lead[-1] - start) // count * count
        return range(first, min(first + count, start + chunk, whole.sizes[dims.lead[-1]]))

    def _read(self, section: int, lead: tuple[int, ...], columns: slice) -> None:
        """Read a panel, and those that share its chunks."""
        whole, near = self.sections[section], self.together(section, lead)
        if len(near) > 1:
            place = dict(zip(layout(whole).lead, (*lead[:-1], slice(near.start, near.stop)), strict=True))
            names = [name for name in MASKS if name in whole.variables]
            part = whole[names].isel(place | {layout(whole).lateral: columns}).load()
            found = {(*lead[:-1], i): read_panel(part, (i - near.start,)) for i in near}
        else:
            found = {lead: read_panel(whole, lead, columns)}
        for at, panel in found.items():
            key = (section, at, columns.start, columns.stop)
            if key not in self._panels:
                self._panels[key] = panel
                self._nbytes += panel.nbytes

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("sections", "capacity", "keep")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]
