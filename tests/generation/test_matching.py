"""Generated patches are as strong as training patches, and have their spectra."""

import copy
import logging

import numpy as np
import pytest
import torch

from seisflow.generation.batches import BATCH, IDLE, generate_batches
from seisflow.generation.matching import (
    HIGHER,
    STRONGER,
    lowered,
    match_samples,
    training_range,
)
from seisflow.generation.sections import generate
from seisflow.generation.spectra import match_spectra, mean_spectrum
from seisflow.models import load_model
from seisflow.models.card_check import check_card
from seisflow.models.sample_matching import SampleMatching

SHAPE = (48, 32)


@pytest.fixture
def model(tiny_run):
    return load_model(tiny_run)


def noise(n, power, seed=0):
    """Noise (n, 1, H, W) of unit variance whose spectra fall with frequency by a power."""
    white = np.random.default_rng(seed).normal(size=(n, 1, *SHAPE))
    f, k = (np.abs(np.fft.fftfreq(size)) + 0.05 for size in SHAPE)
    coloured = np.fft.ifft2(np.fft.fft2(white) * np.outer(f, k) ** -power).real
    return (coloured / coloured.std()).astype(np.float32)


def test_the_filter_is_that_of_a_patch_continued_symmetrically():
    rng = np.random.default_rng(0)
    gains = [rng.uniform(0.2, 3, size).round(4) for size in SHAPE]
    matching = SampleMatching(rms=(0.5, 2), peak=9, time_gain=gains[0].tolist(), trace_gain=gains[1].tolist())
    x = noise(3, 0.3)
    found = matching.filter(x)
    height, width = SHAPE
    continued = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (0, height), (0, width)), mode="symmetric")
    # the gain at Nyquist, where a symmetric signal has nothing, is as good as any
    full = [np.concatenate((g, [0.0], g[:0:-1])) for g in gains]
    expected = np.fft.ifft2(np.fft.fft2(continued) * np.outer(*full)).real[..., :height, :width]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32


def test_spectra_of_draws_become_those_of_training_patches():
    drawn, training, others = noise(200, 0.6, seed=1), noise(200, 0.1, seed=2), noise(200, 0.6, seed=3)
    matching = match_spectra(training_range(training), drawn, training)
    for axis in (1, 2):
        wanted = mean_spectrum(training[:, 0], axis)

        def beside(x, axis=axis, wanted=wanted):
            return np.abs(20 * np.log10(mean_spectrum(x[:, 0], axis) / wanted)).max()

        assert beside(others) > 4
        assert beside(matching.filter(others)) < 0.6  # decibels


def test_what_is_weaker_or_stronger_than_any_training_patch_is_not_kept():
    training = noise(20, 0.3) * np.linspace(0.5, 2, 20, dtype=np.float32)[:, None, None, None]
    training[3] = 0  # a mute has no least root mean square
    matching = training_range(training)
    rms = np.sqrt((training**2).mean((1, 2, 3)))
    assert matching.rms == pytest.approx((rms[rms > 0].min() / STRONGER, rms.max() * STRONGER), rel=1e-5)
    assert matching.peak == pytest.approx(HIGHER * np.abs(training).max(), rel=1e-5)
    assert matching.keeps(training).tolist() == [rms[i] > 0 for i in range(20)]
    odd = training[[5] * 5].copy()
    odd[0] *= 100
    odd[1] *= 0.01
    odd[2, 0, 3, 3] = 1.01 * matching.peak
    odd[3, 0, 3, 3] = np.nan
    odd[4] = np.inf
    assert not matching.keeps(odd).any()


def test_a_model_that_is_weak_on_the_whole_keeps_its_draws_and_is_made_as_strong():
    training, drawn = noise(100, 0.3, seed=4), 0.4 * noise(100, 0.3, seed=5)
    matching = training_range(training)
    assert not matching.keeps(drawn).any()
    drawn[7] *= 0.1  # weak even among these
    weaker = lowered(matching, drawn, training)
    assert weaker.keeps(drawn).tolist() == [i != 7 for i in range(100)]
    filtered = match_spectra(weaker, drawn[weaker.keeps(drawn)], training).filter(drawn)
    assert np.median(filtered.std((1, 2, 3))) == pytest.approx(1, rel=0.1)


def test_training_leaves_samples_with_the_spectra_of_its_patches(model):
    matched, exact = (generate(model, 200, seed=8, exact=one)["amplitude"].values for one in (False, True))
    matching = model.card.sample_matching
    assert len(matching.time_gain) == len(matching.trace_gain) == 32
    std = model.card.scaling.std
    assert np.sqrt((exact**2).mean((1, 2))).max() / std > matching.rms[1]  # some are left out
    drawn = np.concatenate(list(generate_batches(model, 200, seed=8)))[:, 0] * std
    np.testing.assert_allclose(drawn.transpose(0, 2, 1), matched - model.card.scaling.mean, rtol=1e-4, atol=1)


def with_samples(model, x):
    """The model, which draws these patches in every batch, and a matching that filters nothing."""
    changed = copy.copy(model)
    ones = [1.0] * 32
    changed.card = model.card.model_copy(
        update={
            "sample_matching": SampleMatching(rms=(0.5, 2), peak=9, time_gain=ones, trace_gain=ones),
        }
    )
    changed.sample = lambda n, **_: torch.as_tensor(x[:n])
    return changed


def test_draws_that_are_too_strong_are_left_out_and_told(model, caplog):
    x = np.random.default_rng(0).normal(size=(BATCH, 1, 32, 32)).astype(np.float32)
    x[1::2] *= 40
    other = with_samples(model, x)
    with caplog.at_level(logging.INFO, "seisflow"):
        batches = list(generate_batches(other, 100))
    assert [len(one) for one in batches] == [64, 36]
    np.testing.assert_allclose(batches[0], x[::2], atol=1e-5)
    assert f"128 of {2 * BATCH} draws left out" in caplog.text
    np.testing.assert_array_equal(np.concatenate(list(generate_batches(other, 100, exact=True))), x[:100])


def test_where_none_is_as_strong_as_training_patches_all_are_kept_and_that_is_told(model, caplog):
    x = np.full((BATCH, 1, 32, 32), 100, np.float32)
    with caplog.at_level(logging.WARNING, "seisflow"):
        (found,) = generate_batches(with_samples(model, x), 3)
    np.testing.assert_allclose(found, x[:3], rtol=1e-5)
    assert "all are kept" in caplog.text
    assert IDLE < 20  # it ends in seconds


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_colder_and_hotter_draws_are_not_selected(model, temperature):
    x = np.full((BATCH, 1, 32, 32), 100, np.float32)
    (found,) = generate_batches(with_samples(model, x), 3, temperature=temperature)
    np.testing.assert_allclose(found, x[:3], rtol=1e-5)


def test_a_model_whose_draws_are_all_too_strong_gets_no_filter(model):
    training = 0.001 * noise(20, 0.3)[:, :, :32]
    matching = match_samples(model, training, seconds=0.0)
    assert set(matching.time_gain) == {1.0}


def test_a_matching_of_another_size_is_refused(model):
    check_card(model.card)
    matching = model.card.sample_matching.model_copy(update={"time_gain": [1.0] * 31})
    with pytest.raises(ValueError, match=r"sample_matching: 31 and 32 gains for \(32, 32\)"):
        check_card(model.card.model_copy(update={"sample_matching": matching}))
