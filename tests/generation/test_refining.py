"""Refined draws have the distribution that the denoiser knows, and only default draws are refined."""

import numpy as np
import pytest
import torch

from seisflow.generation.batches import generate_batches
from seisflow.generation.matching import match_refined, trace_correlation
from seisflow.generation.refining import FIRST, levels, refine
from seisflow.generation.sections import generate
from seisflow.models import load_model
from seisflow.models.denoiser import Denoiser
from seisflow.models.sample_matching import Refinement, SampleMatching

STD = 0.7
MATCHING = SampleMatching(rms=(0.1, 10), peak=99, time_gain=[1.0] * 32, trace_gain=[1.0] * 32)
REFINEMENT = Refinement(depths=[(0.0, 0.3), (0.5, 0.8)], matching=MATCHING)


class OfWhiteNoise(Denoiser):
    """Exact mean of white Gaussian data, of a standard deviation that the depth tells."""

    def forward(self, y, sigma, depth):
        power = (STD * (1 + (depth[:, 0] > 0.4))).square()
        return y * (power / (power + sigma.square()))[:, None, None, None]


def test_levels_fall_from_the_first_to_none():
    found = levels()
    assert found[0] == pytest.approx(FIRST)
    assert found[-1] == 0
    assert (np.diff(found) < 0).all()


def test_white_noise_of_any_strength_becomes_that_of_the_denoiser_at_its_depth():
    # the probability flow takes N(0, s^2 + FIRST^2) to N(0, s^2); draws of no strength hardly change that
    draws = np.zeros((64, 1, 32, 32), np.float32)
    found = np.concatenate(list(refine(draws, OfWhiteNoise(16), REFINEMENT, (3,))))
    strength = found.std((1, 2, 3))
    shallow = strength < 1.4 * STD
    assert shallow.sum() == 32  # half of the depths, evenly
    assert strength[shallow].mean() == pytest.approx(STD, rel=0.02)
    assert strength[~shallow].mean() == pytest.approx(2 * STD, rel=0.02)


def test_precision_and_gradients_of_who_takes_the_patches_stay_as_they_are():
    for _ in refine(np.zeros((9, 1, 32, 32), np.float32), OfWhiteNoise(16), REFINEMENT, (3,)):
        assert not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")


def test_what_stands_out_of_the_noise_stays():
    draws = np.zeros((8, 1, 32, 32), np.float32)
    draws[:, :, 16] = 20 * FIRST
    found = np.concatenate(list(refine(draws, OfWhiteNoise(16), REFINEMENT, (3,))))
    assert (np.abs(found).mean((1, 3)).argmax(1) == 16).all()


@pytest.fixture
def model(tiny_run):
    found = load_model(tiny_run)
    found.denoiser = OfWhiteNoise(16)
    found.card.refinement = REFINEMENT
    return found


def drawn(model, n, **options):
    return np.concatenate(list(generate_batches(model, n, **options)))


def test_the_first_patches_of_many_are_those_of_few(model):
    many = drawn(model, 140)
    np.testing.assert_array_equal(drawn(model, 3), many[:3])
    np.testing.assert_array_equal(drawn(model, 131), many[:131])
    assert not np.array_equal(drawn(model, 3, seed=1), many[:3])


def test_a_topic_a_temperature_and_exact_draws_are_not_refined(model, tiny_run):
    plain = load_model(tiny_run)
    assert not np.array_equal(drawn(model, 4), drawn(plain, 4))
    for options in ({"topic": 1}, {"temperature": 0.8}, {"exact": True}):
        np.testing.assert_array_equal(drawn(model, 4, **options), drawn(plain, 4, **options))
    assert generate(model, 1).attrs["refined"] == "yes"
    assert generate(model, 1, topic=1).attrs["refined"] == "no"


def test_draws_of_any_strength_are_scaled_into_the_range_none_is_left_out():
    draws = (
        np.ones((5, 1, 32, 32), np.float32) * np.array([1e-3, 1, 1e6, 1, 0], np.float32)[:, None, None, None]
    )
    draws[3, 0, 0, 0] = np.nan
    draws[1, 0, 0, 0] = 990
    found = MATCHING.scaled(draws)
    np.testing.assert_allclose(np.sqrt(np.square(found).mean((1, 2, 3)))[[0, 2]], MATCHING.rms, rtol=1e-5)
    assert np.abs(found[1]).max() <= MATCHING.peak * 1.00001
    assert not found[3:].any()


def test_refined_patches_are_filtered_to_the_spectra_of_training_patches(model):
    rng = np.random.default_rng(0)
    training = np.cumsum(rng.normal(size=(96, 1, 32, 32)), 2).astype(np.float32)
    training -= training.mean(2, keepdims=True)
    training /= training.std()
    match_refined(model, training, [torch.tensor([0.0, 0.3])] * 96)
    made = drawn(model, 96)
    for axis in (2, 3):
        spectra = [np.abs(np.fft.rfft(x, axis=axis)).mean((0, 1, 5 - axis)) for x in (made, training)]
        assert np.abs(np.log(spectra[0] / spectra[1]))[1:].mean() < 0.25


def test_traces_that_are_alike_correlate_and_noise_does_not():
    noise = np.random.default_rng(0).normal(size=(4, 1, 64, 32)).astype(np.float32)
    assert abs(trace_correlation(noise)) < 0.05
    assert trace_correlation(np.repeat(noise[..., :1], 32, 3)) == pytest.approx(31 / 32)
