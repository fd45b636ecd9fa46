"""Scores of the samples of a section, all from one pass of a model (``--score``)."""

from seisflow.errors import ModelError
from seisflow.flows import SpectralWhitening
from seisflow.models.base import Model
from seisflow.models.fractal_flow import FractalFlowModel
from seisflow.priors import GaussianPrior
from seisflow.scores.base import SMOOTHING, Feature, Score
from seisflow.scores.forward_pass import ForwardPass
from seisflow.scores.joint import joint
from seisflow.scores.levels import combined, density_of_states, level_names, levels, ratio
from seisflow.scores.likelihood import latent, nll, typicality
from seisflow.scores.topics import topic, topic_entropy

__all__ = [
    "SCORES",
    "SMOOTHING",
    "Feature",
    "ForwardPass",
    "Score",
    "default_score",
    "find_score",
    "level_names",
    "scores_of",
]

SCORES = (
    "joint",
    "typicality",
    "nll",
    "latent",
    "levels",
    "ratio",
    "topic",
    "topic-entropy",
    "density-of-states",
    "combined",
)
"""Names of all scores, the default first."""


def scores_of(model: Model) -> dict[str, Score]:
    """Scores that a model offers, by their names: all of a flow, the first two of any other density."""
    found = [typicality, nll]
    if isinstance(model, FractalFlowModel):
        parts = model.levels + 2
        gains = model.input.along_time().cpu().numpy() if isinstance(model.input, SpectralWhitening) else None
        whole = combined(parts, gains)
        found += [latent, levels(parts), ratio(), density_of_states(parts), whole, joint(whole, parts)]
        if not isinstance(model.prior, GaussianPrior):
            found += [topic, topic_entropy]
    return {score.name: score for score in found}


def default_score(model: Model) -> str:
    """Name of the default score of a model: the first of `SCORES` that it offers and is calibrated for."""
    offered, card = scores_of(model), model.card
    known = {"typicality", "nll"}
    if card:
        known |= {
            name for name, one in card.calibrations.items() if name in offered and offered[name].fits(one)
        }
    return next(name for name in SCORES if name in offered and name in known)


def find_score(model: Model, name: str) -> Score:
    """Score of that name.

    Raises
    ------
    ModelError
        If the model does not offer it.
    """
    offered = scores_of(model)
    if name not in offered:
        raise ModelError(f"score {name}: the model does not offer it. It has {', '.join(offered)}")
    return offered[name]
