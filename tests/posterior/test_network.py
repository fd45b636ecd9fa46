"""The network sees known samples alone, scales with amplitudes, and its parts agree with numpy."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from seisflow.posterior.learning import ranked_probability_score
from seisflow.posterior.network import Infill, interpolated
from seisflow.posterior.predict import TOGETHER, WINDOW, around, predict


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
