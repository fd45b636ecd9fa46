"""The paper's map of pixel values."""

import math

import torch

from seisflow.flows import (
    Arctanh,
)

DOUBLE = torch.float64


def test_arctanh_is_the_papers_map():
    x = torch.arange(257, dtype=DOUBLE).reshape(1, 1, 1, 257)
    z, share = Arctanh().forward_elementwise(x)
    torch.testing.assert_close(torch.tanh(z), (2 * x - 256) / 258)
    derivative = 2 / 258 / (1 - ((2 * x - 256) / 258) ** 2)
    torch.testing.assert_close(share, derivative.log())
    assert math.isclose(float(z[..., 0]), -float(z[..., 256]))
