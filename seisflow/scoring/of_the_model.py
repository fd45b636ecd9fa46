"""Sections that a model has generated: what is normal in them are its own samples, not its data."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.generation.batches import generate_batches
from seisflow.generation.sections import ASSUMED, to_amplitude
from seisflow.models import Model, ModelCard
from seisflow.models.recognition import header_text
from seisflow.patches import Panel
from seisflow.scoring.calibrate import calibrate_scores

SAMPLES = 128
"""Patches drawn to calibrate on."""
SEED = 2**31 - 1
"""Seed of these patches; not one that users give."""


def departures(section: xr.Dataset) -> list[str]:
    """Say of how samples were drawn otherwise than from the density itself."""
    told = re.search(r"temperature([\d.e+-]+),topic(.*?)[,.]", header_text(section))
    temperature = float(str(section.attrs.get("temperature", told[1] if told else 1.0)))
    topic = str(section.attrs.get("topic", told[2] if told else "")).replace(" ", "")
    found = [f"temperature ({temperature:g})"] if temperature != 1.0 else []
    return found + ([f"topic ({topic} in all)"] if topic not in ("", "eachitsown") else [])


def is_exact(section: xr.Dataset) -> bool:
    """Whether samples are draws of the density itself, not matched to training patches."""
    matched = str(section.attrs.get("matched", "")).startswith("to")
    return not matched and "matchedtotrainingpatches" not in header_text(section)


def calibrated_on_samples(model: Model, card: ModelCard, score: str, *, exact: bool) -> ModelCard:
    """Return a card whose calibration is that of samples drawn from the model, as files would hold them."""
    interval = float((card.provenance.get("geometry") or ASSUMED)["interval"])
    depth = interval * np.arange(model.shape[1], dtype=np.float64)

    def panels() -> Iterator[tuple[Panel, NDArray[np.float64]]]:
        for patches in generate_batches(model, SAMPLES, seed=SEED, exact=exact):
            for amplitude in to_amplitude(patches[:, 0], card):
                values = np.nan_to_num(amplitude.T)
                yield Panel(values, np.ones(values.shape, bool)), depth

    found = calibrate_scores(model, panels(), card.scaling, held_out=True, count=SAMPLES, names=[score])
    return card.model_copy(update={"calibration": found.calibration, "calibrations": found.calibrations})
