"""Filling of cubes: across their lines as well as along them."""

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

import seisflow
from seisflow.errors import DataError
from seisflow.posterior import across as across_module
from seisflow.posterior import crossing
from seisflow.posterior.across import combined
from seisflow.posterior.crossing import predict_across, turned
from seisflow.posterior.fill_tiles import fill_panels
from seisflow.posterior.filler import fit
from seisflow.posterior.filling import check_anything_missing

LINES, TRACES, SAMPLES = 16, 40, 96


def made_cube(seed=0):
    """Layers that dip and bend both ways, with a little noise, (lines, traces, samples)."""
    rng = np.random.default_rng(seed)
    layers = gaussian_filter(rng.normal(size=400), 2.0)
    line, trace, time = np.mgrid[:LINES, :TRACES, :SAMPLES]
    place = time + 100 + 0.5 * line - 0.3 * trace + 6 * np.sin(trace / 9) * np.cos(line / 7)
    values = np.interp(place, np.arange(400), layers / layers.std())
    return (1000 * (values + 0.03 * rng.normal(size=values.shape))).astype(np.float32)


def as_section(values):
    dims = ("inline", "crossline", "time")
    coords = {dim: np.arange(size) + 1 for dim, size in zip(dims, values.shape, strict=True)}
    coords["time"] = ("time", 4.0 * np.arange(values.shape[2]), {"units": "ms"})
    return xr.Dataset({"amplitude": (dims, values)}, coords)


@pytest.fixture(scope="module")
def truth():
    return made_cube()


@pytest.fixture(scope="module")
def holes():
    """Half of the traces, and a whole line."""
    flags = np.random.default_rng(1).random((LINES, TRACES)) < 0.5
    flags[9] = True
    return flags


@pytest.fixture(scope="module")
def section(truth, holes):
    values = truth.copy()
    values[holes] = np.nan
    return as_section(values)


@pytest.fixture(scope="module")
def filled(section):
    return seisflow.fill(section, samples=1, steps=0)


def error(result, truth, where):
    return float(np.square(result["amplitude"].to_numpy()[where] - truth[where]).mean())


def test_a_cube_is_filled_better_than_its_lines_alone(section, filled, truth, holes, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(across_module, "LEAST_LINES", LINES + 1)
        alone = seisflow.fill(section, steps=0)
    assert (alone.attrs["across_lines"], filled.attrs["across_lines"]) == (0, 1)
    both = holes & alone["filled"].all("time").to_numpy()
    assert error(filled, truth, both) < 0.7 * error(alone, truth, both)
    assert not alone["filled"][9].any()


def test_a_whole_missing_line_is_filled_from_those_beside_it(filled, truth):
    there = filled["filled"][9].all("time").to_numpy()
    assert there.mean() > 0.9  # but for traces that lack the lines beside, too
    line = np.zeros((LINES, TRACES), bool)
    line[9, there] = True
    assert error(filled, truth, line) < 0.1 * np.square(truth[9]).mean()
    assert float(filled["std"][9, there].min()) > 0
    assert np.isnan(filled["std"][9, ~there]).all()


def test_observed_traces_stay_and_intervals_hold(section, filled, truth, holes):
    there = ~holes
    kept = filled["amplitude"].to_numpy()[there]
    assert kept.tobytes() == section["amplitude"].to_numpy()[there].tobytes()
    missing = holes & filled["filled"].all("time").to_numpy()
    z = (filled["amplitude"].to_numpy() - truth)[missing] / filled["std"].to_numpy()[missing]
    assert 0.8 < (np.abs(z) < 1.645).mean() < 0.97
    assert (filled["draws"][0].to_numpy()[missing] != filled["amplitude"].to_numpy()[missing]).any()


def test_two_workers_fill_a_cube_as_one(section, holes, tmp_path, monkeypatch):
    monkeypatch.setattr(crossing, "BLOCK_TRACES", 13)
    flags = np.zeros(holes.shape, bool)
    filler = fit(section, flags, steps=0)
    found = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        across = predict_across(section, filler, flags, folder, workers=workers)
        found.append(list(fill_panels(section, filler, flags, across=across, workers=workers)))
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one.amplitude, two.amplitude)
        np.testing.assert_array_equal(one.std, two.std)


def test_progress_goes_on_to_the_end(section):
    told = []
    seisflow.fill(section, steps=2, report=lambda *one: told.append(one))
    shares = [0.0, *(done / total for done, total in told)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert np.diff(shares).max() < 0.2  # nothing that takes long is one step


def test_a_turned_cube_has_traces_for_lines(section, holes):
    part, flags = turned(section, holes, np.array([3, 4, 20]))
    assert part["amplitude"].dims == ("inline", "crossline", "time")
    expected = section["amplitude"].to_numpy()[:, [3, 4, 20]].swapaxes(0, 1)
    np.testing.assert_array_equal(part["amplitude"].to_numpy(), expected)
    np.testing.assert_array_equal(flags, holes[:, [3, 4, 20]].T)


@pytest.mark.parametrize("unit", [1e-23, 1e25])
def test_the_unit_of_amplitudes_does_not_matter(section, filled, unit):
    scaled = section.assign(amplitude=(section["amplitude"] * np.float32(unit)))
    found = seisflow.fill(scaled, samples=1, steps=0)
    std = float(filled["amplitude"].std())
    for name in ("amplitude", "std", "draws"):
        np.testing.assert_allclose(found[name] / unit, filled[name], rtol=0, atol=1e-4 * std)


def test_two_predictions_weigh_by_inverse_variance():
    mean, std = combined(
        *(np.array(x, np.float32) for x in ([1.0, 0.0, 2.0], [1.0, 0.0, 3.0])),
        *(np.array(x, np.float32) for x in ([4.0, 5.0, 8.0], [2.0, 1.0, 0.0])),
        factor=1.0,
    )
    np.testing.assert_allclose(mean, [1 + 3 / 5, 0.0, 8.0], rtol=1e-6)  # a certain one decides
    np.testing.assert_allclose(std, [2 / 5**0.5, 0.0, 0.0], rtol=1e-6)


def test_lines_alone_are_filled_where_little_is_known_across(truth):
    values = truth[:5].copy()
    values[1:, :, :] = np.nan
    values[0, 7] = np.nan
    result = seisflow.fill(as_section(values), steps=0)
    assert result.attrs["across_lines"] == 0
    assert result["filled"][0, 7].all()


def test_lines_that_have_nothing_to_do_with_each_other_do_not_spoil_the_lines(monkeypatch):
    values = np.stack([made_cube(seed)[0] for seed in range(8)])
    gone = np.random.default_rng(2).random(values.shape[:2]) < 0.3
    section = as_section(np.where(gone[:, :, None], np.float32(np.nan), values))
    both = seisflow.fill(section, steps=0)
    monkeypatch.setattr(across_module, "LEAST_LINES", 9)
    alone = seisflow.fill(section, steps=0)
    inside = gone & alone["filled"].all("time").to_numpy()
    assert error(both, values, inside) < 1.1 * error(alone, values, inside)


@pytest.mark.parametrize(("lines", "refused"), [(slice(3, 4), False), (slice(None), True)])
def test_a_gap_too_wide_along_lines_is_refused_where_it_is_so_across_them(truth, lines, refused):
    values = truth.copy()
    values[lines, 10:16] = np.nan
    section, flags = as_section(values), np.zeros(values.shape[:2], bool)
    if refused:
        with pytest.raises(
            DataError, match=r"all 96 missing or dead traces are in gaps of more than 4. Pass a larger"
        ):
            check_anything_missing(section, flags, 4)
    else:
        check_anything_missing(section, flags, 4)
