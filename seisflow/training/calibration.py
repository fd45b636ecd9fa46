"""Calibration of a run, survey by survey, and the time it takes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from seisflow import progress
from seisflow.calibration.by_depth import BIN_SAMPLES, LEVELS
from seisflow.models import Model
from seisflow.models.provenance import Geometry, density_key
from seisflow.patches import GridDataset, PatchDataset, layout
from seisflow.patches.areas import Area
from seisflow.scores import ForwardPass, scores_of
from seisflow.scoring import learning
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.scoring.learning import fit_seconds, part_shape
from seisflow.scoring.panel_statistics import panel_statistics
from seisflow.scoring.places import Place, panels_at, places_beside, places_of
from seisflow.scoring.tiles import WindowGrid
from seisflow.scoring.windows import spacing

log = logging.getLogger("seisflow")
PANELS, EACH_PANELS = 40, 20
"""Panels of each survey: as many, shared among surveys, but no fewer than allow for 5 % of false alarms."""
LEAST_PANELS, LEAST_TILES = 3, 40
"""Panels of each survey, and tiles of the size of a patch in them, that are scored however short the time."""
LEARNING = 0.6
"""Part of a limited time that disturbed copies of panels, and learning from them, may take."""
COPIED = 0.25
"""Time of smoothing a copy, as a part of that of smoothing and quantiles of a panel."""
STATISTICS = 2e-5
"""Time of smoothing and quantiles, for a sample and a feature, as a part of that of one large quantile."""

TIMED = 4
"""Patches, at most, by which the speed of a model is told."""


def calibrate_run(
    model: Model, patches: PatchDataset, held_out: GridDataset | None, seconds: float | None = None
) -> None:
    """Score panels and store their statistics.

    Parameters
    ----------
    model : Model
        With a card; its ``surveys`` get their calibrations, the first one's being that of the card.
    patches : PatchDataset
        Whose panels are scored where nothing is held out, and beside those that are where these are few.
    held_out : GridDataset, optional
        Whose panels are scored.
    seconds : float, optional
        Time it should take; where that is short, fewer panels are scored.
    """
    card = model.card
    assert card is not None
    sections = patches.cache.sections
    shares = calibration_places(patches, held_out, [int(item.get("survey", 0)) for item in card.inputs])
    total = sum(len(chosen) + len(beside) for chosen, beside in shares.values())
    done = 0
    until = None if seconds is None else time.monotonic() + seconds
    each = statistics_seconds(model)
    with progress.bar("Calibrating", percent=True) as report:
        for number, (chosen, beside) in shares.items():
            scaling = card.surveys[number].scaling if card.surveys else card.scaling
            used: list[Place] = []
            count = len(chosen) + len(beside)

            def tell(part: int, parts: int, before: int = done, panels: int = count) -> None:
                report(100 * before + 100 * panels * part // parts, 100 * total)

            after = each * sum(math.prod(_shape(place)) for place in chosen) / len(chosen)
            limit = None if until is None else (until - time.monotonic()) * count / (total - done)
            learned_by = None if limit is None else time.monotonic() + limit - after * len(chosen)
            span = None if limit is None else (1 - LEARNING) * limit / count
            least = least_panels(chosen, model)
            found = calibrate_scores(
                model,
                panels_at(sections, _noted(in_time(chosen, least, span and span * len(chosen), after), used)),
                scaling,
                held_out=held_out is not None,
                count=count,
                beside=panels_at(sections, in_time(beside, 1, span and span * len(beside), after)),
                learned_by=learned_by,
                report=tell,
            )
            panels = panel_statistics(
                (panel for panel, _ in panels_at(sections, used)), len(used), model, scaling
            )
            if number == 0:
                card.calibration, card.calibrations = found.calibration, found.calibrations
                card.provenance[density_key(held_out=held_out is not None)] = round(found.nats_per_dim, 4)
                card.provenance["calibration_panels"] = len(used)
                card.provenance["geometry"] = sampling(sections[chosen[0][0].section])
                update = {"panels": panels}
            else:
                update = {"panels": panels} | {
                    name: getattr(found, name) for name in ("calibration", "calibrations")
                }
            if card.surveys:
                card.surveys[number] = card.surveys[number].model_copy(update=update)
            if len(used) < len(chosen):
                log.info(
                    "calibrated on %d of %d panels, as the time was short; on all: seisflow calibrate",
                    len(used),
                    len(chosen),
                )
            made = [one.learned.examples for one in found.calibrations.values() if one.learned]
            if made and min(made) < learning.COPIES:
                log.info(
                    "the default score learned from %d of %d disturbed panels, as the time was short; "
                    "from all: seisflow calibrate",
                    min(made),
                    learning.COPIES,
                )
            done += count


def in_time(
    places: Sequence[Place],
    least: int,
    seconds: float | None,
    after: float = 0.0,
) -> Iterator[Place]:
    """Places in their order; where the time is short, fewer, evenly taken, but at least ``least``.

    ``after`` is the time that each will take later on.
    """
    began = time.monotonic()
    done = position = 0
    while position < len(places):
        yield places[position]
        done += 1
        step, left = 1, len(places) - 1 - position
        if seconds is not None and left:
            spent = time.monotonic() - began
            take = max(int((seconds - spent - done * after) / (spent / done + after)), least - done)
            if take <= 0:
                return
            step = max(1, -(-left // take))
        position += step


def least_panels(places: Sequence[Place], model: Model) -> int:
    """Panels of a survey that are scored however short the time."""
    area, _, part = places[len(places) // 2]
    height, width = area.shape[0], part.stop - part.start
    tiles = max(round(height / model.shape[1]), 1) * max(round(width / model.shape[2]), 1)
    return min(max(LEAST_PANELS, -(-LEAST_TILES // tiles)), len(places))


def calibration_places(
    patches: PatchDataset, held_out: GridDataset | None, survey_of: Sequence[int], most: int = PANELS
) -> dict[int, tuple[list[Place], list[Place]]]:
    """Panels to calibrate on, evenly taken of each survey that has any, and training panels beside them."""
    areas = _by_survey((held_out or patches).areas, survey_of)
    trained = _by_survey(patches.areas, survey_of) if held_out else {}
    each = most if len(areas) == 1 else max(most // len(areas), min(most, EACH_PANELS))
    places = {}
    for number, some in areas.items():
        chosen = places_of(some, each)
        places[number] = chosen, places_beside(trained.get(number, []), chosen)
    return places


def _by_survey(areas: Sequence[Area], survey_of: Sequence[int]) -> dict[int, list[Area]]:
    found: dict[int, list[Area]] = {}
    for area in areas:
        found.setdefault(survey_of[area.section] if survey_of else 0, []).append(area)
    return dict(sorted(found.items()))


def calibration_seconds(
    model: Model,
    patches: PatchDataset,
    held_out: GridDataset | None,
    x: Tensor,
    survey_of: Sequence[int],
) -> tuple[float, float]:
    """Time that `calibrate_run` will take, and the least that it may, by that of a batch ``x`` of patches."""
    full = least = later = later_least = fits = 0.0
    learned = [score for score in scores_of(model).values() if score.learns]
    each_copy = sum(fit_seconds(score.inputs) for score in learned)
    made, share_made = learning.COPIES if learned else 0, learning.LEAST_COPIES / learning.COPIES
    for chosen, beside in calibration_places(patches, held_out, survey_of).values():
        share = least_panels(chosen, model) / len(chosen)
        panels, few = [_shape(place) for place in chosen], [_shape(place) for place in beside]
        copies = [part_shape(shape, (model.shape[1], model.shape[2])) for shape in panels]
        for shapes, count, some, rest in (
            (panels, len(panels), share, 1.0),
            (few, len(few), 1 / max(len(few), 1), 1.0),
            (copies, made, share_made, COPIED),
        ):
            windows = count * float(np.mean([_windows(shape, model) for shape in shapes] or [0]))
            samples = rest * count * float(np.mean([math.prod(shape) for shape in shapes] or [0]))
            full, least = full + windows, least + some * windows
            later, later_least = later + samples, later_least + some * samples
        fits += made * each_copy
    scores = list(scores_of(model).values())

    def evaluate(x: Tensor) -> None:
        seen = ForwardPass(model, x, torch.ones_like(x, dtype=torch.bool))
        for score in scores:
            score.maps(seen)

    each, statistics = seconds_each(evaluate, x.to(model.device)), statistics_seconds(model)
    return (
        each * full + statistics * later + fits,
        each * least + statistics * later_least + fits * share_made,
    )


def seconds_each(evaluate: Callable[[Tensor], object], x: Tensor) -> float:
    """Time that ``evaluate`` takes for a patch of a batch ``x``, without the first call, which allocates."""
    times = []
    with torch.inference_mode():
        for _ in range(4):
            began = time.monotonic()
            evaluate(x)
            times.append(time.monotonic() - began)
    return float(np.median(times[1:])) / len(x)


def statistics_seconds(model: Model) -> float:
    """Time of smoothing and quantiles for a sample of a panel, by the machine's speed of the moment."""
    values = np.random.default_rng(0).normal(size=BIN_SAMPLES).astype(np.float32)
    times = []
    for _ in range(5):
        began = time.monotonic()
        np.quantile(values, LEVELS)
        times.append(time.monotonic() - began)
    features = sum(len(score.features) for score in scores_of(model).values())
    return STATISTICS * features * float(np.median(times))


def _windows(shape: tuple[int, int], model: Model) -> int:
    size = (model.shape[1], model.shape[2])
    grid = WindowGrid(shape, size, spacing(size), 1)
    return len(grid.tops) * len(grid.lefts)


def _shape(place: Place) -> tuple[int, int]:
    area, _, part = place
    return area.shape[0], part.stop - part.start


def sampling(section: xr.Dataset) -> Geometry:
    """Domain ("time" or "depth"), sample interval and unit of a section."""
    axis = section[layout(section).vertical]
    interval = float(axis[1] - axis[0]) if len(axis) > 1 else 1.0
    return {
        "domain": "depth" if axis.name == "depth" else "time",
        "interval": interval,
        "unit": axis.attrs.get("units", ""),
    }


def _noted(places: Iterable[Place], used: list[Place]) -> Iterator[Place]:
    """Places, each noted in ``used`` as it is asked for."""
    for place in places:
        used.append(place)
        yield place
