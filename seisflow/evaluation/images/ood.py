"""The protocol of ``seisflow benchmark ood``: own test images against others, one image at a time."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisflow.errors import DataError, ModelError
from seisflow.evaluation.images import outliers
from seisflow.io.images import SIDE, Resize, names, read_images, resize
from seisflow.models import Model
from seisflow.patches.images import split_training
from seisflow.runs.provenance import commit, machine

log = logging.getLogger("seisflow")

Pixels = NDArray[np.uint8]

PAIRS = {"fashion-mnist": "mnist", "mnist": "fashion-mnist", "cifar10-automobile": "fashion-mnist"}
"""Whose test images a model of each data set is tested on first."""
CHANGED = 2000
"""Own test images that are flipped or inverted; as many constant images and images of noise are made."""
ALPHA = 0.05
"""Share of held-out training images beyond the threshold that ``found_at_alpha`` uses."""
SEED = 0

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def results(model: Model, folder: Path | None, *, name: str, command: str) -> list[dict[str, Any]]:
    """One result object for each score, and for each baseline that has no model.

    Parameters
    ----------
    model : Model
        Model of images.
    folder : Path, optional
        Folder of the image data sets; without it they are downloaded. Sets that are not to be had are left
        out, but not the first.
    name : str
        Name of the model in tables.
    command : str
        For the record.

    Raises
    ------
    ModelError
        If the model is none of images, or holds no training images out.
    DataError
        If its own images, or those it is tested on first, cannot be read.
    """
    card = model.card
    if card is None or card.images is None:
        raise ModelError(f"{name}: has learned no images. Expected a model of {', '.join(PAIRS)}")
    start = time.monotonic()
    how, channels = card.config.data.resize, model.shape[0]
    training = resize(read_images(card.images, "train", folder).pixels, how)
    _, hold = split_training(len(training), card.config.data.validation)
    if not len(hold):
        raise ModelError(
            f"{name}: held no training images out, so nothing says what is normal. "
            f"Train one with --set data.validation=0.1"
        )
    normal = outliers.measure(model, training[hold])
    own_pixels = resize(read_images(card.images, "test", folder).pixels, how)
    own = outliers.measure(model, own_pixels, seed=outliers.NOISE_SEED + 1)
    others = {
        label: outliers.measure(model, pixels, seed=outliers.NOISE_SEED + 2)
        for label, pixels in other_images(card.images, own_pixels, channels, how, folder)
    }
    first = next(iter(others))
    found = []
    for score in outliers.scores_for(normal):
        deviation = score.fitted(normal)
        inside = deviation(own)
        outside = {label: deviation(statistics) for label, statistics in others.items()}
        limit = float(np.quantile(deviation(normal), 1 - ALPHA, method="higher"))
        value, error = separation(outside[first], inside)
        found.append(
            {
                "experiment": "ood",
                "dataset": f"{card.images}, test",
                "resize": how if channels == 1 else "none",
                "protocol": f"{len(own_pixels):,} own test images against others, each alone, one draw of "
                f"the noise; what is normal is known from {len(hold):,} training images held out",
                "model": score.name if score.is_baseline else f"{name}, {score.name}",
                "score": score.name,
                "title": score.title,
                "is_baseline": score.is_baseline,
                "run": name,
                "parameters": None if score.is_baseline else model.parameter_count,
                "metric": f"AUROC against {first}",
                "value": round(value, 4),
                "standard_error": round(error, 4),
                "by_set": {label: round(separation(some, inside)[0], 4) for label, some in outside.items()},
                "images": {label: len(some) for label, some in outside.items()},
                "alpha": ALPHA,
                "false_alarms": round(float(np.mean(inside > limit)), 4),
                "found_at_alpha": round(float(np.mean(outside[first] > limit)), 4),
                "held_out": round(float(normal["nll"].mean()), 4),
                "seed": card.provenance.get("seed"),
                "steps": card.provenance.get("steps"),
                "seconds": round(time.monotonic() - start, 1),
                "training_seconds": card.provenance.get("seconds"),
                "machine": machine(),
                "commit": commit(),
                "command": command,
            }
        )
    return found


def other_images(
    own: str, own_pixels: Pixels, channels: int, how: Resize, folder: Path | None
) -> Iterator[tuple[str, Pixels]]:
    """Images (N, C, H, W) that a model has not learned, with their names; the pair of `PAIRS` first.

    Test images of the other data sets in the colours of the model; own test images mirrored, upside down and
    inverted; images of one value; uniform noise.
    """
    sets = [PAIRS[own], *(name for name in names() if name not in (own, PAIRS[own]))]
    for name in sets:
        try:
            pixels = read_images(name, "test", folder).pixels
        except DataError as error:
            if name == PAIRS[own]:
                raise
            log.warning("left out: %s", error)
            continue
        yield name, coloured(resize(pixels, how), channels)
    some = own_pixels[:CHANGED]
    yield "mirrored", np.ascontiguousarray(some[..., ::-1])
    yield "upside down", np.ascontiguousarray(some[:, :, ::-1])
    yield "inverted", 255 - some
    rng = np.random.default_rng(SEED)
    one = rng.integers(256, size=(len(some), channels, 1, 1), dtype=np.uint8)
    yield "constant", np.broadcast_to(one, (len(some), channels, SIDE, SIDE)).copy()
    yield "noise", rng.integers(256, size=(len(some), channels, SIDE, SIDE), dtype=np.uint8)


def coloured(pixels: Pixels, channels: int) -> Pixels:
    """Bring images (N, C, H, W) to so many channels: grey is repeated, colours become their luma."""
    if pixels.shape[1] == channels:
        return pixels
    if channels == 1:
        grey = np.rint(np.tensordot(LUMA, pixels.astype(np.float32), (0, 1)))
        return np.clip(grey, 0, 255).astype(np.uint8)[:, None]
    return np.repeat(pixels, channels, axis=1)


def separation(outside: NDArray[np.float64], inside: NDArray[np.float64]) -> tuple[float, float]:
    """AUROC: probability that an image from outside scores higher than one from inside; its standard error.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson, *Comparing the areas under two or more correlated receiver operating
    characteristic curves*, 1988.
    """
    beaten, beating = _share_below(outside, inside), _share_below(inside, outside)
    variance = sum(float(np.var(part, ddof=1)) / len(part) for part in (beaten, beating))
    return float(beaten.mean()), math.sqrt(variance)


def _share_below(values: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of ``among`` below each value, ties counted half."""
    ranked = np.sort(among)
    low, high = (np.searchsorted(ranked, values, side) for side in ("left", "right"))
    share: NDArray[np.float64] = (low + high) / (2 * len(ranked))
    return share
