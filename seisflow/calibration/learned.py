"""A small network that tells disturbed samples from others by how their features deviate."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

Maps = NDArray[np.float32]

WIDTH = 64
"""Width of the two hidden layers."""
LARGEST = 15.0
"""Deviations beyond which features count no more."""
EPOCHS, BATCH = 15, 4096
RATE, DECAY, DROPPED, WARMUP = 3e-3, 0.05, 0.2, 50
"""Rate and decay of AdamW; the share of features left out of a sample; steps over which the rate rises."""
LEAST_STD = 0.1
"""Inputs that hardly vary are not taken for more than these."""
CHUNK = 2**12
"""Samples whose features are taken at a time: always as many, so that each is rounded alike in any panel."""


class Learned(BaseModel):
    r"""Logit that a sample is disturbed, given how its features deviate.

    .. math:: \ell = w_3^\top \rho(W_2\, \rho(W_1 u + b_1) + b_2) + b_3, \qquad
        u_k = \operatorname{sign}(a_k) \ln(1 + |a_k|)

    with deviations a and :math:`\rho(x) = \max(x, 0)`. Learned from as many disturbed samples as others, it
    estimates the logarithm of the ratio of their densities.

    Attributes
    ----------
    inputs : int
        Number of features.
    examples : int
        Disturbed panels that it has learned from.
    weights : str
        Matrices and biases, one after the other, as little-endian float16 in base64.
    """

    model_config = ConfigDict(frozen=True)

    inputs: int = Field(ge=1)
    examples: int
    weights: str

    @model_validator(mode="after")
    def _is_whole(self) -> Learned:
        try:
            values = np.frombuffer(base64.b64decode(self.weights, validate=True), "<f2")
        except ValueError as error:
            raise ValueError(f"weights: {error}. Expected float16 in base64") from None
        expected = sum((inside + 1) * outside for inside, outside in pairwise(_sizes(self.inputs)))
        if len(values) != expected or not np.isfinite(values).all():
            raise ValueError(
                f"weights: {len(values)} values for {self.inputs} inputs. Expected {expected}, finite"
            )
        return self

    def __call__(self, inputs: Sequence[Maps]) -> Maps:
        """Map of the logit, of maps of `squashed` deviations, all of one shape; NaN where the first is."""
        first = inputs[0]
        out = np.full(first.size, np.nan, np.float32)
        known = np.flatnonzero(np.isfinite(first))
        *hidden, (last, offset) = self._layers()
        h: Maps
        for start in range(0, known.size, CHUNK):
            some = known[start : start + CHUNK]
            h = np.zeros((self.inputs, CHUNK), np.float32)
            for row, one in zip(h, inputs, strict=True):
                row[: some.size] = one.ravel()[some]
            for matrix, bias in hidden:
                h = np.maximum(matrix @ h + bias[:, None], 0)
            out[some] = (last[0][:, None] * h).sum(0)[: some.size] + offset
        return out.reshape(first.shape)

    def _layers(self) -> list[tuple[Maps, Maps]]:
        values = np.frombuffer(base64.b64decode(self.weights), "<f2").astype(np.float32)
        layers, place = [], 0
        for inside, outside in pairwise(_sizes(self.inputs)):
            matrix = values[place : place + inside * outside].reshape(outside, inside)
            place += inside * outside
            layers.append((matrix, values[place : place + outside]))
            place += outside
        return layers


def learn(
    inputs: NDArray[np.floating], disturbed: NDArray[np.bool_], examples: int = 1, seed: int = 0
) -> Learned:
    """Learn from samples.

    Parameters
    ----------
    inputs : ndarray (N, F)
        `squashed` deviations.
    disturbed : ndarray (N,) of bool
    examples : int
        Panels that they are of.
    seed : int
        Same seed, same network, on one machine.
    """
    x = torch.from_numpy(inputs.astype(np.float32))
    y = torch.from_numpy(disturbed.astype(np.float32))
    mean, std = x.mean(0), x.std(0, correction=0).clamp(min=LEAST_STD)
    x = (x - mean) / std
    drawn = torch.Generator().manual_seed(seed)
    network = _network(x.shape[1], drawn)
    steps = max(EPOCHS * len(x) // BATCH, 1)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rate(steps))
    for _ in range(steps):
        some = torch.randint(len(x), (BATCH,), generator=drawn)
        kept = torch.rand(BATCH, x.shape[1], generator=drawn) >= DROPPED
        logit = network(x[some] * kept / (1 - DROPPED))[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logit, y[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return Learned(inputs=x.shape[1], examples=examples, weights=_packed(network, mean, std))


def squashed(deviations: Maps) -> Maps:
    """Deviations whose size counts as its logarithm; 0 where they are not finite."""
    finite = np.clip(np.nan_to_num(deviations, posinf=LARGEST, neginf=-LARGEST), -LARGEST, LARGEST)
    small: Maps = np.copysign(np.log(1 + np.abs(finite)), finite)  # log1p is slower
    return small


def _sizes(inputs: int) -> tuple[int, ...]:
    return inputs, WIDTH, WIDTH, 1


def _network(inputs: int, drawn: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(_sizes(inputs)):
        linear = nn.Linear(inside, outside)
        bound = inside**-0.5
        for values in linear.parameters():
            nn.init.uniform_(values, -bound, bound, generator=drawn)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _rate(steps: int) -> Callable[[int], float]:
    return lambda step: min((step + 1) / WARMUP, 1) * (1 - step / steps)


def _packed(network: nn.Sequential, mean: Tensor, std: Tensor) -> str:
    """Weights with the standardisation of the inputs taken into the first layer."""
    parts: list[Tensor] = []
    for number, layer in enumerate(one for one in network if isinstance(one, nn.Linear)):
        matrix, bias = layer.weight.detach(), layer.bias.detach()
        if number == 0:
            bias = bias - matrix @ (mean / std)
            matrix = matrix / std
        parts += [matrix.ravel(), bias]
    return base64.b64encode(torch.cat(parts).numpy().astype("<f2").tobytes()).decode()
