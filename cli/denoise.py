"""``seisflow denoise``: attenuate incoherent noise, and show what was taken off."""

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
@click.option("--level", metavar="A", type=click.FloatRange(min=0, min_open=True),
              help="Standard deviation of the noise, in amplitude units. [default: estimated]")  # fmt: skip
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
    level: float | None,
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
    """Attenuate the incoherent noise of the sections in INPUT.

    Each trace is weighed, frequency by frequency, against its prediction from the traces around it, by a
    network that learns from the section itself (and from what the run MODEL was trained on), for a minute or
    two. That guides Wiener filters in windows of 32 samples by 32 traces. Said of what is taken off: its
    correlation along local slopes, near 0 where nothing coherent went.

    Writes Zarr (amplitude, removed, std) or, with `-o OUT.sgy`, SEG-Y with the headers of its source,
    OUT.removed.sgy and OUT.std.sgy beside it; a picture and a summary. Without -o, all go to the folder
    `denoise`.

    \b
    Examples:
      seisflow denoise line.sgy -o clean.sgy
    """
    with options.starting():
        from seisflow import progress
        from seisflow.output.paths import output_path
        from seisflow.output.posterior_files import check_output, write_denoised
        from seisflow.posterior.denoising import fit_cleaner
        from seisflow.runs.choose import choose_model

    chosen = choose_model(model, device)
    sources = chosen.inputs(options.files(inputs), select, geometry)
    paths = [
        output_path(output, chosen.home / "denoise", source.name, several=len(sources) > 1)
        for source in sources
    ]
    options.check_different(paths)
    summaries = []
    for source, path in zip(sources, paths, strict=True):
        section = source.open()
        check_output(section, path, overwrite)
        for warning in section.attrs.get("warnings", ()):
            log.warning("%s: %s", source.path, warning)
        others = chosen.lines_like(section)
        with progress.bar(f"Learning from {source.name}", percent=True) as report:
            cleaner = fit_cleaner(
                section,
                level=level,
                others=others,
                device=chosen.model.device,
                steps=steps,
                seed=seed or 0,
                report=report,
            )
        with progress.bar(f"Cleaning {source.name}") as report:
            summary = write_denoised(
                section,
                cleaner,
                path,
                given=level is not None,
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
