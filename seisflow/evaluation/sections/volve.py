"""The Volve protocol: held-out nats/dim of a model beside Gaussian ones, on the same samples.

Train on inlines 10090-10135, test on 10140-10150; amplitudes over the standard deviation of the training
inlines, uniform dither of width 1/32, zeros taken as data. Test windows of 256 x 64 start at crosslines
0, 46, 92, 138 and samples 60, 327, 594 of each of the 11 test inlines: 132 windows.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow.config import Config
from seisflow.errors import ModelError
from seisflow.evaluation.sections.gaussians import (
    AutoregressiveGaussian,
    CosineGaussian,
    Density,
    PCAGaussian,
    PeriodicField,
    WhiteGaussian,
)
from seisflow.evaluation.sections.realism import compare
from seisflow.generation.batches import generate_batches
from seisflow.models import Model
from seisflow.patches import Block, PatchDataset, Split, cut, prepare, read_panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.provenance import commit, machine
from seisflow.runs.sources import Source
from seisflow.training import train

DATASET = "Volve ST10010 sub3d"
FILE = "volve10r12-full-twt-sub3d.sgy"
SIZE = (256, 64)
CROSSLINES = (0, 46, 92, 138)
SAMPLES = (60, 327, 594)
TRAIN, TEST = "inline=10090:10135", "inline=10140:10150"
FIRST_INLINES = "inline=10090:10100"
DITHER = 1 / 32
GAUSSIAN_PATCHES = 4096
DITHER_SEED = 2
Places = tuple[NDArray[np.int_], NDArray[np.int_]]
"""First samples and first traces of windows."""
BASELINES: dict[str, Callable[[NDArray[np.float32]], Density]] = {
    "white Gaussian": WhiteGaussian,
    "stationary Gaussian field, periodic": PeriodicField,
    "stationary Gaussian field, autoregressive": AutoregressiveGaussian,
    "Gaussian, diagonal in DCT": CosineGaussian,
    "PCA-Gaussian": PCAGaussian,
}


def source(file: Path, part: str) -> Source:
    """Part of the survey, with its zeros."""
    return Source(path=str(file), select=(part,), zeros_are_data=True)


def scaling_of(file: Path) -> AmplitudeScaling:
    """Scale of the training inlines."""
    return AmplitudeScaling.fit([source(file, TRAIN).open()], [[Block()]], DITHER)


def windows(file: Path, part: str, scaling: AmplitudeScaling) -> NDArray[np.float32]:
    """Windows of ``part`` at places of the protocol, (N, 1, 256, 64), scaled and dithered.

    Depth changes fastest, then the crossline, then the inline.
    """
    section = source(file, part).open()
    tops, lefts = (grid.ravel() for grid in np.meshgrid(SAMPLES, CROSSLINES))
    return _cut(section, [(tops, lefts)] * section.sizes["inline"], scaling)


def scattered_windows(
    file: Path, part: str, scaling: AmplitudeScaling, each: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    """Windows of ``part`` at random depths, and the number of the crossline each begins at.

    Parameters
    ----------
    each : int
        Windows of each inline and crossline.
    """
    section = source(file, part).open()
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(len(CROSSLINES)), each)
    lines, _, samples = section["amplitude"].shape
    places = []
    for _ in range(lines):
        tops = rng.integers(samples - SIZE[0] + 1, size=len(number))
        places.append((tops, np.array(CROSSLINES)[number]))
    return _cut(section, places, scaling), np.tile(number, lines)


def windows_anywhere(
    file: Path, part: str, scaling: AmplitudeScaling, count: int, seed: int
) -> NDArray[np.float32]:
    """Windows of ``part`` at random inlines, depths and crosslines, in random order, (N, 1, 256, 64)."""
    section = source(file, part).open()
    rng = np.random.default_rng(seed)
    lines, *sizes = section["amplitude"].shape
    tops, lefts = (
        rng.integers(size - length + 1, size=count)
        for size, length in zip(reversed(sizes), SIZE, strict=True)
    )
    line = rng.integers(lines, size=count)
    found = _cut(section, [(tops[line == k], lefts[line == k]) for k in range(lines)], scaling)
    return rng.permutation(found)


def _cut(section: xr.Dataset, places: Sequence[Places], scaling: AmplitudeScaling) -> NDArray[np.float32]:
    """Windows that begin at these samples and traces of each inline."""
    panels = (read_panel(section, (i,)) for i in range(len(places)))
    x, mask = zip(*(cut(panel, *some, SIZE) for panel, some in zip(panels, places, strict=True)), strict=True)
    rng = np.random.default_rng(DITHER_SEED)
    return prepare(np.concatenate(x), np.concatenate(mask), scaling, rng)


def train_model(
    file: Path,
    folder: Path,
    config: Config,
    *,
    seed: int,
    max_time: timedelta | None,
    overwrite: bool,
    calibrate: bool = True,
) -> Model:
    """Train on all of the training inlines: nothing is held out, nothing of the test inlines is read."""
    everything = Split(train=[Block()], validation=[])
    of_the_flow = config.training.model_copy(update={"denoiser_steps": 0})
    return train(
        [source(file, TRAIN)],
        config.model_copy(update={"training": of_the_flow}),
        folder,
        seed=seed,
        max_time=max_time,
        splits=[everything],
        overwrite=overwrite,
        calibrate=calibrate,
    ).model


def evaluate_model(model: Model, file: Path) -> NDArray[np.float64]:
    """Nats/dim of each test window, (132,).

    Raises
    ------
    ModelError
        If the model was not trained as the protocol says.
    """
    card = model.card
    if card is None or [item["select"] for item in card.inputs] != [[TRAIN]] or model.shape[1:] != SIZE:
        raise ModelError(
            f"the model was not trained on {TRAIN} with {SIZE[0]} x {SIZE[1]} patches. Train one"
        )
    x = torch.from_numpy(windows(file, TEST, card.scaling))
    with torch.inference_mode():
        log_prob = torch.cat([model.log_prob(batch) for batch in x.split(12)])
    return -log_prob.double().numpy() / model.size


def baselines(file: Path, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Fit each Gaussian to random training patches and yield its result on the test windows."""
    scaling = scaling_of(file)
    section = source(file, TRAIN).open()
    patches = PatchDataset([section], [[Block()]], SIZE, scaling, seed=seed, length=GAUSSIAN_PATCHES)
    fitted = np.stack([patches[i]["x"][0].numpy() for i in range(GAUSSIAN_PATCHES)])
    test = windows(file, TEST, scaling)[:, 0]
    for name, kind in BASELINES.items():
        start = time.monotonic()
        density = kind(fitted)
        nats = -density.log_prob(test) / (SIZE[0] * SIZE[1])
        seconds = time.monotonic() - start
        yield result(name, nats, parameters=density.parameters, seed=seed, seconds=seconds, steps=None)


def realism(model: Model, file: Path) -> dict[str, dict[str, float]]:
    """Compare 132 draws of the density, and as many patches of training inlines, with the test windows."""
    card = model.card
    assert card is not None
    real, other = (windows(file, part, card.scaling)[:, 0] for part in (TEST, FIRST_INLINES))
    made = np.concatenate([x[:, 0] for x in generate_batches(model, len(real), exact=True)])
    return compare(made, real, other)


def model_result(model: Model, file: Path) -> dict[str, Any]:
    """Evaluate a trained model into a result object."""
    nats = evaluate_model(model, file)
    card = model.card
    assert card is not None
    facts = card.provenance
    parameters = model.parameter_count
    return result(
        card.config.model,
        nats,
        parameters=parameters,
        seed=facts["seed"],
        seconds=facts["seconds"],
        steps=facts["steps"],
    ) | {"machine": facts["machine"], "commit": facts["commit"], "realism": realism(model, file)}


def result(
    name: str, nats: NDArray[np.float64], *, parameters: int, seed: int, seconds: float, steps: int | None
) -> dict[str, Any]:
    """One result object, with the keys every recorded measurement has."""
    by_depth = nats.reshape(-1, len(SAMPLES)).mean(0)
    return {
        "experiment": "seismic",
        "dataset": DATASET,
        "protocol": f"train {TRAIN}, test {TEST}, 132 windows 256 x 64, dither 1/32 std, zeros kept",
        "model": name,
        "parameters": parameters,
        "metric": "nats/dim",
        "value": round(float(nats.mean()), 4),
        "standard_error": round(float(nats.std(ddof=1) / np.sqrt(len(nats))), 4),
        "by_first_sample": {str(t): round(float(v), 4) for t, v in zip(SAMPLES, by_depth, strict=True)},
        "seed": seed,
        "steps": steps,
        "seconds": round(seconds, 1),
        "machine": machine(),
        "commit": commit(),
        "command": "seisflow benchmark seismic",
    }
