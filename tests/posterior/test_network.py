"""The network sees known samples alone, scales with amplitudes, and its parts agree with numpy."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from seisflow.models.infill import Infill, interpolated
from seisflow.posterior.examples import Piece
from seisflow.posterior.kriging import NUGGET, _weights, covariance, krige
from seisflow.posterior.learning import ranked_probability_score
from seisflow.posterior.predict import TOGETHER, WINDOW, around, predict
from seisflow.posterior.stacking import Stacking, stacked


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = Infill(8)
    torch.nn.init.normal_(made.leave.weight, std=0.05)
    return made.eval()


def test_prediction_is_unmoved_by_what_is_hidden(network):
    x = torch.randn(1, 1, 32, 32)
    known = torch.rand(1, 1, 1, 32) > 0.4
    known = known.expand(1, 1, 32, 32)
    mean, std = network(x, known)
    other = torch.where(known, x, 100.0)
    assert torch.equal(network(other, known)[0], mean)
    assert (std > 0).all()


def test_interpolation_agrees_with_numpy():
    rng = np.random.default_rng(1)
    x, known = rng.standard_normal((5, 20)), rng.random((5, 20)) > 0.5
    known[:, 4] = True
    place = np.arange(20)
    expected = [np.interp(place, place[live], row[live]) for row, live in zip(x, known, strict=True)]
    found = interpolated(torch.tensor(np.where(known, x, 0))[None, None], torch.tensor(known)[None, None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("x", "mean", "std"), [(0.3, 0.0, 1.0), (-2.0, 0.5, 0.3), (1.0, 1.0, 2.0)])
def test_ranked_probability_score_is_its_integral(x, mean, std):
    below = quad(lambda y: norm.cdf(y, mean, std) ** 2, mean - 12 * std, x)[0]
    above = quad(lambda y: norm.sf(y, mean, std) ** 2, x, mean + 12 * std)[0]
    found = ranked_probability_score(*(torch.tensor(v, dtype=torch.float64) for v in (x, mean, std)))
    assert float(found) == pytest.approx(below + above, abs=1e-7)


def test_a_part_of_a_panel_is_predicted_as_in_the_whole(network):
    traces = WINDOW * TOGETHER * 2
    rng = np.random.default_rng(2)
    values = rng.standard_normal((24, traces)).astype(np.float32)
    hidden = rng.random(traces) < 0.3
    known = np.ones_like(values, dtype=bool) & ~hidden
    whole = predict(network, values, known, hidden)
    own = slice(200, 260)
    part = around(own, traces)
    assert part.stop - part.start < traces
    found = predict(network, values[:, part], known[:, part], hidden[part], first=part.start, traces=traces)
    for one, other in zip(whole, found, strict=True):
        np.testing.assert_array_equal(
            one[:, own][:, hidden[own]], other[:, 200 - part.start : 260 - part.start][:, hidden[own]]
        )


def plane_waves(traces, seed):
    """Dipping noise, band-limited in time, whose neighbours are alike; (T, X)."""
    rng = np.random.default_rng(seed)
    white = gaussian_filter(rng.standard_normal((128 + 2 * traces, 1)), (2, 0))[:, 0]
    return np.stack([white[x : x + 128] for x in range(traces)], axis=1).astype(np.float32)


def test_kriging_agrees_with_the_conditional_mean_of_a_gaussian():
    """One window, one frequency: weights are those of the covariance matrix itself."""
    lags = np.arange(WINDOW)
    model = np.exp(-((lags / 6.0) ** 2) + 0.3j * lags)[None]
    there = np.ones(20, bool)
    there[[4, 11, 12]] = False
    lag = np.arange(20)[:, None] - np.arange(20)
    whole = np.exp(-((lag / 6.0) ** 2) + 0.3j * lag)
    own = whole[np.ix_(there, there)] + NUGGET * np.eye(17)
    expected = whole[np.ix_(~there, there)] @ np.linalg.inv(own)
    np.testing.assert_allclose(_weights(model, there, ~there)[0], expected, atol=1e-8)


def test_kriging_follows_dips_that_interpolation_does_not():
    values = plane_waves(96, 0)
    everything = np.ones(values.shape, bool)
    model = covariance([Piece(plane_waves(96, 1), everything, everything)])
    hidden = np.arange(96) % 3 == 1
    known = everything & ~hidden
    found = krige(model, np.where(known, values, 0), known, hidden)
    error = (found - values)[:, hidden].std() / values.std()
    linear = interpolated(torch.tensor(values * known)[None, None], torch.tensor(known)[None, None])
    assert error < 0.5 * float((linear[0, 0].numpy() - values)[:, hidden].std() / values.std())


def test_stacking_takes_the_better_prediction_of_each_band():
    rng = np.random.default_rng(5)
    truth = rng.standard_normal((256, 40)).astype(np.float32)
    low, high = (gaussian_filter(rng.standard_normal(truth.shape), (s, 0)) for s in (6, 0))
    one, other = truth + low.astype(np.float32), truth + high.astype(np.float32)
    stacking = Stacking()
    stacking.add(truth, one, other)
    weights = stacking.weights()
    assert weights[0] > 0.0
    assert weights[-1] < 0.05
    error = [np.square(x - truth).mean() for x in (one, other, stacked(one, other, weights))]
    assert error[2] <= min(error) + 1e-6
