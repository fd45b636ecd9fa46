"""Sections to train on, and which configurations fit them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from textwrap import wrap

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from seisflow import plotting, progress
from seisflow.config import Config
from seisflow.errors import ConfigError, DataError
from seisflow.generation.batches import generate_batches
from seisflow.models import Model, ModelCard
from seisflow.models.section_density import batch_size
from seisflow.patches import GridDataset, PatchDataset, window_grid
from seisflow.patches.identity import Identity
from seisflow.runs.place import final
from seisflow.training import calibration
from seisflow.training.data import INITIAL_PATCHES, TrainingData
from seisflow.training.plan import LeftOut, Plan
from seisflow.training.record import Record

log = logging.getLogger("seisflow")
GALLERY = 16
MEASURED = 128
"""Training patches whose root mean square is looked at."""


class SectionData(TrainingData):
    """Patches of sections, all of the same size, scaled survey by survey.

    Parameters
    ----------
    record : Record
    config : Config
    sections : list of xr.Dataset
        Sections of the record, in its order.
    left_out : sequence of LeftOut
    """

    looked_at = 128
    patches: PatchDataset
    held_out: GridDataset | None

    def __init__(
        self,
        record: Record,
        config: Config,
        sections: list[xr.Dataset],
        left_out: Sequence[LeftOut] = (),
    ) -> None:
        super().__init__(record, config)
        self.sections = sections
        self.left_out = left_out

    @classmethod
    def of_plan(cls, plan: Plan, *, seed: int, max_time: timedelta | None) -> SectionData:
        """Begin a run of a plan."""
        record = Record(
            sources=plan.sources,
            splits=plan.splits,
            scaling=plan.surveys[0].scaling,
            surveys=plan.surveys,
            survey_of=plan.survey_of,
            seed=seed,
            max_time=max_time,
        )
        return cls(record, plan.config, plan.sections, plan.left_out)

    @classmethod
    def of_record(cls, record: Record, config: Config) -> SectionData:
        """Open the sections of a run again.

        Raises
        ------
        DataError
            If one cannot be read, or is sampled otherwise than when the run began.
        """
        sections = [source.open() for source in record.sources]
        _check_sampling(record, sections)
        return cls(record, config, sections)

    def read(self) -> None:
        data, training = self.config.data, self.config.training
        record = self.record
        with progress.bar("Counting patches"):
            self.patches = PatchDataset(
                self.sections,
                [part.train for part in record.splits],
                data.patch,
                record.scalings,
                seed=record.seed,
                length=max(training.steps * training.batch, INITIAL_PATCHES),
                flip=data.flip,
                polarity=data.polarity,
                min_valid=data.min_valid,
            )
            self.held_out = None
            if any(part.validation for part in record.splits):
                self.held_out = GridDataset(
                    self.sections,
                    [part.validation for part in record.splits],
                    data.patch,
                    (data.patch[0] // 2, data.patch[1] // 2),
                    record.scalings,
                    seed=record.seed,
                )

    def overview(self) -> Iterator[str]:
        yield f"trains on {Identity.of(self.sections[0]).sampling}:"
        for number, survey in enumerate(self.record.surveys):
            yield f"  survey {survey.name}, std {survey.scaling.std:.4g}"
            for source, section, of in zip(
                self.record.sources, self.sections, self.record.numbers, strict=True
            ):
                if of == number:
                    extent = " x ".join(str(size) for size in section["amplitude"].shape)
                    yield f"    {source.path.rsplit('/', 1)[-1]}: {extent}"
        if self.left_out:
            yield "leaves out:"
        for reason, remedy in dict.fromkeys((one.reason, one.remedy) for one in self.left_out):
            names = [one.name for one in self.left_out if (one.reason, one.remedy) == (reason, remedy)]
            yield from (f"  {name}" for name in names)
            yield from wrap(reason, 60, initial_indent="    ", subsequent_indent="    ")
            if remedy:
                yield f"    {remedy}"
        height, width = self.config.data.patch
        half = (max(height // 2, 1), max(width // 2, 1))
        windows = sum(
            len(area.leads) * len(window_grid(area.shape, (height, width), half)[0])
            for area in self.patches.areas
        )
        yield f"patches      {height} samples x {width} traces, {windows:,} half apart"

    def card(self) -> ModelCard:
        record = self.record
        return ModelCard(
            config=self.config,
            scaling=record.scaling,
            surveys=list(record.surveys),
            inputs=[
                source.as_input(part, number)
                for source, part, number in zip(record.sources, record.splits, record.numbers, strict=True)
            ],
        )

    def measured_on(self, card: ModelCard) -> str:
        return f"the panels of {card.surveys[0].name if card.surveys else 'the survey'}, each sample once"

    def evaluation_seconds(self, model: Model) -> tuple[float, float]:
        x = self.first(min(batch_size(model.device), calibration.TIMED))
        return calibration.calibration_seconds(model, self.patches, self.held_out, x, self.record.survey_of)

    def evaluate(
        self, model: Model, folder: Path, seconds: float | None = None, *, calibrate: bool = True
    ) -> None:
        assert model.card is not None
        model.card.provenance["patch_rms"] = patch_rms(self.patches)
        if not calibrate:
            return
        uncalibrated = model.card.model_copy(deep=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numpy's on means of nothing; what comes of them is told
                calibration.calibrate_run(model, self.patches, self.held_out, seconds)
        except Exception as error:  # hours of training are not lost to panels that have no statistics
            model.card = uncalibrated
            why = " ".join(str(error).split()) or type(error).__name__
            log.warning(
                "%s: not calibrated, its panels have too little signal in a piece (%s). It is saved and "
                "generates; to score, calibrate it on other lines: seisflow calibrate -m %s SURVEY",
                final(folder),
                why,
                final(folder),
            )

    def gallery(self, model: Model) -> Figure:
        samples = np.concatenate(list(generate_batches(model, GALLERY, batch=GALLERY)))
        return plotting.draw_gallery(samples, real=self.first(GALLERY).numpy())


def patch_rms(patches: PatchDataset) -> tuple[float, float]:
    """Least and largest root mean square of some training patches, without those that hold nothing."""
    some = (patches[i]["x"] for i in range(min(MEASURED, len(patches))))
    sizes = [size for x in some if (size := float(x.square().mean().sqrt())) > 0]
    return round(min(sizes, default=1.0), 4), round(max(sizes, default=1.0), 4)


def check_fits_sections(config: Config) -> None:
    """Refuse a configuration for images where sections are to be learned."""
    if config.data.channels != 1 or config.input == "pixels":
        raise ConfigError(
            f"the config has data.channels = {config.data.channels} and {config.input_key} = {config.input}, "
            f"which is for images. Pass a preset for sections, such as -c seismic-small"
        )


def _check_sampling(record: Record, sections: Sequence[xr.Dataset]) -> None:
    """Refuse sections that are sampled otherwise than when the run began: other files of the same name."""
    for source, section, number in zip(record.sources, sections, record.survey_of, strict=False):
        survey = record.surveys[number]
        domain = str(section["amplitude"].dims[-1])
        interval = float(np.diff(section[domain].to_numpy()[:2])[0])
        if domain != survey.domain or not np.isclose(interval, survey.interval, rtol=1e-3):
            raise DataError(
                f"{source.path}: {domain} samples every {interval:g}, the run began with {survey.domain} "
                f"samples every {survey.interval:g} {survey.unit}. The same data were expected"
            )
