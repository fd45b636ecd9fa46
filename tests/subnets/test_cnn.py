"""What the convolutional subnet does for speed leaves its values as they are."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seisflow.subnets.cnn import cnn

SIZES = [(1, 1), (1, 5), (6, 1), (2, 2), (7, 9), (8, 8), (16, 12)]


def plain(net, x):
    """The same layers by torch's own convolutions, in the layout of ``x``."""
    for layer in net:
        x = F.conv2d(x, layer.weight, layer.bias, padding=1) if isinstance(layer, nn.Conv2d) else F.relu(x)
    return x


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_and_gradients_are_those_of_padded_3_x_3_convolutions(size):
    net = cnn(3, 4, width=5, depth=2).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(6, 3, *size, dtype=torch.float64, requires_grad=True)
    found, expected = net(x), plain(net, x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    wanted, weights = [x, *net.parameters()], torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad(found, wanted, weights),
        torch.autograd.grad(expected, wanted, weights),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_the_output_keeps_the_layout_of_the_input():
    net = cnn(3, 4, width=5, depth=1)
    x = torch.randn(2, 3, 16, 16)
    assert net(x).is_contiguous()
    last = torch.channels_last
    assert net(x.contiguous(memory_format=last)).is_contiguous(memory_format=last)
