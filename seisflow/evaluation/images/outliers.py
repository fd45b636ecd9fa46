"""Outlier scores of single images, made of statistics that a model has of each.

All that a score knows of normal images comes from training images that were held out, and each image is
judged alone. Which statistics a score takes was fixed on training images, before any test image was read.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from seisflow.io.images import dequantise
from seisflow.models import FractalFlowModel, Model
from seisflow.priors import GaussianPrior
from seisflow.scores import ForwardPass

BATCH = 128
NOISE_SEED = 2000
BLOCK = 4
"""Side of the blocks of pixels over which densities are averaged."""
RIDGE = 0.05
"""Added to the covariance of statistics, whose variances are 1."""
MOST = 20.0
"""Deviations beyond which a statistic counts no more in a joint score."""
HUGE = 1e30
"""Bits that stand for infinitely many."""
SIDES = (0.0228, 0.5, 0.9772)
"""Quantile levels of a Gaussian at -2, 0 and 2 standard deviations."""

Values = NDArray[np.float64]
Statistics = dict[str, Values]
"""Named statistics of images, each (N, K)."""


def measure(model: Model, pixels: NDArray[np.uint8], *, seed: int = NOISE_SEED) -> Statistics:
    """Measure images (N, C, H, W), each alone and with one draw of dequantisation noise.

    Parameters
    ----------
    model : Model
        Model of images of this size.
    pixels : ndarray of uint8, (N, C, H, W)
    seed : int
        Seed of the noise; images that start at number n use ``(seed, n)``.

    Returns
    -------
    dict of ndarray (N, K)
        In bits/dim: ``nll``; its share of each block of 4 x 4 pixels, ``blocks``; ``complexity``, the size
        of the image as PNG. Of flows also ``latent``, the density of z alone; ``levels``, what each level
        adds to the nll (`ForwardPass.parts`); with topics ``topic``, the density of z under the most probable
        one. Of the pixels alone, ``pixels``: means of the same blocks.
    """
    found: dict[str, list[Tensor]] = {}
    for first in range(0, len(pixels), BATCH):
        x = dequantise(pixels[first : first + BATCH], np.random.default_rng([seed, first])).to(model.device)
        with torch.inference_mode():
            for name, value in _of_batch(model, x).items():
                found.setdefault(name, []).append(value.cpu().double())
    bits = {
        # what overflows float32 is as improbable as can be
        name: np.nan_to_num(torch.cat(some).numpy() / math.log(2), nan=HUGE, posinf=HUGE, neginf=-HUGE)
        for name, some in found.items()
    }
    means = avg_pool2d(torch.from_numpy(pixels).float(), BLOCK).flatten(1).double().numpy()
    return bits | {"complexity": _png_bits(pixels)[:, None], "pixels": means}


def _of_batch(model: Model, x: Tensor) -> dict[str, Tensor]:
    """Statistics (B, K) of a batch, in nats/dim."""
    seen = ForwardPass(model, x, torch.ones_like(x[:, :1], dtype=torch.bool))
    if not isinstance(model, FractalFlowModel):
        nll, found = seen.nll, {}
    else:
        parts = seen.parts.unflatten(1, (-1, x.shape[1]))
        nll = parts.sum((1, 2))[:, None]
        found = {"levels": parts.mean((2, 3, 4)), "latent": -seen.prior.flatten(1).mean(1, keepdim=True)}
        if not isinstance(model.prior, GaussianPrior):
            evidence = seen.evidence.flatten(2).sum(2).amax(1, keepdim=True)
            found["topic"] = -evidence / model.size
    blocks = avg_pool2d(nll, BLOCK).flatten(1) / x.shape[1]
    return found | {"nll": blocks.mean(1, keepdim=True), "blocks": blocks}


def _png_bits(pixels: NDArray[np.uint8]) -> Values:
    """Size of each image as PNG in bits/dim, (N,)."""
    sizes = []
    for image in pixels.transpose(0, 2, 3, 1):
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, "png", optimize=True)
        sizes.append(8 * len(file.getvalue()) / image.size)
    return np.array(sizes)


CalibratedScore = Callable[[Values], Values]
"""Takes statistics (N, K) to how unusual the images are, (N,)."""


def as_it_is(normal: Values) -> CalibratedScore:
    """The statistic itself: only large values are unusual."""
    return lambda values: values[:, 0]


def either_side(normal: Values) -> CalibratedScore:
    """Largest deviation from the median of normal images, on either side, in deviations of that side."""
    low, middle, high = np.quantile(normal, SIDES, axis=0)
    above, below = (np.maximum(side, 1e-9) / 2 for side in (high - middle, middle - low))

    def deviation(values: Values) -> Values:
        offset = values - middle
        worst: Values = np.where(offset > 0, offset / above, -offset / below).max(1)
        return worst

    return deviation


def density(normal: Values) -> CalibratedScore:
    """Squared Mahalanobis distance: minus twice the log-density of one Gaussian, but for a constant."""
    mean, std = normal.mean(0), np.maximum(normal.std(0), 1e-9)

    def deviations(values: Values) -> Values:
        return np.clip((values - mean) / std, -MOST, MOST)

    covariance = np.atleast_2d(np.cov(deviations(normal), rowvar=False))
    precision = np.linalg.inv(covariance + RIDGE * np.eye(len(mean)))

    def deviation(values: Values) -> Values:
        away = deviations(values)
        distance: Values = np.einsum("ni,ij,nj->n", away, precision, away)
        return distance

    return deviation


@dataclass(frozen=True)
class ImageScore:
    """Score by which images that a model was not trained on are told from its own.

    Attributes
    ----------
    name : str
    title : str
        What it is, in a few words.
    takes : tuple of str
        Names of the statistics it joins; with ``-`` before it, one is subtracted from the others.
    fit : callable
        Fits the score to statistics of held-out training images.
    is_baseline : bool
        Whether it does without the model.
    """

    name: str
    title: str
    takes: tuple[str, ...]
    fit: Callable[[Values], CalibratedScore]
    is_baseline: bool = False

    def values(self, statistics: Statistics) -> Values:
        """Statistics (N, K) that it judges."""
        if any(name.startswith("-") for name in self.takes):
            return sum(
                (-statistics[n[1:]] if n.startswith("-") else statistics[n] for n in self.takes),
                np.zeros(1),
            )
        return np.concatenate([statistics[name] for name in self.takes], axis=1)

    def fitted(self, normal: Statistics) -> Callable[[Statistics], Values]:
        """Score of images, made from held-out training images."""
        deviation = self.fit(self.values(normal))
        return lambda statistics: deviation(self.values(statistics))


SCORES = (
    # Bishop 1994
    ImageScore("nll", "negative log-density", ("nll",), as_it_is),
    # Nalisnick et al. 2019
    ImageScore("typicality", "the same, two-sided", ("nll",), either_side),
    # Kirichenko, Izmailov & Wilson 2020
    ImageScore("latent", "density of the latent, two-sided", ("latent",), either_side),
    # Schirrmeister et al. 2020
    ImageScore("levels", "most deviating level", ("levels",), either_side),
    # Serra et al., Input complexity and out-of-distribution detection with likelihood-based models, 2020
    ImageScore("ratio", "log-density over that of PNG", ("nll", "-complexity"), as_it_is),
    # Zhang & Ma 2025, Eq. 4 and 9
    ImageScore("topic", "density under the best topic, two-sided", ("topic",), either_side),
    # Morningstar et al., Density of states estimation for out-of-distribution detection, 2021
    ImageScore("density-of-states", "density of the levels' statistics", ("levels",), density),
    # the same idea with the map of the density as the statistic
    ImageScore("blocks", "density of the map of 64 blocks", ("blocks",), density),
    ImageScore(
        "combined", "density of blocks, levels, PNG size", ("blocks", "levels", "complexity"), density
    ),
    ImageScore("PNG size", "bits of the image as PNG, two-sided", ("complexity",), either_side, True),
    ImageScore("block means", "Gaussian density of pixels' block means", ("pixels",), density, True),
)
"""All scores and, last, baselines that have no model."""


def scores_for(statistics: Statistics) -> list[ImageScore]:
    """Scores whose statistics a model has."""
    return [one for one in SCORES if {name.removeprefix("-") for name in one.takes} <= statistics.keys()]
