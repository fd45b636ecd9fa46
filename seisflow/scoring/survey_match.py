"""The survey of a model that a section belongs to, and whether that survey's calibration holds for it."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from seisflow.errors import DataError
from seisflow.io import catalog
from seisflow.models import Model, ModelCard
from seisflow.models.base import section_card
from seisflow.models.survey import Survey
from seisflow.patches import Block, layout, section_name
from seisflow.patches.areas import no_signal
from seisflow.patches.identity import ALIKE, Identity
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scoring.of_the_model import calibrated_on_samples, departures, is_of_model
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
        return with_card(model, calibrated_on_samples(model, card, score)), match
    surveys = card.surveys or [first_survey(card)]
    for survey in surveys:
        if _is_of(section, survey) and _same_sampling(*_sampling(section), survey):
            match = SurveyMatch(survey.name, survey.scaling, [])
            return with_card(model, card_of(card, survey)), match
    fitting, match = _nearest(section, surveys, model, card)
    return with_card(model, fitting), match


def first_survey(card: ModelCard) -> Survey:
    """Return what a card of an older version tells of the one survey it knows."""
    seen = card.provenance.get("geometry") or {"domain": "time", "interval": 0.0, "unit": ""}
    paths = [str(item["path"]) for item in card.inputs if "path" in item]
    return Survey(name=Path(paths[0]).stem if paths else "survey", paths=paths, scaling=card.scaling, **seen)


def card_of(card: ModelCard, survey: Survey) -> ModelCard:
    """Return a card as if ``survey`` were the only one; its calibration may be that of the first."""
    changes: dict[str, object] = {"scaling": survey.scaling}
    if survey.calibration is not None:
        changes |= {"calibration": survey.calibration, "calibrations": survey.calibrations}
    return card.model_copy(update=changes)


def _nearest(
    section: xr.Dataset, surveys: list[Survey], model: Model, card: ModelCard
) -> tuple[ModelCard, SurveyMatch]:
    """Take the most alike survey that a section may be of, else its own scaling; say what differs."""
    identity = Identity.of(section)
    if not identity.std:
        raise DataError(no_signal([section]))
    one, scaling = min(
        ((survey, survey.scaling) for survey in surveys), key=lambda pair: _distance(identity, pair[0])
    )
    differences = []
    if not _same_sampling(identity.domain, identity.interval, one):
        differences.append(f"sampling ({identity.sampling}, against {one.domain}, every {one.interval:g} "
                           f"{one.unit})".replace(" )", ")"))  # fmt: skip
    ratio = identity.std / one.scaling.std
    if not 1 / ALIKE < ratio < ALIKE and identity.std:
        scaling = AmplitudeScaling.fit([section], [[Block()]], one.scaling.step)
        differences.append(f"amplitude ({ratio:.3g} times, so they are scaled by their own)")
    if one.panels is not None:
        found = section_statistics(section, model, scaling)
        differences += one.panels.differences(found)
    elif not differences:
        differences.append(
            "what cannot be told (the model, of an older version, keeps no statistics of them)"
        )
    match = SurveyMatch(one.name, scaling, differences)
    if differences:
        log.warning(
            "%s: unlike the calibration lines of %s in %s: a ranking, no alarm rate",
            section_name(section),
            one.name,
            ", ".join(differences),
        )
    return card_of(card, one.model_copy(update={"scaling": scaling})), match


def _distance(identity: Identity, survey: Survey) -> tuple[bool, bool, float]:
    words = frozenset(survey.words)
    alike = len(words & identity.words) >= 0.5 * len(words | identity.words) if words else False
    ratio = abs(float(np.log(max(identity.std, 1e-30) / survey.scaling.std)))
    return (
        not _same_sampling(identity.domain, identity.interval, survey),
        not alike and ratio > np.log(ALIKE),
        ratio,
    )


def _same_sampling(domain: str, interval: float, survey: Survey) -> bool:
    if not survey.interval:  # not told by older versions
        return True
    return domain == survey.domain and bool(np.isclose(interval, survey.interval, rtol=0.01))


def _sampling(section: xr.Dataset) -> tuple[str, float]:
    domain = layout(section).vertical
    labels = section[domain].values
    return domain, float(labels[1] - labels[0]) if len(labels) > 1 else 1.0


def with_card(model: Model, card: ModelCard) -> Model:
    """Return a model that shares the weights of another and has a card of its own."""
    view = copy.copy(model)
    view.card = card
    return view


def _is_of(section: xr.Dataset, survey: Survey) -> bool:
    source = section.attrs.get("source_file")
    if source is None:
        return False
    files = (catalog.locate(path) if path in catalog.names() else Path(path) for path in survey.paths)
    return any(file.resolve() == Path(source).resolve() for file in files)
