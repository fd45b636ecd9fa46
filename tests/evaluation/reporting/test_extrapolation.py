"""The limit of a learning curve is that of the power law it follows, and none where it tells too little."""

import numpy as np
import pytest

from seisflow.evaluation.reporting.extrapolation import limit

STEPS = np.arange(500, 40001, 500)


def curve(noise=0.0):
    values = 1.7 + 12 * STEPS**-0.4 + noise * np.random.default_rng(0).standard_normal(len(STEPS))
    return list(zip(STEPS.tolist(), values.tolist(), strict=True))


def test_a_power_law_has_its_own_limit_and_no_error():
    found, error = limit(curve())
    assert found == pytest.approx(1.7, abs=1e-3)
    assert error < 1e-2


def test_noise_shows_in_the_error():
    found, error = limit(curve(noise=0.003))
    assert abs(found - 1.7) < 3 * error
    assert error > limit(curve())[1]


@pytest.mark.parametrize("points", [0, 3, 8])
def test_a_curve_of_a_few_points_has_none(points):
    assert limit(curve()[:points]) is None
