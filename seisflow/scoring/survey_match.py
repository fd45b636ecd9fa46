"""Whether a section resembles what a model has seen: amplitudes, sampling."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import xarray as xr

from seisflow.io import catalog
from seisflow.models import ModelCard
from seisflow.patches import Block, layout, section_name
from seisflow.patches.scaling import AmplitudeScaling

log = logging.getLogger("seisflow")


def fitting_scale(section: xr.Dataset, card: ModelCard) -> AmplitudeScaling:
    """Return the model's scaling, or the section's own if it is unseen and of another size of amplitudes."""
    if _was_trained_on(section, card):
        return card.scaling
    own = AmplitudeScaling.fit([section], [[Block()]], card.scaling.step)
    ratio = own.std / card.scaling.std
    if 0.5 < ratio < 2:
        return card.scaling
    log.warning(
        "%s: amplitudes are %.3g times those the model has seen (std %.4g against %.4g); scaled by their "
        "own. Train on this survey for a score that means more",
        section_name(section),
        ratio,
        own.std,
        card.scaling.std,
    )
    return own


def warn_of_other_sampling(section: xr.Dataset, card: ModelCard) -> None:
    """Tell when a section is sampled otherwise than what the model has seen, so that its patterns differ."""
    seen = card.provenance.get("geometry")
    vertical = layout(section).vertical
    values = section[vertical].values
    if not seen or len(values) < 2:
        return
    interval = float(values[1] - values[0])
    if vertical != seen["domain"] or not np.isclose(interval, seen["interval"], rtol=0.01):
        log.warning(
            "%s: %s samples every %g %s; the model has seen %s samples every %g %s, and finds all else "
            "unusual. Train on this survey for a score that means more",
            section_name(section),
            vertical,
            interval,
            section[vertical].attrs.get("units", ""),
            seen["domain"],
            seen["interval"],
            seen["unit"],
        )


def _was_trained_on(section: xr.Dataset, card: ModelCard) -> bool:
    source = section.attrs.get("source_file")
    if source is None:
        return False
    paths = (str(item["path"]) for item in card.inputs)
    files = (catalog.locate(path) if path in catalog.names() else Path(path) for path in paths)
    return any(file.resolve() == Path(source).resolve() for file in files)
