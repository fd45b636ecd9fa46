"""Power by band and autocorrelation at a lag, against numpy; a tile sees what the whole panel does."""

import numpy as np
import pytest

from seisflow.calibration.smoothing import smooth
from seisflow.scores.base import FLOOR
from seisflow.scores.spectrum import (
    BALANCED,
    BAND_FEATURES,
    ECHO_WINDOW,
    EDGES,
    LAGS,
    SMEAR,
    SMEARED,
    WHITE,
    echo,
    hum,
    with_spectrum,
)


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=(400, 150)).astype(np.float32)


@pytest.fixture
def everything(noise):
    return np.ones(noise.shape, bool)


@pytest.mark.parametrize("number", range(len(BAND_FEATURES)))
def test_a_sine_has_its_power_in_its_band_alone(number, everything):
    share = EDGES[number : number + 2].mean()  # of Nyquist
    sine = np.sin(np.pi * share * np.arange(400))[:, None] * np.ones((1, 150))
    maps = with_spectrum(sine[None].astype(np.float32), everything)
    powers = [feature(maps, everything)[200, 75] for feature in BAND_FEATURES]
    assert powers[number] == pytest.approx(np.log(0.5 + 1e-3), abs=0.02)
    assert max(powers[:number] + powers[number + 1 :]) < np.log(0.01)


def test_bands_share_out_all_power_between_their_limits(noise, everything):
    maps = with_spectrum(noise[None], everything)
    apart = sum(float(feature.of(maps).sum()) for feature in BAND_FEATURES)
    share = np.arange(1025) / 1024
    kept = np.fft.rfft(noise, 2048, axis=0) * ((share > EDGES[0]) & (share < EDGES[-1]))[:, None]
    whole = float((np.fft.irfft(kept, axis=0)[:400] ** 2).sum())
    assert apart == pytest.approx(whole, rel=0.1)  # squares lose what adjoining bands have in common
    assert apart / float((noise**2).sum()) == pytest.approx(EDGES[-1] - EDGES[0], rel=0.1)


def test_beside_a_mask_the_section_is_balanced_by_what_is_known(noise, everything):
    mask = everything.copy()
    mask[:57] = mask[200:230, 60:140] = mask[395:] = False
    balanced = with_spectrum(noise[None], mask)[BALANCED]
    exact = np.where(mask, noise, 0) / np.sqrt(np.nan_to_num(smooth(noise**2, mask, ECHO_WINDOW)) + FLOOR)
    np.testing.assert_array_equal(balanced[~mask], 0)
    assert 0.9 < (balanced[mask] / exact[mask]).min() <= (balanced[mask] / exact[mask]).max() < 1.1


def test_an_echo_is_found_at_its_lag(noise, everything):
    lag = LAGS[6]
    later = noise.copy()
    later[lag:] += 0.5 * noise[:-lag]
    found = {}
    for name, x in (("alone", noise), ("echoed", later)):
        maps = with_spectrum(x[None], everything)
        found[name] = [float(echo(each)(maps)[100:].mean()) for each in LAGS]
    gained = np.subtract(found["echoed"], found["alone"])
    assert gained.argmax() == 6
    # Correlation of x + x'/2 with x/2, times the smearing window at its middle, less the trend that 0.02 of
    # Nyquist and below would be.
    smeared = 0.5 / (1 + 0.5**2) / (np.sqrt(2 * np.pi) * SMEAR)
    assert gained[6] == pytest.approx(smeared, rel=0.25)


def test_whitening_makes_an_echo_stand_out_of_what_layers_share(everything):
    """Through a filter that rings at 24 samples, other lags look as much like an echo as that of 54."""
    rng = np.random.default_rng(3)
    share = np.arange(256) / 256
    response = 0.05 + np.exp(-0.5 * ((share - 1 / 12) / 0.02) ** 2)
    size = 1024
    gain = np.interp(np.linspace(0, 1, size // 2 + 1), share, response)[:, None]
    ringing = np.fft.irfft(np.fft.rfft(rng.normal(size=(size, 150)), axis=0) * gain, size, axis=0)[:400]
    echoed = ringing.copy()
    echoed[54:] -= 0.4 * ringing[:-54]
    autocorrelation = {}
    for name, gains in (("as it is", None), ("whitened", (1 / response).astype(np.float32))):
        maps = with_spectrum(echoed[None].astype(np.float32), everything, gains)
        autocorrelation[name] = np.array([float(echo(lag)(maps)[120:].mean()) for lag in LAGS])
    others = np.arange(len(LAGS)) != list(LAGS).index(54)
    stands_out = {
        name: -each[~others][0] / np.abs(each[others]).max() for name, each in autocorrelation.items()
    }
    assert stands_out["whitened"] > 2
    assert 0 < stands_out["as it is"] < 1.5


def test_gains_take_a_spectrum_away(everything):
    rng = np.random.default_rng(2)
    share = np.arange(256) / 256
    power = 0.02 + np.exp(-0.5 * ((share - 0.3) / 0.1) ** 2)
    gain = np.sqrt(np.interp(np.linspace(0, 1, 201), share, power))[:, None]
    coloured = np.fft.irfft(np.fft.rfft(rng.normal(size=(400, 150)), axis=0) * gain, 400, axis=0)
    maps = with_spectrum(coloured[None].astype(np.float32), everything, (power**-0.5).astype(np.float32))
    spectrum = (np.abs(np.fft.rfft(maps[WHITE], axis=0)) ** 2).mean(1)[10:150].reshape(7, 20).mean(1)
    assert spectrum.max() / spectrum.min() < 1.3


def test_the_autocorrelation_is_that_of_numpy(noise, everything):
    maps = with_spectrum(noise[None], everything)
    kernel = np.ones(1)
    for length in (5, 7, 7):
        kernel = np.convolve(kernel, np.ones(length) / length)
    times = np.arange(len(kernel)) - len(kernel) // 2
    assert np.sqrt((kernel * times**2).sum()) == pytest.approx(SMEAR, rel=0.1)
    column = np.convolve(maps[WHITE][:, 3], kernel, mode="same")
    inside = slice(10, -10)  # at the ends each of the three means lacks what the one before has moved out
    np.testing.assert_allclose(maps[SMEARED][inside, 3], column[inside], atol=1e-5)
    np.testing.assert_allclose(echo(42)(maps)[52:, 3], maps[WHITE][52:, 3] * column[10:-42], atol=1e-5)
    assert not echo(42)(maps)[:42].any()


def test_a_hum_keeps_coming_back(noise, everything):
    sine = 0.5 * np.sin(2 * np.pi * np.arange(400) / 5)[:, None]
    quiet, loud = (
        hum(with_spectrum((noise + extra)[None].astype(np.float32), everything))[100:].mean()
        for extra in (0, sine)
    )
    assert abs(quiet) < 0.01
    assert loud == pytest.approx(0.125 / 1.125, rel=0.15)  # share of the power that is hum


def test_masked_samples_take_no_part(noise, everything):
    mask = everything.copy()
    mask[:, :20] = False
    wild = noise.copy()
    wild[:, :20] = 1e6
    clean, dirty = (with_spectrum(x[None], mask) for x in (noise, wild))
    np.testing.assert_array_equal(clean, dirty)
    assert not dirty[:, :, :20].any()
    assert np.isfinite(dirty).all()


def test_sections_shorter_than_a_lag_have_no_autocorrelation(noise):
    short = noise[:30]
    maps = with_spectrum(short[None], np.ones(short.shape, bool))
    assert not echo(LAGS[-1])(maps).any()
