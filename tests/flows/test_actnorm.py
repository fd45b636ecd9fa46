"""Activation normalisation is initialised from data."""

import pytest
import torch
from torch import nn

from seisflow.flows import (
    ActNorm,
    AffineCoupling,
    Chain,
    FractalFlow,
)
from seisflow.flows.seismic.cosine import dct_matrix

DOUBLE = torch.float64


def coloured(items, channels, height, width):
    """Noise with a mean and a band-limited spectrum."""
    torch.manual_seed(0)
    decay = torch.exp(-torch.arange(height, dtype=DOUBLE) / 2)[:, None]
    return 3 + dct_matrix(height).T @ (decay * torch.randn(items, channels, height, width, dtype=DOUBLE))


def conv_steps(levels):
    return [Chain([ActNorm(2), AffineCoupling(nn.Conv2d(1, 2, 3, padding=1), 2)]) for _ in range(levels)]


@pytest.mark.parametrize("channels", [1, 3])
def test_actnorm_leaves_its_batch_with_zero_mean_and_unit_variance(channels):
    x = coloured(20, channels, 8, 4)
    flow = ActNorm(channels).double()
    z = flow.initialise(x)
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(channels, dtype=DOUBLE))
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(channels, dtype=DOUBLE))


def test_actnorm_of_a_constant_channel_stays_finite():
    z = ActNorm(1).initialise(torch.full((4, 1, 2, 2), 7.0))
    assert torch.isfinite(z).all()


def test_every_actnorm_of_a_fractal_flow_is_initialised_on_what_reaches_it():
    x = coloured(20, 2, 8, 8)
    flow = FractalFlow(conv_steps(3)).double()
    flow.initialise(x)
    seen = []
    for module in flow.modules():
        if isinstance(module, ActNorm):
            module.forward_elementwise = lambda x, inner=module.forward_elementwise: (
                seen.append(inner(x)),
                seen[-1],
            )[1]
    flow(x)
    assert len(seen) == 3
    for z, _ in seen:
        torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(2, dtype=DOUBLE))
