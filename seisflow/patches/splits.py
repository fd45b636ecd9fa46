"""Splits that do not leak: contiguous training and validation blocks with a gap between them."""

from math import ceil

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from seisflow.errors import ConfigError, DataError
from seisflow.patches.panels import Layout, layout, section_name

MIN_LINES = 20
"""Lines from which on a survey is split by whole panels."""


class Block(BaseModel):
    """A contiguous part of a section: ``ranges[dim] = (start, stop)`` in index space; other dims whole.

    Examples
    --------
    >>> Block(ranges={"inline": (0, 48)}).slices
    {'inline': slice(0, 48, None)}
    """

    model_config = ConfigDict(frozen=True)

    ranges: dict[str, tuple[int, int]] = {}

    @property
    def slices(self) -> dict[str, slice]:
        """For ``section.isel(block.slices)``."""
        return {dim: slice(start, stop) for dim, (start, stop) in self.ranges.items()}

    def bounds(self, section: xr.Dataset, dim: str) -> tuple[int, int]:
        """``(start, stop)`` along ``dim``, within the section."""
        start, stop = self.ranges.get(dim, (0, section.sizes[dim]))
        return max(start, 0), min(stop, section.sizes[dim])


class Split(BaseModel):
    """Training and validation blocks of one section."""

    model_config = ConfigDict(frozen=True)

    train: list[Block]
    validation: list[Block]


def split(
    section: xr.Dataset, size: tuple[int, int], validation: float = 0.15, gap: int | None = None
) -> Split:
    """Cut a section into a larger training block, a gap, and a validation block.

    The cut is made along the first of these that has room:

    1. a leading dim (inline, shot) of 20 or more, with a gap of 5 % of the lines and at least 4;
    2. the lateral dim, if two patches and a gap of one patch width fit;
    3. time or depth, if two patches and a gap of a quarter of a patch fit.

    Shares are counted in traces present, so the ragged end of a survey is not taken for a full one.

    Parameters
    ----------
    section : xr.Dataset
    size : (h, w)
        Samples and traces of a patch.
    validation : float
        Share to hold out, below 0.5; 0 keeps the whole section for training.
    gap : int, optional
        Lines, traces or samples between the blocks, instead of the defaults above.

    Raises
    ------
    DataError
        If no dim has room.
    ConfigError
        If ``validation`` or ``gap`` is out of range.

    Examples
    --------
    Ten inlines are too few to hold some out, so the cut is made along the crosslines.

    >>> from seisflow import open_section
    >>> parts = split(open_section("f3-sample"), (256, 64))
    >>> parts.train[0].ranges, parts.validation[0].ranges
    ({'crossline': (0, 122)}, {'crossline': (186, 250)})
    """
    if not 0 <= validation < 0.5:
        raise ConfigError(f"validation share {validation}. Expected 0 or more and less than 0.5: change it.")
    if gap is not None and gap < 0:
        raise ConfigError(f"gap {gap} between training and validation. Expected 0 or more: change it.")
    if validation == 0:
        return Split(train=[Block()], validation=[])
    dims = layout(section)
    options = [
        (dim, 1, max(4, ceil(0.05 * section.sizes[dim])))
        for dim in dims.lead
        if section.sizes[dim] >= MIN_LINES
    ]
    options += [(dims.lateral, size[1], size[1]), (dims.vertical, size[0], size[0] // 4)]
    for dim, least, default_gap in options:
        parts = _cut_off(
            _traces_along(section, dims, dim), validation, least, default_gap if gap is None else gap
        )
        if parts is not None:
            return Split(train=[Block(ranges={dim: parts[0]})], validation=[Block(ranges={dim: parts[1]})])
    raise DataError(_no_room(section, dims, size))


def _traces_along(section: xr.Dataset, dims: Layout, dim: str) -> NDArray[np.int64]:
    """Traces present at each index of ``dim``; 1 each along the vertical."""
    n = section.sizes[dim]
    if dim == dims.vertical or "trace_mask" not in section.variables:
        return np.ones(n, np.int64)
    present = section.variables["trace_mask"].values
    axis = (*dims.lead, dims.lateral).index(dim)
    return np.count_nonzero(np.moveaxis(present, axis, 0).reshape(n, -1), axis=1)


def _cut_off(
    traces: NDArray[np.int64], validation: float, least: int, gap: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Training and validation ``(start, stop)``, each at least ``least`` long, or None."""
    present = np.flatnonzero(traces)
    if present.size == 0:
        return None
    start, stop = int(present[0]), int(present[-1]) + 1
    most = (stop - start - gap) // 2
    if most < least:
        return None
    from_end = np.cumsum(traces[start:stop][::-1])
    wanted = int(np.searchsorted(from_end, validation * from_end[-1] * (1 - 1e-9))) + 1
    held_out = min(max(wanted, least), most)
    return (start, stop - held_out - gap), (stop - held_out, stop)


def _no_room(section: xr.Dataset, dims: Layout, size: tuple[int, int]) -> str:
    extent = " x ".join(f"{section.sizes[dim]} ({dim})" for dim in dims.lead + dims[1:])
    traces, samples = section.sizes[dims.lateral], section.sizes[dims.vertical]
    sideways = power_of_two(samples, size[0]), power_of_two(traces // 3, size[1])
    downwards = power_of_two(samples * 4 // 9, size[0]), power_of_two(traces, size[1])
    height, width = max(sideways, downwards, key=lambda patch: patch[0] * patch[1])
    remedy = "pass --set data.validation=0 to train without"
    if height * width > 1:
        remedy = f"pass --set data.patch=[{height},{width}], or --set data.validation=0 to train without"
    return (
        f"{section_name(section)}: {extent} has no room for separate training and validation blocks. "
        f"Expected two patches of {size[0]} samples x {size[1]} traces and a gap: {remedy}."
    )


def power_of_two(limit: int, most: int) -> int:
    """Largest power of two not above ``limit`` nor ``most``, at least 1."""
    return 1 << max(min(limit, most).bit_length() - 1, 0)
