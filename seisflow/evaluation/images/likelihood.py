r"""The image protocol: bits/dim of a whole test set, the number that papers report.

Images of 32 x 32 pixels with 8-bit values v are uniformly dequantised to :math:`x = v + u`, u in [0, 1). A
density p of x gives a probability of the values,

.. math::
    P(v) = \int_{[0, 1)^D} p(v + u)\, du \quad\text{so}\quad
    -\log_2 P(v) \le -E_u \log_2 p(v + u)

and what is reported is the right side over D, averaged over images and over several draws of u: an **upper
bound** on the discrete bits/dim of a flow. It includes the derivative of the map to the real line that the
model begins with, :math:`\operatorname{artanh}((2x - 256)/258)` in the paper. A FractalAR has the probability
itself: its bits/dim are exact. Those of a FractalMAR are an upper bound too.
"""

import math
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.config import Config
from seisflow.errors import ModelError
from seisflow.generation.images import generate_images
from seisflow.io import images as image_files
from seisflow.io.images import dequantise, read_images, resize
from seisflow.models import FractalFlowModel, Model
from seisflow.runs.hardware import Hardware
from seisflow.runs.sources import ImageSource
from seisflow.training import train
from seisflow.training.finish import read_metrics

DRAWS = 4
"""Draws of dequantisation noise for each test image."""
NOISE_SEED = 1000
BATCH = 128
CURVE_POINTS = 100
CHECKED = 64
"""Own samples, and images of random bytes, that are scored beside the test images."""


def bits_per_dim(
    model: Model, pixels: NDArray[np.uint8], *, draws: int = DRAWS, seed: int = NOISE_SEED
) -> NDArray[np.float64]:
    """Bits/dim of every image for every draw of the noise, (draws, N).

    Parameters
    ----------
    model : Model
        Model of images of this size.
    pixels : ndarray of uint8, (N, C, H, W)
    draws : int
    seed : int
        Draw d of the images that start at number n uses ``(seed, d, n)``.
    """
    out = np.empty((draws, len(pixels)))
    with torch.inference_mode():
        for draw in range(draws):
            for first in range(0, len(pixels), BATCH):
                rng = np.random.default_rng([seed, draw, first])
                x = dequantise(pixels[first : first + BATCH], rng).to(model.device)
                nats = -model.log_prob(x).cpu().double().numpy()
                out[draw, first : first + BATCH] = nats / (model.size * math.log(2))
    return out


def is_exact(model: Model) -> bool:
    """Whether the bits/dim of a model are those of the 8-bit values, rather than an upper bound."""
    return not isinstance(model, FractalFlowModel) and not getattr(model, "is_bound", True)


def protocol(resize_how: str, draws: int, images: int) -> str:
    """Protocol in words: the part without which a number means nothing."""
    noise = f"uniform dequantisation, {draws} draws" if draws > 1 else "8-bit values"
    return f"32 x 32 by {resize_how}, {images:,} test images, {noise}"


def train_model(
    source: ImageSource,
    folder: Path,
    config: Config,
    *,
    seed: int,
    max_time: timedelta | None,
    overwrite: bool,
) -> Model:
    """Train on training images, a part of them held out; the test images are not read."""
    run = train(source, config, folder, seed=seed, max_time=max_time, overwrite=overwrite)
    return run.model


def model_result(
    model: Model, source: ImageSource, *, name: str, folder: Path | None = None, draws: int = DRAWS
) -> dict[str, Any]:
    """Evaluate a trained model on all test images into a result object.

    Parameters
    ----------
    model : Model
        Trained on the data set of ``source``.
    source : ImageSource
    name : str
        Name of the model in tables: its preset, usually.
    folder : Path, optional
        Its run folder, for the learning curve.
    draws : int
        Draws of the dequantisation noise; one is enough where the result is exact.

    Raises
    ------
    ModelError
        If the model was trained on something else.
    """
    card = model.card
    if card is None or card.images != source.path:
        seen = "no images" if card is None or card.images is None else card.images
        raise ModelError(f"{name}: the model has learned {seen}. Expected one of {source.path}: train one")
    how = card.config.data.resize
    pixels = resize(read_images(source.path, "test", source.folder).pixels, how)
    if is_exact(model):
        draws = 1
    start = time.perf_counter()
    bits = bits_per_dim(model.to(Hardware.choose().device), pixels, draws=draws)
    seconds = time.perf_counter() - start
    drawn = generate_images(model, CHECKED, seed=NOISE_SEED)
    own = drawn["pixels"].values
    random_bytes = np.random.default_rng(NOISE_SEED).integers(256, size=own.shape, dtype=np.uint8)
    of_own, of_random = (bits_per_dim(model, some, draws=1).mean() for some in (own, random_bytes))
    model.cpu()
    facts = card.provenance
    by_image = bits.mean(0)
    return {
        "experiment": source.path,
        "dataset": f"{source.path}, test",
        "resize": how if pixels.shape[1] == 1 else "none",
        "protocol": protocol(how, draws, len(pixels)),
        "model": name,
        "kind": card.config.model,
        "parameters": model.parameter_count,
        "metric": "bits/dim",
        "bound": "exact" if is_exact(model) else "upper",
        "value": round(float(by_image.mean()), 4),
        "standard_error": round(float(by_image.std(ddof=1) / math.sqrt(len(by_image))), 4),
        "between_draws": round(float(bits.mean(1).std(ddof=1)), 5) if draws > 1 else 0.0,
        "bits_per_image": round(float(by_image.mean()) * model.size, 1),
        "own_samples": round(float(of_own), 3),
        "temperature": drawn.attrs["temperature"],
        "random_bytes": round(float(of_random), 2),
        "held_out": round(facts["held_out_nats_per_dim"] / math.log(2), 4)
        if "held_out_nats_per_dim" in facts and "judged_images" not in facts  # all of them
        else None,
        "straightness": facts.get("straightness"),
        "seed": facts["seed"],
        "steps": facts["steps"],
        "epochs": round(_epochs(card.config, facts["steps"], source), 2),
        "seconds": facts["seconds"],
        "seconds_to_evaluate": round(seconds, 1),
        "machine": facts["machine"],
        "commit": facts["commit"],
        "curve": [] if folder is None else curve(folder),
    }


def curve(folder: Path) -> list[tuple[int, float]]:
    """Steps and bits/dim of held-out images in a run, at most a hundred points; none without its log."""
    log = folder / "logs" / "metrics.csv"
    if not log.is_file():  # a model that was saved or ships without its run
        return []
    metrics = read_metrics(log)
    known = np.isfinite(metrics["validation"])
    steps, bits = metrics["step"][known] + 1, metrics["validation"][known] / math.log(2)
    some = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), CURVE_POINTS)).astype(int))
    return [(int(steps[i]), round(float(bits[i]), 4)) for i in some]


def _epochs(config: Config, steps: int, source: ImageSource) -> float:
    images = image_files.card(source.path).counts["train"] * (1 - config.data.validation)
    return steps * config.training.batch / images
