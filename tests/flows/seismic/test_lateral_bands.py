"""Bands of lateral wavenumbers against scipy."""

import numpy as np
import pytest
import torch
from scipy.fft import dct, idct

from seisflow.flows import (
    ActNorm,
    Chain,
    LateralBands,
)
from seisflow.flows.seismic.cosine import dct_matrix

DOUBLE = torch.float64


def coloured(items, channels, height, width):
    """Noise with a mean and a band-limited spectrum."""
    torch.manual_seed(0)
    decay = torch.exp(-torch.arange(height, dtype=DOUBLE) / 2)[:, None]
    return 3 + dct_matrix(height).T @ (decay * torch.randn(items, channels, height, width, dtype=DOUBLE))


@pytest.mark.parametrize("count", [2, 4])
def test_bands_are_parts_of_the_lateral_spectrum_as_scipy_finds_it(count):
    x = coloured(2, 1, 4, 8).numpy()
    bands = LateralBands(Chain([]), 8, count).double().split(torch.from_numpy(x)).numpy()
    parts = np.split(dct(x, axis=3, norm="ortho"), count, axis=3)
    expected = np.concatenate([idct(part, axis=3, norm="ortho") for part in parts], axis=1)
    np.testing.assert_allclose(bands, expected, atol=1e-12)


def test_what_a_band_adds_to_the_log_det_lies_at_its_traces():
    flow = LateralBands(ActNorm(2), 8, 2).double()
    flow.inner.log_scale.data[:] = torch.rand(2, 1, 1, dtype=DOUBLE)
    scale = torch.zeros(1, 2, 1, 4, dtype=DOUBLE)
    scale[..., 1] = 1.0
    flow.inner.forward_elementwise = lambda x: (x, scale)
    share = flow.forward_elementwise(torch.zeros(1, 1, 1, 8, dtype=DOUBLE))[1]
    torch.testing.assert_close(share[0, 0, 0], torch.tensor([0, 0, 1, 1, 0, 0, 0, 0], dtype=DOUBLE))
