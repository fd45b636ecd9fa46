"""Affine couplings follow their formula, within their bound."""

import pytest
import torch
from torch import nn

from seisflow.flows import (
    AffineCoupling,
)
from seisflow.flows.coupling import split_sizes

DOUBLE = torch.float64


def test_coupling_follows_its_formula_within_its_bound():
    """z = x exp(s) + t, not x exp(s + t) as Eq. 10 of the paper has it; |s| is at most the bound."""
    torch.manual_seed(0)
    subnet = nn.Conv2d(2, 4, 1).double()
    flow = AffineCoupling(subnet, 4, bound=1.5)
    x = 10 * torch.randn(50, 4, 3, 3, dtype=DOUBLE)
    z, share = flow.forward_elementwise(x)
    raw, shift = subnet(x[:, :2]).chunk(2, 1)
    scale = 1.5 * torch.tanh(raw / 1.5)
    assert torch.equal(z[:, :2], x[:, :2])
    torch.testing.assert_close(z[:, 2:], x[:, 2:] * scale.exp() + shift)
    torch.testing.assert_close(share, torch.cat([torch.zeros_like(scale), scale], 1))
    assert 1.4 < float(share.detach().abs().max()) <= 1.5


@pytest.mark.parametrize(
    ("channels", "swap", "sizes"), [(4, False, (2, 2)), (5, False, (3, 2)), (5, True, (2, 3))]
)
def test_the_conditioning_part_is_the_larger_one(channels, swap, sizes):
    assert split_sizes(channels, swap) == sizes
