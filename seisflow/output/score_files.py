"""Scores as files: maps as Zarr or SEG-Y, a picture of the strongest anomaly, a summary."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from seisflow import plotting, progress
from seisflow.errors import OutputError
from seisflow.io import create_segy, create_zarr
from seisflow.io.atomic import check_target, replace_text, together, told_as_output_error
from seisflow.models import Model
from seisflow.models.base import judging_card
from seisflow.output.findings import Findings
from seisflow.output.lists import as_csv, as_geojson, has_places
from seisflow.output.overview import Overview
from seisflow.output.paths import ZARR, check_format
from seisflow.output.pictures import draw_after
from seisflow.output.summary import ScoreSummary
from seisflow.patches import layout, panel_index
from seisflow.scores import default_score
from seisflow.scoring.anomalies import AnomalyList
from seisflow.scoring.calibrated import CalibratedScore
from seisflow.scoring.maps import VARIABLES, Scored, score_attrs, variable_attrs
from seisflow.scoring.section import refuse_small, score_panels
from seisflow.scoring.survey_match import for_survey

QUEUED = 2
"""Panels that may wait for being written."""


def write_scores(
    section: xr.Dataset,
    model: Model,
    outputs: Sequence[str | Path],
    *,
    score: str | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    overwrite: bool = False,
    model_name: str = "",
    report: progress.Report = progress.silent,
    page: bool = False,
    scheduler: str | None = None,
    workers: int = 1,
    top: int | None = None,
) -> ScoreSummary:
    """Score a section, panel by panel, into files; memory does not grow with the survey.

    Beside the first output, and named after it, stand a picture (``.png``) of the panel with the strongest
    anomaly, a summary (``.json``) and a list of the anomalies as ``.csv``, and as ``.geojson`` where the
    section has coordinates. All files appear together when the last panel is in, or none does.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        On the device to compute on.
    outputs : sequence of path
        ``.zarr`` (amplitude, nll, anomaly, mask) or ``.sgy`` (the anomaly, or the nll, with the headers of
        the source), in one folder.
    score : str
        What SEG-Y and picture show, and which samples are anomalous: one of `seisflow.scores.SCORES`; by
        default the first that the model offers. Of "nll", only those less probable than normal.
    alpha : float
        False alarms allowed per panel.
    seed : int
        Seed of the dither.
    overwrite : bool
        Replace what is there.
    model_name : str
        For the records.
    report : callable
        Takes panels done and panels in all.
    page : bool
        Write a self-contained page (``.html``) too: linked sections to look through in a browser.
    scheduler, workers
        As for `seisflow.scoring.section.score_panels`: who scores the panels. The files are written here.
    top : int, optional
        Anomalies in lists and picture, the strongest; by default all that are kept, up to `KEPT`.

    Raises
    ------
    DataError, ModelError, ConfigError
        As `seisflow.scoring.section.score_panels`.
    OutputError
        If the outputs cannot be written.
    """
    paths = [Path(output) for output in outputs]
    beside = {end: paths[0].with_suffix(f".{end}") for end in ("png", "json", "csv")}
    if has_places(section):
        beside["geojson"] = paths[0].with_suffix(".geojson")
    if page:
        beside["html"] = paths[0].with_suffix(".html")
    _check_paths(paths, section)
    dims = layout(section)
    judging_card(model)
    refuse_small(section, model)
    score = score or default_score(model)
    model, match = for_survey(section, model, score)
    calibrated = CalibratedScore(model, score)
    shape = section.sizes[dims.vertical], section.sizes[dims.lateral]
    attrs = variable_attrs(model, alpha, score, shape, match.differences)
    total = len(panel_index(section))
    overview = Overview((total, shape[1], shape[0]), attrs["anomaly"]["threshold"]) if page else None
    found = Findings(AnomalyList(attrs["anomaly"]["threshold"], calibrated.score.signs), top, overview)
    pictures = {end: beside.pop(end) for end in ("png", "html") if end in beside}
    for path in (*paths, *pictures.values()):
        check_target(path, overwrite)
    with together([*paths, *beside.values()], overwrite=overwrite) as folder:
        with ExitStack() as stack:
            writes = [
                stack.enter_context(_writer(folder / path.name, section, model, score, attrs, model_name))
                for path in paths
            ]
            write = stack.enter_context(_in_background(writes))
            done = 0
            for scored in score_panels(
                section,
                model,
                score=score,
                seed=seed,
                scheduler=scheduler,
                workers=workers,
                match=match,
            ):
                write(scored)
                found.add(scored, done)
                done += scored.columns.stop == shape[1]
                report(done, total)
        result = ScoreSummary(
            survey=match.survey,
            differs=match.differences,
            input=str(section.attrs.get("source_file", "section")),
            model=model_name,
            score=score,
            alpha=alpha,
            threshold=attrs["anomaly"]["threshold"],
            alpha_is_supported=attrs["anomaly"]["alpha_is_supported"],
            alpha_rests_on=attrs["anomaly"]["alpha_rests_on"],
            nats_per_dim=found.nats / found.scored,
            scored=found.scored / section["amplitude"].size,
            panels=total,
            count=found.anomalies.count,
            anomalies=found.describe(
                section,
                calibrated,
                alpha,
                shape,
                total,
                match,
                supported=attrs["anomaly"]["alpha_is_supported"],
            ),
            outputs=[str(path) for path in (*paths, *pictures.values(), *beside.values())],
        )
        texts = {
            "json": json.dumps(result.model_dump(mode="json"), indent=1) + "\n",
            "csv": as_csv(result.anomalies),
        }
        if "geojson" in beside:
            texts["geojson"] = as_geojson(found.anomalies.strongest(top), result.anomalies, section)
        for end, text in texts.items():
            with told_as_output_error(beside[end]):
                (folder / beside[end].name).write_text(text, encoding="utf-8", errors="backslashreplace")
    supported = result.alpha_is_supported
    draw_after(
        pictures["png"],
        lambda path: plotting.save(
            found.draw(section, calibrated.score, match.caveat, supported=supported), path
        ),
    )
    if page:
        draw_after(
            pictures["html"],
            lambda path: replace_text(path, found.page(section, calibrated, result, match.caveat)),
        )
    return result


def _check_paths(paths: list[Path], section: xr.Dataset) -> None:
    """Refuse other formats than SEG-Y and Zarr, several folders, and to write over the section itself."""
    for path in paths:
        check_format(path)
        if path.resolve() == Path(section.attrs.get("source_file", "")).resolve():
            raise OutputError(f"{path}: is what is scored. Write elsewhere")
        if path.parent != paths[0].parent:
            raise OutputError(f"{path}: not in the folder of {paths[0]}. All outputs go to one folder")


@contextmanager
def _writer(
    path: Path,
    section: xr.Dataset,
    model: Model,
    score: str,
    attrs: dict[str, dict[str, Any]],
    model_name: str,
) -> Iterator[Callable[[Scored], None]]:
    """Open a file for maps, and yield what writes a panel of them."""
    about = score_attrs(model, score) | {"model": model_name}
    if path.suffix.lower() in ZARR:
        kinds = {name: VARIABLES[name][0] for name in attrs}
        with create_zarr(path, section, attrs, attrs=about, dtypes=kinds) as store:

            def write_maps(scored: Scored) -> None:
                for name in attrs:
                    store.write(name, scored.lead, getattr(scored, name).T, scored.columns)

            yield write_maps
        return
    shown = "nll" if score == "nll" else "anomaly"
    note = f"{attrs[shown]['long_name']}, by seisflow, model {model_name}"
    if score == "typicality":
        note += f"; + less, - more probable than normal; threshold {attrs['anomaly']['threshold']:.3g}"
    with create_segy(path, section, note=note) as file:
        yield lambda scored: file.write(scored.lead, getattr(scored, shown).T, scored.columns)


@contextmanager
def _in_background(writes: list[Callable[[Scored], None]]) -> Iterator[Callable[[Scored], None]]:
    """Write panels in a thread, a few at most waiting; what fails there is raised by the next write."""
    pool = ThreadPoolExecutor(1)
    waiting: deque[Future[None]] = deque()

    def work(scored: Scored) -> None:
        for write in writes:
            write(scored)

    def submit(scored: Scored) -> None:
        while len(waiting) >= QUEUED:
            waiting.popleft().result()
        waiting.append(pool.submit(work, scored))

    try:
        yield submit
        while waiting:
            waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
