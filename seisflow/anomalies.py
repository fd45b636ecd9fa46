"""Anomalies as things: connected samples beyond the threshold, followed from panel to panel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import find_objects, label

from seisflow.patches import layout
from seisflow.scoring import Scored

MIN_SAMPLES = 16
"""Connected samples below which an exceedance is not listed."""


@dataclass
class Anomaly:
    """Connected samples of one sign, possibly over several neighbouring panels.

    Attributes
    ----------
    sign : int
        +1 less probable than normal, -1 more probable.
    peak : float
        Largest deviation, in held-out standard deviations, with its sign.
    at : tuple of int
        Position of the peak in the section's dims.
    samples : int
        Number of samples.
    boxes : dict of lead position to (top, bottom, left, right)
        Half-open extent in each panel.
    """

    sign: int
    peak: float
    at: tuple[int, ...]
    samples: int
    boxes: dict[tuple[int, ...], tuple[int, int, int, int]] = field(default_factory=dict)


class AnomalyList:
    """Collects anomalies from panels given in order; holds one panel's outlines, not the survey."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._all: list[Anomaly] = []
        self._previous: list[Anomaly] = []
        self._previous_lead: tuple[int, ...] | None = None

    def add(self, scored: Scored) -> None:
        """Take the anomalies of a panel, joining those that continue one of the panel before."""
        here: list[Anomaly] = []
        neighbours = self._previous if _follows(self._previous_lead, scored.lead) else []
        for sign in (1, -1):
            signed = np.nan_to_num(sign * scored.anomaly, nan=-np.inf)
            labels, _ = label(signed > self.threshold)
            for number, box in enumerate(find_objects(labels), start=1):
                inside = labels[box] == number
                samples = int(inside.sum())
                if samples < MIN_SAMPLES:
                    continue
                values = np.where(inside, signed[box], -np.inf)
                row, column = np.unravel_index(int(values.argmax()), values.shape)
                rows, columns = box
                found = Anomaly(
                    sign,
                    sign * float(values.max()),
                    (*scored.lead, int(columns.start + column), int(rows.start + row)),
                    samples,
                    {scored.lead: (rows.start, rows.stop, columns.start, columns.stop)},
                )
                here.append(self._merge(found, neighbours, scored.lead))
        self._previous, self._previous_lead = here, scored.lead

    def strongest(self, count: int | None = None) -> list[Anomaly]:
        """Anomalies by excess over the threshold summed over their samples, largest first."""
        return sorted(self._all, key=lambda a: -abs(a.peak) * np.sqrt(a.samples))[:count]

    def _merge(self, found: Anomaly, neighbours: list[Anomaly], lead: tuple[int, ...]) -> Anomaly:
        for other in neighbours:
            if other.sign == found.sign and _overlap(
                other.boxes[self._previous_lead or ()], found.boxes[lead]
            ):
                other.samples += found.samples
                if abs(found.peak) > abs(other.peak):
                    other.peak, other.at = found.peak, found.at
                before = other.boxes.get(lead)
                box = found.boxes[lead]
                other.boxes[lead] = box if before is None else _union(before, box)
                return other
        self._all.append(found)
        return found


def describe(anomaly: Anomaly, section: xr.Dataset) -> dict[str, Any]:
    """Labels, coordinates and extent of an anomaly, ready for JSON."""
    dims = layout(section)
    names = (*dims.lead, dims.lateral, dims.vertical)
    place = dict(zip(names, anomaly.at, strict=True))
    out: dict[str, Any] = {
        "kind": "less probable than normal"
        if anomaly.sign > 0
        else "more probable than normal (dim or wiped out)",
        "peak": round(anomaly.peak, 3),
        "samples": anomaly.samples,
        "panels": len(anomaly.boxes),
        "at": {dim: _label(section, dim, index) for dim, index in place.items()},
    }
    lateral = {dim: index for dim, index in place.items() if dim != dims.vertical}
    for name in ("cdp_x", "cdp_y"):
        if name in section.coords:
            value = float(section[name].isel({d: i for d, i in lateral.items() if d in section[name].dims}))
            out["at"][name] = value if np.isfinite(value) else None
    tops, bottoms, lefts, rights = zip(*anomaly.boxes.values(), strict=True)
    out["extent"] = {
        dims.vertical: [
            _label(section, dims.vertical, min(tops)),
            _label(section, dims.vertical, max(bottoms) - 1),
        ],
        dims.lateral: [
            _label(section, dims.lateral, min(lefts)),
            _label(section, dims.lateral, max(rights) - 1),
        ],
    }
    for axis, dim in enumerate(dims.lead):
        positions = [lead[axis] for lead in anomaly.boxes]
        out["extent"][dim] = [_label(section, dim, min(positions)), _label(section, dim, max(positions))]
    return out


def _label(section: xr.Dataset, dim: str, index: int) -> float | int:
    if dim not in section.coords:
        return int(index)
    value = section[dim].values[index]
    return value.item()


def _follows(before: tuple[int, ...] | None, now: tuple[int, ...]) -> bool:
    """Whether ``now`` is the next panel along the last leading dim."""
    return before is not None and bool(now) and before[:-1] == now[:-1] and before[-1] + 1 == now[-1]


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _union(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return min(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), max(a[3], b[3])
