"""The plan of a run on sections: which files share a model, which surveys they are of, what is left out."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from seisflow.config import Config
from seisflow.errors import DataError, SeisflowError
from seisflow.models.survey import Survey
from seisflow.patches import Split, split
from seisflow.patches.areas import no_signal
from seisflow.patches.identity import ALIKE, Identity
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.sources import Source, path_from_here
from seisflow.training.fitting import fits, with_fitting_patch

log = logging.getLogger("seisflow")


@dataclass(frozen=True)
class LeftOut:
    """A file that is not trained on: why, and what to do with it."""

    name: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f". {self.remedy}" if self.remedy else "")


@dataclass(frozen=True)
class Plan:
    """Plan of a run: the surveys it learns from.

    Attributes
    ----------
    config : Config
        With a patch that fits.
    sources, sections, splits : list
        Files, what is in them, and their training and held-out blocks.
    surveys : list of Survey
        The largest first, each with its scaling.
    survey_of : list of int
        Number of the survey of each file.
    sampling : str
        What the files have in common, in words.
    left_out : list of LeftOut
    """

    config: Config
    sources: list[Source]
    sections: list[xr.Dataset]
    splits: list[Split]
    surveys: list[Survey]
    survey_of: list[int]
    sampling: str
    left_out: list[LeftOut]

    @property
    def name(self) -> str:
        """Name of the largest survey: that of its first file."""
        return self.surveys[0].name


@dataclass(frozen=True)
class _File:
    source: Source
    section: xr.Dataset
    identity: Identity

    @property
    def name(self) -> str:
        return self.source.name if not Path(self.source.path).suffix else Path(self.source.path).name

    @property
    def samples(self) -> int:
        return int(self.section["amplitude"].size)


def make_plan(
    sources: Sequence[Source],
    config: Config,
    splits: Sequence[Split] | None = None,
    *,
    fit_patch: bool = False,
) -> Plan:
    """Group files by what they are, and take the largest group that one model can learn.

    Parameters
    ----------
    sources : sequence of Source
    config : Config
    splits : sequence of Split, optional
        Splits of each source; by default that of its data set card, else one is made.
    fit_patch : bool
        Take smaller patches where those of the config fit in less than half of the data.

    Raises
    ------
    DataError
        If nothing is left to learn from.
    """
    left_out: list[LeftOut] = []
    files = _opened(sources, left_out)
    groups: list[list[_File]] = []
    for file in files:
        for group in groups:
            if group[0].identity.shares_model(file.identity):
                group.append(file)
                break
        else:
            groups.append([file])
    groups.sort(key=lambda group: -sum(file.samples for file in group))
    main, *others = groups
    for group in others:
        apart = f"{group[0].identity.sampling}, which share no model with {main[0].identity.sampling}"
        left_out += [LeftOut(file.name, apart, _apart(group)) for file in group]
    if fit_patch:
        config = with_fitting_patch(config, [file.section for file in main])
    kept, parts = _split(main, config, splits if len(files) == len(sources) else None, left_out)
    surveys, survey_of = _surveys(kept, parts, config)
    for one in surveys[1:]:
        ratio = one.scaling.std / surveys[0].scaling.std
        if not 1 / ALIKE < ratio < ALIKE:
            log.warning(
                "%s: amplitudes are %.3g times those of %s (std %.4g, %.4g): each is scaled by its own",
                one.name,
                ratio,
                surveys[0].name,
                one.scaling.std,
                surveys[0].scaling.std,
            )
    return Plan(
        config,
        [file.source for file in kept],
        [file.section for file in kept],
        parts,
        surveys,
        survey_of,
        main[0].identity.sampling,
        left_out,
    )


def _opened(sources: Sequence[Source], left_out: list[LeftOut]) -> list[_File]:
    """Open files; of several, those that cannot be read, or hold nothing, are left out."""
    files: list[_File] = []
    first: SeisflowError | None = None
    for source in sources:
        try:
            section = source.open()
            for warning in section.attrs.get("warnings", ()):
                log.warning("%s: %s", Path(source.path).name, warning)
            identity = Identity.of(section)
            if not identity.std:
                raise DataError(no_signal([section]))
            twin = next((file for file in files if file.identity.is_twin(identity)), None)
            if twin is not None:  # twice the weight, and held-out data among those learnt from
                raise DataError(
                    f"{source.path}: the same amplitudes as {twin.name}, and one of them is enough"
                )
            files.append(_File(source, section, identity))
        except SeisflowError as error:
            first = first or error
            reason = str(error).removeprefix(f"{source.path}: ").removeprefix(f"{Path(source.path).name}: ")
            left_out.append(LeftOut(Path(source.path).name, reason.rstrip(".")))
    if first is not None and not files:
        raise first
    return files


def _split(
    files: list[_File], config: Config, splits: Sequence[Split] | None, left_out: list[LeftOut]
) -> tuple[list[_File], list[Split]]:
    """Training and held-out blocks; files too small for them are left out."""
    data = config.data
    if splits is not None:
        return files, list(splits)
    kept: list[tuple[_File, Split]] = []
    refused: list[DataError] = []
    for file in files:
        try:
            parts = file.source.split() or split(file.section, data.patch, data.validation, data.gap)
            if len(files) > 1 and not fits(file.section, data):
                raise DataError(f"{file.name}: {_too_small(file, data.patch)}")
        except DataError as error:
            refused.append(error)
            left_out.append(LeftOut(file.name, _too_small(file, data.patch), _apart([file])))
        else:
            kept.append((file, parts))
    if not kept:
        raise refused[0]
    return [file for file, _ in kept], [parts for _, parts in kept]


def _surveys(files: list[_File], splits: list[Split], config: Config) -> tuple[list[Survey], list[int]]:
    """Group files of one model by survey, and scale each; the largest comes first."""
    groups: list[list[int]] = []
    for number, file in enumerate(files):
        for group in groups:
            if files[group[0]].identity.same_survey(file.identity):
                group.append(number)
                break
        else:
            groups.append([number])
    groups.sort(key=lambda group: -sum(files[k].samples for k in group))
    surveys = []
    for group in groups:
        largest = max(group, key=lambda k: files[k].samples)
        identity = files[largest].identity
        scaling = AmplitudeScaling.fit(
            [files[k].section for k in group], [splits[k].train for k in group], config.data.dither
        )
        surveys.append(
            Survey(
                name=files[largest].source.name,
                paths=[path for k in group for path in files[k].source.paths],
                scaling=scaling,
                domain=identity.domain,
                interval=identity.interval,
                unit=identity.unit,
                words=sorted(identity.words),
            )
        )
    survey_of = {k: number for number, group in enumerate(groups) for k in group}
    return surveys, [survey_of[k] for k in range(len(files))]


def _too_small(file: _File, patch: tuple[int, int]) -> str:
    extent = " x ".join(f"{file.section.sizes[dim]} {dim}" for dim in file.section["amplitude"].dims)
    return f"{extent} are too few for training and held-out patches of {patch[0]} samples x {patch[1]} traces"


def _apart(files: Sequence[_File]) -> str:
    return f"Train it apart: seisflow train {shlex.join(path_from_here(file.source.path) for file in files)}"
