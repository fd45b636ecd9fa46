"""Filled and cleaned sections as files: Zarr or SEG-Y, a picture, a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel

from seisflow import plotting, progress
from seisflow.errors import OutputError
from seisflow.io import create_segy, create_zarr
from seisflow.io.atomic import check_target, together, told_as_output_error
from seisflow.output.paths import ZARR, check_format
from seisflow.output.pictures import draw_after
from seisflow.output.posterior_pictures import FilledPanels, ShownPanel
from seisflow.output.posterior_summary import DenoiseSummary, FillSummary
from seisflow.patches import layout, panel_index, section_name
from seisflow.posterior import denoising, filling
from seisflow.posterior.across import is_cube
from seisflow.posterior.crossing import predict_across
from seisflow.posterior.denoising import Cleaner, Coherence, Denoised, denoise_panels
from seisflow.posterior.examples import Mask
from seisflow.posterior.fill_tiles import Filled, fill_panels
from seisflow.posterior.filler import Filler

_Write = Callable[[tuple[int, ...], slice, dict[str, NDArray[Any]]], None]
_Panel = TypeVar("_Panel", Filled, Denoised)
Kinds = Mapping[str, tuple[str, dict[str, Any]]]


def check_output(section: xr.Dataset, output: Path, overwrite: bool) -> None:
    """Refuse what cannot be written, before anything is computed.

    Raises
    ------
    OutputError
        If the ending names no format, the output is the input itself, or may not be replaced.
    """
    check_format(output)
    if output.resolve() == Path(section.attrs.get("source_file", "")).resolve():
        raise OutputError(f"{output}: is the input itself. Write elsewhere")
    if output.exists() and not overwrite:
        raise OutputError(f"{output}: exists already. Pass overwrite (--overwrite) to replace it")


def write_filled(
    section: xr.Dataset,
    filler: Filler,
    output: str | Path,
    *,
    flagged: Mask,
    samples: int = 0,
    max_gap: int = filling.MAX_GAP,
    seed: int = 0,
    overwrite: bool = False,
    model_name: str = "",
    report: progress.Report = progress.silent,
    scheduler: str | None = None,
    workers: int = 1,
) -> FillSummary:
    """Fill a section, panel by panel, into files; memory does not grow with the survey.

    Zarr holds ``amplitude``, ``std``, ``filled`` and ``draw_1`` and so on. SEG-Y is the amplitude, with the
    source's headers; the standard deviation stands beside it as ``NAME.std.sgy``, draws as
    ``NAME.draw_1.sgy``. A picture (``.png``) of the panel with most filled samples and a summary (``.json``)
    go with both. All but the picture, which is drawn then, appear together or not at all.

    Parameters
    ----------
    section : xr.Dataset
    filler : Filler
        As `seisflow.posterior.filler.fit` gives it.
    output : path
        ``.zarr``, ``.sgy`` or ``.segy``.
    flagged : ndarray of bool, (..., X)
        Traces to take for missing.
    samples, max_gap, seed
        As for `seisflow.fill`.
    overwrite : bool
        Replace what is there.
    model_name : str
        For the records.
    report : callable
        Takes panels done and panels in all, of a cube percent and 100.
    scheduler, workers
        Who fills the panels. The files are written here.

    Raises
    ------
    OutputError
        If the files cannot be written.
    """
    kinds = dict(filling.VARIABLES)
    for number in range(1, samples + 1):
        kinds[f"draw_{number}"] = ("float32", {"long_name": f"draw {number} from the posterior"})
    sums = FilledPanels()
    along, sideways = _in_turn(report, section)
    with _staged(section, Path(output), kinds, overwrite) as place:
        across = predict_across(
            section, filler, flagged, place.folder, max_gap=max_gap, seed=seed, scheduler=scheduler,
            workers=workers, report=sideways,
        )  # fmt: skip
        panels = fill_panels(
            section, filler, flagged, samples=samples, max_gap=max_gap, seed=seed, scheduler=scheduler,
            workers=workers, across=across,
        )  # fmt: skip
        about = filling.about(filler, across) | {"model": model_name}
        with _opened(place, section, kinds, about, "filled by seisflow") as files:
            for one in _reported(panels, section, along):
                maps = {"amplitude": one.amplitude, "std": one.std, "filled": one.filled}
                maps |= {f"draw_{number}": drawn for number, drawn in enumerate(one.draws, start=1)}
                files.write(one.lead, one.columns, maps)
                sums.add(one)
            result = FillSummary(
                input=section_name(section),
                model=model_name,
                samples_filled=sums.samples,
                traces_filled=sums.traces,
                traces_left=sums.left,
                std_of_filled=float(np.sqrt(sums.variance / max(sums.samples, 1))),
                outputs=[str(path) for path in files.paths],
                **filling.about(filler, across),
            )
            files.summarise(result)
    draw_after(files.picture, lambda place: plotting.save(sums.draw(section), place))
    return result


def _in_turn(report: progress.Report, section: xr.Dataset) -> tuple[progress.Report, progress.Report]:
    """Reports of filling along the lines of a section, and across them before that."""
    if not is_cube(section):
        return report, progress.silent
    return progress.part(report, 0.5, 1), progress.part(report, 0, 0.5)


def write_denoised(
    section: xr.Dataset,
    cleaner: Cleaner,
    output: str | Path,
    *,
    given: bool,
    overwrite: bool = False,
    model_name: str = "",
    report: progress.Report = progress.silent,
    scheduler: str | None = None,
    workers: int = 1,
) -> DenoiseSummary:
    """Clean a section, panel by panel, into files; as `write_filled`.

    Zarr holds ``amplitude``, ``removed`` and ``std``; SEG-Y the amplitude, and beside it
    ``NAME.removed.sgy`` and ``NAME.std.sgy``.

    Parameters
    ----------
    section : xr.Dataset
    cleaner : Cleaner
        As `seisflow.posterior.denoising.fit_cleaner` gives it.
    output : path
        ``.zarr``, ``.sgy`` or ``.segy``.
    given : bool
        Whether the level of the noise was given.
    overwrite, model_name, report, scheduler, workers
        As for `write_filled`.

    Raises
    ------
    OutputError
        If the files cannot be written.
    """
    coherence, energy = Coherence(), np.zeros(2)
    shown = ShownPanel()
    about = {"noise_level": cleaner.level, "model": model_name}
    panels = denoise_panels(section, cleaner, scheduler=scheduler, workers=workers)
    note = "incoherent noise attenuated by seisflow"
    kinds = denoising.VARIABLES
    with (
        _staged(section, Path(output), kinds, overwrite) as place,
        _opened(place, section, kinds, about, note) as files,
    ):
        for one in _reported(panels, section, report):
            maps = {"amplitude": one.amplitude, "removed": one.removed, "std": one.std}
            files.write(one.lead, one.columns, maps)
            coherence.add(one)
            off, total = _energy(one)
            energy += off, total
            shown.offer(off, one.lead, one.columns, [
                ("Input", one.amplitude + one.removed), ("Cleaned", one.amplitude), ("Taken off", one.removed)
            ])  # fmt: skip
        result = DenoiseSummary(
            input=section_name(section),
            model=model_name,
            noise_level=cleaner.level,
            given=given,
            removed_share=float(energy[0] / energy[1]) if energy[1] else 0.0,
            learning_steps=cleaner.adapted.steps,
            outputs=[str(path) for path in files.paths],
            coherence_of_input=coherence.of("input"),
            coherence_of_removed=coherence.of("removed"),
        )
        files.summarise(result)
    draw_after(files.picture, lambda place: plotting.save(shown.draw(section), place))
    return result


def _energy(one: Denoised) -> tuple[float, float]:
    recorded = np.where(one.usable, one.amplitude + one.removed, 0)
    return (
        float(np.square(one.removed, dtype=np.float64).sum()),
        float(np.square(recorded, dtype=np.float64).sum()),
    )


class _Files:
    """Files of one result, written panel by panel; the last two are picture, drawn later, and summary."""

    def __init__(self, paths: list[Path], folder: Path, writes: list[_Write]) -> None:
        self.paths = paths
        self._folder = folder
        self._writes = writes

    def write(self, lead: tuple[int, ...], columns: slice, maps: dict[str, NDArray[Any]]) -> None:
        for write in self._writes:
            write(lead, columns, maps)

    @property
    def picture(self) -> Path:
        return self.paths[-2]

    def summarise(self, summary: BaseModel) -> None:
        text = self.paths[-1]
        with told_as_output_error(text):
            (self._folder / text.name).write_text(summary.model_dump_json(indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class _Place:
    """Folder where the files of a result are written, and variables by their final names: "" for all."""

    folder: Path
    named: dict[Path, str]
    picture: Path
    text: Path


@contextmanager
def _staged(section: xr.Dataset, output: Path, kinds: Kinds, overwrite: bool) -> Iterator[_Place]:
    """Give a folder for the files of a result; they appear when all is done, and what else is in it goes."""
    check_output(section, output, overwrite)
    if output.suffix.lower() in ZARR:
        named = {output: ""}
    else:
        floats = [name for name, (dtype, _) in kinds.items() if dtype == "float32" and name != "amplitude"]
        named = {output: "amplitude"} | {
            output.with_suffix(f".{name}{output.suffix}"): name for name in floats
        }
    picture, text = output.with_suffix(".png"), output.with_suffix(".json")
    check_target(picture, overwrite)
    with together([*named, text], overwrite=overwrite) as folder:
        yield _Place(folder, named, picture, text)


@contextmanager
def _opened(
    place: _Place, section: xr.Dataset, kinds: Kinds, about: dict[str, Any], note: str
) -> Iterator[_Files]:
    """Open the files of a result."""
    with ExitStack() as stack:
        writes = [
            stack.enter_context(
                _segy_writer(
                    place.folder / path.name, section, name, f"{kinds[name][1]['long_name']}, {note}"
                )
                if name
                else _zarr_writer(place.folder / path.name, section, kinds, about)
            )
            for path, name in place.named.items()
        ]
        yield _Files([*place.named, place.picture, place.text], place.folder, writes)


@contextmanager
def _zarr_writer(path: Path, section: xr.Dataset, kinds: Kinds, about: dict[str, Any]) -> Iterator[_Write]:
    attrs = {name: known for name, (_, known) in kinds.items()}
    dtypes = {name: dtype for name, (dtype, _) in kinds.items()}
    with create_zarr(path, section, attrs, attrs=about, dtypes=dtypes) as store:

        def write(lead: tuple[int, ...], columns: slice, maps: dict[str, NDArray[Any]]) -> None:
            for name, values in maps.items():
                store.write(name, lead, values.T, columns)

        yield write


@contextmanager
def _segy_writer(path: Path, section: xr.Dataset, name: str, note: str) -> Iterator[_Write]:
    with create_segy(path, section, note=note) as file:
        yield lambda lead, columns, maps: file.write(lead, maps[name].T, columns)


def _reported(panels: Iterable[_Panel], section: xr.Dataset, report: progress.Report) -> Iterator[_Panel]:
    """Pass panels on, and report each when its last tile is done."""
    done, total = 0, len(panel_index(section))
    traces = section.sizes[layout(section).lateral]
    for one in panels:
        yield one
        done += one.columns.stop == traces
        report(done, total)
