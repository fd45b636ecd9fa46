"""Maps are exact, do not depend on how they are computed, and never invent what is not there."""

import logging

import numpy as np
import pytest
import torch
import xarray as xr

import seisflow
from seisflow.errors import DataError, ModelError
from seisflow.io import select
from seisflow.models import load_model
from seisflow.patches import Panel, part_of_panel, prepare, read_panel
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scoring.section import score, score_panels
from seisflow.scoring.windows import score_panel

SCALING = AmplitudeScaling(std=100.0)


@pytest.fixture(scope="module")
def model(tiny_run):
    return load_model(tiny_run)


@pytest.fixture
def cube(cube_file):
    return seisflow.open_section(cube_file)


@pytest.fixture(scope="module")
def result(cube_file, model):
    return score(seisflow.open_section(cube_file), model)


def panel_of(shape, seed=0):
    amplitude = np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 100
    return Panel(amplitude, np.ones(shape, bool))


def test_windows_that_do_not_overlap_sum_to_their_log_density(model):
    panel = panel_of((64, 96))
    nll = score_panel(panel, model, SCALING, stride=(32, 32), seed=3)
    x = prepare(panel.amplitude, panel.mask, SCALING, np.random.default_rng([3, 0]))
    patches = x.reshape(2, 32, 3, 32).transpose(0, 2, 1, 3).reshape(6, 1, 32, 32)
    with torch.no_grad():
        expected = -model.log_prob(torch.from_numpy(patches)).numpy()
    found = nll.reshape(2, 32, 3, 32).sum((1, 3), dtype=np.float64).ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_maps_do_not_depend_on_the_batch(cube, model, result, batch, monkeypatch):
    monkeypatch.setattr("seisflow.models.section_density.BATCH_CPU", batch)
    again = score(cube, model)
    np.testing.assert_allclose(again["nll"], result["nll"], rtol=1e-5, atol=2e-4)
    np.testing.assert_allclose(again["anomaly"], result["anomaly"], rtol=1e-4, atol=2e-3)


def test_a_panel_in_a_stream_has_the_map_that_it_has_alone(cube, model, result):
    for number, scored in enumerate(score_panels(cube, model)):
        assert scored.lead == (number,)
        alone = score_panel(read_panel(cube, (number,)), model, model.card.scaling, seed=[0, number])
        np.testing.assert_allclose(scored.nll, alone, atol=2e-4)
        np.testing.assert_array_equal(scored.anomaly.T, result["anomaly"][number])


def test_a_seed_fixes_the_map_to_the_bit(cube, model, result):
    xr.testing.assert_identical(score(cube, model, seed=0), result)
    other = score(cube, model, seed=1)["nll"]
    assert 0 < float(abs(other - result["nll"]).mean()) < 0.2


def test_the_result_is_the_section_with_maps(cube, model):
    result = score(cube, model, score="typicality")
    assert dict(result.sizes) == dict(cube.sizes)
    assert set(result.coords) == set(cube.coords)
    assert {"amplitude", "nll", "anomaly", "mask", "trace_mask", "trace_index"} == set(result.data_vars)
    known = result["mask"].values
    np.testing.assert_array_equal(result["amplitude"].values[known], cube["amplitude"].values[known])
    assert result["anomaly"].attrs["threshold"] == model.card.calibration.threshold(0.05)
    assert result.attrs["source_file"] == cube.attrs["source_file"]


def test_mutes_and_missing_traces_are_not_scored(cube, model):
    holed = cube.load().copy(deep=True)
    holed["amplitude"][1, 30:33] = np.nan
    holed["trace_mask"][1, 30:33] = False
    holed["amplitude"][2, 50] = 7.0
    holed["amplitude"][3, 60, 20:40] = 0
    result = score(holed, model)
    expected = np.ones(result["mask"].shape, bool)
    expected[..., :8] = expected[1, 30:33] = expected[2, 50] = expected[3, 60, 20:40] = False
    np.testing.assert_array_equal(result["mask"], expected)
    for name in ("amplitude", "nll", "anomaly"):
        np.testing.assert_array_equal(np.isfinite(result[name]), expected)


def test_a_bright_spot_is_less_probable_and_a_wiped_out_zone_more(cube, model):
    result = score(cube, model, score="typicality")
    assert float(result["anomaly"][:, 23:29, 44:52].min()) > result["anomaly"].attrs["threshold"]
    assert float(result["anomaly"][:, 80:].max()) <= result["anomaly"].attrs["threshold"]
    dim = cube.load().copy(deep=True)
    dim["amplitude"][:, 80:100, 50:80] *= 0.02
    assert float(score(dim, model, score="typicality")["anomaly"][:, 87:93, 62:68].max()) < -1


def test_a_line_and_gathers_are_scored_like_panels(cube, model, result):
    line = cube.load().isel(inline=0, drop=True).rename(crossline="trace")
    np.testing.assert_allclose(score(line, model)["nll"], result["nll"][0], atol=2e-4)
    gathers = xr.Dataset(
        {"amplitude": (("shot", "line", "channel", "time"), cube["amplitude"].values.reshape(2, 2, 112, 96))},
        coords={"time": cube["time"]},
    )
    again = score(gathers, model)["nll"].values.reshape(4, 112, 96)
    np.testing.assert_allclose(again, result["nll"], atol=2e-4)


def test_a_section_smaller_than_a_patch_is_padded(cube, model):
    small = score(cube.isel(inline=[0], crossline=slice(40, 60), time=slice(10, 34)), model)
    assert np.isfinite(small["nll"]).all()


def test_no_more_than_a_few_panels_are_read_ahead(model, monkeypatch):
    read = []

    def reading(section, lead, columns, **options):
        read.append(lead)
        return read_panel(section, lead, columns, **options)

    monkeypatch.setattr("seisflow.scoring.section.read_panel", reading)
    amplitude = np.random.default_rng(0).normal(size=(40, 64, 64)).astype(np.float32) * 100
    section = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), amplitude)}, coords={"time": 4.0 * np.arange(64)}
    )
    most = 0
    for done, _ in enumerate(score_panels(section, model), start=1):
        most = max(most, len(read) - done)
    assert done == len(read) == 40
    assert most < 10


def test_a_stream_can_be_left_early(cube, model):
    stream = score_panels(cube, model)
    next(stream)
    stream.close()


def test_amplitudes_of_another_size_are_scaled_by_their_own(cube, model, caplog):
    maps = []
    for factor in (1000, 1 / 64):
        other = cube.load().assign_attrs(source_file="/elsewhere/other.sgy")
        other["amplitude"] = other["amplitude"] * factor
        with caplog.at_level(logging.WARNING, "seisflow"):
            maps.append(score(other, model)["nll"])
    assert "other.sgy: unlike the calibration lines of cube in amplitude (1.2e+03 times" in caplog.text
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-3, atol=1e-3)


def test_a_dim_part_of_the_trained_survey_keeps_the_scale_of_training(cube, model, caplog):
    dim = cube.load().copy(deep=True)
    dim["amplitude"] *= 0.1
    with caplog.at_level(logging.WARNING, "seisflow"):
        assert float(score(dim, model, score="typicality")["anomaly"].mean()) < -1
    assert caplog.text == ""


@pytest.mark.parametrize(("dim", "interval"), [("time", 2.0), ("depth", 4.0)])
def test_another_sampling_is_told(cube, model, caplog, dim, interval):
    other = cube.load().rename(time=dim)
    other = other.assign_coords({dim: interval * np.arange(96)})
    with caplog.at_level(logging.WARNING, "seisflow"):
        score(other.isel(inline=[0]), model)
    assert f"sampling (stacks in {dim}, every {interval:g}" in caplog.text
    assert "against time, every 4 ms" in caplog.text


def zero(section):
    section["amplitude"][:] = 0
    return section


def missing(section):
    section["amplitude"][:] = np.nan
    return section


BAD = {
    "no samples": (
        lambda s: select(s, ["time=100:120"]),
        "6 samples x 112 traces. Too small for the model's patch",
    ),
    "one trace": (lambda s: select(s, ["crossline=7"]), "96 samples x 1 traces. Too small"),
    "all zero": (zero, "every sample is zero, dead or missing"),
    "all NaN": (missing, "every sample is zero, dead or missing"),
    "all zero, unseen": (
        lambda s: zero(s).assign_attrs(source_file="/x/o.sgy"),
        "o.sgy: all amplitudes are zero",
    ),
    "all NaN, unseen": (
        lambda s: missing(s).assign_attrs(source_file="/x/o.sgy"),
        "o.sgy: no finite amplitude",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_scored_is_refused_in_one_line(cube, model, spoil, message):
    with pytest.raises(DataError, match=message) as failure:
        score(spoil(cube.load().copy(deep=True)), model)
    assert "\n" not in str(failure.value)


def test_a_model_that_cannot_judge_is_refused(cube, model, tiny_run):
    bare = load_model(tiny_run)
    bare.card = model.card.model_copy(update={"calibration": None})
    with pytest.raises(ModelError, match="no calibration"):
        score(cube, bare)
    bare.card = None
    with pytest.raises(ModelError, match="no card"):
        score(cube, bare)
    bare.card, bare.shape = model.card, (3, 32, 32)
    with pytest.raises(ModelError, match="3 channels"):
        score(cube, bare)


def test_a_part_by_polygon_and_horizon_is_scored_as_its_surroundings_show_it(cube_file, tiny_run, tmp_path):
    (tmp_path / "area.csv").write_text("inline,crossline\n0.5,9.5\n4.5,9.5\n0.5,90.5\n")
    (tmp_path / "top.csv").write_text("inline,crossline,time\n1,1,120\n1,112,180\n4,1,120\n4,112,180\n")
    cube, model = seisflow.open_section(cube_file), load_model(tiny_run)
    part = select(cube, [f"polygon={tmp_path / 'area.csv'}", f"horizon={tmp_path / 'top.csv'}:-60:+100"])
    around = cube.sel({dim: part[dim] for dim in ("inline", "crossline", "time")})
    found, whole = (score(section, model, score="typicality") for section in (part, around))
    inside = np.stack([part_of_panel(part, (line,)).T for line in range(part.sizes["inline"])])
    assert 0.2 < inside.mean() < 0.8
    np.testing.assert_array_equal(found["mask"].values, whole["mask"].values & inside)
    for name in ("nll", "anomaly", "amplitude"):
        np.testing.assert_array_equal(
            found[name].values, np.where(found["mask"].values, whole[name].values, np.nan)
        )
