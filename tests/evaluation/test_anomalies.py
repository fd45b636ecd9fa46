"""The protocol keeps its lines apart, and its table says what was measured."""

import json
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from seisflow import training
from seisflow.cli.main import cli
from seisflow.errors import DataError, OutputError
from seisflow.evaluation import anomalies
from seisflow.models import load_model
from seisflow.source import Source

from ..conftest import layered_cube, tiny_config, write_cube


def survey(lines):
    return xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), np.zeros((lines, 4, 5), np.float32))},
        coords={"inline": 100 + np.arange(lines), "time": 4.0 * np.arange(5)},
    )


def test_volve_is_shared_out_as_the_protocol_says():
    lines = anomalies.share_out(survey(61), (0, 26))
    assert (lines.calibration[0], lines.calibration[-1]) == (30, 41)
    assert (lines.development[0], lines.development[-1]) == (44, 47)
    assert (lines.test[0], lines.test[-1]) == (50, 60)


@pytest.mark.parametrize(("count", "trained"), [(61, 26), (40, 10), (200, 150)])
def test_parts_are_apart_from_each_other(count, trained):
    lines = anomalies.share_out(survey(count), (0, trained))
    parts = [lines.train, lines.calibration, lines.development, lines.test]
    for before, after in pairwise(parts):
        assert after[0] - before[-1] > anomalies.GAP
        assert after == list(range(after[0], after[-1] + 1))
    assert lines.test[-1] == count - 1


def test_too_few_other_lines_are_refused():
    with pytest.raises(DataError, match="9 of 40 lines are left beside those the model was trained on"):
        anomalies.share_out(survey(40), (0, 23))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Tiny model trained on the first ten of 34 lines of a made survey, in its folder."""
    folder = tmp_path_factory.mktemp("evaluate")
    cube = np.concatenate([np.roll(layered_cube(), 17 * k, axis=1) for k in range(9)])[:34]
    rng = np.random.default_rng(0)
    cube = np.where(cube == 0, 0, cube + 30 * rng.normal(size=cube.shape)).astype(np.float32)
    write_cube(folder / "survey.sgy", cube)
    source = Source(path=str(folder / "survey.sgy"), select=("inline=1:10",))
    training.train([source], tiny_config(), folder / "run", device="cpu")
    return folder


def test_the_card_tells_which_lines_were_trained_on(run_folder):
    model = load_model(run_folder / "run")
    section = Source(path=str(run_folder / "survey.sgy")).open()
    block = model.card.inputs[0]["split"]["train"][0]["ranges"].get("inline", (0, 10))
    assert anomalies.trained_lines(section, model) == tuple(block)


@pytest.mark.slow
def test_the_command_evaluates_and_writes_objects_and_page(run_folder, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(run_folder)
    arguments = ["evaluate", "-m", "run", "--seeds", "1", "-o", "docs"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.stderr
    found = json.loads((run_folder / "docs" / "results" / "anomalies.json").read_text())
    by_name = {one["score"]: one for one in found}
    assert {"combined", "typicality", "RMS amplitude", "isolation forest"} <= set(by_name)
    for one in found:
        keys = "experiment dataset protocol model parameters metric value seed seconds machine commit command"
        assert set(keys.split()) <= set(one)
        assert one["interval"][0] <= one["value"] <= one["interval"][1]
        assert 0 <= one["false_alarms"] <= 1
    assert by_name["trace kill"]["by_kind"]["dead"] > 0.9
    assert by_name["combined"]["by_kind"]["burst"] > 0.8
    page = (run_folder / "docs" / "anomalies.md").read_text()
    assert result.stdout.strip() in page
    assert "| **combined** |" in page
    again = CliRunner().invoke(cli, arguments)
    assert again.exit_code == 1
    assert "exists. Pass --overwrite" in again.stderr


def test_results_are_not_replaced_unasked(tmp_path):
    (tmp_path / "anomalies.md").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        anomalies.check(tmp_path)
    assert anomalies.check(tmp_path, overwrite=True)[1] == tmp_path / "anomalies.md"
