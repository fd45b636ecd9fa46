"""Maps that scoring makes, and what is said of them in files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.calibration.extremes import Extremes
from seisflow.models import Model
from seisflow.models.base import judging_card
from seisflow.scores import default_score, find_score
from seisflow.scoring.calibrated import calibration_of

log = logging.getLogger("seisflow")


@dataclass(frozen=True)
class Scored:
    """Maps of one panel, or of some traces of a long one, all (T, X).

    Attributes
    ----------
    lead : tuple of int
        Position of the panel over the leading dims.
    columns : slice
        Traces of the panel.
    amplitude : ndarray of float32
        As read; NaN where masked.
    nll : ndarray of float32
        Negative log-density of each sample, in nats; NaN where masked.
    anomaly : ndarray of float32
        Deviation of the score from held-out data, in their standard deviations. Of two-sided scores such as
        typicality, positive where the section is less probable than normal, negative where it is more
        probable (dim, wiped out).
    mask : ndarray of bool
        Samples that carry data.
    """

    lead: tuple[int, ...]
    columns: slice
    amplitude: NDArray[np.float32]
    nll: NDArray[np.float32]
    anomaly: NDArray[np.float32]
    mask: NDArray[np.bool_]


VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": ("float32", {"long_name": "seismic amplitude"}),
    "nll": ("float32", {"long_name": "negative log-density of each sample", "units": "nat"}),
    "anomaly": (
        "float32",
        {
            "units": "1",
            "comment": "deviation from held-out data, by depth, in standard deviations of these; where "
            "two-sided, positive: less probable than normal; negative: more probable (dim or wiped out)",
        },
    ),
    "mask": ("bool", {"long_name": "sample carries data and was scored"}),
}
"""Maps that scoring makes: type and attributes of each, by its name in `Scored` and in files."""


def variable_attrs(
    model: Model,
    alpha: float,
    score: str | None = None,
    shape: tuple[int, int] | None = None,
    differences: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Attributes of each map; those of ``anomaly`` tell the threshold and what it promises.

    ``shape`` (T, X) is that of the panels to judge, for their threshold; by default, of held-out ones.
    ``differences`` are those of the section from the calibration lines: with any, nothing is promised.
    """
    score = score or default_score(model)
    card, chosen = judging_card(model), find_score(model, score)
    calibration: Extremes = calibration_of(card, score)
    attrs = {name: dict(known) for name, (_, known) in VARIABLES.items()}
    attrs["anomaly"] |= {
        "long_name": chosen.title,
        "two_sided": int(chosen.two_sided),
        "threshold": calibration.threshold(alpha, shape),
        "alpha": alpha,
        "alpha_is_supported": bool(calibration.supports(alpha, shape)) and not differences,
        "alpha_rests_on": "nothing" if differences else calibration.promise(alpha, shape),
    }
    if chosen.parts:
        attrs["anomaly"] |= {
            "units": "nat",
            "comment": "sum of -ln p, with the shares p of held-out samples that deviate as much",
        }
    if differences:
        attrs["anomaly"]["caveat"] = (
            f"a ranking without an alarm rate: {', '.join(differences)} unlike the calibration lines"
        )
    return attrs


def score_attrs(model: Model, score: str) -> dict[str, Any]:
    """Global attributes that tell how a score came about."""
    card = judging_card(model)
    return {
        "score": score,
        "model_inputs": [Path(item["path"]).name for item in card.inputs],
        "model_commit": str(card.provenance.get("commit")),
        "model_finished": str(card.provenance.get("finished")),
    }
