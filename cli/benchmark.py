"""`seisflow benchmark`: protocols whose numbers anyone can check."""

import json
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from . import options
from .train import Duration

IMAGES = ("mnist", "fashion-mnist", "cifar10-automobile")
NAMES = (
    *("moons", *IMAGES, "seismic", "table1", "side-by-side", "ood", "topics", "facies"),
    *("fill", "denoise", "samples", "false-alarms", "faults"),
)


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@options.model
@options.config
@options.overrides
@options.data
@click.option(
    "--resize",
    type=click.Choice(["bilinear", "pad"]),
    help="How images are brought to 32 x 32: results of the two do not compare. [default: bilinear]",
)
@click.option("--max-time", type=Duration(), help="Training time of each model.")
@click.option("--eval-only", is_flag=True, help="Evaluate MODEL instead of training one.")
@click.option(
    "--tables-only", is_flag=True, help="Make the tables of OUTPUT again from its results; run nothing."
)
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              callback=options.writable,
              help="Folder for the result objects (results/), tables and pictures, e.g. docs.")  # fmt: skip
@options.seed
@options.as_json
@options.overwrite
def command(
    name: str,
    model: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
    resize: str | None,
    max_time: timedelta | None,
    eval_only: bool,
    tables_only: bool,
    output: Path | None,
    seed: int | None,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Train and evaluate under a fixed protocol.

    \b
    moons               RealNVP and KAT-NF in the plane: density and latent
    mnist, fashion-mnist, cifar10-automobile
                        bits/dim on all test images
    table1              the paper's Table 1: six models on MNIST and Fashion-MNIST
    ood                 images that MODEL has not learned, told from those it has
    topics              MODEL's topics of images against labels, beside clusterings
    facies              facies of F3 (and Volve, with --data): stability, legend
    fill, denoise       missing traces and noise, beside classical ways, on F3, Volve, Alaska
    samples             patches that MODEL generates told from held-out Volve lines by a forest
    false-alarms        alarms on unseen lines of a lake, beside the rates that are promised
    faults              maps beside an interpreter's fault picks of the Great South Basin
    side-by-side        flow, FractalAR and FractalMAR for the same time, MNIST and Volve
    seismic             nats/dim on held-out Volve inlines, beside Gaussian baselines
    """
    with options.starting():
        from seisflow import progress
        from seisflow.evaluation import suites
        from seisflow.evaluation.reporting import pages

    asked = {"-c": config, "--set": overrides, "--max-time": max_time, "--eval-only": eval_only}
    _refuse(name, asked | {"--resize": resize, "-m": model}, tables_only)
    if tables_only:
        if output is None:
            raise click.UsageError("--tables-only needs -o: the folder that holds results/.")
        for page in pages.write_pages(output):
            options.echo(page)
        return
    with progress.heartbeat(f"benchmark {name}"):
        if name == "seismic":
            results, table = _seismic(
                model, config, overrides, data, max_time, eval_only, output, seed, overwrite
            )
        else:
            results = suites.run_suite(
                name,
                suites.Asked(
                    _again(),
                    model,
                    config,
                    overrides,
                    data,
                    resize,
                    max_time,
                    eval_only,
                    output,
                    seed or 0,
                    overwrite,
                ),
            )
            table = suites.TABLES.get(name, pages.image_tables)(results) if results else "nothing to do"
    options.echo(json.dumps(results, indent=1) if as_json else table)


def _refuse(name: str, asked: dict[str, Any], tables_only: bool) -> None:
    """Stop at options that NAME has no use for."""
    unused = {
        "moons": ("-c", "--set", "--eval-only", "--resize", "-m"),
        "table1": ("--eval-only",),
        "side-by-side": ("-c", "--set", "--eval-only", "--resize"),
        "topics": ("-c", "--set", "--max-time", "--eval-only", "--resize"),
        "facies": ("-c", "--set", "--max-time", "--eval-only", "--resize"),
        "fill": ("-m", "-c", "--set", "--max-time", "--eval-only", "--resize"),
        "denoise": ("-m", "-c", "--set", "--max-time", "--eval-only", "--resize"),
        "samples": ("-c", "--set", "--max-time", "--eval-only", "--resize"),
        "ood": ("-c", "--set", "--max-time", "--eval-only", "--resize"),
        "false-alarms": ("--resize",),
        "faults": ("--resize",),
        "seismic": ("--resize",),
        "cifar10-automobile": ("--resize",),
    }.get(name, ())
    for option in unused:
        if asked[option]:
            raise click.UsageError(f"{name} has no use for {option}: leave it out.")
    if asked["--eval-only"] and any(asked[option] for option in ("-c", "--set", "--max-time", "--resize")):
        raise click.UsageError("--eval-only trains nothing: leave -c, --set, --max-time and --resize out.")
    if tables_only and any(asked.values()):
        raise click.UsageError("--tables-only runs nothing: leave other options than -o out.")


def _again() -> str:
    """Return the command line as it was given, without what depends on the machine."""
    context = click.get_current_context()
    words = ["seisflow", "benchmark", context.params["name"]]
    judges = context.params["eval_only"] or context.params["name"] in ("ood", "topics", "facies", "samples")
    for option, value in (
        ("-m", context.params["model"] if judges else None),
        ("-c", context.params["config"]),
        *(("--set", one) for one in context.params["overrides"]),
        ("--resize", context.params["resize"]),
        ("--max-time", context.params["max_time"]),
        ("--seed", context.params["seed"]),
    ):
        if value is not None:
            words += [option, str(value)]
    if context.params["eval_only"]:
        words.append("--eval-only")
    return shlex.join(words)


def _seismic(
    model: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
    max_time: timedelta | None,
    eval_only: bool,
    output: Path | None,
    seed: int | None,
    overwrite: bool,
) -> tuple[list[dict[str, Any]], str]:
    from seisflow.config import load_config
    from seisflow.evaluation.reporting import tables
    from seisflow.evaluation.sections import volve
    from seisflow.models import load_model
    from seisflow.runs import folders

    if data is None:
        raise click.UsageError("Missing option '--data': the folder that holds segy/ (or set SEISFLOW_DATA).")
    file = data / "segy" / volve.FILE
    if eval_only:
        trained = load_model(model or folders.latest())
    else:
        folder = Path(model) if model else folders.new("volve")
        settings = load_config(config or "seismic", overrides)
        trained = volve.train_model(
            file, folder, settings, seed=seed or 0, max_time=max_time, overwrite=overwrite
        )
        folders.set_latest(folder)
    results: list[dict[str, Any]] = [*volve.baselines(file), volve.model_result(trained, file)]
    if output is not None:
        tables.write(results, output, "seismic", title="Volve: held-out nats/dim", overwrite=overwrite)
    return results, tables.markdown(results)
