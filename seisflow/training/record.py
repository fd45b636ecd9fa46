"""The record of a run (``run.json``), and a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import log
from pathlib import Path

from pydantic import BaseModel

from seisflow.models import Model
from seisflow.patches import Split
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.sources import ImageSource, Source

STATE = "checkpoint.ckpt"
METRICS = "metrics.csv"
RECORD = "run.json"


class Record(BaseModel):
    """Record of a run's start (``run.json``): enough to resume it."""

    sources: list[Source] = []
    splits: list[Split] = []
    images: ImageSource | None = None
    scaling: AmplitudeScaling
    seed: int
    max_time: timedelta | None = None
    named: str = ""
    """Signature of the paths, by which `resume` knows that the user has named them."""

    @property
    def paths(self) -> list[str]:
        """Paths that the run reads."""
        if self.images is not None:
            return [self.images.folder] if self.images.folder else []
        return [source.path for source in self.sources]


@dataclass(frozen=True)
class Run:
    """A run folder and what it holds."""

    folder: Path
    model: Model
    steps: int
    seconds: float
    bad_steps: int


def summary(run: Run) -> str:
    """One sentence on a finished run."""
    text = f"{run.steps} steps in {run.seconds:.0f} s"
    card = run.model.card
    if card is not None:
        for kind in ("held_out", "training"):
            value = card.provenance.get(f"{kind}_nats_per_dim")
            if value is not None:
                rate = f"{value:.3f} nats/dim" if card.images is None else f"{value / log(2):.3f} bits/dim"
                text += f", {rate} {'on held-out data' if kind == 'held_out' else 'in training'}"
    if run.bad_steps:
        text += f", {run.bad_steps} non-finite steps left out"
    return text
