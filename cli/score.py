"""``seisflow score``: map how unusual each sample of a section is."""

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seisflow.errors import SeisflowError

from . import options

if TYPE_CHECKING:
    from seisflow.output.summary import ScoreSummary
    from seisflow.runs.choose import ChosenModel
    from seisflow.runs.sources import Source

log = logging.getLogger("seisflow")


@click.command()
@options.inputs
@options.model
@options.output
@click.option(
    "--score",
    type=click.Choice(
        [
            "joint",
            "typicality",
            "nll",
            "latent",
            "levels",
            "ratio",
            "topic",
            "topic-entropy",
            "density-of-states",
            "combined",
        ]
    ),
    help="joint: density, spectrum, traces and discontinuities; typicality: less and more probable than "
    "normal; nll: less probable only. [default: joint, or typicality where a model of an older version has "
    "no such]",
)
@options.alpha
@click.option("--top", metavar="N", type=click.IntRange(min=1), help="List the N strongest. [default: all]")
@click.option(
    "--report", "page", is_flag=True, help="Write a page (.html) of linked sections to look through."
)
@options.selection
@options.geometry
@options.device
@options.seed
@options.scheduler
@options.workers
@options.crs
@options.trust
@options.overwrite
@options.as_json
def command(
    inputs: tuple[Path, ...],
    model: str | None,
    output: Path | None,
    score: str | None,
    alpha: float,
    top: int | None,
    page: bool,
    select: tuple[str, ...],
    geometry: dict[str, Any],
    device: str | None,
    seed: int | None,
    scheduler: str | None,
    workers: int | None,
    crs: str | None,
    trust: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Map how unusual each sample of the sections in INPUT is.

    INPUT is files, or a folder of them; without it, scores what the model was trained on. Writes Zarr
    (amplitude, nll, anomaly, mask) or, with `-o OUT.sgy`, the anomaly as SEG-Y with the headers of its
    source; beside it a picture of the strongest anomaly, a summary (JSON), a list as CSV, and as GeoJSON
    where there are coordinates. Without -o, all go to the folder `score` of the run.

    \b
    Examples:
      seisflow score
      seisflow score survey.sgy -m runs/survey-1 -o map.sgy --report
    """
    with options.starting():
        import seisflow.output.score_files  # noqa: F401  (heavy, so loaded here)
        from seisflow.output.paths import output_path
        from seisflow.runs.choose import choose_model
        from seisflow.scores import SCORES, default_score

    chosen = choose_model(model, device)
    log.info("%s", chosen.describe())
    if score is None and (score := default_score(chosen.model)) != SCORES[0]:
        log.warning(
            "scored by %s: the model has no calibration for the score %s. For a run of an older version, "
            "`seisflow train --resume -o RUN` adds it",
            score,
            SCORES[0],
        )
    sources = chosen.inputs(options.files(inputs), select, geometry, trusted=trust)
    several = len(sources) > 1
    paths = [output_path(output, chosen.home / "score", source.name, several=several) for source in sources]
    if len(set(paths)) < len(paths):
        raise click.UsageError("Some inputs have the same name. Score them one by one, each with its own -o.")
    summaries, failures = [], []
    for source, path in zip(sources, paths, strict=True):
        try:
            summary = _score_one(
                source,
                chosen,
                path,
                crs,
                score=score,
                alpha=alpha,
                seed=seed or 0,
                overwrite=overwrite,
                page=page,
                top=top,
                scheduler=scheduler,
                workers=workers or 1,
            )
        except SeisflowError as error:
            if not several:
                raise
            failures.append(str(error))  # the others are done all the same
            continue
        summaries.append(summary.model_dump(mode="json"))
        if not as_json:
            options.echo(f"{path}: {summary.sentence()}")
    if as_json:
        options.echo(json.dumps(summaries, indent=1))
    for failure in failures:
        options.echo(f"Error: {failure}", err=True)
    if failures:
        sys.exit(1)


def _score_one(
    source: "Source", chosen: "ChosenModel", path: Path, crs: str | None, **settings: Any
) -> "ScoreSummary":
    """Score one input into files."""
    from seisflow import progress
    from seisflow.output.score_files import write_scores

    section = source.open()
    if crs is not None:
        section.attrs["crs"] = crs
    for warning in section.attrs.get("warnings", ()):
        log.warning("%s: %s", source.path, warning)
    with progress.bar(f"Scoring {source.name}") as report:
        return write_scores(section, chosen.model, [path], model_name=chosen.name, report=report, **settings)
