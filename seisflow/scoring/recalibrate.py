"""Calibration of a model for a survey that it has not learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.errors import DataError
from seisflow.models import Model, save_model
from seisflow.models.base import section_card
from seisflow.models.recognition import first_survey
from seisflow.models.survey import Survey
from seisflow.patches import Block, Panel, Split, layout, read_panel, section_name
from seisflow.patches.areas import areas_of, evenly
from seisflow.patches.identity import Identity
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scoring.beside import Place, places_beside
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.scoring.panel_statistics import panel_statistics

PANELS = 40
WHOLE = Split(train=[Block()], validation=[Block()])


def calibrate_survey(
    model: Model,
    sections: Sequence[xr.Dataset],
    paths: Sequence[str],
    *,
    trained: bool = False,
    splits: Sequence[Split] | None = None,
    report: progress.Report = progress.silent,
) -> Survey:
    """Score lines of a survey and return what is normal there; the weights stay as they are.

    Parameters
    ----------
    model : Model
    sections, paths : sequences
        Sections of one survey without what is looked for, and their paths.
    trained : bool
        Whether the model has learnt them: their scaling is then that of the model.
    splits : sequence of Split, optional
        Splits of the sections, whose validation blocks are scored, and panels of whose training blocks stand
        beside these where they are few; by default, all of a section is scored.
    report : callable

    Raises
    ------
    DataError
        If sections cannot share a model.
    """
    card = section_card(model)
    identities = [Identity.of(section) for section in sections]
    for one in identities[1:]:
        if not identities[0].shares_model(one):
            raise DataError(
                f"{one.name}: {one.sampling}, unlike {identities[0].name} ({identities[0].sampling}). "
                f"Expected lines of one survey: calibrate on each apart"
            )
    parts = splits or [WHOLE] * len(sections)
    held_out = [part.validation for part in parts]
    scaling = card.scaling if trained else AmplitudeScaling.fit(sections, held_out, card.config.data.dither)
    areas = areas_of(sections, held_out)
    places = [(area, lead, part) for area in areas for lead in area.leads for part in area.pieces()]
    chosen = [places[i] for i in evenly(len(places), PANELS)]
    trained_areas = areas_of(sections, [part.train for part in parts]) if trained and splits else []
    beside = places_beside(trained_areas, chosen)

    def panels(some: Sequence[Place]) -> Iterator[tuple[Panel, NDArray[np.float64]]]:
        for area, lead, part in some:
            section = sections[area.section]
            depth = section[layout(section).vertical].values.astype(np.float64)[area.rows]
            yield read_panel(section, lead, part).crop(area.rows, slice(None)), depth

    found = calibrate_scores(
        model,
        panels(chosen),
        scaling,
        held_out=True,
        count=len(chosen) + len(beside),
        beside=panels(beside),
        report=report,
    )
    return Survey(
        name=Path(section_name(sections[0])).stem,
        paths=list(paths),
        scaling=scaling,
        domain=identities[0].domain,
        interval=identities[0].interval,
        unit=identities[0].unit,
        words=sorted(frozenset().union(*(one.words for one in identities))),
        trained=trained,
        calibration=found.calibration,
        calibrations=found.calibrations,
        panels=panel_statistics((panel for panel, _ in panels(chosen)), len(chosen), model, scaling),
    )


def store(model: Model, survey: Survey, folder: Path) -> None:
    """Add a survey to the card of a model, and save that in a folder; one of the same name is replaced."""
    card = section_card(model)
    surveys = card.surveys or [first_survey(card)]
    names = [one.name for one in surveys]
    if survey.trained:
        changes = {"calibration": survey.calibration, "calibrations": survey.calibrations}
        surveys = [survey.model_copy(update={"calibration": None, "calibrations": {}}), *surveys[1:]]
    elif survey.name in names:
        changes = {}
        surveys[names.index(survey.name)] = survey
    else:
        changes, surveys = {}, [*surveys, survey]
    model.card = card.model_copy(update=changes | {"surveys": surveys})
    save_model(model.cpu(), folder)
