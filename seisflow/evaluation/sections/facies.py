"""Benchmark of facies: their stability under other seeds and other lines of a survey.

Two controls tell facies from chance. Words and topics of other seeds must give the same (adjusted Rand index
of windows), and where words were dealt to other windows nothing may be found: topics agree no more than by
chance, and gain nothing. Facies learned from every other line, and from those between, must agree as well.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.facies.attributes import attributes
from seisflow.facies.find import (
    LEARNED,
    TOPICS,
    WINDOW,
    Facies,
    FaciesPanel,
    SectionFeatures,
    adjusted_rand,
    documents,
    find_facies,
    learn,
    map_panels,
)
from seisflow.facies.legend import FaciesLegend, LegendMaker
from seisflow.facies.vocabulary import BLOCK, WORDS
from seisflow.models import Model
from seisflow.patches import layout, read_panel, section_name
from seisflow.runs.provenance import commit, machine

Floats = NDArray[np.float64]


def result(
    section: xr.Dataset, model: Model, topics: int = TOPICS, *, seed: int = 0
) -> tuple[dict[str, Any], FaciesPanel]:
    """Find the facies of a section into a result object, with the map of a panel in its middle."""
    start = time.monotonic()
    features = SectionFeatures(section, model, seed=seed)
    facies = find_facies(features, topics)
    some = learned_panels(features)
    legend, middle = _legend(features, facies, topics)
    one = {
        "experiment": "facies",
        "dataset": section_name(section),
        "protocol": f"windows of {BLOCK[0] * WINDOW[0]} samples x {BLOCK[1] * WINDOW[1]} traces, {WORDS} "
        f"words of {BLOCK[0]} x {BLOCK[1]} samples, 3 seeds of words and topics",
        "parameters": model.parameter_count,
        "metric": "adjusted Rand index between seeds",
        "value": round(facies.agreement, 4),
        "between_lines": round(agreement_of_lines(some, topics, seed=seed), 4) if len(some) > 3 else None,
        "dealt": round(facies.agreement_of_chance, 4),
        "information": round(facies.information, 4),
        "topics": topics,
        "windows": facies.windows,
        "legend": [row.model_dump() for row in legend],
        "seed": seed,
        "seconds": round(time.monotonic() - start, 1),
        "machine": machine(),
        "commit": commit(),
    }
    return one, middle


def learned_panels(features: SectionFeatures) -> list[Floats]:
    """Features of the panels that facies are learned from."""
    numbers = np.unique(np.linspace(0, len(features.index) - 1, LEARNED).astype(int)).tolist()
    return [features.of(read_panel(features.section, features.index[i]), i, keep=True) for i in numbers]


def agreement_of_lines(panels: list[Floats], topics: int, *, seed: int = 0) -> float:
    """Adjusted Rand index, on all windows, of facies learned from every other panel, and from the rest."""
    numbers = []
    for part in (panels[::2], panels[1::2]):
        facies = learn(part, topics, seed=seed)
        counts = documents([facies.vocabulary.words(one) for one in panels], len(facies.vocabulary.centres))
        numbers.append(facies.mixture.posterior(counts).argmax(1))
    return adjusted_rand(*numbers)


def _legend(features: SectionFeatures, facies: Facies, topics: int) -> tuple[list[FaciesLegend], FaciesPanel]:
    vertical = features.section[layout(features.section).vertical].values
    legend = LegendMaker(topics, float(vertical[1] - vertical[0]))
    size = (BLOCK[0] * WINDOW[0], BLOCK[1] * WINDOW[1])
    shown = None
    described = np.unique(np.linspace(0, len(features.index) - 1, LEARNED).astype(int))
    for number, one in enumerate(map_panels(features, facies)):
        if number in described:
            seen = attributes(one.panel, BLOCK, size)
            legend.add(one.blocks, np.concatenate([seen, one.features[..., -1:]], -1))
        if number == len(features.index) // 2:
            shown = one
    assert shown is not None  # a section has panels
    return legend.legend(), shown
