"""Features of all scores of a model, from one pass over a panel."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.models import Model
from seisflow.patches import Panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import ForwardPass, Score
from seisflow.scoring.windows import measure_panel


def features_of_all(
    panel: Panel,
    model: Model,
    scaling: AmplitudeScaling,
    scores: Iterable[Score],
    seed: tuple[int, ...],
) -> Iterator[tuple[Score, list[NDArray[np.float32]]]]:
    """Each score with its features of a panel; one that is a part of another comes after that.

    Parameters
    ----------
    panel : Panel
    model : Model
    scaling : AmplitudeScaling
    scores : iterable of Score
        Of the model.
    seed : tuple of int
        Of the dither.
    """
    scores = list(scores)
    names = {score.name for score in scores}
    within = {part.score.name for score in scores for part in score.parts}
    alone = [score for score in scores if score.name not in within]
    taken: list[int] = []

    def maps(seen: ForwardPass) -> torch.Tensor:
        parts = [score.maps(seen) for score in alone]
        taken[:] = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
        return torch.cat(parts, 1)

    measured = measure_panel(panel, model, scaling, maps, seed=seed)
    for k, score in enumerate(alone):
        features = list(score.measure(measured[taken[k] : taken[k + 1]], panel.mask))
        yield score, features
        for part, places in score.placed():
            if part.score.name in names:
                yield part.score, [features[place] for place in places]
