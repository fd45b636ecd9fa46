"""What is normal scores within a few; what is not, on either side, scores beyond."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import genpareto, norm

from seisflow.calibration.by_depth import FOLDS, LEVELS, MIN_SCALE, Calibration, calibrate, folds
from seisflow.calibration.discoveries import benjamini_hochberg
from seisflow.calibration.extremes import tile_maxima
from seisflow.calibration.smoothing import smooth
from seisflow.calibration.tail import Tail

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


def test_panels_beside_widen_what_is_normal_and_leave_thresholds_to_the_held_out_ones():
    """A reflector that is later elsewhere on the line is no anomaly."""
    later = [(values + np.float32(5), depth) for values, depth in panels(2, seed=2)]
    here = panels(4)
    alone, both = calibrate(here, SMOOTHING), calibrate(here, SMOOTHING, beside=later)
    values, depth = later[0]
    assert np.median(alone.deviation(values, depth)) > 4
    assert np.median(both.deviation(values, depth)) < 2.5
    assert len(both.maxima) == len(alone.maxima) == len(here)


def test_panels_beside_are_fitted_to_and_never_judged():
    for own, beside, fitted in (["a"], [], [["a"]]), (["a"], ["x"], [["x"]]), (list("abc"), ["x"], None):
        pairs = list(folds(own, beside))
        assert [one for _, some in pairs for one in some] == own
        assert len(pairs) == min(FOLDS, len(own))
        if fitted is not None:
            assert [list(others) for others, _ in pairs] == fitted
        assert all(set(beside) <= set(others) for others, _ in pairs)
        assert len(own) == 1 or not any(set(others) & set(some) for others, some in pairs)


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


FEW_DEPTHS = DEPTH[::4]


def smooth_panels(n, seed, traces=60):
    """Exchangeable panels of correlated noise, as smoothed scores are, with tails heavier than Gaussian."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.standard_t(8, size=(n, len(FEW_DEPTHS), traces)), (0, 2, 2), truncate=2)
    return [(np.float32(x / noise.std() + FEW_DEPTHS[:, None] / 500), FEW_DEPTHS) for x in noise]


@pytest.mark.parametrize(("alpha", "count"), [(0.05, 4), (0.05, 12), (0.02, 30)])
def test_a_tail_keeps_alpha_beyond_the_number_of_held_out_panels(alpha, count):
    rates = []
    for seed in range(8):
        calibration = calibrate(smooth_panels(count, seed), SMOOTHING, tile=(25, 20))
        assert calibration.promise(alpha) == "tail"
        fresh = [np.abs(calibration.deviation(*p)).max() for p in smooth_panels(200, seed + 10)]
        rates.append(np.mean(np.array(fresh) > calibration.threshold(alpha)))
    assert alpha / 4 < np.mean(rates) < 1.5 * alpha


def test_a_larger_panel_has_a_higher_threshold_that_keeps_alpha():
    wide = (len(FEW_DEPTHS), 240)
    rates = []
    for seed in range(1, 7):
        calibration = calibrate(smooth_panels(60, seed), SMOOTHING, tile=(25, 20))
        assert calibration.promise(0.1) == "conformal"
        assert calibration.promise(0.1, wide) == "tail"
        limits = np.array([calibration.threshold(0.1, wide), calibration.threshold(0.1)])
        assert limits[0] > limits[1]
        fresh = [np.abs(calibration.deviation(*p)).max() for p in smooth_panels(100, seed + 4, traces=240)]
        rates.append((np.array(fresh)[:, None] > limits).mean(0))
    rate, blind = np.mean(rates, axis=0)
    assert 0.02 < rate < 0.12  # tiles side by side are alike, so rather fewer than promised
    assert blind > rate + 0.04


@pytest.mark.parametrize("tiles", [1, 8])
@pytest.mark.parametrize("count", [21, 100])
def test_a_tail_keeps_alpha_on_average_however_few_tiles_it_was_fitted_to(count, tiles):
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(120):
        tail = Tail(tile=(10, 10), maxima=np.sort(rng.gumbel(size=count)).tolist())
        limit = tail.threshold(0.05, (10, 10 * tiles))
        rates.append((rng.gumbel(size=(200, tiles)).max(1) > limit).mean())
    assert 0.03 < np.mean(rates) < 0.075  # the most probable law alone: 0.19 at the worst


def test_a_tail_of_many_tiles_is_the_law_that_fits_best():
    maxima = np.sort(genpareto.rvs(0.2, size=4000, random_state=0))
    tail = Tail(tile=(10, 10), maxima=maxima.tolist())
    start = np.quantile(maxima, 0.75)
    shape, _, scale = genpareto.fit(maxima[maxima > start] - start, floc=0)
    p = 1 - 0.95 ** (1 / 8)
    best = start + genpareto.isf(p / 0.25, shape, scale=scale)
    assert tail.threshold(0.05, (10, 80)) == pytest.approx(best, rel=0.02)


def test_one_tile_that_is_far_off_does_not_set_the_scale_of_a_tail():
    maxima = np.random.default_rng(0).gumbel(size=400)
    usual = Tail(tile=(10, 10), maxima=np.sort(maxima).tolist()).threshold(0.05, (10, 80))
    maxima[0] = 1000
    assert Tail(tile=(10, 10), maxima=np.sort(maxima).tolist()).threshold(0.05, (10, 80)) < 2 * usual


def test_p_values_are_uniform_on_normal_panels_and_match_the_threshold():
    calibration = calibrate(smooth_panels(60, 2), SMOOTHING, tile=(25, 20))
    fresh = [float(np.abs(calibration.deviation(*p)).max()) for p in smooth_panels(200, 6)]
    p = np.array([calibration.p_value(score) for score in fresh])
    for level in (0.1, 0.3, 0.5):
        assert abs(np.mean(p <= level) - level) < 0.12
    limit = calibration.tail.threshold(0.01, calibration.shape)
    assert calibration.p_value(limit + 1e-6) == pytest.approx(0.01, rel=0.05)
    scores = np.linspace(0, 12, 60)
    assert (np.diff([calibration.p_value(score) for score in scores]) <= 1e-12).all()


def test_benjamini_hochberg_keeps_the_share_of_false_discoveries():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.random(40), 1e-4 * rng.random(10)])
        chosen = np.array(benjamini_hochberg(p.tolist(), 0.1))
        shares.append(chosen[:40].sum() / max(chosen.sum(), 1))
    assert np.mean(shares) < 0.1
    assert chosen[40:].all()
    assert benjamini_hochberg([], 0.1) == []
    assert benjamini_hochberg([0.02, 0.9, 0.04, 0.06], 0.08) == [True, False, True, True]


def test_tile_maxima_cover_the_panel_and_leave_out_what_holds_nothing():
    score = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert tile_maxima(score, (2, 3)) == [8, 11, 20, 23]
    score[:2, :3] = np.nan
    assert tile_maxima(score, (2, 3)) == [11, 20, 23]
    assert tile_maxima(score, (100, 100)) == [23]


def test_p_values_of_samples_are_shares_of_held_out_samples():
    calibration = calibrate(panels(10), SMOOTHING)
    deviation = calibration.deviation(*panels(1, seed=9)[0])
    deviation[3, 4] = np.nan
    p = calibration.sample_p_values(deviation)
    assert np.isnan(p[3, 4])
    for level in (0.2, 0.05, 0.01):
        assert np.nanmean(p <= level) == pytest.approx(level, rel=0.2)
    far, near = calibration.sample_p_values(np.float32([-50, 0]))
    assert (far, near) == pytest.approx((1e-4, 1))
    old = calibration.model_copy(update={"exceeded": []})
    assert np.isnan(old.sample_p_values(deviation)).all()
