"""Model of a benchmark on sections: trained as the plain command does, or one that is there."""

from collections.abc import Sequence
from pathlib import Path

from seisflow.api import train
from seisflow.evaluation.asked import Asked
from seisflow.models import Model
from seisflow.runs.choose import choose_model


def model_for(asked: Asked, paths: Sequence[Path]) -> Model:
    """Train on the files, unless a model is asked for."""
    if asked.eval_only:
        return choose_model(asked.model).model
    return train(
        paths,
        asked.model,
        config=asked.config,
        overrides=("training.denoiser_steps=0", *asked.overrides),  # maps have no use for it
        max_time=asked.max_time,
        seed=asked.seed,
        overwrite=asked.overwrite,
    ).model
