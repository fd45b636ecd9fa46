"""Mixtures of logistics against scipy, and their inverse far out and between components."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from seisflow.flows.logistic_mixture import (
    logistic_to_normal,
    mixture_forward,
    mixture_inverse,
    normal_to_logistic,
)

DOUBLE = torch.float64


def mixture(items, components, dtype, scale=1.0):
    torch.manual_seed(0)
    logits, means, log_scales = 2 * torch.randn(3, items, components, 1, 1, 1, dtype=DOUBLE)
    return [part.to(dtype) for part in (logits, 3 * means, scale * log_scales)]


def test_mixture_follows_the_distribution_function_of_scipy():
    logits, means, log_scales = mixture(50, 3, DOUBLE, 0.5)
    y = torch.randn(50, 1, 1, 1, dtype=DOUBLE)
    z, log_slope = mixture_forward(y, logits, means, log_scales)
    weights, scales = logits.softmax(1).numpy(), log_scales.exp().numpy()
    cdf = (weights * stats.logistic.cdf(y[:, None].numpy(), means.numpy(), scales)).sum(1)
    density = (weights * stats.logistic.pdf(y[:, None].numpy(), means.numpy(), scales)).sum(1)
    np.testing.assert_allclose(torch.sigmoid(z), cdf, rtol=1e-10)
    np.testing.assert_allclose(log_slope.exp(), density / cdf / (1 - cdf), rtol=1e-8)


@pytest.mark.parametrize("centre", [0, -30, 30])
def test_mixture_inverse_solves_also_far_out(centre):
    """z of logistic tails and beyond, scales from e^-6 to e^6."""
    parts = mixture(400, 4, DOUBLE)
    z = centre + 5 * torch.randn(400, 1, 1, 1, dtype=DOUBLE)
    y, log_slope = mixture_inverse(z, *parts)
    back, share = mixture_forward(y, *parts)
    torch.testing.assert_close(back, z, rtol=1e-10, atol=1e-9)
    torch.testing.assert_close(log_slope, -share)
    single, _ = mixture_inverse(z.float(), *[part.float() for part in parts])
    assert torch.isfinite(single).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-12), (torch.float32, 1e-6)])
def test_a_logistic_variable_becomes_the_normal_one_of_scipy(dtype, tolerance):
    z = torch.linspace(-300, 300, 1201, dtype=DOUBLE)
    expected = -np.sign(z.numpy()) * special.ndtri_exp(stats.logistic.logsf(z.abs().numpy()))
    n, log_slope = logistic_to_normal(z.to(dtype))
    np.testing.assert_allclose(n.numpy(), expected, rtol=tolerance, atol=tolerance)
    slope = stats.logistic.logpdf(z) - stats.norm.logpdf(expected)
    np.testing.assert_allclose(log_slope.numpy(), slope, rtol=0, atol=1e3 * tolerance)
    back, share = normal_to_logistic(n)
    torch.testing.assert_close(back, z.to(dtype), rtol=10 * tolerance, atol=10 * tolerance)
    torch.testing.assert_close(share, -log_slope, rtol=0, atol=1e3 * tolerance)


def test_the_slope_to_a_normal_variable_is_that_of_autograd():
    z = torch.linspace(-80, 80, 41, dtype=DOUBLE, requires_grad=True)
    n, log_slope = logistic_to_normal(z)
    (slope,) = torch.autograd.grad(n.sum(), z)
    torch.testing.assert_close(slope.log(), log_slope, rtol=1e-10, atol=1e-10)
    step = torch.tensor(1e-5, dtype=DOUBLE)
    with torch.no_grad():
        difference = (logistic_to_normal(z + step)[0] - logistic_to_normal(z - step)[0]) / (2 * step)
    torch.testing.assert_close(difference, slope, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("log_scale", [-5.0, -7.0])
def test_mixture_inverse_is_finite_where_nothing_lies_between_components(dtype, log_scale):
    """Midway the distribution function is flat, the density too small for a number, and z exactly reached."""
    parts = torch.zeros(3, 2, 1), torch.tensor([[[-1.0], [1.0]]] * 3), torch.full((3, 2, 1), log_scale)
    z = torch.tensor([[0.0], [1e-8], [0.3]], dtype=dtype)
    y, log_slope = mixture_inverse(z, *(part.to(dtype) for part in parts))
    assert torch.isfinite(torch.cat((y, log_slope))).all()
    found, forward = mixture_forward(y.double(), *(part.double() for part in parts))
    torch.testing.assert_close(found, z.double(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(-forward, log_slope.double(), rtol=1e-4, atol=1e-4)


def test_mixture_inverse_leaves_the_cycles_of_newton():
    """A kink between a narrow component and wide ones: steps from either side undo each other."""
    parts = ([2.3, -1.3, -0.9, -3.2], [-4.46, -0.98, -0.94, -0.57], [0.26, -4.56, -2.51, -1.33])
    parts = [
        torch.tensor(part, dtype=DOUBLE).view(1, 4, 1, 1, 1).expand(400, -1, -1, -1, -1) for part in parts
    ]
    z = torch.linspace(1.5, 3, 400, dtype=DOUBLE).view(400, 1, 1, 1)
    y, _ = mixture_inverse(z, *parts)
    torch.testing.assert_close(mixture_forward(y, *parts)[0], z, rtol=0, atol=1e-10)
