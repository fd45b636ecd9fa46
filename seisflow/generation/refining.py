r"""Draws of a flow, taken back into noise and out of it again by a network that knows how patches look.

A flow is told how probable a patch is, sample by sample, hardly whether its reflectors hang together. So a
draw x gets white noise, which is taken off again step by step, along the probability flow

.. math:: \frac{dy}{d\sigma} = \frac{y - D(y, \sigma)}{\sigma}, \qquad y(\sigma_1) = x + \sigma_1 n

with D the mean of a patch given one with noise (`seisflow.models.denoiser`). What stands out of noise of
level :math:`\sigma_1`, the strongest reflectors, stays where the flow has drawn it; all else is drawn anew.
Each draw gets the depth of a training patch, on which spectra depend; together they have all depths evenly.

References
----------
Meng et al., *SDEdit: guided image synthesis and editing with stochastic differential equations*, 2022. Karras
et al., *Elucidating the design space of diffusion-based generative models*, 2022: levels. Lu et al.,
*DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models*, 2022: steps.
"""

import math
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seisflow.models.denoiser import Denoiser
from seisflow.models.sample_matching import Refinement
from seisflow.subnets.precision import has_bf16

FIRST, LAST = 10.0, 0.01
"""Levels of the noise at the first and at the last step, in scaled units."""
STEPS = 14
"""Levels, whose logarithms are evenly spaced: of white noise 2 % of the strength is made too much."""
GOLDEN = (5**0.5 - 1) / 2
"""Step through depths: any number of multiples of it, less whole numbers, are spread evenly."""
TOGETHER = 8
"""Patches evaluated together."""

Patches = NDArray[np.float32]


def refine(
    patches: Patches, denoiser: Denoiser, refinement: Refinement, seed: tuple[int, ...]
) -> Iterator[Patches]:
    """Draw anew what noise hides of patches, some at a time.

    Parameters
    ----------
    patches : ndarray, (N, 1, H, W)
        Draws of the flow, in scaled units.
    denoiser : Denoiser
    refinement : Refinement
        Whose filter is not applied.
    seed : tuple of int
        Of noise and depths. Patch k is the same, however many follow it.
    """
    random = np.random.default_rng(seed)
    depths = _depths(refinement, len(patches) + TOGETHER, random)
    device = next(denoiser.parameters()).device
    for number, x in enumerate(torch.from_numpy(patches).split(TOGETHER)):
        noise = torch.from_numpy(random.standard_normal((TOGETHER, *x.shape[1:]), np.float32))
        depth = torch.from_numpy(depths[number * TOGETHER : (number + 1) * TOGETHER]).to(device)
        # always as many together: rounding depends on it
        start = FIRST * noise
        start[: len(x)] += x
        bf16 = torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device.type))
        with torch.inference_mode(), bf16:
            made = _without_noise(denoiser, start.to(device), depth).cpu()
        yield made[: len(x)].numpy()


def seconds_to_refine(height: int, width: int, count: int) -> float:
    """Estimate the time of refining so many patches on the CPU, by one evaluation of a denoiser."""
    denoiser, y = Denoiser().eval(), torch.zeros(TOGETHER, 1, height, width)
    sigma, depth = torch.ones(TOGETHER), torch.zeros(TOGETHER, 2)
    bf16 = torch.autocast("cpu", torch.bfloat16, enabled=has_bf16("cpu"))
    with torch.inference_mode(), bf16:
        denoiser(y, sigma, depth)  # the first one allocates
        began = time.monotonic()
        denoiser(y, sigma, depth)
    return (time.monotonic() - began) * STEPS * -(-count // TOGETHER)


def _depths(refinement: Refinement, count: int, random: np.random.Generator) -> Patches:
    """Depths of so many draws, (count, 2), evenly those of training patches, however many there are."""
    known = np.asarray(sorted(refinement.depths), np.float32)
    place = (random.random() + GOLDEN * np.arange(count)) % 1.0
    return known[(len(known) * place).astype(int)]


def levels() -> list[float]:
    """Levels of the noise from step to step; the last is 0."""
    return [*np.geomspace(FIRST, LAST, STEPS).tolist(), 0.0]


def _without_noise(denoiser: Denoiser, y: Tensor, depth: Tensor) -> Tensor:
    r"""Take noise of the first level off, by DPM-Solver++ of second order with two steps.

    With :math:`h = \ln(\sigma_k / \sigma_{k+1})`, the mean that a step takes is extrapolated from the last
    two,

    .. math:: y_{k+1} = \frac{\sigma_{k+1}}{\sigma_k} y_k + \left(1 - \frac{\sigma_{k+1}}{\sigma_k}\right)
        \left(D_k + \frac{h_k}{2 h_{k-1}} (D_k - D_{k-1})\right)

    so that each step evaluates the network once.
    """
    before, step_before = None, 1.0
    for level, following in pairwise(levels()):
        mean = denoiser(y, y.new_full((len(y),), level), depth)
        if not following:
            return mean
        step = math.log(level / following)
        ahead = mean if before is None else mean + step / (2 * step_before) * (mean - before)
        y = following / level * y + (1 - following / level) * ahead
        before, step_before = mean, step
    raise AssertionError("unreachable: the last level is none")
