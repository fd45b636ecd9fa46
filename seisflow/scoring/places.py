"""Places of the panels that a calibration rests on: held-out ones, and training ones beside them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.patches import Panel, layout, read_panel
from seisflow.patches.areas import Area, evenly

BESIDE = 20
"""Training panels beside the held-out ones, at most."""

Place = tuple[Area, tuple[int, ...], slice]
"""Area, position of a panel over the leading dims, and traces of it."""


def places_of(areas: Iterable[Area], most: int) -> list[Place]:
    """At most so many places in some areas, evenly taken."""
    every = [(area, lead, part) for area in areas for lead in area.leads for part in area.pieces()]
    return [every[k] for k in evenly(len(every), most)]


def panels_at(
    sections: Sequence[xr.Dataset], places: Iterable[Place]
) -> Iterator[tuple[Panel, NDArray[np.float64]]]:
    """Panels at some places of sections, with the depth (T,) of their samples."""
    for area, lead, part in places:
        section = sections[area.section]
        depth = section[layout(section).vertical].values.astype(np.float64)[area.rows]
        yield read_panel(section, lead, part).crop(area.rows, slice(None)), depth


def places_beside(areas: Sequence[Area], held_out: Sequence[Place]) -> list[Place]:
    """Places in training areas, evenly taken, each about as wide as the widest held-out panel.

    A survey holds out one block of itself. By that alone, what lies at another time elsewhere would be an
    anomaly all along it.

    Parameters
    ----------
    areas : sequence of Area
        Those of training, of the survey that is calibrated.
    held_out : sequence of (Area, lead, traces)
        Places of the held-out panels.
    """
    width = max((part.stop - part.start for _, _, part in held_out), default=1)
    every = [
        (area, lead, part)
        for area in areas
        for lead in area.leads
        for whole in area.pieces()
        for part in _cut(whole, width)
    ]
    return [every[k] for k in evenly(len(every), BESIDE)]


def _cut(columns: slice, width: int) -> list[slice]:
    """Parts of some traces, each about as wide."""
    count = max(round((columns.stop - columns.start) / width), 1)
    ends = np.linspace(columns.start, columns.stop, count + 1).round().astype(int).tolist()
    return [slice(*one) for one in pairwise(ends)]
