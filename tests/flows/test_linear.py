"""Invertible 1x1 maps begin with the matrix they are given, or a rotation."""

import torch

from seisflow.flows import (
    Invertible1x1,
)

DOUBLE = torch.float64


def test_invertible_1x1_starts_as_a_rotation():
    weight = Invertible1x1(6)(torch.eye(6)[:, :, None, None])[0][:, :, 0, 0]
    torch.testing.assert_close(weight @ weight.T, torch.eye(6), rtol=0, atol=1e-5)


def test_invertible_1x1_starts_as_the_matrix_it_is_given():
    start = torch.randn(6, 6, dtype=DOUBLE) + 6 * torch.eye(6, dtype=DOUBLE)
    columns = Invertible1x1(6, start).double()(torch.eye(6, dtype=DOUBLE)[:, :, None, None])[0][:, :, 0, 0]
    torch.testing.assert_close(columns.T, start, rtol=0, atol=1e-5)
