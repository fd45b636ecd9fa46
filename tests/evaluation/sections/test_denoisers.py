"""Ways of denoising that `seisflow denoise` is measured beside do what their authors say."""

import numpy as np
import pytest
import torch

from seisflow.evaluation.sections.bm3d import BLOCK, bm3d
from seisflow.evaluation.sections.deep_image_prior import Hourglass, deep_image_prior
from seisflow.evaluation.sections.denoising import psnr


@pytest.fixture(scope="module")
def clean():
    """Flat layers with a fault, (T, X)."""
    rng = np.random.default_rng(0)
    trace = np.convolve(rng.standard_normal(120), np.hanning(9), "same")
    x = np.repeat(trace[:, None], 96, axis=1)
    x[:, 50:] = np.roll(x[:, 50:], 7, axis=0)
    return x / x.std()


def test_bm3d_finds_layers_and_a_fault_under_noise(clean):
    noisy = clean + 0.5 * np.random.default_rng(1).standard_normal(clean.shape)
    found = bm3d(noisy, np.full((BLOCK, BLOCK), 0.25))
    assert psnr(clean, found) > psnr(clean, noisy) + 9  # a mean of 8 samples gains 9 dB without a fault
    assert psnr(clean[:, 44:56], found[:, 44:56]) > psnr(clean[:, 44:56], noisy[:, 44:56]) + 6


def test_bm3d_leaves_what_has_no_noise(clean):
    np.testing.assert_allclose(bm3d(clean, np.full((BLOCK, BLOCK), 1e-12)), clean, atol=1e-4)


def test_the_deep_image_prior_learns_layers_and_depends_on_its_seed_alone(clean):
    noisy = clean + 0.5 * np.random.default_rng(1).standard_normal(clean.shape)
    first, later = (deep_image_prior(noisy, steps) for steps in (5, 60))
    assert first.shape == clean.shape  # no multiple of what the network halves
    assert psnr(clean, later) > psnr(clean, first) + 2
    np.testing.assert_array_equal(deep_image_prior(noisy, 5), first)


def test_the_network_gives_back_the_grid_it_is_given():
    assert Hourglass()(torch.zeros(1, 16, 48, 32)).shape == (1, 1, 48, 32)
