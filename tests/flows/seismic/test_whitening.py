"""Spectral whitening against scipy's cosine transform."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from torch import nn

from seisflow.flows import (
    SpectralWhitening,
)
from seisflow.flows.seismic.cosine import dct_matrix

DOUBLE = torch.float64


def coloured(items, channels, height, width):
    """Noise with a mean and a band-limited spectrum."""
    torch.manual_seed(0)
    decay = torch.exp(-torch.arange(height, dtype=DOUBLE) / 2)[:, None]
    return 3 + dct_matrix(height).T @ (decay * torch.randn(items, channels, height, width, dtype=DOUBLE))


@pytest.mark.parametrize("shape", [(1, 8, 4), (3, 5, 7), (1, 32, 1)])
def test_whitening_scales_the_spectrum_that_scipy_finds(shape):
    torch.manual_seed(0)
    flow, x = SpectralWhitening(shape).double(), torch.randn(4, *shape, dtype=DOUBLE)
    nn.init.normal_(flow.log_scale)
    before, after = (dctn(v.detach().numpy(), axes=(2, 3), norm="ortho") for v in (x, flow(x)[0]))
    np.testing.assert_allclose(after, before * flow.log_scale.detach().exp().numpy(), rtol=0, atol=1e-10)


def test_whitening_leaves_its_batch_with_unit_spectrum():
    z = SpectralWhitening((2, 16, 4)).double().initialise(coloured(30, 2, 16, 4))
    spectrum = dctn(z.numpy(), axes=(2, 3), norm="ortho")
    np.testing.assert_allclose((spectrum**2).mean(0), 1, rtol=1e-8)


def test_whitening_along_time_leaves_the_coarsest_band_coloured_across_traces():
    x = coloured(30, 1, 16, 8)
    flow = SpectralWhitening((1, 16, 8), together=2).double()
    power = (dctn(flow.initialise(x).numpy(), axes=(2, 3), norm="ortho") ** 2).mean(0)
    np.testing.assert_allclose(power[..., :2].mean(-1), 1, rtol=1e-8)
    np.testing.assert_allclose(power[..., 2:], 1, rtol=1e-8)
    assert power[..., 0].max() > 1.1


def test_whitening_of_silent_wavenumbers_stays_finite():
    flow = SpectralWhitening((1, 8, 8))
    z = flow.initialise(torch.ones(4, 1, 8, 8))
    assert torch.isfinite(z).all()
    torch.testing.assert_close(flow.inverse(z)[0], torch.ones(4, 1, 8, 8))


@pytest.mark.parametrize("cast", [lambda flow: flow.double(), lambda flow: flow.float().double()])
def test_whitening_is_as_exact_as_its_precision(cast):
    flow = cast(SpectralWhitening((1, 64, 16)))
    x = torch.randn(2, 1, 64, 16, dtype=DOUBLE)
    torch.testing.assert_close(flow.inverse(flow(x)[0])[0], x, rtol=0, atol=1e-12)
    assert set(flow.state_dict()) == {"log_scale"}


def test_whitening_tells_what_whitens_a_trace():
    """One over the root of the power of the traces it was set from, here by numpy's Fourier transform."""
    rng = np.random.default_rng(0)
    share = np.linspace(0, 1, 257)
    power = 0.05 + np.exp(-0.5 * ((share - 0.3) / 0.1) ** 2)
    spectrum = np.fft.rfft(rng.normal(size=(200, 512, 8)), axis=1) * np.sqrt(power)[:, None]
    patches = np.fft.irfft(spectrum, 512, axis=1)[:, :256]
    whitening = SpectralWhitening((1, 256, 8))
    whitening.initialise(torch.tensor(patches[:, None], dtype=torch.float32))
    ratio = whitening.along_time().numpy()[8:] ** -2.0 / np.interp(np.arange(8, 256) / 256, share, power)
    np.testing.assert_allclose(ratio.reshape(31, 8).mean(1), 1, atol=0.15)
