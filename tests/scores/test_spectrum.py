"""Power by band and likeness at a lag, against numpy; and that a tile sees what the whole panel does."""

from itertools import pairwise

import numpy as np
import pytest

from seisflow.calibration import LONG, reach_of, smooth
from seisflow.scores.spectrum import BAND_FEATURES, EDGES, LAGS, band, echo, with_balanced


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
    maps = with_balanced(sine[None].astype(np.float32), everything)
    powers = [feature(maps, everything)[200, 75] for feature in BAND_FEATURES]
    assert powers[number] == pytest.approx(np.log(0.5 + 1e-3), abs=0.02)
    assert max(powers[:number] + powers[number + 1 :]) < np.log(0.01)


def test_bands_share_out_all_power_between_their_limits(noise, everything):
    maps = with_balanced(noise[None], everything)
    apart = sum(float(band(low, high)(maps).sum()) for low, high in pairwise(EDGES))
    whole = float(band(EDGES[0], EDGES[-1])(maps).sum())
    assert apart == pytest.approx(whole, rel=0.1)  # squares lose what adjoining bands have in common
    assert apart / float((noise**2).sum()) == pytest.approx(EDGES[-1] - EDGES[0], rel=0.1)


def test_an_echo_is_found_at_its_lag(noise, everything):
    lag = LAGS[6]
    later = noise.copy()
    later[lag:] += 0.5 * noise[:-lag]
    found = {}
    for name, x in (("alone", noise), ("echoed", later)):
        maps = with_balanced(x[None], everything)
        found[name] = [float(echo(each)(maps)[100:].mean()) for each in LAGS]
    gained = np.subtract(found["echoed"], found["alone"])
    assert gained.argmax() == 6
    smeared = 0.4 * 0.5 / (1 + 0.5**2)  # weight of the lag itself; correlation of x + x'/2 with x / 2
    assert gained[6] == pytest.approx(smeared, rel=0.25)


def test_the_likeness_is_that_of_numpy(noise, everything):
    maps = with_balanced(noise[None], everything)
    balanced, smeared = maps[-2], maps[-1]
    column = np.convolve(balanced[:, 3], _comb(), mode="same")
    np.testing.assert_allclose(smeared[:, 3], column, atol=1e-5)
    np.testing.assert_allclose(echo(40)(maps)[40:, 3], balanced[40:, 3] * column[:-40], atol=1e-5)
    assert not echo(40)(maps)[:40].any()


def test_masked_samples_take_no_part(noise, everything):
    mask = everything.copy()
    mask[:, :20] = False
    wild = noise.copy()
    wild[:, :20] = 1e6
    clean, dirty = (with_balanced(x[None], mask) for x in (noise, wild))
    np.testing.assert_array_equal(clean, dirty)
    assert not dirty[:, :, :20].any()
    assert np.isfinite(dirty).all()


def test_sections_shorter_than_a_lag_have_no_likeness(noise):
    short = noise[:30]
    maps = with_balanced(short[None], np.ones(short.shape, bool))
    assert not echo(LAGS[-1])(maps).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_a_long_window_is_nearly_a_gaussian(axis):
    spike = np.zeros((400, 400), np.float32)
    spike[200, 200] = 1
    window = (2.0 * LONG, 0.0)
    averaged = smooth(spike, np.ones(spike.shape, bool), (window[axis], window[1 - axis]))
    kernel = averaged[200] if axis else averaged[:, 200]
    reach = reach_of(window[0])
    assert kernel[200 - reach] > 0
    assert not kernel[: 200 - reach].any()
    times = np.arange(400) - 200
    exact = np.exp(-0.5 * (times / window[0]) ** 2) / (np.sqrt(2 * np.pi) * window[0])
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt((kernel * times**2).sum()) == pytest.approx(window[0], rel=0.02)
    # Three means give a quadratic spline, whose peak is 3/4 n, n = sqrt(4 s^2 + 1): 6 % below a Gaussian's.
    np.testing.assert_allclose(kernel, exact, atol=0.08 * exact.max())


def _comb():
    weights = np.exp(-0.5 * np.arange(-3, 4) ** 2)
    comb = np.zeros(31)
    comb[::5] = weights / weights.sum()
    return comb
