"""Traces beside each other, the trend taken off deviations, and what a tile sees of `combined`."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisflow.calibration.by_depth import Calibration, JointCalibration
from seisflow.scores.base import Trend
from seisflow.scores.levels import combined
from seisflow.scores.neighbours import TRACE_FEATURES
from seisflow.scores.spectrum import with_spectrum
from seisflow.scoring.calibrated import deviation_of

TREND_OF = Trend((16.0, 24.0), share=0.8, most=3.0)


@pytest.fixture
def section():
    """Layers that go on from trace to trace, and noise."""
    rng = np.random.default_rng(0)
    layers = gaussian_filter(rng.normal(size=(300, 90)), (2, 12), mode="wrap")
    return (layers / layers.std() + 0.1 * rng.normal(size=(300, 90))).astype(np.float32)


def traces_of(section):
    everything = np.ones(section.shape, bool)
    maps = with_spectrum(section[None], everything)
    return [feature(maps, everything)[150] for feature in TRACE_FEATURES]


@pytest.mark.parametrize("gain", [0.25, 4.0])
def test_power_beside_the_neighbours_tells_a_weak_and_a_loud_trace(section, gain):
    section[:, 45] *= gain
    power, _ = traces_of(section)
    assert int(np.abs(power - np.median(power)).argmax()) == 45
    assert (power[45] > np.median(power)) == (gain > 1)


@pytest.mark.parametrize("fault", ["turned", "late", "noise"])
def test_correlation_with_the_neighbours_falls_where_a_trace_is_unlike(section, fault):
    trace = section[:, 45]
    section[:, 45] = {
        "turned": -trace, "late": np.roll(trace, 8), "noise": np.random.default_rng(1).permutation(trace),
    }[fault]  # fmt: skip
    _, correlation = traces_of(section)
    assert abs(int(correlation.argmin()) - 45) <= 1
    assert correlation.min() < 0.6 * np.median(correlation)


def test_correlation_with_the_neighbours_is_one_of_equal_traces(section):
    """With many traces and no noise, the one of a trace with the mean of its neighbours, by numpy."""
    _, correlation = traces_of(np.repeat(section[:, :1], 90, axis=1))
    assert correlation[45] == pytest.approx(1, abs=0.02)


def test_a_trend_goes_and_a_body_stays():
    t, x = np.mgrid[:300, :400]
    body = 4.0 * (((t - 150) / 15) ** 2 + ((x - 200) / 15) ** 2 < 1)
    drift = 1.5 + 0.5 * np.sin(x / 150)
    (left,) = Trend((16.0, 64.0), 0.8, 3.0).taken_off([(body + drift).astype(np.float32)], [1])
    away = np.hypot((t - 150) / 60, (x - 200) / 200) > 1
    assert np.abs(left[away]).max() < 0.35 * drift.max()
    assert left[150, 200] > 3


def test_strong_deviations_count_no_more_than_the_most():
    spike = np.zeros((120, 120), np.float32)
    spike[60, 60] = 3
    once, much = TREND_OF.taken_off([spike, 1000 * spike], [1, 1])
    np.testing.assert_allclose(much[:, :60], once[:, :60], atol=1e-6)


def test_the_trend_of_a_constant_is_its_share_up_to_the_edges_of_a_mask():
    constant = np.full((80, 90), 2.0, np.float32)
    constant[20:30, :50] = np.nan
    (left,) = TREND_OF.taken_off([constant], [1])
    np.testing.assert_array_equal(np.isnan(left), np.isnan(constant))
    np.testing.assert_allclose(left[np.isfinite(left)], 0.2 * 2, atol=1e-5)


@pytest.mark.parametrize("samples", [5, 76, 117, 120])
@pytest.mark.parametrize("muted", [False, True])
def test_a_tile_with_its_margin_scores_what_the_panel_does(samples, muted):
    score, known = combined(6), np.ones((samples, 700), bool)
    if muted:
        known[: samples // 3] = known[samples // 2 + 1 :, 400:430] = known[:, 500:520] = False
    maps = np.random.default_rng(1).normal(size=(6, *known.shape)).astype(np.float32)
    maps[:, ~known] = np.nan
    depth = np.arange(float(samples))
    one = [[-2.0, -1.0, 0.0, 1.0, 2.0]] * 2
    features = [
        Calibration(maxima=[], held_out=True, smoothing=feature.window, depth=[0.0, 120.0], quantiles=one)
        for feature in score.features
    ]
    calibration = JointCalibration(maxima=[1.0], held_out=True, features=features)
    assert score.reach < 300

    def deviation(columns):
        mask = known[:, columns]
        return deviation_of(score.measure(maps[..., columns], mask), depth, mask, calibration, score)

    whole, part = deviation(slice(None)), deviation(slice(300 - score.reach, 700))
    np.testing.assert_array_equal(whole[:, 300:], part[:, score.reach :])
    np.testing.assert_array_equal(np.isfinite(whole), known)
