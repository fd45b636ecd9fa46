"""Windows near Gaussian ones: their size and reach, and that no value depends on where a section begins."""

import numpy as np
import pytest

from seisflow.calibration.wide_windows import LONG, along, reach, wide_window


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [LONG, 4.0, 6.0, 16.0, 33.3, 64.0])
def test_a_long_window_is_nearly_a_gaussian(size, axis):
    spike = np.zeros((601, 601), np.float32)
    spike[300, 300] = 1
    averaged = along(spike, size, axis)
    kernel = averaged[300] if axis else averaged[:, 300]
    first = 300 - reach(size)
    assert kernel[first] > 0
    assert not kernel[:first].any()
    np.testing.assert_array_equal(kernel, kernel[::-1])
    times = np.arange(601) - 300
    exact = np.exp(-0.5 * (times / size) ** 2) / (np.sqrt(2 * np.pi) * size)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt((kernel * times**2).sum()) == pytest.approx(size, rel=0.07)
    # Three means give a quadratic spline, whose peak is 3/4 n, n = sqrt(4 s^2 + 1): 6 % below a Gaussian's.
    np.testing.assert_allclose(kernel, exact, atol=0.13 * exact.max())


@pytest.mark.parametrize("sizes", [(1.0, 2.0), (6.0, 8.0), (16.0, 64.0)])
def test_a_part_is_averaged_as_the_whole_to_the_bit(sizes):
    rng = np.random.default_rng(0)
    values = np.exp(8 * rng.normal(size=(3, 50, 700))).astype(np.float32)  # over some 20 powers of ten
    margin, start = reach(sizes[1]), 400
    whole, part = wide_window(values, sizes), wide_window(values[..., start - margin :], sizes)
    np.testing.assert_array_equal(part[..., margin:], whole[..., start:])


def test_maps_of_a_stack_are_averaged_as_each_alone():
    values = np.random.default_rng(0).normal(size=(4, 40, 30)).astype(np.float32)
    alone = np.stack([wide_window(one, (5.0, 1.5)) for one in values])
    np.testing.assert_array_equal(wide_window(values, (5.0, 1.5)), alone)
