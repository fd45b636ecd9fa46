"""Calibration of a model for a survey that it has not learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import xarray as xr

from seisflow import progress
from seisflow.errors import DataError
from seisflow.generation.matching import (
    SLOW,
    match_refined,
    match_samples,
    matched_patches,
    seconds_of_a_sample,
)
from seisflow.models import Model, save_model
from seisflow.models.base import section_card
from seisflow.models.recognition import first_survey
from seisflow.models.survey import Survey
from seisflow.patches import Block, PatchDataset, Split, section_name
from seisflow.patches.areas import areas_of
from seisflow.patches.identity import Identity
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.scoring.panel_statistics import panel_statistics
from seisflow.scoring.places import panels_at, places_beside, places_of

PANELS = 40
WHOLE = Split(train=[Block()], validation=[Block()])


def calibrate_survey(
    model: Model,
    sections: Sequence[xr.Dataset],
    paths: Sequence[str],
    *,
    known: Survey | None = None,
    splits: Sequence[Split] | None = None,
    report: progress.Report = progress.silent,
) -> Survey:
    """Score lines of a survey and return what is normal there; the weights stay as they are.

    Parameters
    ----------
    model : Model
    sections, paths : sequences
        Sections of one survey without what is looked for, and their paths.
    known : Survey, optional
        What the model knows of the survey, if it has learnt it: name and scaling stay.
    splits : sequence of Split, optional
        Splits of the sections, whose validation blocks are scored, and panels of whose training blocks stand
        beside these where they are few; by default, all of a section is scored.
    report : callable

    Raises
    ------
    DataError
        If sections cannot share a model.
    """
    dither = section_card(model).config.data.dither
    identities = [Identity.of(section) for section in sections]
    for one in identities[1:]:
        if not identities[0].shares_model(one):
            raise DataError(
                f"{one.name}: {one.sampling}, unlike {identities[0].name} ({identities[0].sampling}). "
                f"Expected lines of one survey: calibrate on each apart"
            )
    parts = splits or [WHOLE] * len(sections)
    held_out = [part.validation for part in parts]
    scaling = known.scaling if known else AmplitudeScaling.fit(sections, held_out, dither)
    areas = areas_of(sections, held_out)
    chosen = places_of(areas, PANELS)
    trained_areas = areas_of(sections, [part.train for part in parts]) if known and splits else []
    beside = places_beside(trained_areas, chosen)
    found = calibrate_scores(
        model,
        panels_at(sections, chosen),
        scaling,
        held_out=True,
        count=len(chosen) + len(beside),
        beside=panels_at(sections, beside),
        report=report,
    )
    survey = known or Survey(
        name=Path(section_name(sections[0])).stem,
        paths=list(paths),
        scaling=scaling,
        domain=identities[0].domain,
        interval=identities[0].interval,
        unit=identities[0].unit,
        words=sorted(frozenset().union(*(one.words for one in identities))),
        trained=False,
    )
    return survey.model_copy(
        update={
            "calibration": found.calibration,
            "calibrations": found.calibrations,
            "panels": panel_statistics(
                (panel for panel, _ in panels_at(sections, chosen)), len(chosen), model, scaling
            ),
        }
    )


def calibrate_again(
    model: Model,
    sections: Sequence[xr.Dataset],
    paths: Sequence[str],
    splits: Sequence[Split],
    report: progress.Report = progress.silent,
) -> list[Survey]:
    """Calibrate the surveys that a model has learnt, each by itself, on what was held out of it.

    Parameters
    ----------
    model : Model
    sections, paths, splits : sequences
        Of the inputs of the model's card, in their order.
    report : callable
    """
    card = section_card(model)
    surveys = card.surveys or [first_survey(card)]
    inputs: dict[int, list[int]] = {}
    for place, item in enumerate(card.inputs):
        inputs.setdefault(int(item.get("survey", 0)), []).append(place)
    found = []
    for done, (number, places) in enumerate(sorted(inputs.items())):

        def tell(part: int, parts: int, before: int = done) -> None:
            report(100 * before + 100 * part // parts, 100 * len(inputs))

        found.append(
            calibrate_survey(
                model,
                [sections[k] for k in places],
                [paths[k] for k in places],
                known=surveys[number],
                splits=[splits[k] for k in places],
                report=tell,
            )
        )
    return found


def match_again(model: Model, sections: Sequence[xr.Dataset], splits: Sequence[Split]) -> None:
    """Match generated patches anew to those that a model has learnt, of its inputs in their order."""
    card = section_card(model)
    if seconds_of_a_sample(model) >= SLOW:
        return
    surveys, data = card.surveys or [first_survey(card)], card.config.data
    count = matched_patches(model)
    patches = PatchDataset(
        sections,
        [part.train for part in splits],
        data.patch,
        [surveys[int(item.get("survey", 0))].scaling for item in card.inputs],
        seed=int(card.provenance.get("seed", 0)),
        length=count,
        flip=data.flip,
        polarity=data.polarity,
        min_valid=data.min_valid,
    )
    items = [patches[i] for i in range(count)]
    training = torch.stack([item["x"] for item in items]).numpy()
    card.sample_matching = match_samples(model, training)
    if model.denoiser is not None:
        match_refined(model, training, [item["depth"] for item in items])


def store(model: Model, calibrated: Sequence[Survey], folder: Path) -> None:
    """Add surveys to the card of a model, and save that in a folder; those of the same name are replaced."""
    card = section_card(model)
    surveys = list(card.surveys or [first_survey(card)])
    changes = {}
    for survey in calibrated:
        place = next((k for k, one in enumerate(surveys) if one.name == survey.name), len(surveys))
        if survey.trained and place == 0:  # whose calibration is that of the card
            changes = {"calibration": survey.calibration, "calibrations": survey.calibrations}
            survey = survey.model_copy(update={"calibration": None, "calibrations": {}})
        surveys[place : place + 1] = [survey]
    model.card = card.model_copy(update=changes | {"surveys": surveys})
    save_model(model.cpu(), folder)
