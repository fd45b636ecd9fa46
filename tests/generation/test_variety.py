"""Levels and spectra of draws vary as those of training patches do."""

import numpy as np
import pytest

from seisflow.generation.batches import generate_batches, with_powers
from seisflow.generation.matching import match_powers, training_range
from seisflow.generation.spectra import dither_noise, match_spectra, mean_spectrum
from seisflow.generation.variety import bounds_of, can_vary, fit_variety, powers, varied
from seisflow.models import load_model
from seisflow.models.card_check import check_card
from seisflow.models.sample_matching import SampleMatching

SHAPE = (64, 32)
DITHER = 0.2


def patches(n, seed, *, strength=0.0, deep=0.0, smooth=1.0):
    """White noise, smoothed in time: of varying strength, falling with time in strong ones."""
    rng = np.random.default_rng(seed)
    f = np.fft.rfftfreq(SHAPE[0])[:, None]
    x = np.fft.irfft(np.fft.rfft(rng.normal(size=(n, *SHAPE)), axis=1) * np.exp(-smooth * 10 * f), axis=1)
    level = rng.normal(size=n)
    fall = np.exp(-deep * level[:, None] * np.linspace(0, 1, SHAPE[0]))
    x *= np.exp(strength * level)[:, None, None] * fall[:, :, None] / x.std()
    return x[:, None].astype(np.float32)


def all_powers(x):
    return np.concatenate(powers(x[:, 0], bounds_of(*x.shape[2:])), 1)


def test_powers_of_white_noise_are_its_variance_and_a_cosine_has_its_in_one_band():
    x = 3 * np.random.default_rng(0).normal(size=(400, *SHAPE))
    bounds = bounds_of(*SHAPE)
    for one, some in zip(powers(x, bounds), bounds, strict=True):
        assert one.shape == (400, len(some) - 1)
        np.testing.assert_allclose(np.exp(one).mean(0), 9, rtol=0.1)
    t = np.arange(SHAPE[0])[:, None]
    (_, frequency, wavenumber) = powers(np.cos(2 * np.pi * t * 21 / SHAPE[0]) * np.ones((1, *SHAPE)), bounds)
    assert frequency.argmax() == 20 // (SHAPE[0] // 2 // frequency.shape[1])  # bin 0 belongs to no band
    assert (np.sort(frequency[0])[:-2] < frequency.max() - 5).all()
    assert wavenumber.argmax() == 0


def test_draws_get_the_mean_spread_and_correlation_of_the_powers_of_training_patches():
    training = patches(300, 1, strength=0.5, deep=1.0, smooth=2.0)
    training += dither_noise(training.shape, DITHER, (9,))
    drawn, others = (patches(200, seed, strength=0.1) for seed in (2, 3))
    matching = match_powers(training_range(training), drawn, training, DITHER)
    assert matching.variety is not None
    made = with_powers(matching, others, (4,))
    found, wanted = all_powers(made), all_powers(training)
    np.testing.assert_allclose(found.mean(0), wanted.mean(0), atol=0.25)
    np.testing.assert_allclose(found.std(0), wanted.std(0), rtol=0.35)
    alike = np.corrcoef(found.T) - np.corrcoef(wanted.T)
    assert np.sqrt(np.square(alike).mean()) < 0.12
    spectra = [mean_spectrum(x[:, 0], 1) for x in (made, training)]
    np.testing.assert_allclose(*spectra, rtol=0.2)
    # a filter alone has none of it
    filtered = all_powers(match_spectra(training_range(training), drawn, training).filter(others))
    assert (filtered.std(0)[[0, 1, 6, 7]] < 0.5 * wanted.std(0)[[0, 1, 6, 7]]).all()
    assert np.sqrt(np.square(np.corrcoef(filtered.T) - np.corrcoef(wanted.T)).mean()) > 0.24


def test_what_is_dither_in_training_patches_is_dither_in_draws():
    training = patches(120, 1, smooth=4.0) + dither_noise((120, 1, *SHAPE), DITHER, (9,))
    drawn = patches(120, 2, smooth=1.0)
    matching = match_powers(training_range(training), drawn, training, DITHER)
    found = with_powers(matching, drawn, (4,))
    weakest = powers(found[:, 0], bounds_of(*SHAPE))[1][:, -1]
    np.testing.assert_allclose(np.exp(weakest).mean(), DITHER**2 / 12, rtol=0.1)
    assert weakest.std() == pytest.approx(powers(training[:, 0], bounds_of(*SHAPE))[1][:, -1].std(), rel=0.3)


def test_a_draw_is_the_same_among_others_and_another_seed_has_other_dither():
    training, drawn = patches(120, 1, strength=0.5), patches(120, 2)
    variety = fit_variety(drawn, training, DITHER)
    ones = [[1.0] * size for size in SHAPE]
    matching = training_range(training).model_copy(
        update={"variety": variety, "time_gain": ones[0], "trace_gain": ones[1]}
    )
    few, many = (with_powers(matching, drawn[:n], (1,)) for n in (3, 20))
    np.testing.assert_array_equal(few, many[:3])
    other = with_powers(matching, drawn[:3], (2,))
    assert 0.1 * DITHER < (other - few).std() < DITHER
    assert (few.shape, few.dtype) == ((3, 1, *SHAPE), np.float32)


def test_powers_stay_within_those_of_training_patches_however_strong_a_draw_is():
    training, drawn = patches(120, 1, strength=0.3), patches(120, 2, strength=0.1)
    variety = fit_variety(drawn, training, 0.0)
    wild = np.concatenate((1e3 * drawn[:4], 0 * drawn[:4]))
    wild = varied(wild, variety, np.zeros_like(wild))
    assert np.isfinite(wild).all()
    assert all_powers(wild[:4]).max() < all_powers(training).max() + 1


@pytest.mark.parametrize(
    ("shape", "count", "enough"),
    [((64, 32), 52, True), ((64, 32), 51, False), ((7, 32), 500, False), ((64, 3), 500, False)],
)
def test_variety_needs_patches_enough_and_large_enough(shape, count, enough):
    x = np.ones((count, 1, *shape), np.float32)
    assert can_vary(x, x) == enough
    assert can_vary(x, x[:10]) is False
    matching = match_powers(training_range(x), x, x, 0.1)
    assert (matching.variety is not None) == enough


def test_a_variety_of_another_size_is_refused(tiny_run):
    model = load_model(tiny_run)
    variety = model.card.sample_matching.variety
    check_card(model.card)
    for changes, wrong in (
        ({"drawn": variety.drawn[:-1]}, r"\.drawn: not 18 x 17"),
        ({"training": [row[1:] for row in variety.training]}, r"\.training: not 18 x 17"),
        ({"matrix": variety.matrix[1:]}, r"\.matrix: not 18 x 18"),
        ({"time_gain": variety.time_gain[1:]}, r"\.time_gain: 31 values for 32 samples"),
        ({"bounds": (variety.bounds[0], variety.bounds[1], [0, 18])}, r"\.bounds: \[0, 18\] for 17"),
        ({"bounds": (variety.bounds[0], [3, 3], [0, 17])}, r"\.bounds: \[3, 3\] for 17"),
        ({"drawn": [row[::-1] for row in variety.drawn]}, ": not ascending"),
    ):
        matching = model.card.sample_matching.model_copy(
            update={"variety": variety.model_copy(update=changes)}
        )
        with pytest.raises(ValueError, match=f"sample_matching.variety{wrong}"):
            check_card(model.card.model_copy(update={"sample_matching": matching}))


def test_colder_draws_are_weaker_than_training_patches_hotter_ones_stronger(tiny_run):
    model = load_model(tiny_run)
    assert model.card.sample_matching.variety is not None
    cold, hot = (
        np.median(np.concatenate(list(generate_batches(model, 64, temperature=one))).std((1, 2, 3)))
        for one in (0.3, 2.0)
    )
    assert hot > 3 * cold
    model.card.sample_matching = model.card.sample_matching.model_copy(update={"variety": None})
    alone = np.concatenate(list(generate_batches(model, 64, temperature=0.3)))
    assert np.median(alone.std((1, 2, 3))) == cold


def test_a_variety_of_an_older_version_has_the_bounds_of_then(tiny_run):
    card = load_model(tiny_run).card
    stored = card.sample_matching.model_dump()
    assert SampleMatching(**stored) == card.sample_matching
    del stored["variety"]["bounds"]
    bounds = SampleMatching(**stored).variety.bounds  # of a patch of 32 by 32
    assert bounds == ([0, 8, 16, 24, 32], [1, 5, 9, 13, 17], [1, 3, 5, 7, 9, 11, 13, 15, 17])


@pytest.mark.parametrize("shape", [(256, 64), (64, 64), (76, 51), (8, 4), (1024, 300)])
def test_parts_and_bands_cover_a_patch_without_gaps(shape):
    for bounds, first, end in zip(
        bounds_of(*shape), (0, 1, 0), (shape[0], shape[0] // 2 + 1, shape[1] // 2 + 1), strict=True
    ):
        assert (bounds[0], bounds[-1]) == (first, end)
        assert (np.diff(bounds) > 0).all()
