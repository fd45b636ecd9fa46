"""Windows and overlap-add against loops."""

import numpy as np
import pytest

from seisflow.errors import ConfigError
from seisflow.patches import OverlapAdd, Panel, cut, even_starts, valid_windows, window_grid, window_starts


def random_panel(shape, seed=0):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.8
    return Panel(np.where(mask, rng.standard_normal(shape), 0).astype(np.float32), mask)


@pytest.mark.parametrize(
    ("length", "size", "stride", "expected"),
    [
        (10, 4, 3, [0, 3, 6]),
        (10, 4, 4, [0, 4, 6]),
        (11, 4, 2, [0, 2, 4, 6, 7]),
        (4, 4, 1, [0]),
        (3, 4, 2, [0]),
        (1, 1, 1, [0]),
    ],
)
def test_window_starts(length, size, stride, expected):
    assert window_starts(length, size, stride).tolist() == expected


@pytest.mark.parametrize("length", [1, 7, 8, 9, 40, 41])
@pytest.mark.parametrize("stride", [1, 3, 6])
def test_even_starts_are_the_fewest_and_differ_by_one_at_most(length, stride):
    starts = even_starts(length, 8, stride)
    assert (starts[0], starts[-1]) == (0, max(length - 8, 0))
    steps = np.diff(starts)
    assert (steps <= stride).all()
    assert len(starts) == 1 or np.ptp(steps) <= 1
    assert (len(starts) - 2) * stride < max(length - 8, 0) or len(starts) == 1


def test_windows_cover_everything_and_stay_inside():
    for length in range(1, 30):
        for size in range(1, 12):
            for stride in range(1, size + 1):
                starts = window_starts(length, size, stride)
                covered = {t for s in starts for t in range(s, s + size)}
                assert covered >= set(range(length))
                assert starts.max() + size <= max(length, size)
                assert len(set(starts.tolist())) == len(starts)


@pytest.mark.parametrize("stride", [0, -1, 5])
@pytest.mark.parametrize("starts", [window_starts, even_starts])
def test_a_stride_that_leaves_holes_is_refused(starts, stride):
    with pytest.raises(ConfigError, match=f"stride {stride}"):
        starts(20, 4, stride)


def test_window_grid_goes_row_by_row():
    tops, lefts = window_grid((6, 5), (4, 3), (2, 2))
    assert list(zip(tops.tolist(), lefts.tolist(), strict=True)) == [(0, 0), (0, 2), (2, 0), (2, 2)]


@pytest.mark.parametrize("shape", [(20, 15), (6, 15), (20, 3), (5, 2), (6, 4), (20, 1)])
def test_cut_equals_slices_padded_with_nothing(shape):
    panel, size = random_panel(shape), (6, 4)
    tops, lefts = window_grid(shape, size, (5, 3))
    x, mask = cut(panel, tops, lefts, size)
    assert x.shape == mask.shape == (len(tops), 1, *size)
    assert (x.dtype, mask.dtype) == (np.float32, np.bool_)
    for n, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        for i in range(size[0]):
            for j in range(size[1]):
                inside = top + i < shape[0] and left + j < shape[1]
                assert x[n, 0, i, j] == (panel.amplitude[top + i, left + j] if inside else 0)
                assert mask[n, 0, i, j] == (panel.mask[top + i, left + j] if inside else False)


def test_cut_copies():
    panel = random_panel((8, 8))
    before = panel.amplitude.copy()
    x, mask = cut(panel, [0, 2], [1, 1], (4, 4))
    x[:] = 7
    mask[:] = False
    np.testing.assert_array_equal(panel.amplitude, before)


@pytest.mark.parametrize(
    ("shape", "size"), [((20, 15), (6, 4)), ((4, 15), (6, 4)), ((20, 3), (6, 4)), ((6, 4), (6, 4))]
)
@pytest.mark.parametrize("least", [1, 10, 18, 24])
def test_valid_windows_equal_a_count_in_each(shape, size, least):
    mask = random_panel(shape).mask
    valid = valid_windows(mask, size, least)
    assert valid.shape == (max(shape[0] - size[0], 0) + 1, max(shape[1] - size[1], 0) + 1)
    for top, left in np.ndindex(valid.shape):
        assert valid[top, left] == (mask[top : top + size[0], left : left + size[1]].sum() >= least)


@pytest.mark.parametrize("shape", [(50, 30), (5, 30), (50, 3), (1, 1)])
@pytest.mark.parametrize("stride", [(8, 6), (3, 5)])
def test_windows_of_a_map_add_up_to_the_map(shape, stride):
    panel, size = random_panel(shape), (8, 6)
    tops, lefts = window_grid(shape, size, stride)
    x, _ = cut(panel, tops, lefts, size)
    overlap = OverlapAdd(shape, size)
    half = len(tops) // 2
    overlap.add(tops[:half], lefts[:half], x[:half, 0])
    overlap.add(tops[half:], lefts[half:], x[half:, 0])
    np.testing.assert_allclose(overlap.result(), panel.amplitude, rtol=0, atol=1e-6)


def test_overlap_add_is_the_raised_cosine_mean():
    rng = np.random.default_rng(1)
    shape, size = (12, 9), (6, 4)
    tops, lefts = window_grid(shape, size, (2, 3))
    values = rng.standard_normal((len(tops), *size)).astype(np.float32)
    mask = rng.random(values.shape) < 0.7
    values[~mask] = np.nan
    overlap = OverlapAdd(shape, size)
    overlap.add(tops, lefts, values, mask)
    total, weight = np.zeros(shape), np.zeros(shape)
    for n, i, j in np.argwhere(mask):
        taper = 0.25 * (1 - np.cos(2 * np.pi * (i + 0.5) / 6)) * (1 - np.cos(2 * np.pi * (j + 0.5) / 4))
        total[tops[n] + i, lefts[n] + j] += taper * values[n, i, j]
        weight[tops[n] + i, lefts[n] + j] += taper
    expected = np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)
    np.testing.assert_allclose(overlap.result(), expected, rtol=1e-5, atol=1e-6)


def test_nothing_fell_means_nan():
    overlap = OverlapAdd((6, 6), (4, 4))
    overlap.add([0], [0], np.ones((1, 4, 4), np.float32))
    result = overlap.result()
    assert np.isnan(result[4:]).all()
    assert np.isnan(result[:, 4:]).all()
    np.testing.assert_allclose(result[:4, :4], 1)
