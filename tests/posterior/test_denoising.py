"""Incoherent noise is told from reflectors: its level is found, it is taken off, and they are left."""

import numpy as np
import pytest
import xarray as xr

import seisflow
from seisflow.errors import DataError
from seisflow.posterior import denoising
from seisflow.posterior.cosines import incoherent_spectrum, shrink
from seisflow.posterior.denoising import denoise_panels, fit_cleaner
from seisflow.posterior.examples import Piece
from seisflow.posterior.noise import at_level
from seisflow.posterior.slopes import coherence, slopes
from seisflow.posterior.spectra import SAMPLES, mean_power, power_of, put_together, split


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


@pytest.mark.parametrize("unit", [1e-23, 1e25])
def test_the_unit_of_amplitudes_does_not_matter(clean, unit):
    noisy = clean + 0.3 * np.random.default_rng(0).normal(size=clean.shape)
    one, other = (seisflow.denoise(line(factor * noisy), steps=0) for factor in (1.0, unit))
    for name in ("amplitude", "std"):
        np.testing.assert_allclose(other[name] / unit, one[name], rtol=0, atol=1e-4)
    assert other.attrs["coherence_of_removed"] == pytest.approx(one.attrs["coherence_of_removed"], abs=1e-3)


def test_progress_goes_on_to_the_end(clean):
    told = []
    seisflow.denoise(line(clean), steps=2, report=lambda *one: told.append(one))
    shares = [done / total for done, total in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_level_larger_than_the_section_is_refused(clean):
    with pytest.raises(DataError, match="noise of 9"):
        seisflow.denoise(line(clean), level=9.0, steps=0)


def test_a_level_that_is_given_keeps_the_spectrum_or_takes_its_peaks_off():
    spectrum = np.full((3, SAMPLES // 2 + 1), 1.0)
    spectrum[1, 10:20] = 9.0
    estimated = float(mean_power(spectrum, axis=1).mean())
    np.testing.assert_allclose(at_level(spectrum, 2 * estimated), 2 * spectrum)
    less = at_level(spectrum, 1.0)
    assert mean_power(less, axis=1).mean() == pytest.approx(1.0, rel=1e-6)
    # more than the scaled spectrum where that is low, and the order of its values kept
    assert less[0, 0] > 1 / estimated
    assert less[1, 15] > less[0, 0]
    np.testing.assert_allclose(at_level(np.zeros_like(spectrum), 0.5), 0.5)


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


def piece(x, known=None):
    known = np.ones(x.shape, bool) if known is None else known
    return Piece(np.where(known, x, 0).astype(np.float32), known, known)


def test_the_noise_is_told_whatever_reflectors_and_mutes_there_are(clean):
    rng = np.random.default_rng(6)
    noise = 0.3 * rng.standard_normal(clean.T.shape)
    known = np.add.outer(np.arange(160), -np.arange(200)) > -80  # a mute
    for x, seen in ((noise, None), (clean.T + noise, None), (clean.T + noise, known)):
        spectrum = incoherent_spectrum([piece(x, seen)])
        assert spectrum.shape == (4, SAMPLES // 2 + 1)
        np.testing.assert_allclose(spectrum.mean(0), 0.09, rtol=0.3)
        assert spectrum.mean() == pytest.approx(0.09, rel=0.08)


def test_the_spectrum_of_band_limited_noise_is_told():
    white = np.random.default_rng(7).standard_normal((512, 300))
    spectra = np.fft.rfft(white, axis=0)
    spectra[np.fft.rfftfreq(512) > 0.25] = 0
    spectrum = incoherent_spectrum([piece(np.fft.irfft(spectra, axis=0))])[2]
    np.testing.assert_allclose(spectrum[4:24], 1, rtol=0.2)
    assert spectrum[44:].max() < 0.05


def test_the_noise_is_told_where_no_window_is_whole():
    known = np.ones((160, 200), bool)
    known[:, ::5] = False
    x = 0.3 * np.random.default_rng(10).standard_normal(known.shape)
    assert incoherent_spectrum([piece(x, known)]).mean() == pytest.approx(0.09, rel=0.15)


@pytest.mark.parametrize("shape", [(20, 5), (160, 3), (7, 200)])
def test_a_section_smaller_than_a_window_has_a_spectrum_and_is_shrunk(shape):
    x = np.random.default_rng(8).standard_normal(shape).astype(np.float32)
    spectrum = incoherent_spectrum([piece(x)])
    assert np.isfinite(spectrum).all()
    assert shrink(x, np.zeros_like(x), spectrum).shape == shape


def test_shrinkage_takes_what_the_guide_expects_and_no_more(clean):
    x = clean.T.astype(np.float32)
    little, much = (np.full((4, SAMPLES // 2 + 1), level) for level in (1e-9, 1e9))
    np.testing.assert_allclose(shrink(x, x, little), x, atol=1e-4)
    assert np.abs(shrink(x, x, much)).max() < 1e-4
    assert np.abs(shrink(x, np.zeros_like(x), little)).max() < 1e-4


def test_tiles_of_a_long_line_are_those_of_the_whole(clean, monkeypatch):
    rng = np.random.default_rng(9)
    section = line(np.tile(clean, (3, 1)) + 0.3 * rng.standard_normal((600, 160)))
    cleaner = fit_cleaner(section, steps=0)
    (whole,) = denoise_panels(section, cleaner)
    monkeypatch.setattr(denoising, "TILE_TRACES", 131)
    tiles = list(denoise_panels(section, cleaner))
    assert len(tiles) == 5
    # float32 sums of the network in other orders
    np.testing.assert_allclose(
        np.concatenate([one.amplitude for one in tiles], 1), whole.amplitude, atol=2e-3
    )
