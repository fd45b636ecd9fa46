"""The protocol keeps its lines apart, and its table says what was measured."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from seisflow import training
from seisflow.cli.main import cli
from seisflow.errors import DataError, OutputError
from seisflow.evaluation.anomalies import lines as survey_lines
from seisflow.evaluation.anomalies import protocol as anomalies
from seisflow.evaluation.anomalies.contest import OF_SCORES, Contest
from seisflow.evaluation.anomalies.detectors import rms
from seisflow.evaluation.reporting import anomaly_pages
from seisflow.models import load_model
from seisflow.patches import Block, Split
from seisflow.runs.sources import Source

from ...conftest import layered_cube, tiny_config, write_cube

WHOLE = Split(train=[Block()], validation=[])


def survey(lines):
    return xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), np.zeros((lines, 4, 5), np.float32))},
        coords={"inline": 100 + np.arange(lines), "time": 4.0 * np.arange(5)},
    )


def test_volve_is_shared_out_as_the_protocol_says():
    lines = survey_lines.share_out(survey(61), (0, 26))
    assert (lines.calibration[0], lines.calibration[-1]) == (30, 41)
    assert (lines.development[0], lines.development[-1]) == (44, 47)
    assert (lines.test[0], lines.test[-1]) == (50, 60)


@pytest.mark.parametrize(("count", "trained"), [(61, 26), (40, 10), (200, 150)])
def test_parts_are_apart_from_each_other(count, trained):
    lines = survey_lines.share_out(survey(count), (0, trained))
    parts = [lines.train, lines.calibration, lines.development, lines.test]
    for before, after in pairwise(parts):
        assert after[0] - before[-1] > survey_lines.GAP
        assert after == list(range(after[0], after[-1] + 1))
    assert lines.test[-1] == count - 1


@pytest.mark.parametrize(("count", "trained"), [(61, (35, 61)), (48, (32, 48)), (40, (20, 38))])
def test_lines_before_the_trained_ones_serve_where_they_are_more(count, trained):
    lines = survey_lines.share_out(survey(count), trained)
    after = survey_lines.share_out(survey(count), (count - trained[1], count - trained[0]))
    for one, other in zip(vars(lines).values(), vars(after).values(), strict=True):
        assert one == [count - 1 - number for number in reversed(other)]
    assert lines.train == list(range(*trained))
    assert lines.test[0] == 0


def test_too_few_other_lines_are_refused():
    with pytest.raises(DataError, match="9 of 40 lines are left beside those the model was trained on"):
        survey_lines.share_out(survey(40), (0, 23))


def line(traces):
    return xr.Dataset(
        {"amplitude": (("trace", "time"), np.zeros((traces, 5), np.float32))},
        coords={"trace": 1 + np.arange(traces), "time": 4.0 * np.arange(5)},
    )


@pytest.mark.parametrize("width", [8, 16, 32])
def test_traces_of_a_line_are_shared_out_with_gaps_wider_than_a_patch(width):
    parts = list(vars(survey_lines.share_out(line(534), (0, 267), width)).values())
    assert parts[0] == list(range(267))
    for before, after in pairwise(parts):
        assert after[0] - before[-1] > width + 1
        assert len(after) >= width
        assert after == list(range(after[0], after[-1] + 1))
    assert parts[-1][-1] == 533


def test_a_line_too_short_for_the_patch_is_refused():
    with pytest.raises(DataError, match=r"72 of 534 traces, beside gaps of 65, are left .* narrower patches"):
        survey_lines.share_out(line(534), (0, 267), 64)


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
    assert survey_lines.trained_lines(section, model) == tuple(block)


@pytest.fixture(scope="module")
def line_folder(tmp_path_factory):
    """Tiny model trained on the left traces of a made 2D line, in its folder."""
    folder = tmp_path_factory.mktemp("line")
    cube = np.concatenate([np.roll(layered_cube()[:1], 17 * k, axis=1) for k in range(4)], axis=1)
    rng = np.random.default_rng(0)
    cube = np.where(cube == 0, 0, cube + 30 * rng.normal(size=cube.shape)).astype(np.float32)
    write_cube(folder / "line.sgy", cube)
    source = Source(path=str(folder / "line.sgy"), select=("trace=1:150",), geometry={"line": True})
    training.train([source], tiny_config(), folder / "run", device="cpu", splits=[WHOLE])
    return folder


def test_a_line_is_judged_beyond_the_traces_that_were_trained_on(line_folder, monkeypatch):
    monkeypatch.setattr(
        "seisflow.evaluation.anomalies.contest.fit_detectors", lambda panels, seed: {"RMS amplitude": rms}
    )
    model = load_model(line_folder / "run")
    section = Source(path=str(line_folder / "line.sgy"), geometry={"line": True}).open()
    assert survey_lines.trained_lines(section, model) == (0, 150)
    lines = survey_lines.share_out(section, (0, 150), model.shape[2])
    told = []
    contest = Contest(section, model, lines, report=lambda done, total: told.append(done / total))
    assert len(told) > 4
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == OF_SCORES / 100  # of one baseline, that it is begun
    assert contest.read(lines.test)[0].shape == (96, len(lines.test))
    assert [panel.shape[1] for panel in contest.read(lines.calibration, pieces=True)] == [43, 44]
    cases, untouched = anomalies.run(contest, kinds=("burst", "dead"), seeds=1)
    found = anomalies.results(
        contest, cases, untouched, part="test", alpha=0.05, seeds=1, seconds=1.0, command="seisflow evaluate"
    )
    by_name = {one["score"]: one["by_kind"] for one in found}
    # The burst is as high as this short section: `combined` takes most of it for a trend.
    assert by_name["nll"]["burst"] > 0.9
    assert by_name["typicality"]["burst"] > by_name["RMS amplitude"]["burst"] + 0.2
    assert by_name["combined"]["dead"] > max(by_name["levels"]["dead"], by_name["RMS amplitude"]["dead"])
    for one in found:
        assert one["interval_over"] == "places"
        assert one["interval"][0] <= one["value"] <= one["interval"][1]
        assert (one["untouched_lines"], one["independent_lines"]) == (1, 1)
        assert one["tiles"] == 3 * round(len(lines.test) / 32)
        low, high = one["false_alarms_interval"]
        assert low <= one["false_alarms"] <= high


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
    assert "holds survey.sgy already. Pass --overwrite" in again.stderr


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("inline=1:15", r"survey.sgy: \d of 15 lines are left beside those the model was trained on"),
        ("inline=20:34", r"survey.sgy: .*inline"),
        ("inline=50:60", r"survey.sgy: .*inline"),
    ],
)
def test_a_part_without_room_to_test_in_is_refused(run_folder, monkeypatch, select, told):
    monkeypatch.chdir(run_folder)
    result = CliRunner().invoke(cli, ["evaluate", "-m", "run", "--select", select])
    assert result.exit_code == 1
    assert re.search(told, result.stderr.splitlines()[-1]), result.stderr
    assert "Traceback" not in result.stderr


def test_results_are_not_replaced_unasked(tmp_path):
    (tmp_path / "anomalies.md").write_text("mine")
    with pytest.raises(OutputError, match=r"anomalies.md: exists"):
        anomaly_pages.check(tmp_path, "a.sgy")
    assert anomaly_pages.check(tmp_path, "a.sgy", overwrite=True) == []


def test_surveys_stand_side_by_side_and_each_is_replaced_alone(tmp_path):
    one = {
        "dataset": "a.sgy", "protocol": "p", "model": "m", "score": "combined", "is_baseline": False,
        "parameters": 7, "value": 0.9, "interval": [0.8, 0.95], "interval_over": "lines",
        "best_baseline": "combined", "lead_over_best_baseline": 0.0, "lead_interval": [0.0, 0.0],
        "interior": 0.9, "boundary": 0.9, "aupro": 0.7, "found_at_alpha": 0.5, "false_alarms": 0.1,
        "false_alarms_interval": [0.0, 0.3], "tile_false_alarms": 0.04, "untouched_lines": 11,
        "independent_lines": 1.6, "by_kind": {"dead": 0.9}, "alpha": 0.05, "seed": [0], "machine": "x",
        "by_severity": dict.fromkeys(("mild", "moderate", "strong"), 0.9), "seconds": 1.0, "commit": None,
        "command": "seisflow evaluate -m MODEL a.sgy",
    }  # fmt: skip
    anomaly_pages.write([one], tmp_path)
    anomaly_pages.write([one | {"dataset": "b.sgy", "value": 0.8}], tmp_path)
    with pytest.raises(OutputError, match=r"holds a\.sgy already"):
        anomaly_pages.write([one], tmp_path)
    page = tmp_path / "anomalies.md"
    page.write_text(page.read_text().replace("<!-- b.sgy -->", "My words.\n<!-- b.sgy -->"))
    anomaly_pages.write([one | {"value": 0.7}], tmp_path, overwrite=True)
    assert "My words." in page.read_text()
    page = (tmp_path / "anomalies.md").read_text()
    assert [text in page for text in ("## a.sgy", "## b.sgy", "0.700", "0.800", "0.900 |")] == [True] * 5
    assert "exact 95 % interval 0% to 30%" in page
    values = json.loads((tmp_path / "results" / "anomalies.json").read_text())
    assert {item["dataset"]: item["value"] for item in values} == {"a.sgy": 0.7, "b.sgy": 0.8}
