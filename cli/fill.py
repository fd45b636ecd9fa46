"""``seisflow fill``: replace missing, dead or bad traces by what is probable there."""

import json
import logging
from pathlib import Path
from typing import Any

import click

from . import options

log = logging.getLogger("seisflow")


@click.command()
@options.required_inputs
@options.model
@options.output
@click.option("--traces", metavar="FIRST:LAST", multiple=True,
              help="Traces to replace, by their labels, both ends included. Repeatable.")  # fmt: skip
@click.option(
    "--from-score",
    metavar="MAP.zarr",
    type=click.Path(path_type=Path),
    help="Replace traces that `seisflow score` found bad: a quarter of their samples anomalous.",
)
@click.option("--samples", metavar="N", type=click.IntRange(min=0), default=0, show_default=True,
              help="Draws from the posterior, besides the mean.")  # fmt: skip
@click.option("--max-gap", metavar="N", type=click.IntRange(min=1), default=32, show_default=True,
              help="Widest gap to fill, in traces or, across a cube, lines; at ends, a quarter.")  # fmt: skip
@options.steps(default=300)
@options.selection
@options.geometry
@options.device
@options.seed
@options.scheduler
@options.workers
@options.overwrite
@options.as_json
def command(
    inputs: tuple[Path, ...],
    model: str | None,
    output: Path | None,
    traces: tuple[str, ...],
    from_score: Path | None,
    samples: int,
    max_gap: int,
    steps: int,
    select: tuple[str, ...],
    geometry: dict[str, Any],
    device: str | None,
    seed: int | None,
    scheduler: str | None,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Fill missing traces of the sections in INPUT, and say how sure of each sample.

    Missing are traces of NaN, dead ones, those that --traces or --from-score name. They become the mean of
    what is probable given the others; observed traces stay as they are. A network learns from each section
    itself (and from what the run MODEL was trained on), for about a minute, and is calibrated on traces that
    were kept from it. Cubes are filled across their lines as well as along them, whole missing lines too.

    Writes Zarr (amplitude, std, filled, draw_1, ...) or, with `-o OUT.sgy`, SEG-Y with the headers of its
    source and OUT.std.sgy beside it; a picture and a summary. Without -o, all go to the folder `fill`.

    \b
    Examples:
      seisflow fill line.sgy -o filled.sgy --traces 120:131
      seisflow fill survey.zarr --from-score map.zarr
    """
    with options.starting():
        from seisflow import progress
        from seisflow.io import open_section
        from seisflow.output.paths import output_path
        from seisflow.output.posterior_files import check_output, write_filled
        from seisflow.posterior.filler import fit
        from seisflow.posterior.filling import check_anything_missing
        from seisflow.posterior.gaps import flag_from_score, flag_traces
        from seisflow.runs.choose import choose_model

    chosen = choose_model(model, device)
    sources = chosen.inputs(options.files(inputs), select, geometry)
    paths = [
        output_path(output, chosen.home / "fill", source.name, several=len(sources) > 1) for source in sources
    ]
    options.check_different(paths)
    summaries = []
    for source, path in zip(sources, paths, strict=True):
        section = source.open()
        check_output(section, path, overwrite)
        for warning in section.attrs.get("warnings", ()):
            log.warning("%s: %s", source.path, warning)
        flagged = flag_traces(section, traces)
        if from_score is not None:
            flagged |= flag_from_score(section, open_section(from_score))
        check_anything_missing(section, flagged, max_gap)
        others = chosen.lines_like(section)
        with progress.bar(f"Learning from {source.name}", percent=True) as report:
            filler = fit(
                section,
                flagged,
                others=others,
                device=chosen.model.device,
                steps=steps,
                seed=seed or 0,
                max_gap=max_gap,
                report=report,
            )
        with progress.bar(f"Filling {source.name}", percent=True) as report:
            summary = write_filled(
                section,
                filler,
                path,
                flagged=flagged,
                samples=samples,
                max_gap=max_gap,
                seed=seed or 0,
                overwrite=overwrite,
                model_name=chosen.name,
                report=report,
                scheduler=scheduler,
                workers=workers or 1,
            )
        summaries.append(summary.model_dump(mode="json"))
        if not as_json:
            options.echo(f"{path}: {summary.sentence()}")
    if as_json:
        options.echo(json.dumps(summaries, indent=1))
