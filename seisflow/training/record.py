"""The record of a run (``run.json``), and a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import log
from pathlib import Path

from pydantic import BaseModel, ValidationError

from seisflow.config import Config, parse_stored_config
from seisflow.config.yaml_text import read_yaml
from seisflow.errors import TrainingError
from seisflow.models import Model
from seisflow.models.provenance import density_key
from seisflow.models.survey import Survey
from seisflow.patches import Split
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.regular import read_text
from seisflow.runs.sources import ImageSource, Source
from seisflow.shown import shown

STATE = "checkpoint.ckpt"
METRICS = "metrics.csv"
RECORD = "run.json"
CONFIG = "config.yaml"


class Record(BaseModel):
    """Record of a run's start (``run.json``): enough to resume it."""

    sources: list[Source] = []
    splits: list[Split] = []
    images: ImageSource | None = None
    scaling: AmplitudeScaling
    surveys: list[Survey] = []
    survey_of: list[int] = []
    seed: int
    max_time: timedelta | None = None
    named: str = ""
    """Signature of the paths, by which `resume` knows that the user has named them."""

    @property
    def numbers(self) -> list[int]:
        """Number of the survey of each source."""
        return self.survey_of or [0] * len(self.sources)

    @property
    def scalings(self) -> list[AmplitudeScaling]:
        """Scaling of each source: that of its survey."""
        return [self.surveys[k].scaling for k in self.survey_of] or [self.scaling] * len(self.sources)

    @property
    def paths(self) -> list[str]:
        """Paths that the run reads."""
        sources = self.sources if self.images is None else [self.images]
        return [path for source in sources for path in source.paths]


def read_record(folder: Path) -> Record:
    """Record of the run in a folder.

    Raises
    ------
    TrainingError
        If it is missing or damaged.
    """
    path = folder / RECORD
    try:
        record = Record.model_validate_json(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: damaged ({_first_fault(error)}). Train anew") from error
    if len(record.splits) != len(record.sources):
        raise TrainingError(
            f"{path}: {len(record.splits)} splits of {len(record.sources)} inputs. Train anew"
        )
    if len(record.survey_of) not in (0, len(record.sources)) or not all(
        0 <= number < len(record.surveys) for number in record.survey_of
    ):
        raise TrainingError(f"{path}: surveys {record.survey_of} do not match the inputs. Train anew")
    return record


def read_config(folder: Path) -> Config:
    """Configuration of the run in a folder.

    Raises
    ------
    TrainingError, ConfigError
        If it is missing, or damaged.
    """
    path = folder / CONFIG
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read ({_first_fault(error)}). Train anew") from error
    values = read_yaml(text, str(path))
    if not isinstance(values, dict):
        raise TrainingError(f"{path}: holds {type(values).__name__}. A mapping of config keys was expected")
    return parse_stored_config(values, str(path))


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return shown(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")[:200]
    return shown(" ".join(str(error).split()) or type(error).__name__)[:200]


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
        for held_out in (True, False):
            value = card.provenance.get(density_key(held_out=held_out))
            if value is not None:
                rate = f"{value:.3f} nats/dim" if card.images is None else f"{value / log(2):.3f} bits/dim"
                text += f", {rate} {'on held-out data' if held_out else 'in training'}"
    if run.bad_steps:
        text += f", {run.bad_steps} non-finite steps left out"
    return text
