"""Panels: what is read, and which samples count as usable."""

import pickle

import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.errors import DataError
from seisflow.patches import ZEROS_ARE_DATA, PanelCache, layout, panel_index, read_panel

NAN = np.nan


def usable_by_hand(trace, present=True):
    """The rules of the mask, sample by sample."""
    n = len(trace)
    blank = [not np.isfinite(v) or v == 0 for v in trace]
    if not present or len({float(v) for v in trace if np.isfinite(v)}) < 2:
        return [False] * n
    usable = [bool(np.isfinite(v)) for v in trace]
    i = 0
    while i < n:
        j = i
        while j < n and blank[j]:
            j += 1
        if j > i and (i == 0 or j == n or j - i >= 8):
            usable[i:j] = [False] * (j - i)
        i = max(j, i + 1)
    live = {float(v) for v, u in zip(trace, usable, strict=True) if u}
    return usable if len(live) > 1 else [False] * n


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ([1, 2, 3, 4], "1111"),
        ([0, 0, 3, 4], "0011"),
        ([1, 2, 0, 0], "1100"),
        ([1, 0, 0, 4], "1111"),
        ([1, NAN, 3, 4], "1011"),
        ([NAN, 0, 3, 4], "0011"),
        ([1, 2, -np.inf, 4], "1101"),
        ([5, 5, 5, 5], "0000"),
        ([0, 5, 5, 5], "0000"),
        ([5, 5, NAN, 5], "0000"),
        ([0, 0, 0, 0], "0000"),
        ([NAN] * 4, "0000"),
        ([1] + [0] * 7 + [2], "111111111"),
        ([1] + [0] * 8 + [2], "1000000001"),
        ([1] + [0] * 3 + [NAN] + [0] * 4 + [2], "1000000001"),
    ],
)
def test_mask_of_one_trace(make_section, trace, expected):
    panel = read_panel(make_section(np.array([trace], np.float32)), ())
    assert "".join(str(int(v)) for v in panel.mask[:, 0]) == expected
    np.testing.assert_array_equal(panel.amplitude[:, 0], np.where(panel.mask[:, 0], trace, 0))


@pytest.mark.parametrize("seed", range(8))
def test_mask_equals_the_rules_applied_sample_by_sample(make_section, seed):
    rng = np.random.default_rng(seed)
    amplitude = rng.integers(-1, 2, (3, 20, 45)).astype(np.float32)
    amplitude[rng.random(amplitude.shape) < 0.02] = np.nan
    for lead, trace in zip(*np.nonzero(rng.random((3, 20)) < 0.7), strict=True):
        start, stop = sorted(rng.integers(0, 46, 2))
        amplitude[lead, trace, start:stop] = rng.choice([0, 1, np.nan])
    section = make_section(amplitude)
    section["trace_mask"][:] = rng.random((3, 20)) < 0.9
    for lead in panel_index(section):
        panel = read_panel(section, lead)
        present = section["trace_mask"].values[lead]
        expected = np.array([usable_by_hand(t, p) for t, p in zip(amplitude[lead], present, strict=True)]).T
        np.testing.assert_array_equal(panel.mask, expected)
        np.testing.assert_array_equal(panel.amplitude, np.where(expected, amplitude[lead].T, 0))


def test_zeros_can_be_taken_for_data(make_section):
    amplitude = np.array([[0, 0, 3, 4], [5, 5, 5, 5], [0, 0, 0, 0], [1, NAN, 2, 0], [1, 2, 3, 4]], np.float32)
    section = make_section(amplitude, **{ZEROS_ARE_DATA: True})
    section["trace_mask"][4] = False
    panel = read_panel(section, ())
    expected = np.isfinite(amplitude) & (np.arange(5) < 4)[:, None]
    np.testing.assert_array_equal(panel.mask, expected.T)
    np.testing.assert_array_equal(panel.amplitude, np.where(expected, amplitude, 0).T)


@pytest.mark.parametrize("dtype", ["i1", "i2", "f8", ">f4"])
def test_any_sample_format_becomes_float32(make_section, dtype):
    panel = read_panel(make_section(np.array([[1, -2, 3]], dtype)), ())
    assert panel.amplitude.dtype == np.float32
    assert panel.amplitude.dtype.isnative
    np.testing.assert_array_equal(panel.amplitude, [[1], [-2], [3]])


def test_values_beyond_float32_are_masked_without_a_warning(make_section):
    with np.errstate(all="raise"):
        panel = read_panel(make_section(np.array([[1e300, 2.0, 3.0]])), ())
    np.testing.assert_array_equal(panel.mask[:, 0], [False, True, True])


@pytest.mark.parametrize("spoilt", [np.nan, 7])
def test_the_section_cannot_be_changed_through_a_panel(make_section, spoilt):
    amplitude = np.array([[spoilt, 1, 2], [4, 4, 4]], np.float32)
    section = make_section(amplitude.copy())
    panel = read_panel(section, ())
    with pytest.raises(ValueError, match="read-only"):
        panel.amplitude[:] = 9
    with pytest.raises(ValueError, match="read-only"):
        panel.mask[:] = True
    np.testing.assert_array_equal(section["amplitude"].values, amplitude)
    assert section["amplitude"].values.flags.writeable


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(make_section, order):
    amplitude = np.asarray([[1, 0, 2, 0], [0, 3, 4, 5]], np.float32, order=order)
    panel = read_panel(make_section(amplitude), ())
    np.testing.assert_array_equal(panel.mask, [[1, 0], [1, 1], [1, 1], [0, 1]])


class Recorder(BackendArray):
    """Lazy array that remembers how many samples each access took."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.taken = values, values.shape, values.dtype, []

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key):
        part = self.values[key]
        self.taken.append(part.size)
        return part


def test_only_the_panel_asked_for_is_read(make_section):
    amplitude = np.random.default_rng(0).standard_normal((6, 5, 7)).astype(np.float32)
    recorder = Recorder(amplitude)
    section = make_section(amplitude)
    section["amplitude"] = xr.Variable(("inline", "crossline", "time"), indexing.LazilyIndexedArray(recorder))
    panel = read_panel(section, (4,))
    np.testing.assert_array_equal(panel.amplitude, amplitude[4].T)
    assert recorder.taken == [5 * 7]


@pytest.mark.parametrize(
    ("shape", "leads"),
    [((4, 5), [()]), ((2, 4, 5), [(0,), (1,)]), ((2, 2, 4, 5), [(0, 0), (0, 1), (1, 0), (1, 1)])],
)
def test_panels_are_the_positions_over_the_leading_dims(numbered, shape, leads):
    section = numbered(*shape)
    assert panel_index(section) == leads
    np.testing.assert_array_equal(
        read_panel(section, leads[-1]).amplitude, section["amplitude"].values[leads[-1]].T
    )


def test_depth_is_as_good_as_time(numbered):
    section = numbered(3, 4, dims=("trace", "depth"))
    assert layout(section).vertical == "depth"
    assert read_panel(section, ()).shape == (4, 3)


def test_a_section_may_lack_a_trace_mask(numbered):
    assert read_panel(numbered(3, 4).drop_vars("trace_mask"), ()).mask.all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.transpose("time", "trace"), "transpose"),
        (lambda s: s.drop_vars("amplitude"), "no variable 'amplitude'"),
        (lambda s: s.isel(trace=slice(0)), "trace 0"),
    ],
)
def test_a_dataset_that_is_no_section_is_refused_in_one_line(numbered, spoil, message):
    with pytest.raises(DataError, match=message) as error:
        layout(spoil(numbered(3, 4)))
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("line12.sgy: ")


def test_cache_drops_the_least_recently_used_and_pickles_empty(numbered):
    section = numbered(4, 5, 8)
    size = read_panel(section, (0,)).nbytes
    cache = PanelCache([section], 2 * size)
    first = cache.get(0, (0,))
    second = cache.get(0, (1,))
    assert cache.get(0, (0,)) is first
    cache.get(0, (2,))
    assert cache.get(0, (0,)) is first
    assert cache.get(0, (1,)) is not second
    assert cache._nbytes == 2 * size
    assert pickle.loads(pickle.dumps(cache))._nbytes == 0


def test_cache_keeps_its_least_number_of_panels(numbered):
    cache = PanelCache([numbered(4, 5, 8)], 0, keep=2)
    for lead in range(4):
        cache.get(0, (lead,))
    assert len(cache._panels) == 2
