"""Calibration of a run, survey by survey, and the time it takes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.models import Model
from seisflow.models.provenance import Geometry, density_key
from seisflow.patches import GridDataset, Panel, PatchDataset, layout, read_panel, window_grid
from seisflow.patches.areas import Area
from seisflow.patches.images import ImageDataset
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import ForwardPass, scores_of
from seisflow.scoring.calibrate import Calibrated, calibrate_scores
from seisflow.scoring.panel_statistics import panel_statistics
from seisflow.scoring.windows import batch_size, half
from seisflow.training.data import PatchData

log = logging.getLogger("seisflow")
PANELS, LEAST_PANELS = 40, 20
"""Panels of each survey: as many, shared among surveys, but no fewer than allow for 5 % of false alarms."""
OVERHEAD = 2.5
"""Time of a calibration as a multiple of what the model takes: smoothing, quantiles and pictures."""

Place = tuple[Area, tuple[int, ...], slice]


def calibrate_run(model: Model, data: PatchData, most: int = PANELS) -> None:
    """Score held-out panels, or training ones where nothing is held out, and store their statistics.

    Parameters
    ----------
    model : Model
        With a card; its ``surveys`` get their calibrations, the first one's being that of the card.
    data : PatchData
    most : int
        Panels, shared among surveys.
    """
    card = model.card
    assert card is not None
    grid = data.held_out or data.patches
    assert not isinstance(grid, ImageDataset)  # images have no depth to calibrate by
    held_out = data.held_out is not None
    sections = grid.cache.sections
    shares = calibration_places(data, [int(item.get("survey", 0)) for item in card.inputs], most)
    total = sum(map(len, shares.values()))
    done = 0
    with progress.bar("Calibrating") as report:
        for number, chosen in shares.items():
            scaling = card.surveys[number].scaling if card.surveys else card.scaling

            def tell(panel: int, before: int = done) -> None:
                report(before + panel, total)

            found = _calibrated(model, sections, chosen, scaling, held_out=held_out, tell=tell)
            panels = panel_statistics(
                (panel for panel, _ in _panels(sections, chosen)), len(chosen), model, scaling
            )
            if number == 0:
                card.calibration, card.calibrations = found.calibration, found.calibrations
                card.provenance[density_key(held_out=held_out)] = round(found.nats_per_dim, 4)
                card.provenance["calibration_panels"] = len(chosen)
                card.provenance["geometry"] = sampling(sections[chosen[0][0].section])
                update = {"panels": panels}
            else:
                update = {"panels": panels} | {
                    name: getattr(found, name) for name in ("calibration", "calibrations")
                }
            if card.surveys:
                card.surveys[number] = card.surveys[number].model_copy(update=update)
            done += len(chosen)


def calibration_places(
    data: PatchData, survey_of: Sequence[int], most: int = PANELS
) -> dict[int, list[Place]]:
    """Panels to calibrate on, evenly taken of each survey that has any."""
    grid = data.held_out or data.patches
    assert isinstance(grid, GridDataset | PatchDataset)
    places: dict[int, list[Place]] = {}
    for area in grid.areas:
        number = survey_of[area.section] if survey_of else 0
        places.setdefault(number, []).extend(
            (area, lead, part) for lead in area.leads for part in area.pieces()
        )
    each = most if len(places) == 1 else max(most // len(places), min(most, LEAST_PANELS))
    return {
        number: [every[i] for i in np.unique(np.linspace(0, len(every) - 1, each).astype(int))]
        for number, every in sorted(places.items())
    }


def calibration_seconds(model: Model, data: PatchData, survey_of: Sequence[int], most: int = PANELS) -> float:
    """Time that `calibrate_run` will take, from that of one batch of windows."""
    if isinstance(data.patches, ImageDataset):
        return 0.0
    size = (model.shape[1], model.shape[2])
    windows = sum(
        len(window_grid((area.shape[0], part.stop - part.start), size, half(size))[0])
        for chosen in calibration_places(data, survey_of, most).values()
        for area, _, part in chosen
    )
    count = min(batch_size(model), 4)
    x = torch.stack([data.patches[i]["x"] for i in range(count)]).to(model.device)
    mask = torch.ones_like(x, dtype=torch.bool)
    scores = list(scores_of(model).values())
    for _ in range(2):  # the first one compiles and allocates
        began = time.monotonic()
        with torch.inference_mode():
            seen = ForwardPass(model, x, mask)
            for score in scores:
                score.maps(seen)
    return OVERHEAD * (time.monotonic() - began) / count * windows


def sampling(section: xr.Dataset) -> Geometry:
    """Domain ("time" or "depth"), sample interval and unit of a section."""
    axis = section[layout(section).vertical]
    interval = float(axis[1] - axis[0]) if len(axis) > 1 else 1.0
    return {
        "domain": "depth" if axis.name == "depth" else "time",
        "interval": interval,
        "unit": axis.attrs.get("units", ""),
    }


def _calibrated(
    model: Model,
    sections: Sequence[xr.Dataset],
    chosen: list[Place],
    scaling: AmplitudeScaling,
    *,
    held_out: bool,
    tell: object,
) -> Calibrated:
    panels = _told(_panels(sections, chosen), tell)
    return calibrate_scores(model, panels, scaling, held_out=held_out, count=len(chosen))


def _panels(
    sections: Sequence[xr.Dataset], chosen: list[Place]
) -> Iterator[tuple[Panel, NDArray[np.float64]]]:
    for area, lead, part in chosen:
        section = sections[area.section]
        depth = section[layout(section).vertical].values.astype(np.float64)[area.rows]
        yield read_panel(section, lead, part).crop(area.rows, slice(None)), depth


def _told(
    panels: Iterator[tuple[Panel, NDArray[np.float64]]], tell: object
) -> Iterator[tuple[Panel, NDArray[np.float64]]]:
    assert callable(tell)
    for number, item in enumerate(panels):
        tell(number)
        yield item
