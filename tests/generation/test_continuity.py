"""Reflectors of generated patches go on as far as those of training patches, and noise stays."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from seisflow.generation.batches import generate_batches
from seisflow.generation.continuity import fit_incoherent, make_continuous, whole_parts
from seisflow.generation.matching import levels, time_levels
from seisflow.models import load_model
from seisflow.models.card_check import check_card
from seisflow.models.sample_matching import Incoherent, SampleMatching
from seisflow.training import finish

HEIGHT, WIDTH = 64, 64


def reflectors(n, traces_each, seed, noise=0.0):
    """Band-limited reflectors (n, 1, H, W) of gentle dips, shifted by some samples every so many traces."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n, 4 * HEIGHT))
    wavelet = gaussian_filter1d(white, 1.5, axis=1) - gaussian_filter1d(white, 3, axis=1)
    trace, sample = np.arange(WIDTH), np.arange(HEIGHT)
    found = np.empty((n, 1, HEIGHT, WIDTH), np.float32)
    for k in range(n):
        jumps = rng.uniform(-2, 2, WIDTH // traces_each + 1)[trace // traces_each]
        times = sample[:, None] + 2 * HEIGHT + rng.uniform(-0.3, 0.3) * trace + jumps
        found[k, 0] = np.interp(times, np.arange(4 * HEIGHT), wavelet[k])
    found /= found.std()
    return found + noise * rng.standard_normal(found.shape).astype(np.float32)


def correlation(x, lag):
    """Correlation of traces so many apart, the median over patches."""
    pairs = np.stack([x[:, 0, :, lag:], x[:, 0, :, :-lag]])
    pairs = pairs - pairs.mean(2, keepdims=True)
    return np.median((pairs[0] * pairs[1]).mean((1, 2)) / np.sqrt((pairs**2).mean((2, 3)).prod(0)))


def test_reflectors_that_break_up_go_on_after():
    training, drawn = reflectors(64, WIDTH, 0), reflectors(64, 8, 1)
    before, wanted = correlation(drawn, 2), correlation(training, 2)
    assert before < wanted - 0.1
    incoherent = fit_incoherent(drawn, training)
    after = correlation(make_continuous(drawn, incoherent, (0,)), 2)
    assert after > before + 0.5 * (wanted - before)
    assert np.mean(incoherent.gain) < 0.5


def test_patches_as_continuous_as_training_patches_stay():
    training, drawn = (reflectors(64, 8, seed, noise=0.3) for seed in (0, 1))
    assert fit_incoherent(training, training) is None
    incoherent = fit_incoherent(drawn, training)
    if incoherent is not None:
        made = make_continuous(drawn, incoherent, (0,))
        assert np.square(made - drawn).mean() < 0.02 * np.square(drawn).mean()


def test_noise_stays_where_training_patches_have_as_much():
    def noise_of(x):  # of every trace less the mean of both beside it, above the band of reflectors
        rest = x[..., 1:-1] - (x[..., 2:] + x[..., :-2]) / 2
        return np.square(np.abs(np.fft.rfft(rest, axis=2)))[:, :, 24:].mean()

    training, drawn = reflectors(64, WIDTH, 0, noise=0.3), reflectors(64, 8, 1, noise=0.3)
    made = make_continuous(drawn, fit_incoherent(drawn, training), (0,))
    assert noise_of(made) == pytest.approx(noise_of(training), rel=0.25)
    assert correlation(made, 4) > correlation(drawn, 4) + 0.1


@pytest.mark.parametrize(
    ("drawn", "training"),
    [
        (np.ones((4, 1, 16, 8), np.float32), np.ones((4, 1, 16, 8), np.float32)),  # too few traces
        (np.ones((4, 3, 16, 32), np.float32), np.ones((4, 3, 16, 32), np.float32)),  # colours
        (reflectors(4, 8, 0), np.zeros((4, 1, HEIGHT, WIDTH), np.float32)),  # mutes alone
    ],
)
def test_nothing_is_fitted_where_there_is_nothing_to_fit(drawn, training):
    assert fit_incoherent(drawn, training) is None


def test_no_trace_is_stronger_for_having_been_kept():
    training, drawn = reflectors(64, WIDTH, 0, noise=0.5), reflectors(64, 8, 1, noise=1.0)
    made = make_continuous(drawn, fit_incoherent(drawn, training), (5,))
    first = np.random.default_rng((5,)).integers(8, size=64)
    power = np.square(made[:, 0]).mean(1) / np.square(made).mean((1, 2, 3))[:, None]
    phase = (np.arange(WIDTH) - first[:, None]) % 8
    strength = [power[phase == k].mean() for k in range(8)]
    assert max(strength) / min(strength) < 1.15


def test_patches_of_odd_sizes_keep_their_size():
    drawn, training = reflectors(16, 4, 1)[:, :, :50, :30], reflectors(16, WIDTH, 0)[:, :, :50, :30]
    incoherent = fit_incoherent(drawn, training)
    made = make_continuous(drawn, incoherent, (0,))
    assert made.shape == drawn.shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()


@pytest.fixture
def model(tiny_run):
    """The tiny flow, whose draws are made continuous whatever they are."""
    model = load_model(tiny_run)
    ones = [1.0] * 32
    incoherent = Incoherent(share=[0.1, 0.2, 0.3, 0.4, 0.5], gain=[[0.5] * 17] * 5, level=[1.0] * 8)
    matching = SampleMatching(
        rms=(1e-3, 1e3), peak=1e4, time_gain=ones, trace_gain=ones, level=ones, incoherent=incoherent
    )
    model.card = model.card.model_copy(update={"sample_matching": matching})
    return model


def test_a_patch_is_the_same_however_many_follow(model):
    few, many = (np.concatenate(list(generate_batches(model, n, seed=3))) for n in (3, 40))
    np.testing.assert_array_equal(few, many[:3])
    exact = next(generate_batches(model, 3, seed=3, exact=True))
    assert np.abs(few - exact).max() > 0.01
    assert whole_parts(3, 256, 64) == whole_parts(16, 256, 64) == 16
    assert whole_parts(3, 1024, 512) == 3


def test_batches_of_which_no_draw_is_kept_are_passed_over(model):
    exact = np.concatenate(list(generate_batches(model, 24, seed=3, batch=1, exact=True)))
    rms = np.sqrt(np.square(exact).mean((1, 2, 3)))
    matching = model.card.sample_matching.model_copy(update={"rms": (float(np.median(rms)), 1e3)})
    assert 8 < matching.keeps(exact).sum() < 16
    model.card = model.card.model_copy(update={"sample_matching": matching})
    assert len(np.concatenate(list(generate_batches(model, 8, seed=3, batch=1)))) == 8


def test_gains_of_another_size_are_refused(model):
    check_card(model.card)
    matching = model.card.sample_matching

    def refused(**changes):
        update = {"sample_matching": matching.model_copy(update=changes)}
        with pytest.raises(ValueError, match="sample_matching") as error:
            check_card(model.card.model_copy(update=update))
        return str(error.value)

    assert "31 values for 32 traces" in refused(level=[1.0] * 31)
    assert "33 values for 32 samples" in refused(time_level=[1.0] * 33)
    short = matching.incoherent.model_copy(update={"gain": [[0.5] * 16] * 5})
    assert "5 quantiles and 32 samples" in refused(incoherent=short)
    turned = matching.incoherent.model_copy(update={"share": [0.5, 0.4, 0.3, 0.2, 0.1]})
    assert "not ascending" in refused(incoherent=turned)


def test_traces_that_are_too_strong_are_levelled():
    drawn = np.random.default_rng(0).standard_normal((256, 1, 32, 24)).astype(np.float32)
    drawn[:, :, :, :3] *= 2
    found = levels(drawn)
    assert found[0] == pytest.approx(0.5, rel=0.05)
    assert found[12] == pytest.approx(1, rel=0.05)
    near = np.abs(drawn * np.asarray(found)).mean((0, 1, 2))
    assert near[0] == pytest.approx(near[12], rel=0.08)


def test_samples_vary_in_strength_with_time_as_those_of_training_patches():
    rng = np.random.default_rng(0)
    drawn, training = rng.standard_normal((2, 256, 1, 64, 16)).astype(np.float32)
    drawn[:, :, :16] *= 2
    training[:, :, 48:] *= 1.5
    made = drawn * np.asarray(time_levels(drawn, training), np.float32)[:, None]
    profile, wanted = (np.abs(x).mean((0, 1, 3)) for x in (made, training))
    inner = np.r_[2:12, 20:44, 52:62]  # factors are averages over four samples
    np.testing.assert_allclose((profile / wanted)[inner], (profile / wanted)[inner].mean(), rtol=0.1)


@pytest.mark.parametrize(
    ("left", "at_least", "at_most"), [(None, None, None), (100.0, 100, 200), (-9.0, 1, 50)]
)
def test_matching_has_the_time_that_is_left(model, monkeypatch, left, at_least, at_most):
    given = []

    def take(model, training, seconds):
        given.append(seconds)
        return SampleMatching(rms=(1, 2), peak=3, time_gain=[1.0] * 32, trace_gain=[1.0] * 32)

    monkeypatch.setattr(finish, "match_samples", take)
    patches = torch.randn(8, 1, 32, 32)
    data = SimpleNamespace(first=lambda n: patches[:n], patches=patches, record=SimpleNamespace(images=None))
    finish.match(model, data, left)
    (seconds,) = given
    assert seconds is None if left is None else at_least <= seconds <= at_most
