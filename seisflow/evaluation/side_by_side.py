r"""The flow, FractalAR and FractalMAR, trained for the same time on the same machine, in one table.

On images all figures are bits/dim of 8-bit values: exact for FractalAR, upper bounds for the others. On
seismic the models share the density of dithered amplitudes, in nats/dim; with the width w of FractalAR's 256
values it becomes bits/dim of 8-bit amplitudes,

.. math:: \text{bits/dim} = (\text{nats/dim} - \log w) / \log 2,

again exact for FractalAR and an upper bound for the others.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from seisflow.config import Config, load_config
from seisflow.evaluation.images import likelihood as images
from seisflow.evaluation.reporting import costs
from seisflow.evaluation.sections import volve
from seisflow.models import Model, load_model
from seisflow.models.fractal_ar import FractalGenerator
from seisflow.models.storage import WEIGHTS
from seisflow.runs.sources import ImageSource

Preset = tuple[str, tuple[str, ...]]
ON_IMAGES: dict[str, Preset] = {
    "fractal-flow": ("mnist", ()),
    "fractal-ar": ("fractal-ar-mnist", ()),
    "fractal-mar": ("fractal-ar-mnist", ("model=fractal-mar", "autoregressive.rounds=16")),
}
ON_SEISMIC: dict[str, Preset] = {  # fractal-ar first: its bins are the step that bits/dim of all are given at
    "fractal-ar": ("fractal-ar", ()),
    "fractal-flow": ("seismic", ()),
    "fractal-mar": ("fractal-mar", ()),
}


def run_all(
    data: Path | None,
    runs: Path,
    *,
    seed: int,
    max_time: timedelta | None,
    overwrite: bool,
    recorded: Callable[[str, str], bool] = lambda dataset, name: False,
) -> Iterator[dict[str, Any]]:
    """Train and measure all models on MNIST and, if ``data`` has it, on Volve; yield a result for each.

    A run that is finished is not trained again, and one cut short begins anew: what was interrupted goes on.

    Parameters
    ----------
    data : Path, optional
        Folder that holds ``images/`` and ``segy/``; without it MNIST is downloaded and Volve left out.
    runs : Path
        Folder for the run folders.
    seed : int
    max_time : timedelta, optional
        Training time of each model.
    overwrite : bool
        Train again what is finished.
    recorded : callable
        Takes data set and model to whether there is a result already, which is then left out.
    """
    source = ImageSource(path="mnist", folder=None if data is None else str(data.resolve()))
    for name, preset in ON_IMAGES.items():
        folder = runs / f"mnist-{name}"
        if recorded(f"{source.path}, test", name):
            continue
        if overwrite or not (folder / WEIGHTS).is_file():
            images.train_model(
                source, folder, load_config(*preset), seed=seed, max_time=max_time, overwrite=True
            )
        one = images.model_result(load_model(folder), source, name=name, folder=folder, draws=1)
        yield one | _measured(folder, preset)
    if data is None:
        return
    file = data / "segy" / volve.FILE
    width = math.nan
    for name, preset in ON_SEISMIC.items():
        folder = runs / f"volve-{name}"
        if overwrite or not (folder / WEIGHTS).is_file():
            _train_seismic(file, folder, load_config(*preset), seed, max_time)
        model = load_model(folder)
        if name == "fractal-ar":  # the first
            assert isinstance(model, FractalGenerator)
            width = float(model.bins.width)
        if not recorded(volve.DATASET, name):
            yield _seismic_result(name, model, file, width) | _measured(folder, preset)


def _train_seismic(file: Path, folder: Path, config: Config, seed: int, max_time: timedelta | None) -> None:
    volve.train_model(file, folder, config, seed=seed, max_time=max_time, overwrite=True, calibrate=False)


def _seismic_result(name: str, model: Model, file: Path, width: float) -> dict[str, Any]:
    nats = volve.evaluate_model(model, file)
    card = model.card
    assert card is not None
    facts = card.provenance
    one = volve.result(
        name,
        nats,
        parameters=model.parameter_count,
        seed=facts["seed"],
        seconds=facts["seconds"],
        steps=facts["steps"],
    )
    return one | {
        "machine": facts["machine"],
        "commit": facts["commit"],
        "kind": card.config.model,
        "bound": "exact" if images.is_exact(model) else "upper",
        "step": round(width, 6),
        "bits_per_dim_at_step": round((float(nats.mean()) - math.log(width)) / math.log(2), 4),
    }


def _measured(folder: Path, preset: Preset) -> dict[str, Any]:
    return {
        "experiment": "side-by-side",
        "preset": " ".join((preset[0], *preset[1])),
        "samples": str(folder / "samples.png"),
        **asdict(costs.measure(folder)),
    }
