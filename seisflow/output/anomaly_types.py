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
from seisflow.scoring.windows import measure_panel

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
    found = []
    for number, anomaly in enumerate(anomalies):
        seen = looked_into is None or number < looked_into
        deviations = level_deviations(anomaly, section, model, scaling) if seen else {}
        level = max(deviations, key=lambda name: abs(deviations[name]), default="")
        found.append(AnomalyType(type_of(anomaly, level), level, deviations))
    return found


def level_deviations(
    anomaly: Anomaly, section: xr.Dataset, model: Model, scaling: AmplitudeScaling
) -> dict[str, float]:
    """Deviation of what each level adds to the negative log-density, at the peak; empty if not known."""
    card, score = model.card, scores_of(model).get("levels")
    if card is None or score is None or "levels" not in card.calibrations:
        return {}
    *lead, trace, sample = anomaly.at
    panel = read_panel(section, tuple(lead))
    rows, columns = (
        _about(at, size, length)
        for at, size, length in zip((sample, trace), model.shape[1:], panel.shape, strict=True)
    )
    patch = panel.crop(rows, columns)
    depth = section[layout(section).vertical].values.astype(np.float64)[rows]
    features = score.measure(measure_panel(patch, model, scaling, score.maps), patch.mask)
    deviations = card.calibrations["levels"].deviations(features, score.depths(depth))
    at = sample - rows.start, trace - columns.start
    peak = [float(one[at]) for one in deviations]
    pairs = zip(level_names(len(peak)), peak, strict=True)
    return {name: round(value, 2) for name, value in pairs if np.isfinite(value)}


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
