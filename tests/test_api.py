"""The public names take paths and names, and refuse what they cannot take in words."""

import numpy as np
import pytest
import torch
import xarray as xr

import seisflow
from seisflow.errors import ConfigError, DataError, ModelError
from seisflow.models import load_model
from seisflow.patches import cut, prepare, read_panel, window_grid
from seisflow.patches.scaling import AmplitudeScaling

from .conftest import tiny_config


def test_dir_shows_the_api_alone():
    assert dir(seisflow) == sorted([*seisflow.__all__, "__version__"])
    assert all(callable(getattr(seisflow, name)) for name in seisflow.__all__)


def test_paths_and_names_do_for_sections_and_models(cube_file, tiny_run):
    by_path = seisflow.score(str(cube_file), str(tiny_run))
    by_object = seisflow.score(seisflow.open_section(cube_file), load_model(tiny_run))
    xr.testing.assert_identical(by_path["anomaly"], by_object["anomaly"])
    assert seisflow.list_models() == ["f3-small"] or "f3-small" in seisflow.list_models()


def test_a_dataarray_is_taken(cube_file, tiny_run):
    amplitude = seisflow.open_section(cube_file)["amplitude"].load()
    result = seisflow.score(amplitude, tiny_run)
    assert result["anomaly"].shape == amplitude.shape


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (np.zeros((3, 4)), "ndarray: no section"),
        (xr.DataArray(np.zeros((3, 4)), dims=("a", "b")), "Expected .*time or depth"),
        (xr.DataArray(np.zeros((3, 4)), dims=("trace", "time")), "have no coordinate 'time'"),
    ],
)
def test_what_is_no_section_is_refused_in_words(thing, message, tiny_run):
    with pytest.raises(DataError, match=message):
        seisflow.score(thing, tiny_run)


def test_raw_amplitudes_are_caught_and_log_prob_of_scales_them(cube_file, tiny_run):
    model, section = load_model(tiny_run), seisflow.open_section(cube_file)
    raw = torch.full((1, 1, 32, 32), 100.0) * torch.randn(1, 1, 32, 32)
    with pytest.raises(ModelError, match=r"model\.log_prob_of\(section\)"):
        model.log_prob(raw)
    with pytest.raises(ModelError, match=r"^ndarray: a tensor of scaled patches \(B, 1, 32, 32\)"):
        model.log_prob(raw.numpy())
    found = model.log_prob_of(section)
    assert found.sizes["patch"] == 4 * 3 * 4  # lines, rows and columns of patches of 32 x 32
    panel = read_panel(section, (0,))
    x, mask = cut(panel, *window_grid(panel.shape, (32, 32), (32, 32)), (32, 32))
    scaled = prepare(x, mask, model.card.scaling, np.random.default_rng([0, 0]))
    with torch.inference_mode():
        expected = model.log_prob(torch.from_numpy(scaled), torch.from_numpy(mask.copy()))
    np.testing.assert_allclose(found[:12], expected, rtol=1e-4)
    assert found["crossline"][1] == section["crossline"][32]


@pytest.mark.parametrize("std", [0.01, 1.0, 20.0, 700.0, 1e5])
@pytest.mark.parametrize("loud", [0.5, 1.0, 2.5])
def test_amplitudes_are_told_from_scaled_patches_by_the_scale_of_the_survey(tiny_run, std, loud):
    model = load_model(tiny_run)
    low, high = model.card.provenance["patch_rms"]
    assert 0 < low < 1 < high < 10
    model.card.provenance["patch_rms"] = (0.4, 2.5)
    model.card = model.card.model_copy(update={"scaling": AmplitudeScaling(std=std), "surveys": []})
    scaled = loud * torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(model.log_prob(scaled)).all()
    if std != 1:
        with pytest.raises(ModelError, match=r"takes scaled amplitudes, of 0\.4 to 2\.5"):
            model.log_prob(std * scaled)


def test_a_loud_patch_is_no_amplitude_of_a_survey_that_is_far_louder(tiny_run):
    model = load_model(tiny_run)
    model.card = model.card.model_copy(update={"scaling": AmplitudeScaling(std=1e4), "surveys": []})
    assert torch.isfinite(model.log_prob(12 * torch.randn(1, 1, 32, 32))).all()


def test_train_plot_and_write_segy_work_from_python(cube_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no reader has the option 'folder'"):
        seisflow.train(cube_file, folder="mine")
    run = seisflow.train(cube_file, "mine", config=tiny_config(), device="cpu")
    assert (tmp_path / "runs/latest").resolve() == (tmp_path / "mine").resolve()
    result = seisflow.score(cube_file, run.model)
    assert seisflow.plot(result).axes
    seisflow.write_segy(result, "map.sgy", variable="anomaly")
    np.testing.assert_array_equal(
        seisflow.open_section("map.sgy")["amplitude"], np.nan_to_num(result["anomaly"])
    )
    with pytest.raises(DataError, match="nothing: no such map"):
        seisflow.write_segy(result, "other.sgy", variable="nothing")
