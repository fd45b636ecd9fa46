"""Fault picks of the Great South Basin against maps of a model that has learned without labels."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from seisflow.api import score
from seisflow.errors import DataError
from seisflow.evaluation.asked import Asked
from seisflow.evaluation.labels.agreement import Agreement
from seisflow.evaluation.labels.evaluate import evaluate_labels
from seisflow.evaluation.sections.trained import model_for
from seisflow.io import open_section
from seisflow.models.base import section_card
from seisflow.runs.provenance import commit, machine

FOLDER = Path("labelled") / "gsb"
LABELS = "_faults"
WITHIN = 2
"""Traces to each side by which picks are widened."""


def run(data: Path, asked: Asked) -> list[dict[str, Any]]:
    """Train on the sections in ``data/labelled/gsb``, unless a model is asked for; compare maps with picks.

    Raises
    ------
    DataError
        If there is no section with picks.
    """
    folder = data / FOLDER
    picks = {
        path.with_name(path.name.replace(LABELS, "")): path for path in sorted(folder.glob(f"*{LABELS}.npy"))
    }
    sections = sorted(path for path in folder.glob("*.npy") if LABELS not in path.name)
    if not picks or not set(picks) <= set(sections):
        raise DataError(f"{folder}: no picks. Expected NAME.npy, and NAME{LABELS}.npy of some of them")
    model = model_for(asked, sections)
    card = section_card(model)
    start = time.monotonic()
    found: dict[str, dict[str, Agreement]] = {}
    for path, labels in picks.items():
        with tempfile.TemporaryDirectory() as aside:
            made = score(path, model)
            place = Path(aside) / "map.npy"
            np.save(place, made["anomaly"].values)
            report = evaluate_labels(place, labels, section=open_section(path), within=WITHIN)
        ours = f"seisflow, {made.attrs['score']}"
        for name, one in report.found.items():
            found.setdefault(ours if name == place.stem else name, {})[path.stem] = one
    return [
        {
            "experiment": "faults",
            "dataset": "Great South Basin, fault picks",
            "protocol": f"{len(sections)} sections for training, without labels; picks of {len(picks)} of "
            f"them, widened by {WITHIN} traces to each side, which also served to choose the default score",
            "model": name,
            "is_baseline": not name.startswith("seisflow"),
            "metric": "mean pixel AUROC",
            "value": round(float(np.mean([one.auroc for one in some.values()])), 4),
            "by_section": {
                section: {key: round(float(value), 4) for key, value in asdict(one).items()}
                for section, one in some.items()
            },
            "steps": card.provenance.get("steps"),
            "training_seconds": card.provenance.get("seconds"),
            "seed": asked.seed,
            "seconds": round(time.monotonic() - start, 1),
            "machine": machine(),
            "commit": commit(),
        }
        for name, some in found.items()
    ]
