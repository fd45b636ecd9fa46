"""What is normal scores within a few; what is not, on either side, scores beyond."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from seisflow.calibration import LEVELS, MIN_SCALE, Calibration, calibrate, smooth

SMOOTHING = (4.0, 2.0)
DEPTH = np.linspace(0, 2000, 400)


def panels(n, seed=0, low=1.0, high=1.0):
    """Maps whose score is a Gaussian about a trend, or with other widths below and above it."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, len(DEPTH), 60))
    trend = 2 - DEPTH[:, None] / 1000
    return [(np.float32(trend + np.where(x > 0, high * x, low * x)), DEPTH) for x in noise]


def test_levels_are_those_of_two_standard_deviations_each_way():
    np.testing.assert_allclose(norm.ppf(LEVELS), [-2, -1, 0, 1, 2], atol=5e-3)


def test_normal_panels_deviate_as_a_standard_gaussian_at_every_depth():
    calibration = calibrate(panels(10), SMOOTHING)
    for values, depth in panels(3, seed=1):
        deviation = calibration.deviation(values, depth)
        assert deviation.dtype == np.float32
        for part in np.array_split(deviation, 4):
            assert abs(np.median(part)) < 0.1
            np.testing.assert_allclose(np.quantile(part, [0.0228, 0.9772]), [-2, 2], atol=0.2)


def test_sides_have_their_own_width():
    calibration = calibrate(panels(10, low=1.0, high=4.0), SMOOTHING)
    values = np.full((len(DEPTH), 2), 2 - DEPTH[:, None] / 1000, np.float32) + np.float32([-2.0, 8.0])
    below, above = calibration.deviation(values, DEPTH).T
    np.testing.assert_allclose(below, -2, atol=0.3)
    np.testing.assert_allclose(above, 2, atol=0.3)


def test_another_sampling_of_depth_makes_no_difference():
    calibration = calibrate(panels(5), SMOOTHING)
    values, depth = panels(1, seed=3)[0]
    np.testing.assert_array_equal(
        calibration.deviation(values[::3], depth[::3]), calibration.deviation(values, depth)[::3]
    )


def test_beyond_its_depths_the_nearest_ones_hold():
    calibration = calibrate(panels(5), SMOOTHING)
    values = np.ones((2, 3), np.float32)
    far, edge = (calibration.deviation(values, np.array(d)) for d in ([-500.0, 9000.0], [0.0, 2000.0]))
    np.testing.assert_array_equal(far, edge)


def test_masked_samples_stay_nan_and_change_nothing():
    maps = panels(4)
    holed = [(values.copy(), depth) for values, depth in maps]
    for values, _ in holed:
        values[100:150, 10:20] = np.nan
        values[:, 50:] = np.nan
    calibration = calibrate(holed, SMOOTHING)
    deviation = calibration.deviation(*holed[0])
    assert np.isnan(deviation[120, 15])
    assert np.isfinite(deviation[120, 25])
    assert all(np.isfinite(calibration.maxima))


def test_depths_without_data_are_left_out():
    maps = panels(3)
    for values, _ in maps:
        values[200:] = np.nan
    calibration = calibrate(maps, SMOOTHING)
    assert max(calibration.depth) <= 1000
    assert len(calibration.depth) == len(calibration.quantiles)


def test_a_panel_without_data_has_no_maximum():
    maps = panels(3)
    maps[1][0][:] = np.nan
    assert len(calibrate(maps, SMOOTHING).maxima) == 2


def test_a_constant_score_does_not_divide_by_zero():
    calibration = calibrate([(np.ones((400, 5), np.float32), DEPTH)], SMOOTHING)
    deviation = calibration.deviation(np.full((400, 5), 1 + 2 * MIN_SCALE, np.float32), DEPTH)
    np.testing.assert_allclose(deviation, 2, rtol=1e-3)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5])
def test_a_normal_panel_exceeds_the_threshold_as_often_as_alpha_says(alpha):
    calibration = calibrate(panels(99), SMOOTHING)
    fresh = [np.abs(calibration.deviation(*panel)).max() for panel in panels(200, seed=7)]
    rate = np.mean(np.array(fresh) > calibration.threshold(alpha))
    assert abs(rate - alpha) < 4 * np.sqrt(alpha * (1 - alpha) * (1 / 200 + 1 / 99))


@pytest.mark.parametrize(
    ("maxima", "alpha", "threshold", "supported"),
    [
        (list(range(1, 20)), 0.05, 19, True),  # 20 ranks: the 19th is exceeded by one in 20
        (list(range(1, 19)), 0.05, 18, False),
        (list(range(1, 20)), 0.1, 18, True),
        (list(range(1, 20)), 1.0, 1, True),
        ([3.0], 0.05, 3.0, False),
        ([3.0], 0.5, 3.0, True),
    ],
)
def test_threshold_is_the_conformal_quantile(maxima, alpha, threshold, supported):
    calibration = calibrate(panels(1), SMOOTHING).model_copy(update={"maxima": maxima})
    assert calibration.threshold(alpha) == threshold
    assert calibration.supports(alpha) == supported


def test_training_panels_support_no_alpha():
    calibration = calibrate(panels(50), SMOOTHING, held_out=False)
    assert not calibration.supports(0.5)


def test_json_keeps_it():
    calibration = calibrate(panels(3), SMOOTHING)
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


def test_smoothing_without_a_mask_is_a_gaussian_average_inside():
    values = np.random.default_rng(0).normal(size=(80, 60)).astype(np.float32)
    result = smooth(values, np.ones_like(values, bool), SMOOTHING)
    inner = (slice(20, -20), slice(10, -10))
    np.testing.assert_allclose(result[inner], gaussian_filter(values, SMOOTHING)[inner], atol=1e-5)


def test_smoothing_of_a_constant_is_that_constant_up_to_the_edges_of_any_mask():
    mask = np.random.default_rng(0).random((40, 30)) > 0.4
    mask[10:30, 5:12] = False
    result = smooth(np.where(mask, 7, np.nan).astype(np.float32), mask, SMOOTHING)
    np.testing.assert_allclose(result[mask], 7, rtol=1e-5)
    assert np.isnan(result[~mask]).all()


def test_smoothing_of_nothing_is_nan():
    assert np.isnan(smooth(np.zeros((9, 9), np.float32), np.zeros((9, 9), bool), SMOOTHING)).all()
