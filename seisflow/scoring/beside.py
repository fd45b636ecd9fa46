"""Training panels beside the held-out ones of a calibration, where these are few."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from seisflow.patches.areas import Area, evenly

ENOUGH = 20
"""Held-out panels from which on they stand alone; below, training panels make up the number."""

Place = tuple[Area, tuple[int, ...], slice]
"""Area, position of a panel over the leading dims, and traces of it."""


def places_beside(areas: Sequence[Area], held_out: Sequence[Place]) -> list[Place]:
    """Places in training areas, evenly taken, each about as wide as the widest held-out panel.

    A 2D line holds out one stretch of itself. By that alone, what lies at another time elsewhere on the line
    would be an anomaly all along it.

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
    missing = min(max(ENOUGH - len(held_out), 0), len(every))
    return [every[k] for k in evenly(len(every), missing)] if missing else []


def _cut(columns: slice, width: int) -> list[slice]:
    """Parts of some traces, each about as wide."""
    count = max(round((columns.stop - columns.start) / width), 1)
    ends = np.linspace(columns.start, columns.stop, count + 1).round().astype(int).tolist()
    return [slice(*one) for one in pairwise(ends)]
