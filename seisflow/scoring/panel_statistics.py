"""Statistics of whole panels, by which the survey that a section belongs to is told from others."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow.calibration.panel_test import PanelStatistics
from seisflow.models import Model
from seisflow.patches import Panel, cut, layout, panel_index, prepare, read_panel
from seisflow.patches.areas import evenly
from seisflow.patches.scaling import AmplitudeScaling

PANELS = 12
"""Panels of a section that are looked at."""
WINDOWS = 6
"""Windows of each that the model looks at."""
LEAST = 8
"""Panels below which parts of them count as panels."""


def section_statistics(section: xr.Dataset, model: Model, scaling: AmplitudeScaling) -> PanelStatistics:
    """Statistics of some panels of a section."""
    leads = panel_index(section)
    chosen = [leads[k] for k in evenly(len(leads), PANELS)]
    return panel_statistics((_middle(section, lead) for lead in chosen), len(chosen), model, scaling)


def panel_statistics(
    panels: Iterable[Panel], count: int, model: Model, scaling: AmplitudeScaling
) -> PanelStatistics:
    """Statistics of panels; of few, those of parts as wide as two patches.

    Parameters
    ----------
    panels : iterable of Panel
    count : int
        How many there are.
    model : Model
    scaling : AmplitudeScaling
    """
    rows: list[dict[str, float]] = []
    for number, panel in enumerate(panels):
        parts = [panel]
        if count < LEAST:
            edges = np.linspace(0, panel.shape[1], max(panel.shape[1] // (2 * model.shape[2]), 1) + 1)
            cuts = edges.astype(int).tolist()
            parts = [panel.crop(slice(None), slice(a, b)) for a, b in pairwise(cuts)]
        for part in parts:
            if part.mask.mean() > 0.05:
                rows.append(_amplitudes(part, scaling) | _level(part, model, scaling, number))
    names = rows[0] if rows else {}
    return PanelStatistics(values={name: [round(row[name], 5) for row in rows] for name in names})


def _middle(section: xr.Dataset, lead: tuple[int, ...], most: int = 2**21) -> Panel:
    dims = layout(section)
    traces, width = section.sizes[dims.lateral], max(most // section.sizes[dims.vertical], 1)
    start = max(traces - width, 0) // 2
    return read_panel(section, lead, slice(start, min(start + width, traces)))


def _amplitudes(panel: Panel, scaling: AmplitudeScaling) -> dict[str, float]:
    x = np.where(panel.mask, scaling.scale(panel.amplitude), 0.0)
    known = x[panel.mask]
    power = (np.abs(np.fft.rfft(x * np.hanning(len(x))[:, None], axis=0)) ** 2).sum(1)[1:]
    frequency = np.fft.rfftfreq(len(x))[1:]
    total = power.sum() or 1.0
    centroid = float((frequency * power).sum() / total) or 1e-6
    spread = float(np.sqrt(((frequency - centroid) ** 2 * power).sum() / total)) or 1e-6
    a, b = x[:, :-1].ravel(), x[:, 1:].ravel()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum())) or 1.0
    return {
        "amplitude": float(np.log(max(known.std(), 1e-6))),
        "frequency": float(np.log(centroid)),
        "bandwidth": float(np.log(spread)),
        "coherence": float((a * b).sum() / norm),
    }


def _level(panel: Panel, model: Model, scaling: AmplitudeScaling, number: int) -> dict[str, float]:
    """Mean negative log-density of a few windows, which do not overlap if there is room."""
    height, width = model.shape[1:]
    tops, lefts = _places(panel.shape[0], height), _places(panel.shape[1], width)
    places = np.array([(top, left) for top in tops for left in lefts])
    places = places[evenly(len(places), WINDOWS)]
    rng = np.random.default_rng([3, number])
    x, mask = cut(panel, places[:, 0], places[:, 1], (height, width))
    x = prepare(x, mask, scaling, rng)
    some = torch.from_numpy(mask).to(model.device)
    with torch.inference_mode():
        log_prob = model.log_prob(torch.from_numpy(x).to(model.device), some)
    return {"level": -float(log_prob.sum()) / max(int(mask.sum()), 1)}


def _places(length: int, size: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, max(length - size, 0), max(length // size, 1)).astype(np.int64))
