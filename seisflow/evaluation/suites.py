"""Benchmarks by name: what `seisflow benchmark` runs, and where their results go."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seisflow.config import load_config
from seisflow.errors import ConfigError, ModelError, OutputError
from seisflow.evaluation import side_by_side
from seisflow.evaluation.anomalies import alarms
from seisflow.evaluation.asked import Asked
from seisflow.evaluation.images import likelihood as images
from seisflow.evaluation.images import moons, ood, topics
from seisflow.evaluation.labels import faults
from seisflow.evaluation.reporting import image_tables, pages, pictures, records
from seisflow.evaluation.reporting.alarm_pages import alarms_table, faults_table
from seisflow.evaluation.reporting.posterior_pages import (
    denoising_tables,
    filling_tables,
    samples_table,
)
from seisflow.evaluation.sections import cubes, denoising, facies, filling, samples, volve
from seisflow.io import open_section
from seisflow.models import Model, load_model
from seisflow.models.storage import WEIGHTS, find_model
from seisflow.output.facies_files import draw_panel_map
from seisflow.patches import section_name
from seisflow.plotting.files import save
from seisflow.runs import folders
from seisflow.runs.choose import choose_model
from seisflow.runs.hardware import Hardware
from seisflow.runs.sources import ImageSource
from seisflow.training.images import default_preset

log = logging.getLogger("seisflow")

TABLE1 = (
    "table1-realnvp",
    "table1-ldanf",
    "table1-kat",
    "table1-ldafnf-mlp",
    "table1-ldafnf-kan",
    "table1-ldafnf-cnn",
)
TABLE1_SETS = ("mnist", "fashion-mnist")
FACIES_SECTION = "f3-sample"
Result = dict[str, Any]


def run_moons(asked: Asked) -> Iterator[Result]:
    """RealNVP and KAT-NF on two moons; the picture stands in ``images/moons.png`` of the output."""
    for name in moons.MODELS:
        _check_new(asked, "moons", name, "two moons", None)
    trained = []
    for one in moons.train_all(seed=asked.seed, max_time=asked.max_time):
        trained.append(one)
        yield _kept(one.result, asked, "moons")
    if asked.output is not None:
        folder = asked.output / "images"
        folder.mkdir(parents=True, exist_ok=True)
        save(pictures.draw_moons(trained), folder / "moons.png", overwrite=True, dpi=110)


def run_image_set(name: str, asked: Asked) -> Iterator[Result]:
    """One model on one image data set."""
    source = _source(name, asked)
    preset = asked.config or default_preset(name)
    if asked.eval_only:
        folder = find_model(asked.model or folders.latest())
        label = Path(asked.model).name if asked.model else folder.name
        model = load_model(folder)
        card = model.card
        assert card is not None  # loaded models have one
        _check_new(asked, name, label, f"{name}, test", card.config.data.resize)
    else:
        config = load_config(preset, _overrides(asked))
        label = " ".join((Path(preset).stem, *asked.overrides))
        _check_new(asked, name, label, f"{name}, test", config.data.resize)
        folder = Path(asked.model) if asked.model else folders.new(name)
        model = images.train_model(
            source, folder, config, seed=asked.seed, max_time=asked.max_time, overwrite=asked.overwrite
        )
        folders.set_latest(folder)
    one = images.model_result(model, source, name=label, folder=folder)
    # the run folder has that of the automobiles: CIFAR-10 has no licence that lets its images go further
    if asked.output is not None and name != "cifar10-automobile":
        one |= {"picture": _picture(folder, asked.output, f"{name}-{one['resize']}-{Path(label).stem}")}
    yield _kept(one, asked, name)


def run_table1(asked: Asked) -> Iterator[Result]:
    """All rows of Table 1, or that of ``asked.config``, on MNIST and Fashion-MNIST.

    Rows that the output holds already, of this seed, are left out, so that a run cut short goes on.
    """
    presets = TABLE1 if asked.config is None else (asked.config,)
    root = Path(asked.model) if asked.model else folders.ROOT / "table1"
    for name in TABLE1_SETS:
        source = _source(name, asked)
        for preset in presets:
            config = load_config(preset, _overrides(asked))
            label, how = " ".join((Path(preset).stem, *asked.overrides)), config.data.resize
            if _is_there(asked, "table1", label, f"{name}, test", how):
                log.info("%s on %s by %s: recorded already, left out", label, name, how)
                continue
            folder = root / f"{name}-{how}-{label.replace(' ', '-')}{f'-seed{asked.seed}' * (asked.seed > 0)}"
            log.info("%s on %s", label, name)
            if (folder / WEIGHTS).is_file() and not asked.overwrite:
                model = _finished(folder, source)
            else:
                # a folder without weights is that of a run cut short
                model = images.train_model(
                    source, folder, config, seed=asked.seed, max_time=asked.max_time, overwrite=True
                )
            one = images.model_result(model, source, name=label, folder=folder) | {"experiment": "table1"}
            yield _kept(one, asked, "table1")


def run_side_by_side(asked: Asked) -> Iterator[Result]:
    """Flow, FractalAR and FractalMAR for the same time on MNIST and Volve; what is recorded is left out."""
    root = Path(asked.model) if asked.model else folders.ROOT / "side-by-side"
    done = side_by_side.run_all(
        asked.data,
        root,
        seed=asked.seed,
        max_time=asked.max_time,
        overwrite=asked.overwrite,
        recorded=lambda dataset, name: _is_recorded(asked, dataset, name),
    )
    for one in done:
        samples = Path(one.pop("samples"))
        # the run folder has those of Volve; its licence does not let real sections, shown beside, go further
        if asked.output is not None and one["dataset"].startswith("mnist"):
            name = f"side-by-side-mnist-{one['model']}"
            one |= {"picture": _picture(samples.parent, asked.output, name)}
        yield _kept(one, asked, "side-by-side")


def run_ood(asked: Asked) -> Iterator[Result]:
    """Tell images that the model of ``asked.model`` has not learned from those that it has."""
    folder = find_model(asked.model or folders.latest())
    model = load_model(folder)
    name = Path(asked.model).name if asked.model else folder.name
    card = model.card
    if card is not None and card.images is not None:
        how = "bilinear" if model.shape[0] > 1 else card.config.data.resize
        _check_new(asked, "ood", f"{name}, nll", f"{card.images}, test", how)
    data = None if asked.data is None else asked.data.resolve()
    model = model.to(Hardware.choose().device)
    for one in ood.results(model, data, name=name, command=asked.command):
        yield _kept(one, asked, "ood")


def run_topics(asked: Asked) -> Iterator[Result]:
    """Topics of ``asked.model`` against the labels of its data set, beside clusterings; kept ones stay."""
    folder = find_model(asked.model or folders.latest())
    model = load_model(folder)
    name = Path(asked.model).name if asked.model else folder.name
    card = model.card
    if card is None or card.images is None:
        raise ModelError(f"{name}: has learned no images. Topics are measured by the labels of images")
    dataset, how = f"{card.images}, test", card.config.data.resize
    _check_new(asked, "topics", name, dataset, how)

    def recorded(label: str) -> bool:
        return _is_there(asked, "topics", label, dataset, how)

    source = _source(card.images, asked)
    model = model.to(Hardware.choose().device)
    for one in topics.results(model, source, name=name, recorded=recorded):
        yield _kept(one, asked, "topics")


def run_facies(asked: Asked) -> Iterator[Result]:
    """Facies of the embedded F3 sample, and with data of Volve; what is recorded is left out."""
    chosen = choose_model(asked.model)
    name = Path(chosen.name).name
    places: list[str | Path] = (
        [FACIES_SECTION] if asked.data is None else [FACIES_SECTION, asked.data / "segy" / volve.FILE]
    )
    for place in places:
        section = open_section(place)
        dataset = section_name(section)
        if _is_there(asked, "facies", name, dataset, None):
            log.info("%s on %s: recorded already, left out", name, dataset)
            continue
        one, middle = facies.result(section, chosen.model, seed=asked.seed)
        # Volve's licence does not let its sections go further
        if asked.output is not None and place == FACIES_SECTION:
            (asked.output / "images").mkdir(parents=True, exist_ok=True)
            picture = asked.output / "images" / f"facies-{name}.png"
            words = [row["words"] for row in one["legend"][1:]]
            save(draw_panel_map(section, middle, words), picture, overwrite=True, dpi=90)
            one |= {"picture": f"images/{picture.name}"}
        yield _kept(one | {"model": name}, asked, "facies")


def run_fill(asked: Asked) -> Iterator[Result]:
    """Missing traces of F3 and Volve filled in every way; what is recorded is left out."""
    data, recorded = _needed(asked), _recorded(asked, "fill")
    for tasks in (filling, cubes):
        for one in tasks.results(data, seed=asked.seed, command=asked.command, recorded=recorded):
            yield _kept(one, asked, "fill")


def run_denoise(asked: Asked) -> Iterator[Result]:
    """Noise on three sections attenuated in every way; what is recorded is left out."""
    for one in denoising.results(
        _needed(asked), seed=asked.seed, command=asked.command, recorded=_recorded(asked, "denoise")
    ):
        yield _kept(one, asked, "denoise")


def run_samples(asked: Asked) -> Iterator[Result]:
    """Generated patches of a model of Volve told from held-out lines by a forest."""
    chosen = choose_model(asked.model)
    for one in samples.results(
        chosen.model, _needed(asked), name=Path(chosen.name).name, seed=asked.seed, command=asked.command
    ):
        yield _kept(one, asked, "samples")


def run_false_alarms(asked: Asked) -> Iterator[Result]:
    """Train on every other line of a lake as it comes, and count alarms on the lines between."""
    for one in alarms.run(_needed(asked), asked):
        yield _kept(one, asked, "false-alarms")


def run_faults(asked: Asked) -> Iterator[Result]:
    """Maps of the default score beside attributes, against an interpreter's fault picks."""
    for one in faults.run(_needed(asked), asked):
        yield _kept(one, asked, "faults")


def _needed(asked: Asked) -> Path:
    if asked.data is None:
        raise ConfigError("no data: pass --data, the folder that holds fields/, labelled/, sbp/ and segy/")
    return asked.data


def _recorded(asked: Asked, name: str) -> Callable[[str, str], bool]:
    """Whether the output holds a model's result on a data set, which may not be replaced."""
    return lambda dataset, model: _is_there(asked, name, model, dataset, None)


SUITES: dict[str, Callable[[Asked], Iterator[Result]]] = {
    "moons": run_moons,
    "mnist": lambda asked: run_image_set("mnist", asked),
    "fashion-mnist": lambda asked: run_image_set("fashion-mnist", asked),
    "cifar10-automobile": lambda asked: run_image_set("cifar10-automobile", asked),
    "table1": run_table1,
    "side-by-side": run_side_by_side,
    "ood": run_ood,
    "topics": run_topics,
    "facies": run_facies,
    "fill": run_fill,
    "denoise": run_denoise,
    "samples": run_samples,
    "false-alarms": run_false_alarms,
    "faults": run_faults,
}
TABLES: dict[str, Callable[[list[Result]], str]] = {
    "moons": image_tables.moons_table,
    "table1": image_tables.table1_tables,
    "side-by-side": pages.side_by_side_table,
    "ood": image_tables.ood_tables,
    "topics": image_tables.topics_table,
    "facies": pages.facies_table,
    "fill": filling_tables,
    "denoise": denoising_tables,
    "samples": samples_table,
    "false-alarms": alarms_table,
    "faults": faults_table,
}
"""Table makers of the suites; the image data sets have `image_tables.image_tables`."""


def run_suite(name: str, asked: Asked) -> list[Result]:
    """Run a benchmark and return its results; each is recorded in ``asked.output`` as soon as it is there.

    Raises
    ------
    OutputError
        If the output holds a result that may not be replaced, before anything is trained.
    """
    results = list(SUITES[name](asked))
    if asked.output is not None:
        pages.write_pages(asked.output)
    return results


def _source(name: str, asked: Asked) -> ImageSource:
    return ImageSource(path=name, folder=None if asked.data is None else str(asked.data.resolve()))


def _overrides(asked: Asked) -> tuple[str, ...]:
    return asked.overrides if asked.resize is None else (*asked.overrides, f"data.resize={asked.resize}")


def _kept(one: Result, asked: Asked, name: str) -> Result:
    one = one | {"command": asked.command}
    if asked.output is not None:
        records.keep(one, asked.output, name)
    return one


def _wanted(asked: Asked, name: str, label: str, dataset: str, how: str | None) -> Result:
    resize = None if how is None else ("none" if dataset.startswith("cifar10") else how)
    return {"experiment": name, "model": label, "dataset": dataset, "resize": resize, "seed": asked.seed}


def _is_recorded(asked: Asked, dataset: str, name: str) -> bool:
    how = "bilinear" if dataset.startswith("mnist") else None
    return _is_there(asked, "side-by-side", name, dataset, how)


def _is_there(asked: Asked, name: str, label: str, dataset: str, how: str | None) -> bool:
    if asked.output is None or asked.overwrite:
        return False
    wanted = records.key(_wanted(asked, name, label, dataset, how))
    return any(records.key(one) == wanted for one in records.load(asked.output, name))


def _check_new(asked: Asked, name: str, label: str, dataset: str, how: str | None) -> None:
    if asked.output is not None:
        wanted = _wanted(asked, name, label, dataset, how)
        records.check_new(asked.output, name, wanted, overwrite=asked.overwrite)


def _finished(folder: Path, source: ImageSource) -> Model:
    model = load_model(folder)
    if model.card is None or model.card.images != source.path:
        raise OutputError(f"{folder}: holds a run on something else than {source.path}. Pass another --model")
    return model


def _picture(folder: Path, output: Path, name: str) -> str | None:
    """Copy the gallery of a run to the pictures of the output, and return its place in pages."""
    samples = folder / "samples.png"
    if not samples.is_file():
        return None
    (output / "images").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(samples, output / "images" / f"{name}.png")
    return f"images/{name}.png"
