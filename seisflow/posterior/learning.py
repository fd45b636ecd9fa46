"""Learning to fill: hide known traces of a section and predict them."""

import math
from collections.abc import Callable, Sequence

import torch
from numpy.typing import NDArray
from torch import Tensor

from seisflow import progress
from seisflow.models.infill import Infill
from seisflow.posterior.examples import Examples, Piece
from seisflow.subnets.precision import has_bf16

BATCH = 6
RATE = 2e-3
"""Largest learning rate."""
WARM = 20
"""Steps over which it grows."""


Score = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Takes samples, predicted means and standard deviations to what each costs."""


def learn(
    network: Infill,
    panels: Sequence[Piece],
    *,
    steps: int,
    seed: int,
    rate: float = RATE,
    score: Score | None = None,
    report: progress.Report = progress.silent,
) -> list[float]:
    """Train a network, in place, on the known samples of some panels; return the loss of each step.

    The loss is, unless another is given, the continuous ranked probability score of hidden samples, which is
    least where mean and spread are both right.

    Parameters
    ----------
    network : Infill
    panels : sequence of Piece
    steps : int
    seed : int
    rate : float
        Largest learning rate.
    score : callable, optional
        Another loss.
    report : callable
        Takes steps done and steps in all.
    """
    examples = Examples(panels, seed)
    device = next(network.parameters()).device
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-3)
    losses: list[float] = []
    for step in range(steps):
        for group in optimiser.param_groups:
            decay = 0.5 * (1 + math.cos(math.pi * step / steps))
            group["lr"] = rate * min((step + 1) / WARM, 1) * decay
        arrays: tuple[NDArray, ...] = examples.batch(BATCH)
        values, shown, hidden = (torch.from_numpy(array).to(device) for array in arrays)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device.type)):
            mean, std = network(values, shown)
        loss = (score or ranked_probability_score)(values[hidden], mean[hidden], std[hidden]).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        report(step + 1, steps)
    network.eval()
    return losses


def ranked_probability_score(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    r"""Continuous ranked probability score of Gaussians, in the units of ``x``.

    .. math:: \sigma\left[z\,(2\Phi(z) - 1) + 2\varphi(z) - \pi^{-1/2}\right], \quad z = (x - \mu) / \sigma

    References
    ----------
    Gneiting et al., *Calibrated probabilistic forecasting using ensemble model output statistics*, 2005.
    """
    z = (x - mean) / std
    density = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    return std * (z * torch.erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))
