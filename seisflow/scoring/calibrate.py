"""Calibrations of all scores of a model, from one pass over held-out panels."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow import progress
from seisflow.calibration.by_depth import Calibration, DepthMap, JointCalibration, by_depth, calibrate, folds
from seisflow.calibration.extremes import extremes, shares_exceed
from seisflow.calibration.learned import Learned
from seisflow.models import Model
from seisflow.patches import Panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import SMOOTHING, ForwardPass, scores_of
from seisflow.scores.base import Maps, Mask, Score
from seisflow.scoring import learning
from seisflow.scoring.calibrated import deviation_of, learned_from, of_terms, terms
from seisflow.scoring.learning import Copied, learn_from_copies, part_of
from seisflow.scoring.windows import measure_panel

BINS = 16
KEPT_BYTES = 2**30
"""Features of held-out panels kept in memory at once, for one score."""
MOST_SAMPLES = 2**21
"""Samples of a panel that are looked at: of longer ones, the middle traces."""
TOGETHER = 0.4
"""Time of the statistics of all panels together, beside that of scoring them."""
RIDGE = 0.1
"""Added to the covariance of deviations, whose variances are about 1."""
CLIPPED = 8.0
"""Deviations beyond which samples count no more in their covariance."""

Learn = Callable[[JointCalibration], Learned | None]
"""Makes the network of a score, by a calibration of its features."""


@dataclass(frozen=True)
class Features:
    """Features of a panel, each (T / step, X), with its depth (T,) and mask (T, X)."""

    maps: list[Maps]
    depth: NDArray[np.float64]
    mask: Mask


@dataclass(frozen=True)
class Calibrated:
    """Calibrations of all scores of a model.

    Attributes
    ----------
    calibration : Calibration
        For typicality and nll.
    calibrations : dict of JointCalibration
        For every other score, by its name.
    nats_per_dim : float
        Mean negative log-density of the panels' samples.
    """

    calibration: Calibration
    calibrations: dict[str, JointCalibration]
    nats_per_dim: float


def calibrate_scores(
    model: Model,
    panels: Iterable[tuple[Panel, NDArray[np.float64]]],
    scaling: AmplitudeScaling,
    *,
    held_out: bool,
    count: int,
    names: Sequence[str] | None = None,
    beside: Iterable[tuple[Panel, NDArray[np.float64]]] = (),
    learned_by: float | None = None,
    report: progress.Report = progress.silent,
) -> Calibrated:
    """Calibrate the scores of a model.

    Parameters
    ----------
    model : Model
    panels : iterable of (Panel, depth (T,))
        Untouched, in their order in the survey: neighbours follow each other.
    scaling : AmplitudeScaling
    held_out : bool
        Whether the model has not seen them.
    count : int
        Number of panels, those beside them included.
    names : sequence of str, optional
        Scores to calibrate besides typicality; by default all that the model offers.
    beside : iterable of (Panel, depth (T,))
        Panels that the model has seen. The held-out ones are of one place; these tell what else is normal at
        a depth; thresholds and p-values of panels rest on the held-out ones alone.
    learned_by : float, optional
        Time, of `time.monotonic`, at which a score should have learned from disturbed copies of panels.
    report : callable
        Takes what is done, and of how much: panels, then the statistics of all of them together.
    """
    offered = scores_of(model)
    others = [
        score
        for name, score in offered.items()
        if name not in ("typicality", "nll") and (names is None or name in names)
    ]
    wanted = {score.name for score in others}
    within = {part.score.name for score in others for part in score.parts}
    taken = [offered["typicality"], *(score for score in others if score.name not in within)]
    channels = np.cumsum([0, *(_channels(model, score) for score in taken)]).tolist()
    plain: list[DepthMap] = []
    features: dict[str, list[Features]] = {score.name: [] for score in taken[1:]}
    total, known, own = 0.0, 0, 0
    copies = learning.COPIES if any(score.learns for score in taken) else 0
    parts = round(100 * ((1 + TOGETHER) * count + copies))
    copied: list[Copied] = []
    patch = (model.shape[1], model.shape[2])
    every_panel = chain(((panel, True) for panel in panels), ((panel, False) for panel in beside))
    for number, ((whole, depth), is_held_out) in enumerate(every_panel):
        report(100 * number, parts)
        panel = _middle(whole, max(MOST_SAMPLES // len(depth), model.shape[2]))
        maps = measure_panel(
            panel,
            model,
            scaling,
            lambda seen: torch.cat([score.maps(seen) for score in taken], 1),
            seed=(0, number),
        )
        if is_held_out:
            own += 1
            copied.append(part_of(panel, depth, patch, number))
            total += float(np.nansum(maps[0], dtype=np.float64))
            known += int(np.isfinite(maps[0]).sum())
        plain.append((next(taken[0].measure(maps[:1], panel.mask)), depth))
        for k, score in enumerate(taken[1:], start=1):
            found = score.measure(maps[channels[k] : channels[k + 1]], panel.mask)
            most = max(KEPT_BYTES // (4 * sum(map(len, score.depths(depth))) * count), model.shape[2])
            values = [one[:, :most] for one in found]
            features[score.name].append(Features(values, depth, panel.mask[:, :most]))
    calibrations: dict[str, JointCalibration] = {}
    every = max(sum(len(score.features) for score in taken[1:]), 1)
    done = 100 * count
    for score in taken[1:]:
        report(done, parts)
        learning_ends = done + 100 * copies * score.learns

        def tell(share: float, before: int = learning_ends, size: int = len(score.features)) -> None:
            report(before + int(100 * TOGETHER * count * share * size / every), parts)

        some = features[score.name]
        learn = None
        if score.learns:

            def inputs(
                calibration: JointCalibration,
                panel: Panel,
                depth: NDArray[np.float64],
                seed: tuple[int, ...],
                score: Score = score,
            ) -> list[Maps]:
                found = score.measure(measure_panel(panel, model, scaling, score.maps, seed=seed), panel.mask)
                return learned_from(calibration.deviations(found, score.depths(depth)), score)

            def made(copies: int, before: int = done) -> None:
                report(before + 100 * copies, parts)

            learn = partial(
                learn_from_copies,
                panels=copied,
                std=scaling.std,
                inputs=inputs,
                until=learned_by,
                report=made,
            )
        calibrations |= _joint(
            some[:own], some[own:], score, patch, wanted, learn, held_out=held_out, tell=tell
        )
        done = learning_ends + int(100 * TOGETHER * count * len(score.features) / every)
    return Calibrated(
        calibrate(plain[:own], SMOOTHING, held_out=held_out, bins=BINS, tile=patch, beside=plain[own:]),
        calibrations,
        total / max(known, 1),
    )


def _middle(panel: Panel, traces: int) -> Panel:
    """As many traces from the middle of a panel, or all."""
    start = max(panel.shape[1] - traces, 0) // 2
    return panel.crop(slice(None), slice(start, start + traces))


def _joint(
    panels: Sequence[Features],
    beside: Sequence[Features],
    score: Score,
    tile: tuple[int, int],
    wanted: set[str],
    learn: Learn | None,
    *,
    held_out: bool,
    tell: Callable[[float], None],
) -> dict[str, JointCalibration]:
    """Calibrations of a score, and of those of its parts that are wanted as well, by their names.

    ``tell`` takes the share that is done.
    """
    whole = _fit([*panels, *beside], score, learn, held_out=held_out)
    drafts = {score.name: whole}
    places: dict[str, int] = {}
    for number, (part, at) in enumerate(score.placed()):
        if part.score.name in wanted:
            places[part.score.name] = number
            drafts[part.score.name] = JointCalibration(
                features=[whole.features[place] for place in at],
                maxima=[],
                held_out=held_out,
                recipe=part.score.recipe,
            )
    deviations: dict[str, list[Maps]] = {name: [] for name in drafts}
    every = list(folds(panels, beside))
    for number, (others, some_panels) in enumerate(every, start=1):
        tell(number / (len(every) + 1))
        # one network for all: one that has not seen copies of these panels makes alarms rarer than promised
        calibration = _fit(others, score, lambda _: whole.learned, held_out=held_out)
        for one in some_panels:
            if not score.parts:
                deviation = deviation_of(one.maps, one.depth, one.mask, calibration, score)
                deviations[score.name].append(np.abs(deviation))
                continue
            found = _terms(one, calibration, score)
            deviations[score.name].append(score.whole(of_terms(found, calibration, score), one.mask))
            for name, place in places.items():
                deviations[name].append(score.whole(found[place], one.mask))
    return {name: draft.model_copy(update=extremes(deviations[name], tile)) for name, draft in drafts.items()}


def _terms(panel: Features, calibration: JointCalibration, score: Score) -> list[Maps]:
    deviations = calibration.deviations(panel.maps, score.depths(panel.depth))
    return list(terms(deviations, score, calibration.learned))


def _fit(
    panels: Sequence[Features], score: Score, learn: Learn | None, *, held_out: bool
) -> JointCalibration:
    every = [list(zip(one.maps, score.depths(one.depth), strict=True)) for one in panels]
    features = [
        by_depth(maps, feature.window, BINS, held_out=held_out)
        for maps, feature in zip(zip(*every, strict=True), score.features, strict=True)
    ]
    draft = JointCalibration(features=features, maxima=[], held_out=held_out, recipe=score.recipe)
    if learn:
        draft = draft.model_copy(update={"learned": learn(draft)})
    if score.parts:
        maps = [_terms(one, draft, score) for one in panels]
        return draft.model_copy(update={"terms": [shares_exceed(some) for some in zip(*maps, strict=True)]})
    if score.join != "density":
        return draft
    deviations = [
        np.stack([each[::4, ::2].ravel() for each in draft.deviations(one.maps, score.depths(one.depth))])
        for one in panels
    ]
    points = np.concatenate(deviations, axis=1)
    points = np.clip(points[:, np.isfinite(points).all(0)], -CLIPPED, CLIPPED)
    precision = np.linalg.inv(np.cov(points) + RIDGE * np.eye(len(points)))
    return draft.model_copy(update={"precision": precision.tolist()})


def _channels(model: Model, score: Score) -> int:
    """Number of maps that a score takes."""
    x = torch.zeros(1, *model.shape, device=model.device)
    with torch.inference_mode():
        return score.maps(ForwardPass(model, x, torch.ones_like(x, dtype=torch.bool))).shape[1]
