"""Lists of anomalies as CSV and GeoJSON, for a spreadsheet and for a map."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisflow.patches import layout
from seisflow.scoring.anomalies import Anomaly

Described = dict[str, Any]


def as_csv(anomalies: Sequence[Described]) -> str:
    """Table of described anomalies, one a row, the strongest first."""
    rows = [_flat(rank, one) for rank, one in enumerate(anomalies, start=1)]
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["rank"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_geojson(anomalies: Sequence[Anomaly], described: Sequence[Described], section: xr.Dataset) -> str:
    """Feature collection of anomalies: outlines on the map, in the section's own coordinates.

    The outline of an anomaly is that of the lines and traces it covers: a polygon, a line where it lies on
    one line only, nothing where the section has no coordinates. Coordinates that are angles are given in
    degrees, as RFC 7946 wants them; others are projected, and the member ``crs`` names their system where
    the section does.
    """
    features = [
        {
            "type": "Feature",
            "id": rank,
            "geometry": _outline(anomaly, section),
            "properties": _flat(rank, one),
        }
        for rank, (anomaly, one) in enumerate(zip(anomalies, described, strict=True), start=1)
    ]
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if section.attrs.get("crs") and not _are_angles(section):
        collection["crs"] = {"type": "name", "properties": {"name": str(section.attrs["crs"])}}
    return json.dumps(collection, indent=1, allow_nan=False) + "\n"


def has_places(section: xr.Dataset) -> bool:
    """Whether anomalies of a section can be put on a map: stacked traces with coordinates."""
    if "cdp_x" not in section.coords or "cdp_y" not in section.coords or len(layout(section).lead) > 1:
        return False
    places = [section[name].values for name in ("cdp_x", "cdp_y")]
    return all(np.isfinite(one).any() for one in places) and any(np.nanmax(np.abs(one)) > 0 for one in places)


def _flat(rank: int, one: Described) -> dict[str, Any]:
    """One level of names: ``at`` and ``extent`` unfolded."""
    row = {"rank": rank}
    for name, value in one.items():
        if name == "at":
            row |= {str(key): place for key, place in value.items()}
        elif name == "extent":
            row |= {
                f"{key}_{end}": v
                for key, pair in value.items()
                for end, v in zip(("first", "last"), pair, strict=True)
            }
        elif name == "levels":
            row |= {f"deviation of {key}": deviation for key, deviation in value.items()}
        else:
            row[name] = value
    return row


def _outline(anomaly: Anomaly, section: xr.Dataset) -> dict[str, Any] | None:
    """Geometry of the traces that an anomaly covers, or None without finite coordinates."""
    if "cdp_x" not in section.coords or "cdp_y" not in section.coords:
        return None
    dims = layout(section)
    left, right = anomaly.box[2], anomaly.box[3] - 1
    ends: dict[str, tuple[int, int]] = {dims.lateral: (left, right)}
    ends |= dict(zip(dims.lead, zip(anomaly.first, anomaly.last, strict=True), strict=True))
    if len(dims.lead) > 1:
        return None  # gathers: a trace's place is not that of its midpoint alone
    corners = [
        _place(dict(zip(ends, indices, strict=True)), section)
        for indices in itertools.product(*ends.values())
    ]
    if any(corner is None for corner in corners):
        return None
    points = [corner for corner in corners if corner is not None]
    if points[0] == points[-1]:
        return {"type": "Point", "coordinates": points[0]}
    if len({tuple(point) for point in points}) == 2:
        return {"type": "LineString", "coordinates": [points[0], points[-1]]}
    ring = [points[0], points[1], points[3], points[2], points[0]]
    return {"type": "Polygon", "coordinates": [ring if _area(ring) > 0 else ring[::-1]]}


def _are_angles(section: xr.Dataset) -> bool:
    """Tell whether a section has longitudes and latitudes."""
    return "cdp_x" in section.coords and section["cdp_x"].attrs.get("units") in ("arcsec", "degrees")


def _place(indices: dict[str, int], section: xr.Dataset) -> list[float] | None:
    factor = 1 / 3600 if section["cdp_x"].attrs.get("units") == "arcsec" else 1.0
    place = [
        factor * float(section[name].isel({dim: indices[str(dim)] for dim in section[name].dims}))
        for name in ("cdp_x", "cdp_y")
    ]
    return place if np.isfinite(place).all() else None


def _area(ring: Sequence[list[float]]) -> float:
    """Signed area of a closed ring; positive if it runs counterclockwise, as GeoJSON has it."""
    return 0.5 * sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
