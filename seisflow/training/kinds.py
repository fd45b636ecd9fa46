"""The choice of a run's data module: sections or images."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from seisflow.config import Config
from seisflow.patches import Split
from seisflow.runs.sources import ImageSource, Source
from seisflow.training.data import TrainingData
from seisflow.training.images import ImageData
from seisflow.training.plan import Plan, make_plan
from seisflow.training.record import Record
from seisflow.training.sections import SectionData, check_fits_sections


def new_data(
    sources: Sequence[Source] | Plan | ImageSource,
    config: Config,
    *,
    splits: Sequence[Split] | None = None,
    seed: int = 0,
    max_time: timedelta | None = None,
) -> TrainingData:
    """Data module of a new run; parameters as for `seisflow.training.train`."""
    if isinstance(sources, ImageSource):
        return ImageData.of_source(sources, config, seed=seed, max_time=max_time)
    check_fits_sections(config)
    plan = sources if isinstance(sources, Plan) else make_plan(sources, config, splits)
    return SectionData.of_plan(plan, seed=seed, max_time=max_time)


def stored_data(record: Record, config: Config) -> TrainingData:
    """Data module of a run that goes on."""
    return (SectionData.of_record if record.images is None else ImageData)(record, config)
