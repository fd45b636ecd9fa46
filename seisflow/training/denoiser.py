"""Learning to take noise off training patches, for the patches that a model generates."""

import math
import time
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from seisflow import progress
from seisflow.errors import TrainingError
from seisflow.models.denoiser import Denoiser

RATE = 1e-3
"""Largest learning rate."""
WARM = 100
"""Steps over which it grows."""
FINAL_RATE = 0.02
"""Learning rate at the end, as a part of the largest."""
CENTRE, SPREAD = -0.9, 1.6
"""Mean and standard deviation of the logarithm of the levels of noise."""
DECAY = 0.998
"""Decay of the averaged weights, which are kept."""
MOST_LEVEL = 50.0
BAD_STEPS = 20
"""Steps in a row without a finite loss after which learning gives up."""
INPUTS = "x", "mask", "depth"
"""Parts of a training patch that it takes."""


class Patches(Protocol):
    """Training patches by number, as of `seisflow.patches.PatchDataset`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, Tensor]: ...


def learn_denoiser(
    network: Denoiser,
    patches: Patches,
    *,
    batch: int,
    steps: int,
    seed: int,
    rate: float = RATE,
    seconds: float | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    report: progress.Report = progress.silent,
) -> Denoiser:
    r"""Train a network to take white noise of any level off training patches; return its averaged weights.

    The loss is :math:`(1 + \sigma^{-2}) (D(x + \sigma n, \sigma) - x)^2`, over valid samples, with
    :math:`\ln \sigma` normal: at every level, the network has to tell about as much (Karras et al., 2022).

    Parameters
    ----------
    network : Denoiser
        As it starts; its weights change.
    patches : sequence of mappings
        Each with the scaled patch ``x`` (1, H, W), its ``mask`` and its ``depth`` (2,).
    batch : int
        Patches of a step.
    steps : int
    seed : int
        Of the noise.
    rate : float
        Largest learning rate.
    seconds : float, optional
        Time after which it ends; the learning rate falls towards the nearer end.
    device : torch.device or str
    dtype : torch.dtype
        Precision of the network.
    report : callable
        Takes steps done and steps in all, or percents of the time.
    """
    began = time.monotonic()
    network.to(device).compute_in(dtype)
    average = torch.optim.swa_utils.AveragedModel(
        network, avg_fn=lambda mean, value, n: mean.lerp(value, 1 - min(DECAY, (int(n) + 1) / (int(n) + 10)))
    )
    optimiser = torch.optim.AdamW(network.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)
    generator, bad = torch.Generator().manual_seed(seed), 0
    for step in range(steps):
        done = step / steps
        if seconds is not None:
            done = max(done, (time.monotonic() - began) / seconds)
        if done >= 1:
            break
        report(round(1000 * done), 1000)
        for group in optimiser.param_groups:
            falling = FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done))
            group["lr"] = rate * min((step + 1) / WARM, 1) * falling
        items = [patches[(step * batch + k) % len(patches)] for k in range(batch)]
        x, mask, depth = (torch.stack([item[name] for item in items]).to(device) for name in INPUTS)
        loss = denoising_loss(network, x, mask, depth, generator)
        optimiser.zero_grad()
        loss.backward()
        finite = bool(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0).isfinite())
        bad = 0 if finite else bad + 1
        if bad == BAD_STEPS:
            raise TrainingError(
                f"learning to refine, step {step}: {bad} steps in a row had a loss that is not finite. "
                "Expected a finite one: look at the amplitudes with `seisflow scan`"
            )
        if finite:
            optimiser.step()
            average.update_parameters(network)
    report(1000, 1000)
    learned = average.module
    assert isinstance(learned, Denoiser)
    learned.compute_in(torch.float32)
    return learned.cpu().eval()


def denoising_loss(
    network: Denoiser, x: Tensor, mask: Tensor, depth: Tensor, generator: torch.Generator
) -> Tensor:
    """Loss of a batch of scaled patches (B, 1, H, W) with their masks, at depths (B, 2); a scalar."""
    # a level from each part of their distribution, so that no batch is all clean or all noise
    place = (torch.arange(len(x)) + torch.rand(len(x), generator=generator)) / len(x)
    sigma = (CENTRE + SPREAD * torch.special.ndtri(place)).exp().clamp(max=MOST_LEVEL).to(x)
    noise = torch.randn(x.shape, generator=generator).to(x)
    found = network(x + sigma[:, None, None, None] * noise, sigma, depth)
    error = ((found - x).square() * mask).sum((1, 2, 3))
    return ((1 + sigma**-2) * error).sum() / mask.sum().clamp(min=1)
