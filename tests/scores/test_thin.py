"""The grid thinned in time: groups, their averages beside those of all samples, and the way back."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisflow.calibration.smoothing import smooth
from seisflow.scores.thin import (
    STEP,
    WIDE_STEP,
    GroupAverages,
    group_depth,
    group_means,
    group_sums,
    step_for,
    stretched,
    thin_window,
)


@pytest.mark.parametrize("samples", [1, 3, 4, 76, 461, 463])
@pytest.mark.parametrize("step", [STEP, WIDE_STEP])
def test_groups_hold_every_sample_once(samples, step):
    values = np.random.default_rng(0).normal(size=(samples, 5)).astype(np.float32)
    sums, means = group_sums(values, step), group_means(values, step)
    for number, start in enumerate(range(0, samples, step)):
        np.testing.assert_allclose(sums[number], values[start : start + step].sum(0), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(means[number], values[start : start + step].mean(0), rtol=1e-5, atol=1e-5)
    assert len(sums) == -(-samples // step)


@pytest.mark.parametrize("samples", [1, 3, 76, 461])
@pytest.mark.parametrize("step", [1, STEP, WIDE_STEP])
def test_a_line_in_time_comes_back_between_the_middles_of_the_ends(samples, step):
    line = 3.0 + 0.5 * np.arange(samples, dtype=np.float64)
    groups = group_depth(line, step)
    back = stretched(np.float32(groups[:, None]), samples, step)[:, 0]
    np.testing.assert_allclose(back, np.clip(line, groups[0], groups[-1]), rtol=1e-6)


def test_beside_what_is_not_known_the_nearest_holds():
    values = np.array([1.0, 2.0, np.nan, 4.0], np.float32)[:, None]
    back = stretched(values, 16, 4)[:, 0]
    np.testing.assert_array_equal(back[[4, 5, 6, 7, 12, 15]] >= 1.6, True)
    np.testing.assert_array_equal(back[6:8], 2)
    np.testing.assert_array_equal(back[12:], 4)
    assert np.isfinite(stretched(values, 16, 4)[[0, 7, 12]]).all()


@pytest.mark.parametrize("window", [(4.0, 2.0), (8.0, 4.0), (16.0, 24.0), (24.0, 8.0), (64.0, 1.0)])
def test_averages_of_groups_are_those_of_samples_at_their_middles(window):
    values = gaussian_filter(np.random.default_rng(0).normal(size=(461, 200)), 1).astype(np.float32)
    mask = np.ones(values.shape, bool)
    mask[:57] = mask[200:230, 60:140] = mask[:, 150:153] = False
    step = step_for(window)
    values *= mask
    found = GroupAverages(mask, step).within(group_sums(values, step), window)
    exact = group_means(np.nan_to_num(smooth(values, mask, window)), step)
    whole = group_sums(mask.astype(np.float32), step) == step
    assert np.corrcoef(found[whole], exact[whole])[0, 1] > 0.96
    assert found[whole].std() == pytest.approx(exact[whole].std(), rel=0.1)
    np.testing.assert_array_equal(np.isfinite(found), group_sums(mask.astype(np.float32), step) > 0)


def test_the_window_over_groups_lacks_their_own_width():
    spike = np.zeros((400, 1), np.float32)
    spike[200] = 1
    size = thin_window((8.0, 0.0), STEP)[0]
    kernel = gaussian_filter(group_sums(spike, STEP)[:, 0].astype(float), size)
    times = group_depth(np.arange(400.0), STEP)
    middle = (kernel * times).sum() / kernel.sum()
    within = (STEP**2 - 1) / 12
    assert (kernel * (times - middle) ** 2).sum() / kernel.sum() == pytest.approx(64 - within, rel=0.02)
