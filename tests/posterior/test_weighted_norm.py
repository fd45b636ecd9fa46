"""Missing traces by local spectra: the mean of a Gaussian, exact where the spectrum is, the same in parts."""

import numpy as np
import pytest
import xarray as xr

import seisflow
from seisflow.posterior import fill_tiles, weighted_norm
from seisflow.posterior.examples import Piece
from seisflow.posterior.filler import fit
from seisflow.posterior.spectra import SAMPLES
from seisflow.posterior.weighted_norm import interpolate, noise_of

NOISE = np.full((3, SAMPLES // 2 + 1), 1e-4)


@pytest.fixture(scope="module")
def section():
    """Dipping layers (T, X)."""
    rng = np.random.default_rng(0)
    time = np.arange(128)[:, None] - 0.3 * np.arange(192)
    layers = sum(
        rng.normal() * np.exp(-((time - c) ** 2) / 18) * np.cos((time - c) / 2)
        for c in np.linspace(-60, 128, 60)
    )
    return (layers / layers.std()).astype(np.float32)


@pytest.mark.parametrize("size", [(16, 24), (9, 7)])
def test_one_window_has_the_mean_of_a_gaussian_by_dense_algebra(size):
    rng = np.random.default_rng(1)
    height, width = size
    guide, values = rng.standard_normal((2, *size)).astype(np.float32)
    there = np.arange(width) % 3 > 0
    filled = np.where(there, values, guide).astype(float)
    found = weighted_norm._conditional(filled[None], there, np.full((1, height), 1e-2))[0]
    taper = np.sin(np.pi * (np.arange(height) + 0.5) / height)
    across = np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2
    expected = np.zeros((height // 2 + 1, width), complex)
    for k, row in enumerate(np.fft.rfft(filled * taper[:, None], axis=0)):
        lags = np.correlate(row * across, row * across, "full") / (across**2).sum()  # conjugates the second
        covariance = lags[width - 1 + np.arange(width)[:, None] - np.arange(width)]
        nugget = 1e-2 * (taper**2).sum() + weighted_norm.FLOOR * lags[width - 1].real
        matrix = covariance[np.ix_(there, there)] + nugget * np.eye(there.sum())
        expected[k] = covariance[:, there] @ np.linalg.solve(matrix, row[there])
    expected = np.fft.irfft(expected, height, axis=0) / taper[:, None]
    np.testing.assert_allclose(found[:, ~there], expected[:, ~there], atol=1e-3)


def test_what_is_known_stays(section):
    there = np.random.default_rng(7).random(192) < 0.5
    found = interpolate(np.where(there, section, 0), 0 * section, there, NOISE)
    np.testing.assert_array_equal(found[:, there], section[:, there])


def test_a_steep_reflector_is_told_from_its_mirror_image():
    time, trace = np.arange(64)[:, None], np.arange(96)
    wave = np.cos(0.5 * (time - 1.5 * trace)).astype(np.float32)
    there = trace % 4 == 0  # six samples from one known trace to the next, half a period
    there[40:48] = False
    guide = np.where(there, wave, 0.6 * wave).astype(np.float32)
    found = interpolate(np.where(there, wave, 0), guide, there, 1e-2 * NOISE)
    error = np.square(found - wave)[:, ~there][:, 8:-8].mean()
    assert error < 0.2 * np.square(guide - wave)[:, ~there][:, 8:-8].mean()


def test_rounds_sharpen_what_a_straight_line_has_blurred(section):
    there = np.random.default_rng(2).random(192) < 0.5
    place = np.arange(192)
    guide = np.stack([np.interp(place, place[there], row[there]) for row in section]).astype(np.float32)
    errors = []
    for _ in range(4):
        errors.append(float(np.square(guide - section)[:, ~there].mean()))
        guide = interpolate(np.where(there, section, 0), guide, there, NOISE)
    assert errors[3] < 0.5 * errors[0]
    assert errors == sorted(errors, reverse=True)


def test_first_and_last_samples_are_as_good_as_others(section):
    there = np.random.default_rng(5).random(192) < 0.6
    noise = np.random.default_rng(6).standard_normal(section.shape) * 0.1
    guide = (section + noise).astype(np.float32)
    found = interpolate(np.where(there, section, 0), guide, there, NOISE)
    error = np.sqrt(np.square(found - section)[:, ~there].mean(1))
    assert max(error[0], error[-1]) < 0.04  # that of the guide is 0.1


def test_nothing_known_or_nothing_missing_is_left_as_it_is(section):
    for there in (np.zeros(192, bool), np.ones(192, bool)):
        np.testing.assert_array_equal(interpolate(section, section, there, NOISE), section)


@pytest.mark.parametrize("shape", [(9, 192), (128, 7)])
def test_a_section_smaller_than_a_window_is_interpolated(section, shape):
    part = section[: shape[0], : shape[1]]
    there = np.arange(shape[1]) % 3 > 0
    found = interpolate(np.where(there, part, 0), 0.9 * part, there, NOISE)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, there], part[:, there])


def test_the_noise_is_told_where_half_of_the_traces_are_smooth_predictions(section):
    rng = np.random.default_rng(3)
    there = rng.random(192) < 0.5
    filled = section + np.where(there, 0.3, 0) * rng.standard_normal(section.shape)
    known = np.broadcast_to(there, section.shape)
    spectrum = noise_of([Piece(section, known, known)], [filled.astype(np.float32)])
    assert spectrum.mean() == pytest.approx(0.09, rel=0.3)


def test_tiles_of_a_long_line_are_those_of_the_whole(section, monkeypatch):
    rng = np.random.default_rng(4)
    amplitude = np.tile(section, (1, 3)).T
    line = xr.Dataset(
        {"amplitude": (("trace", "time"), amplitude)},
        coords={"trace": np.arange(len(amplitude)), "time": 4.0 * np.arange(128)},
    )
    flagged = rng.random(len(amplitude)) < 0.3
    filler = fit(line, flagged, steps=0)
    assert filler.residuals.rounds > 0
    (whole,) = fill_tiles.fill_panels(line, filler, flagged)
    monkeypatch.setattr(fill_tiles, "TILE_TRACES", 170)
    tiles = list(fill_tiles.fill_panels(line, filler, flagged))
    assert len(tiles) == 4
    found = np.concatenate([one.amplitude for one in tiles], 1)
    np.testing.assert_allclose(found, whole.amplitude, atol=2e-3)  # float32 sums in other orders


def test_the_file_tells_how_many_rounds_there_were(section):
    line = xr.Dataset(
        {"amplitude": (("trace", "time"), section.T)},
        coords={"trace": np.arange(192), "time": 4.0 * np.arange(128)},
    )
    filled = seisflow.fill(line, flagged=np.arange(192) % 4 == 1, steps=0)
    assert filled.attrs["interpolation_rounds"] > 0
