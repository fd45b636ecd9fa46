"""Likely type of an anomaly: by the level of the flow that sees it most, its sign and its shape."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from seisflow.models import Model
from seisflow.patches import layout, read_panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import level_names, scores_of
from seisflow.scoring.anomalies import Anomaly
from seisflow.scoring.windows import measure_panels

TALL = 8
"""Times as many samples as traces from which on a narrow anomaly is one of traces."""
NARROW = 6
"""Traces up to which an anomaly is narrow."""
FLAT = 1.5
"""Times as many traces as samples from which on an anomaly is an event."""


@dataclass(frozen=True)
class AnomalyType:
    """Likely type of an anomaly.

    Attributes
    ----------
    type : str
    level : str
        "spectrum" (what a Gaussian random field would find), "level 1" (coarsest) and on, "latent"; or ""
        where the model is no flow or was never calibrated for its levels.
    deviations : dict of float
        How far each level deviates at the peak, in held-out standard deviations.
    """

    type: str
    level: str
    deviations: dict[str, float]


def anomaly_types(
    anomalies: Sequence[Anomaly],
    section: xr.Dataset,
    model: Model,
    scaling: AmplitudeScaling,
    *,
    looked_into: int | None = None,
) -> list[AnomalyType]:
    """Guess what anomalies are, from a patch about the peak of each.

    Parameters
    ----------
    anomalies : sequence of Anomaly
    section : xr.Dataset
        The one they were found in.
    model : Model
    scaling : AmplitudeScaling
        That the section was scored with.
    looked_into : int, optional
        How many, from the first on, the model looks at again to find the level; of others it stays "".
    """
    seen = anomalies[:looked_into]
    deviations = level_deviations(seen, section, model, scaling) + [{}] * (len(anomalies) - len(seen))
    found = []
    for anomaly, levels in zip(anomalies, deviations, strict=True):
        level = max(levels, key=lambda name: abs(levels[name]), default="")
        found.append(AnomalyType(type_of(anomaly, level), level, levels))
    return found


def level_deviations(
    anomalies: Sequence[Anomaly], section: xr.Dataset, model: Model, scaling: AmplitudeScaling
) -> list[dict[str, float]]:
    """Deviation of what each level adds to the negative log-density, at the peaks; empty if not known."""
    card, score = model.card, scores_of(model).get("levels")
    if card is None or score is None or "levels" not in card.calibrations:
        return [{} for _ in anomalies]
    dims = layout(section)
    depth = section[dims.vertical].values.astype(np.float64)
    patches, places = [], []
    for anomaly in anomalies:
        *lead, trace, sample = anomaly.at
        rows, columns = (
            _about(at, size, section.sizes[dim])
            for at, size, dim in zip(
                (sample, trace), model.shape[1:], (dims.vertical, dims.lateral), strict=True
            )
        )
        patches.append(read_panel(section, tuple(lead), columns).crop(rows, slice(None)))
        places.append((rows, (sample - rows.start, trace - columns.start)))
    measured = measure_panels(patches, model, scaling, score.maps)
    found = []
    for maps, patch, (rows, at) in zip(measured, patches, places, strict=True):
        features = score.measure(maps, patch.mask)
        deviations = card.calibrations["levels"].deviations(features, score.depths(depth[rows]))
        peak = [float(one[at]) for one in deviations]
        pairs = zip(level_names(len(peak)), peak, strict=True)
        found.append({name: round(value, 2) for name, value in pairs if np.isfinite(value)})
    return found


def type_of(anomaly: Anomaly, level: str) -> str:
    """Put side, shape and level into words of the field; a guess, no more."""
    top, bottom, left, right = anomaly.box
    height, width = bottom - top, right - left
    if width <= NARROW and height >= TALL * width:
        return "bad traces"
    if anomaly.sign < 0:
        return "wiped-out zone" if height >= 2 * width else "dim zone"
    if width >= FLAT * height:
        return "strong or flat event"
    if level == "spectrum":
        return "amplitude or frequency content unlike the survey"
    return "disturbed structure or noise"


def _about(at: int, size: int, length: int) -> slice:
    """``size`` positions about one of ``length``, or all where there are fewer."""
    start = min(max(at - size // 2, 0), max(length - size, 0))
    return slice(start, min(start + size, length))
