"""Anomalies as bodies: connected samples beyond the threshold, followed from panel to panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from seisflow.patches import layout
from seisflow.patches.numbers import lateral_axis, numbers_at
from seisflow.scoring.maps import Scored

MIN_SAMPLES = 16
"""Connected samples of a panel below which an exceedance is not listed."""
KEPT = 1000
"""Anomalies remembered; beyond, the weakest are only counted."""

KINDS = {1: "less probable than normal", -1: "more probable than normal (dim or wiped out)"}
"""Meaning of the sign of an anomaly, for a log-density."""
OTHER_KINDS = {1: "score above normal", -1: "score below normal"}
"""The same of any other score."""

Box = tuple[int, int, int, int]
"""Half-open extent in a panel: top, bottom, left, right."""


@dataclass(eq=False)
class Anomaly:
    r"""Connected samples of one sign, possibly over several neighbouring panels.

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
    strength : float
        What anomalies are ranked by: :math:`|a| \sqrt n` of the peak a and the n samples in one panel, the
        largest of all panels.
    first, last : tuple of int
        Smallest and largest position over the leading dims.
    box : (int, int, int, int)
        Top, bottom, left, right of all panels together, half-open.
    """

    sign: int
    peak: float
    at: tuple[int, ...]
    samples: int
    strength: float
    first: tuple[int, ...]
    last: tuple[int, ...]
    box: Box
    _into: Anomaly | None = field(default=None, repr=False)

    @property
    def panels(self) -> int:
        """Number of panels it is seen in: neighbours along the last leading dim."""
        return self.last[-1] - self.first[-1] + 1 if self.last else 1

    def whole(self) -> Anomaly:
        """Return the anomaly that this one has turned out to be a part of, or itself."""
        return self if self._into is None else self._into.whole()

    def absorb(self, other: Anomaly) -> None:
        """Join with another piece of the same body."""
        if abs(other.peak) > abs(self.peak):
            self.peak, self.at = other.peak, other.at
        self.samples += other.samples
        self.strength = max(self.strength, other.strength)
        self.first = _each(min, self.first, other.first)
        self.last = _each(max, self.last, other.last)
        (a, b, c, d), (e, f, g, h) = self.box, other.box
        self.box = min(a, e), max(b, f), min(c, g), max(d, h)
        other._into = self


@dataclass(frozen=True)
class Piece:
    """Part of an anomaly within one panel."""

    anomaly: Anomaly
    box: Box
    strength: float


class AnomalyList:
    """Collects anomalies from panels given in order; holds one panel's outlines, not the survey.

    Parameters
    ----------
    threshold : float
        Size of the deviation beyond which a sample is anomalous.
    signs : sequence of int
        Sides to look at: +1 less probable than normal, -1 more probable.
    """

    def __init__(self, threshold: float, signs: Sequence[int] = (1, -1)) -> None:
        self.threshold = threshold
        self.signs = tuple(signs)
        self._ended: list[Anomaly] = []
        self._forgotten = 0
        self._panel, self._before = _Seen(None), _Seen(None)

    def add(self, scored: Scored) -> list[Piece]:
        """Take the anomalies of a panel, join those that touch one of the panel before; return its pieces.

        Of a panel that comes in tiles, pieces in neighbouring tiles that touch are joined too.
        """
        if scored.lead != self._panel.lead:
            self._go_on(scored.lead)
        live, first = self._panel.live, scored.columns.start
        pieces: list[Piece] = []
        for sign in self.signs:
            before = self._before.outlines.get((sign, first))
            beside = self._panel.edges.get((sign, first))
            outlines = np.zeros(scored.anomaly.shape, np.int32)
            signed = np.nan_to_num(sign * scored.anomaly, nan=-np.inf)
            labels, _ = label(signed > self.threshold)
            for number, place in enumerate(find_objects(labels), start=1):
                inside = labels[place] == number
                samples = int(inside.sum())
                if samples < MIN_SAMPLES:
                    continue
                values = np.where(inside, signed[place], -np.inf)
                found = _outline(scored.lead, sign, place, values, samples, first)
                piece = Piece(found, found.box, found.strength)
                rows, columns = place
                touched = self._before.at(before, place, inside)
                if columns.start == 0:
                    touched |= self._panel.at(beside, rows, inside[:, 0])
                for old in {anomaly.whole() for anomaly in touched}:
                    old.absorb(found.whole())
                live.append(found)
                outlines[place][inside] = len(live)
                pieces.append(piece)
            self._panel.outlines[sign, first] = outlines
            self._panel.edges[sign, scored.columns.stop] = outlines[:, -1]
        return pieces

    def _go_on(self, lead: tuple[int, ...]) -> None:
        """Turn to the next panel; anomalies that the last one has not seen have ended."""
        self._end(self._before.whole() - self._panel.whole())
        self._before, self._panel = self._panel, _Seen(lead)
        if not _follows(self._before.lead, lead):
            self._end(self._before.whole())
            self._before = _Seen(None)

    @property
    def count(self) -> int:
        """Number of anomalies, those not kept included."""
        return self._forgotten + len(self._ended) + len(self._before.whole() | self._panel.whole())

    def strongest(self, count: int | None = None) -> list[Anomaly]:
        """Anomalies by their strength, strongest first."""
        known = {*self._ended, *self._before.whole(), *self._panel.whole()}
        return sorted(known, key=lambda anomaly: (-anomaly.strength, anomaly.at))[:count]

    def _end(self, anomalies: Any) -> None:
        self._ended.extend(anomalies)
        if len(self._ended) > 2 * KEPT:
            self._ended.sort(key=lambda anomaly: (-anomaly.strength, anomaly.at))
            self._forgotten += len(self._ended) - KEPT
            del self._ended[KEPT:]


class _Seen:
    """Anomalies of one panel, and where they lie in its tiles: their numbers, from 1, in maps by sign.

    ``outlines`` has maps by first trace of the tile, ``edges`` their last columns by the trace after these.
    """

    def __init__(self, lead: tuple[int, ...] | None) -> None:
        self.lead = lead
        self.live: list[Anomaly] = []
        self.outlines: dict[tuple[int, int], NDArray[np.int32]] = {}
        self.edges: dict[tuple[int, int], NDArray[np.int32]] = {}

    def at(self, numbers: NDArray[np.int32] | None, place: Any, inside: NDArray[np.bool_]) -> set[Anomaly]:
        """Anomalies that lie in a place of a map, or of an edge."""
        if numbers is None:
            return set()
        return {self.live[index - 1] for index in np.unique(numbers[place][inside]).tolist() if index}

    def whole(self) -> set[Anomaly]:
        """Return the anomalies, those that belong together as one."""
        return {anomaly.whole() for anomaly in self.live}


def describe(anomaly: Anomaly, section: xr.Dataset, score: str = "typicality") -> dict[str, Any]:
    """Labels, coordinates and extent of an anomaly that a score has found, ready for JSON."""
    kinds = KINDS if score in ("typicality", "nll") else OTHER_KINDS
    dims = layout(section)
    place = dict(zip((*dims.lead, dims.lateral, dims.vertical), anomaly.at, strict=True))
    top, bottom, left, right = anomaly.box
    extents = dict(zip(dims.lead, zip(anomaly.first, anomaly.last, strict=True), strict=True))
    extents |= {dims.lateral: (left, right - 1), dims.vertical: (top, bottom - 1)}
    at: dict[str, Any] = {dim: label_of(section, dim, index) for dim, index in place.items()}
    at |= numbers_at(section, {str(dim): index for dim, index in place.items()})
    for name in ("cdp_x", "cdp_y"):
        if name in section.coords:
            value = float(section[name].isel({dim: place[str(dim)] for dim in section[name].dims}))
            at[name] = value if np.isfinite(value) else None
    labels = {
        dim: [label_of(section, dim, first), label_of(section, dim, last)]
        for dim, (first, last) in extents.items()
    }
    numbers, name = lateral_axis(section)
    if name != dims.lateral:
        labels[name] = [
            int(value) if value.is_integer() else value
            for value in (numbers[left].item(), numbers[right - 1].item())
        ]
    return {
        "kind": kinds[anomaly.sign],
        "peak": round(anomaly.peak, 3),
        "strength": round(anomaly.strength, 1),
        "samples": anomaly.samples,
        "panels": anomaly.panels,
        "at": at,
        "extent": labels,
    }


def label_of(section: xr.Dataset, dim: str, index: int) -> float | int:
    """Label at a position of a dim; the position itself where the dim has no labels."""
    if dim not in section.coords:
        return int(index)
    value: float | int = section[dim].values[index].item()
    return value


def _outline(
    lead: tuple[int, ...],
    sign: int,
    place: tuple[slice, slice],
    values: NDArray[np.float32],
    samples: int,
    first: int,
) -> Anomaly:
    """Anomaly of a tile that begins at trace ``first``, from deviations (-inf outside it) in ``place``."""
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    rows, columns = place
    peak = float(values.max())
    return Anomaly(
        sign,
        sign * peak,
        (*lead, int(first + columns.start + column), int(rows.start + row)),
        samples,
        peak * float(np.sqrt(samples)),
        lead,
        lead,
        (rows.start, rows.stop, first + columns.start, first + columns.stop),
    )


def _each(choose: Any, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(choose(x, y) for x, y in zip(a, b, strict=True))


def _follows(before: tuple[int, ...] | None, now: tuple[int, ...]) -> bool:
    """Whether ``now`` is the next panel along the last leading dim."""
    return before is not None and bool(now) and before[:-1] == now[:-1] and before[-1] + 1 == now[-1]
