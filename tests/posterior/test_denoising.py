"""Incoherent noise is told from reflectors: its level is found, it is taken off, and they are left."""

import numpy as np
import pytest
import xarray as xr

import seisflow
from seisflow.errors import DataError
from seisflow.posterior.slopes import coherence, slopes
from seisflow.posterior.spectra import SAMPLES, mean_power, power_of, put_together, split, usable_share


@pytest.fixture(scope="module")
def clean():
    """Dipping layers, (trace, time)."""
    rng = np.random.default_rng(0)
    time = np.arange(160) + 0.25 * np.arange(200)[:, None]
    layers = sum(
        rng.normal() * np.exp(-((time - centre) ** 2) / 18) * np.cos((time - centre) / 2)
        for centre in np.linspace(0, 210, 60)
    )
    return layers / layers.std()


def line(amplitude):
    return xr.Dataset(
        {"amplitude": (("trace", "time"), amplitude.astype(np.float32))},
        coords={"trace": np.arange(len(amplitude)), "time": 4.0 * np.arange(amplitude.shape[1])},
    )


@pytest.mark.slow
def test_noise_is_taken_off_and_layers_are_left(clean):
    noise = 0.5 * np.random.default_rng(1).standard_normal(clean.shape)
    section = line(clean + noise)
    result = seisflow.denoise(section, steps=20)
    error = result["amplitude"].to_numpy() - clean
    assert error.std() < 0.7 * noise.std()
    assert result.attrs["noise_level"] == pytest.approx(0.5, rel=0.25)
    assert abs(result.attrs["coherence_of_removed"]) < 0.3 < result.attrs["coherence_of_input"]
    np.testing.assert_allclose(result["amplitude"] + result["removed"], section["amplitude"], atol=1e-5)
    again = seisflow.denoise(section, steps=20)
    xr.testing.assert_identical(again, result)


def test_a_level_larger_than_the_section_is_refused(clean):
    with pytest.raises(DataError, match="noise of 9"):
        seisflow.denoise(line(clean), level=9.0, steps=0)


def test_muted_and_dead_traces_are_as_read(clean):
    clean = clean.copy()
    clean[30], clean[:, :20] = 0, 0
    result = seisflow.denoise(line(clean), steps=0)
    assert (result["amplitude"].to_numpy()[30] == 0).all()
    assert (result["amplitude"].to_numpy()[:, :20] == 0).all()


@pytest.mark.parametrize("samples", [5, SAMPLES, 300])
def test_split_windows_go_together_again(samples):
    x = np.random.default_rng(2).standard_normal((samples, 3)).astype(np.float32)
    np.testing.assert_allclose(put_together(split(x), samples), x, atol=1e-5)


def test_mean_power_is_the_variance():
    x = 3 * np.random.default_rng(3).standard_normal((2048, 40)).astype(np.float32)
    power = mean_power(power_of(split(x)), axis=1)[1:-1]
    assert power.mean() == pytest.approx(9, rel=0.03)
    assert usable_share(np.ones((2048, 2), bool))[1:-1] == pytest.approx(1)


def test_slopes_and_coherence_of_a_plane_wave():
    time = np.arange(120)[:, None] - 0.7 * np.arange(80)
    wave = np.sin(time / 3)
    along = slopes(wave.astype(np.float32))
    assert np.median(along) == pytest.approx(0.7, abs=0.05)
    product, power = coherence(wave, along, np.ones(wave.shape, bool))
    assert product / power > 0.95
    noise = np.random.default_rng(4).standard_normal(wave.shape)
    product, power = coherence(noise, along, np.ones(wave.shape, bool))
    assert abs(product / power) < 0.05
