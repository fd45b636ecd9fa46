"""Cosine transforms as matrices, against scipy."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from seisflow.config import FlowConfig
from seisflow.flows.seismic.cosine import dct_matrix, local_cosine_matrix
from seisflow.flows.squeeze import squeeze
from seisflow.models import build_fractal_flow

DOUBLE = torch.float64


@pytest.mark.parametrize("n", [1, 2, 5, 64, 256])
def test_dct_matrix_is_orthonormal(n):
    matrix = dct_matrix(n)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(n, dtype=DOUBLE), rtol=0, atol=1e-12)


def test_local_cosine_matrix_transforms_every_neighbourhood_as_scipy_does():
    x = torch.randn(1, 2, 8, 6, dtype=DOUBLE)
    channels = squeeze(x, (4, 3))
    z = torch.einsum("ij,bjhw->bihw", local_cosine_matrix(2, (4, 3)), channels)
    expected = dctn(x[0, 1, 4:8, 3:6].numpy(), norm="ortho")
    np.testing.assert_allclose(z[0, 12:, 1, 1].reshape(4, 3).numpy(), expected, atol=1e-12)


def test_cosine_start_leaves_an_untrained_step_where_it_was():
    model = build_fractal_flow((1, 16, 8), FlowConfig(levels=2, couplings=3, squeeze=(4, 2), input="none"))
    x = torch.randn(3, 1, 16, 8)
    torch.testing.assert_close(model.encode(x)[0], x, rtol=0, atol=1e-5)
