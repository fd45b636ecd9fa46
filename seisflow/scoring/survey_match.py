"""The survey of a model that a section belongs to, and whether that survey's calibration holds for it."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass

import xarray as xr

from seisflow.models import Model, ModelCard
from seisflow.models.base import section_card
from seisflow.models.recognition import is_of_model, recognise
from seisflow.models.survey import Survey
from seisflow.patches import section_name
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scoring.of_the_model import calibrated_on_samples, departures, is_exact
from seisflow.scoring.panel_statistics import section_statistics

log = logging.getLogger("seisflow")


@dataclass(frozen=True)
class SurveyMatch:
    """Match of a section with the surveys that a model knows.

    Attributes
    ----------
    survey : str
        Name of the survey whose scaling and calibration are taken.
    scaling : AmplitudeScaling
    differences : list of str
        Why the calibration does not hold for the section; empty where it does.
    """

    survey: str
    scaling: AmplitudeScaling
    differences: list[str]

    @property
    def caveat(self) -> str:
        """Say in a sentence that there is no alarm rate, and why; empty where there is one."""
        if not self.differences:
            return ""
        return (
            f"a ranking without an alarm rate: unlike the calibration lines in {', '.join(self.differences)}"
        )


def for_survey(section: xr.Dataset, model: Model, score: str = "typicality") -> tuple[Model, SurveyMatch]:
    """Return the model with scaling and calibration of the section's survey, and how these were chosen.

    A file that the model was trained on or calibrated for is known by its name. Any other one is held
    against the surveys by sampling, headers and amplitudes; then its panels against their calibration lines
    by a two-sample test on scale, spectrum, coherence and level of typicality.

    Parameters
    ----------
    section : xr.Dataset
    model : Model
        Not changed; the one returned shares its weights.
    score : str
        The score that a generated section will be judged by: it is calibrated on samples of the model.
    """
    card = section_card(model)
    if is_of_model(section, card):
        name = "samples of the model"
        match = SurveyMatch(name, card.scaling, departures(section))
        return with_card(model, calibrated_on_samples(model, card, score, exact=is_exact(section))), match
    found = recognise(section, card)
    survey, differences = found.survey, list(found.differences)
    if found.by_file:
        return with_card(model, card_of(card, survey)), SurveyMatch(survey.name, survey.scaling, [])
    if survey.panels is not None:
        differences += survey.panels.differences(section_statistics(section, model, survey.scaling))
    elif not differences:
        differences.append(
            "what cannot be told (the model, of an older version, keeps no statistics of them)"
        )
    if differences:
        log.warning(
            "%s: unlike the calibration lines of %s in %s: a ranking, no alarm rate",
            section_name(section),
            survey.name,
            ", ".join(differences),
        )
    return with_card(model, card_of(card, survey)), SurveyMatch(survey.name, survey.scaling, differences)


def card_of(card: ModelCard, survey: Survey) -> ModelCard:
    """Return a card as if ``survey`` were the only one; its calibration may be that of the first."""
    changes: dict[str, object] = {"scaling": survey.scaling}
    if survey.calibration is not None:
        changes |= {"calibration": survey.calibration, "calibrations": survey.calibrations}
    return card.model_copy(update=changes)


def with_card(model: Model, card: ModelCard) -> Model:
    """Return a model that shares the weights of another and has a card of its own."""
    view = copy.copy(model)
    view.card = card
    return view
