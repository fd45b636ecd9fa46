"""Amplitude scaling: fitted to what is usable in the training part, and nothing else."""

import numpy as np
import pytest
import torch
import xarray as xr

from seisflow.errors import DataError
from seisflow.patches import Block
from seisflow.patches import scaling as module
from seisflow.patches.scaling import AmplitudeScaling

WHOLE = [[Block()]]


def section_of(amplitude, step=0.0):
    dims = ("trace", "time") if amplitude.ndim == 2 else ("inline", "crossline", "time")
    return xr.Dataset(
        {"amplitude": (dims, amplitude)}, attrs={"source_file": "/a/b.sgy", "quantisation_step": step}
    )


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_std_is_that_of_the_usable_samples_of_the_block():
    amplitude = 3 * noise(8, 20, 50)
    amplitude[:, :, :10] = 0
    amplitude[2, 3] = 1e6  # dead: constant
    amplitude[1, 1, 20] = np.nan
    amplitude[6:] *= 100  # held out
    block = Block(ranges={"inline": (0, 6), "time": (5, 50)})
    fitted = AmplitudeScaling.fit([section_of(amplitude)], [[block]])
    used = np.ones((6, 20, 40), bool)
    used[2, 3] = used[1, 1, 10] = False
    assert fitted.std == pytest.approx(amplitude[:6, :, 10:][used].std(dtype=np.float64), rel=1e-6)
    assert (fitted.mean, fitted.step, fitted.quantised) == (0.0, 1 / 32, False)


def test_an_offset_is_kept_only_if_it_matters():
    small, large = noise(30, 40) + 0.05, noise(30, 40) + 5000
    assert AmplitudeScaling.fit([section_of(small)], WHOLE).mean == 0
    fitted = AmplitudeScaling.fit([section_of(large)], WHOLE)
    assert fitted.mean == pytest.approx(large.mean(dtype=np.float64), rel=1e-7)
    assert fitted.std == pytest.approx(large.std(dtype=np.float64), rel=1e-6)


def test_several_sections_count_by_their_samples():
    a, b = noise(30, 40), 4 * noise(3, 20, 40, seed=1)
    fitted = AmplitudeScaling.fit([section_of(a), section_of(b)], [[Block()], [Block()]])
    assert fitted.std == pytest.approx(np.concatenate([a.ravel(), b.ravel()]).std(), rel=1e-5)


@pytest.mark.parametrize("integer_format", [True, False])
def test_quantised_data_is_dithered_by_its_own_step(integer_format):
    levels = np.round(20 * noise(60, 200))
    unit = 1.0 if integer_format else 0.125
    fitted = AmplitudeScaling.fit([section_of(levels * unit, step=1.0 if integer_format else 0.0)], WHOLE)
    assert fitted.quantised
    assert fitted.step == pytest.approx(unit / fitted.std, rel=1e-6)


def test_fine_integers_get_their_step_and_fine_floats_the_dither():
    fine = np.round(5000 * noise(60, 200))
    assert AmplitudeScaling.fit([section_of(fine, step=1.0)], WHOLE).step == pytest.approx(1 / 5000, rel=0.02)
    floats = AmplitudeScaling.fit([section_of(noise(60, 200))], WHOLE, dither=0.01)
    assert (floats.step, floats.quantised) == (0.01, False)


def test_large_surveys_are_subsampled_evenly(monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLES", 20_000)
    monkeypatch.setattr(module, "MIN_PANELS", 10)
    read = []
    original = module.read_panel
    monkeypatch.setattr(
        module, "read_panel", lambda s, lead, *columns: read.append(lead[0]) or original(s, lead, *columns)
    )
    amplitude = noise(100, 40, 100) * np.linspace(1, 3, 100, dtype=np.float32)[:, None, None]
    fitted = AmplitudeScaling.fit([section_of(amplitude)], WHOLE)
    assert (len(read), read[0], read[-1]) == (10, 0, 99)
    assert fitted.std == pytest.approx(amplitude.std(), rel=0.05)


@pytest.mark.parametrize("make", [lambda x: x, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("mean", [0.0, 7.0])
def test_unscale_undoes_scale_in_float32(make, mean):
    fitted = AmplitudeScaling(std=3.0, mean=mean)
    x = make(noise(4, 5))
    scaled = fitted.scale(x)
    assert scaled.dtype == x.dtype
    np.testing.assert_allclose(scaled, (noise(4, 5) - mean) / 3, rtol=1e-6)
    np.testing.assert_allclose(fitted.unscale(scaled), x, atol=1e-5)


def test_scaling_goes_through_json():
    fitted = AmplitudeScaling(std=1.25, mean=-3.0, step=0.04, quantised=True)
    assert AmplitudeScaling.model_validate_json(fitted.model_dump_json()) == fitted


@pytest.mark.parametrize(
    ("amplitude", "message"),
    [
        (np.zeros((20, 30)), "b.sgy: all amplitudes are zero"),
        (np.full((20, 30), np.nan), "b.sgy: no finite amplitude"),
        (np.full((20, 30), 4.0), "b.sgy: only dead traces"),
    ],
)
def test_nothing_usable_is_refused_in_one_line(amplitude, message):
    with pytest.raises(DataError, match=message) as error:
        AmplitudeScaling.fit([section_of(amplitude)], WHOLE)
    assert "\n" not in str(error.value)
