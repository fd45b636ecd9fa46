"""Filling leaves observed samples alone, is repeatable, and its intervals hold what they promise."""

import numpy as np
import pytest
import xarray as xr

import seisflow
from seisflow.errors import DataError
from seisflow.posterior.fill_tiles import fill_panels
from seisflow.posterior.filler import fit
from seisflow.posterior.intervals import Widths
from seisflow.posterior.residuals import Residuals

STEPS = 12


@pytest.fixture(scope="module")
def section(cube_file):
    """Two inlines of the cube, with traces 10, 30 and 31 of the first missing, and 50 of the second dead."""
    whole = seisflow.open_section(cube_file).isel(inline=slice(2)).load()
    amplitude = whole["amplitude"].to_numpy().copy()
    amplitude[0, [10, 30, 31]] = np.nan
    amplitude[1, 50] = 0
    return whole.assign(amplitude=(whole["amplitude"].dims, amplitude, whole["amplitude"].attrs))


@pytest.fixture(scope="module")
def filled(section):
    return seisflow.fill(section, samples=2, steps=STEPS)


def test_missing_traces_and_no_others_are_filled(section, filled):
    assert np.argwhere(filled["filled"].any("time").to_numpy()).tolist() == [
        [0, 10], [0, 30], [0, 31], [1, 50]
    ]  # fmt: skip
    there = ~filled["filled"].to_numpy()
    assert filled["amplitude"].to_numpy()[there].tobytes() == section["amplitude"].to_numpy()[there].tobytes()
    assert (filled["std"].to_numpy()[there] == 0).all()
    assert np.isfinite(filled["amplitude"]).all()
    assert filled.attrs["learning_steps"] == STEPS


def test_mutes_on_top_go_on(section, filled):
    muted = (section["amplitude"][0, [9, 11]] == 0).all("crossline").to_numpy()
    top = np.logical_and.accumulate(muted)
    assert top.any()
    assert (filled["amplitude"][0, 10].to_numpy()[top] == 0).all()
    assert (filled["std"][0, 10].to_numpy()[top] == 0).all()
    assert (filled["std"][0, 10].to_numpy()[~muted] > 0).all()


def test_draws_differ_where_filled_alone(filled):
    first, second = filled["draws"].to_numpy()
    differs = first != second
    assert not differs[~filled["filled"].to_numpy()].any()
    assert differs[0, 30].mean() > 0.5


def test_the_same_seed_gives_the_same(section, filled):
    again = seisflow.fill(section, samples=2, steps=STEPS)
    xr.testing.assert_identical(again, filled)


def test_nothing_missing_is_an_error_that_says_what_to_do(cube_file):
    with pytest.raises(DataError, match="--traces"):
        seisflow.fill(seisflow.open_section(cube_file), steps=0)


def test_a_wide_gap_is_left_and_told(section):
    wide = section.isel(inline=slice(1)).copy(deep=True)
    wide["amplitude"][0, 40:50] = np.nan
    result = seisflow.fill(wide, steps=0, max_gap=8)
    assert not result["filled"][0, 40:50].any()
    assert np.isnan(result["amplitude"][0, 40:50]).all()
    assert result["filled"][0, 30:32].to_numpy().all()
    only = wide.assign(amplitude=section["amplitude"][:1].fillna(1.0)).copy(deep=True)
    only["amplitude"][0, :] = np.random.default_rng(0).standard_normal(only["amplitude"][0].shape)
    only["amplitude"][0, 40:50] = np.nan
    with pytest.raises(DataError, match="--max-gap"):
        seisflow.fill(only, steps=0, max_gap=8)


@pytest.mark.slow
def test_two_workers_fill_as_one(section):
    filler = fit(section, steps=0)
    flagged = np.zeros(section["amplitude"].shape[:-1], bool)
    one, two = (list(fill_panels(section, filler, flagged, samples=1, workers=count)) for count in (1, 2))
    for a, b in zip(one, two, strict=True):
        for name in ("amplitude", "std", "filled"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        np.testing.assert_array_equal(a.draws[0], b.draws[0])


def test_draws_have_the_spectrum_and_the_correlation_that_were_measured():
    frequency = np.linspace(0, 1, 65)
    response = np.exp(-((frequency - 0.3) ** 2) / 0.02)
    response /= np.sqrt(np.mean(response[1:-1] ** 2))
    z = Residuals(Widths(1.0), 0.9, 1, tuple(response), 0.5).draw((512, 600), 40, (3,))
    assert z.std() == pytest.approx(1, abs=0.02)
    assert np.mean(z[:, 1:] * z[:, :-1]) == pytest.approx(0.5, abs=0.02)
    power = (np.abs(np.fft.rfft(z, axis=0)) ** 2).mean(1)
    assert np.argmax(power) / 256 == pytest.approx(0.3, abs=0.05)
    part = Residuals(Widths(1.0), 0.9, 1, tuple(response), 0.5).draw((512, 30), 300, (3,))
    np.testing.assert_array_equal(part, z[:, 260:290])
