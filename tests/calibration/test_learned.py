"""Network that tells disturbed samples from others."""

import base64

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit
from scipy.stats import spearmanr

from seisflow.calibration import learned as module
from seisflow.calibration.learned import CHUNK, LARGEST, WIDTH, Learned, learn, squashed

SHIFT = np.array([1.5, -1.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def samples():
    """Gaussian deviations, of which every second one is displaced by SHIFT; and which are."""
    rng = np.random.default_rng(0)
    disturbed = rng.random(40_000) < 0.5
    return rng.normal(size=(40_000, 4)) + disturbed[:, None] * SHIFT, disturbed


@pytest.fixture(scope="module")
def learned(samples):
    deviations, disturbed = samples
    return learn(squashed(deviations.astype(np.float32)), disturbed)


def as_maps(deviations, width):
    return [squashed(one.reshape(-1, width).astype(np.float32)) for one in deviations.T]


def test_the_logit_is_the_log_ratio_of_the_densities(samples, monkeypatch):
    monkeypatch.setattr(module, "DROPPED", 0.0)  # what is left out makes it less sure
    monkeypatch.setattr(module, "EPOCHS", 40)
    learned = learn(squashed(samples[0].astype(np.float32)), samples[1])
    fresh = np.random.default_rng(1).normal(size=(6000, 4))
    exact = fresh @ SHIFT - 0.5 * SHIFT @ SHIFT
    found = learned(as_maps(fresh, 60)).ravel()
    assert spearmanr(exact, found).statistic > 0.97
    assert np.abs(expit(exact) - expit(found)).mean() < 0.03


def test_the_map_is_that_of_its_weights_in_double_precision(learned):
    deviations = np.random.default_rng(2).normal(size=(300, 4), scale=3)
    values = np.frombuffer(base64.b64decode(learned.weights), "<f2").astype(float)
    sizes = [(WIDTH, 4), (WIDTH, WIDTH), (1, WIDTH)]
    h = np.sign(deviations) * np.log1p(np.abs(deviations))
    for number, (outside, inside) in enumerate(sizes):
        matrix, bias, values = np.split(values, [outside * inside, outside * inside + outside])
        h = h @ matrix.reshape(outside, inside).T + bias
        h = h if number == 2 else np.maximum(h, 0)
    assert values.size == 0
    np.testing.assert_allclose(learned(as_maps(deviations, 10)).ravel(), h[:, 0], rtol=1e-4, atol=1e-4)


def test_a_sample_is_rounded_alike_in_any_panel(learned):
    deviations = np.random.default_rng(3).normal(size=(3 * CHUNK, 4))
    whole = learned(as_maps(deviations, CHUNK))
    part = learned([one[:, 100:333] for one in as_maps(deviations, CHUNK)])
    np.testing.assert_array_equal(part, whole[:, 100:333])


def test_unknown_samples_stay_unknown_and_change_no_others(learned):
    maps = as_maps(np.random.default_rng(4).normal(size=(600, 4)), 30)
    plain = learned(maps)
    maps[0][3:6] = np.nan
    found = learned(maps)
    assert np.isnan(found[3:6]).all()
    known = np.isfinite(found)
    np.testing.assert_array_equal(found[known], plain[known])


def test_what_is_learned_depends_on_the_seed_alone(samples):
    inputs, disturbed = squashed(samples[0][:5000].astype(np.float32)), samples[1][:5000]
    assert learn(inputs, disturbed) == learn(inputs, disturbed)
    assert learn(inputs, disturbed) != learn(inputs, disturbed, seed=1)


@pytest.mark.parametrize(
    "changes",
    [{"weights": "AAAA"}, {"weights": "no base64"}, {"weights": "AAA="}, {"inputs": 5}, {"inputs": 0}],
    ids=str,
)
def test_weights_that_do_not_fit_are_refused(learned, changes):
    with pytest.raises(ValidationError, match=r"weights|inputs"):
        Learned.model_validate(learned.model_dump() | changes)


def test_weights_that_are_not_finite_are_refused(learned):
    broken = np.frombuffer(base64.b64decode(learned.weights), "<f2").copy()
    broken[7] = np.nan
    with pytest.raises(ValidationError, match="finite"):
        Learned.model_validate(
            learned.model_dump() | {"weights": base64.b64encode(broken.tobytes()).decode()}
        )


def test_inputs_that_never_vary_do_no_harm(samples):
    deviations = samples[0].copy()
    deviations[:, 3] = 2.0
    learned = learn(squashed(deviations.astype(np.float32)), samples[1])
    fresh = np.random.default_rng(5).normal(size=(400, 4))
    fresh[:, 3] = -40
    assert np.abs(learned(as_maps(fresh, 20))).max() < 60


def test_squashed_deviations_are_finite_and_keep_their_order():
    values = np.array([-np.inf, -100, -1, 0, np.nan, 1, 100, np.inf], np.float32)
    found = squashed(values)
    assert found[4] == 0
    assert (np.diff(found[[0, 1, 2, 3, 5, 6, 7]]) >= 0).all()
    assert found.max() == pytest.approx(np.log1p(LARGEST)) == -found.min()
