"""Scores as files: maps as Zarr or SEG-Y, a picture of the strongest anomaly, a summary."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import BaseModel

from seisflow import plotting, progress
from seisflow.anomalies import AnomalyList, Piece, describe, label_of
from seisflow.calibration import benjamini_hochberg, smooth
from seisflow.errors import OutputError
from seisflow.io import create_segy, create_zarr
from seisflow.io.aside import told_as_output_error
from seisflow.listing import as_csv, as_geojson
from seisflow.models import Model
from seisflow.patches import layout, panel_index, section_name
from seisflow.report import report_page
from seisflow.scores import SMOOTHING, Score
from seisflow.scores.guess import guess_types
from seisflow.scores.judge import Judge
from seisflow.scoring import (
    VARIABLES,
    Scored,
    fitting_scale,
    judging_card,
    score_attrs,
    score_panels,
    variable_attrs,
)
from seisflow.together import together

ZARR = (".zarr",)
SEGY = (".sgy", ".segy")
LISTED = 20
"""Anomalies in the summary."""
FRAMED = 12
"""Most anomalies framed in the picture."""
QUEUED = 2
"""Panels that may wait for being written."""


class ScoreSummary(BaseModel):
    """What was found in a section, and how it was judged (the ``.json`` beside a result).

    Attributes
    ----------
    input, model : str
        Section, and the model that judged it.
    score : str
        One of `seisflow.scores.SCORES`. "typicality": samples less and more probable than normal; "nll": less
        probable ones only.
    alpha : float
        False alarms allowed per panel.
    threshold : float
        Deviation, in held-out standard deviations, from which a sample is anomalous.
    alpha_is_supported : bool
        Whether the model's calibration rests on enough held-out data to promise ``alpha``.
    alpha_rests_on : str
        "conformal" (the rank among maxima of held-out panels), "tail" (fitted to those of smaller tiles) or
        "largest" (nothing but the largest of them).
    nats_per_dim : float
        Mean negative log-density of the section's samples.
    scored : float
        Share of the samples that carry data and were scored.
    panels : int
        Panels of the section.
    count : int
        Anomalies found.
    anomalies : list of dict
        The strongest: kind, what type it may be, peak, labels and coordinates, extent; ``p_value``, the
        probability that a normal panel reaches this peak anywhere; ``discovery``, whether it is among those
        of which a share ``alpha`` is expected to be false (Benjamini-Hochberg, over all panels).
    outputs : list of str
        Files written.
    """

    input: str
    model: str
    score: str
    alpha: float
    threshold: float
    alpha_is_supported: bool
    alpha_rests_on: str
    nats_per_dim: float
    scored: float
    panels: int
    count: int
    anomalies: list[dict[str, Any]]
    outputs: list[str]

    def sentence(self) -> str:
        """Say it in a line."""
        text = f"{self.count or 'no'} anomal{'y' if self.count == 1 else 'ies'}"
        alarms = f"{self.alpha:.3g} false alarms per panel"
        if self.alpha_is_supported:
            text += f" at {alarms}"
        else:
            text += f" beyond all held-out data (too little of it to promise {alarms})"
        if self.anomalies:
            place = {dim: label for dim, label in self.anomalies[0]["at"].items() if label is not None}
            text += f", the strongest at {', '.join(f'{dim} {label:.10g}' for dim, label in place.items())}"
        return text


def output_path(output: Path | None, home: Path, stem: str, *, several: bool = False) -> Path:
    """Return where the result of an input goes.

    Parameters
    ----------
    output : Path, optional
        File or folder that the user named; by default ``home``.
    home : Path
        Folder for results that no place was named for.
    stem : str
        Name of the input without its ending.
    several : bool
        Whether there are more inputs, so that ``output`` must be a folder.

    Raises
    ------
    OutputError
        If the ending names no known format.
    """
    if output is None:
        return home / f"{stem}.zarr"
    if output.suffix.lower() in ZARR + SEGY:
        if several:
            raise OutputError(f"{output}: one file for several inputs. Name a folder with -o")
        return output
    if output.suffix and not output.is_dir():
        check_format(output)
    return output / f"{stem}.zarr"


def check_format(path: Path) -> None:
    """Refuse a file whose ending names no format that sections are written in."""
    if path.suffix.lower() not in ZARR + SEGY:
        ending = path.suffix or "no ending"
        raise OutputError(f"{path}: {ending} is no format for a section. Use .zarr, .sgy or .segy")


def write_scores(
    section: xr.Dataset,
    model: Model,
    outputs: Sequence[str | Path],
    *,
    score: str = "typicality",
    alpha: float = 0.05,
    seed: int = 0,
    overwrite: bool = False,
    model_name: str = "",
    report: progress.Report = progress.silent,
    page: bool = False,
    scheduler: str | None = None,
    workers: int = 1,
) -> ScoreSummary:
    """Score a section, panel by panel, into files; memory does not grow with the survey.

    Beside the first output, and named after it, stand a picture (``.png``) of the panel with the strongest
    anomaly, a summary (``.json``) and a list of the anomalies as ``.csv`` and ``.geojson``. All files appear
    together when the last panel is in, or none does.

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
        What SEG-Y and picture show, and which samples are anomalous: one of `seisflow.scores.SCORES`. By
        default those less or more probable than normal; of "nll", only those less probable.
    alpha : float
        False alarms allowed per panel.
    seed : int
        Of the dither.
    overwrite : bool
        Replace what is there.
    model_name : str
        For the records.
    report : callable
        Takes panels done and panels in all.
    page : bool
        Write a self-contained page (``.html``) too, to pan and zoom in; needs plotly.
    scheduler, workers
        As for `seisflow.scoring.score_panels`: who scores the panels. The files are written here.

    Raises
    ------
    DataError, ModelError, ConfigError
        As `seisflow.scoring.score_panels`.
    OutputError
        If the outputs cannot be written.
    """
    paths = [Path(output) for output in outputs]
    beside = {end: paths[0].with_suffix(f".{end}") for end in ("png", "json", "csv", "geojson")}
    if page:
        beside["html"] = paths[0].with_suffix(".html")
    _check_paths(paths, section)
    dims = layout(section)
    judging_card(model)
    judge = Judge(model, score)
    shape = section.sizes[dims.vertical], section.sizes[dims.lateral]
    attrs = variable_attrs(model, alpha, score, shape)
    found = _Findings(AnomalyList(attrs["anomaly"]["threshold"], judge.score.signs))
    total = len(panel_index(section))
    with together([*paths, *beside.values()], overwrite=overwrite) as folder:
        with ExitStack() as stack:
            writes = [
                stack.enter_context(_writer(folder / path.name, section, model, score, attrs, model_name))
                for path in paths
            ]
            write = stack.enter_context(_in_background(writes))
            done = 0
            for scored in score_panels(
                section, model, score=score, seed=seed, scheduler=scheduler, workers=workers
            ):
                write(scored)
                found.add(scored)
                done += scored.columns.stop == shape[1]
                report(done, total)
        result = ScoreSummary(
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
            anomalies=found.describe(section, judge, alpha, shape, total),
            outputs=[str(path) for path in (*paths, *beside.values())],
        )
        plotting.save(found.draw(section, judge.score), folder / beside["png"].name)
        texts = {
            "json": json.dumps(result.model_dump(mode="json"), indent=1) + "\n",
            "csv": as_csv(result.anomalies),
            "geojson": as_geojson(found.anomalies.strongest(LISTED), result.anomalies, section),
        }
        if page:
            texts["html"] = found.page(section, judge, result)
        for end, text in texts.items():
            with told_as_output_error(beside[end]):
                (folder / beside[end].name).write_text(text, encoding="utf-8")
    return result


class _Findings:
    """What is remembered of the panels seen so far: anomalies, means, and the panel to draw."""

    def __init__(self, anomalies: AnomalyList) -> None:
        self.anomalies = anomalies
        self.nats = 0.0
        self.scored = 0
        self._shown: tuple[Scored, list[Piece]] | None = None
        self._rank = (-1.0, -1.0)

    def add(self, scored: Scored) -> None:
        """Take a panel."""
        pieces = self.anomalies.add(scored)
        known = np.isfinite(scored.nll)
        self.nats += float(scored.nll[known].sum(dtype=np.float64))
        self.scored += int(known.sum())
        largest = float(np.abs(scored.anomaly[known]).max(initial=0))
        rank = max((piece.strength for piece in pieces), default=0.0), largest
        if rank > self._rank:
            self._rank, self._shown = rank, (scored, pieces)

    def describe(
        self, section: xr.Dataset, judge: Judge, alpha: float, shape: tuple[int, int], panels: int
    ) -> list[dict[str, Any]]:
        """Describe the strongest anomalies, with how likely each is on a normal panel, and what it may be."""
        known = self.anomalies.strongest()
        p_values = [judge.calibration.p_value(abs(anomaly.peak), shape) for anomaly in known]
        silent = max(panels - len(known), 0)  # a panel without an anomaly is a hypothesis that stands
        discoveries = benjamini_hochberg([*p_values, *[1.0] * silent], alpha)
        strongest = known[:LISTED]
        scaling = fitting_scale(section, judging_card(judge.model))
        guesses = guess_types(strongest, section, judge.model, scaling)
        return [
            {"type": guess.type, "level": guess.level}
            | describe(anomaly, section, judge.score.name)
            | {"p_value": float(f"{p:.3g}"), "discovery": discovery, "levels": guess.deviations}
            for anomaly, guess, p, discovery in zip(
                strongest, guesses, p_values[:LISTED], discoveries[: len(strongest)], strict=True
            )
        ]

    def draw(self, section: xr.Dataset, score: Score) -> Figure:
        """Draw the panel that shows most of the strongest anomaly, with those of the summary framed."""
        assert self._shown is not None  # a section without data has raised before
        scored, _ = self._shown
        likely = score.name == "nll"
        shown = smooth(scored.nll, scored.mask, SMOOTHING) if likely else scored.anomaly
        words = "Negative log-density (nats)" if likely else "Deviation from held-out data (std)"
        return plotting.draw_anomaly_overlay(
            scored.amplitude.T,
            shown.T,
            **self._axes(section),
            threshold=None if likely else self.anomalies.threshold,
            two_sided=score.two_sided,
            anomalies=self._frames(section),
            title=self._title(section),
            score_label=words,
        )

    def page(self, section: xr.Dataset, judge: Judge, result: ScoreSummary) -> str:
        """Write the same panel as a page to pan and zoom in, with the list of anomalies."""
        assert self._shown is not None
        (scored, _), score = self._shown, judge.score
        return report_page(
            scored.amplitude.T,
            scored.anomaly.T,
            **self._axes(section),
            p_value=judge.calibration.sample_p_values,
            threshold=self.anomalies.threshold,
            two_sided=score.two_sided,
            frames=self._frames(section),
            anomalies=result.anomalies,
            title=self._title(section),
            sentence=f"{result.sentence()}. Model: {result.model}.",
            score=score.title,
        )

    def _axes(self, section: xr.Dataset) -> dict[str, Any]:
        """Coordinates of the panel to show, and their names."""
        assert self._shown is not None
        dims = layout(section)
        return {
            "lateral": section[dims.lateral].values[self._shown[0].columns],
            "vertical": section[dims.vertical].values,
            "lateral_label": plotting.LABELS.get(dims.lateral, dims.lateral),
            "vertical_label": plotting.LABELS[dims.vertical],
        }

    def _title(self, section: xr.Dataset) -> str:
        assert self._shown is not None
        lead = zip(layout(section).lead, self._shown[0].lead, strict=True)
        where = [f"{dim} {label_of(section, dim, index):g}" for dim, index in lead]
        return ", ".join([section_name(section), *where])

    def _frames(self, section: xr.Dataset) -> list[dict[str, Any]]:
        """Frames about the pieces, on the panel to show, of anomalies in the summary."""
        assert self._shown is not None
        dims = layout(section)
        ranks = {anomaly: rank for rank, anomaly in enumerate(self.anomalies.strongest(LISTED), start=1)}
        frames: list[dict[str, Any]] = []
        for piece in sorted(self._shown[1], key=lambda piece: -piece.strength):
            if piece.anomaly.whole() in ranks and len(frames) < FRAMED:
                top, bottom, left, right = piece.box
                frames.append(
                    {
                        "lateral": [label_of(section, dims.lateral, index) for index in (left, right - 1)],
                        "vertical": [label_of(section, dims.vertical, index) for index in (top, bottom - 1)],
                        "label": ranks[piece.anomaly.whole()],
                    }
                )
        return frames


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
