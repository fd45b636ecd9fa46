"""Alarms are promised of sections like the calibration lines, and of no others."""

import json

import numpy as np
import pytest

import seisflow
from seisflow.calibration.panel_test import PanelStatistics
from seisflow.calibration.tail import Tail
from seisflow.generation.sections import generate
from seisflow.io import open_section
from seisflow.models import load_model
from seisflow.output.generated_files import write_generated
from seisflow.output.score_files import write_scores
from seisflow.patches import Split
from seisflow.scoring.recalibrate import calibrate_again, calibrate_survey, store
from seisflow.scoring.survey_match import for_survey

from ..conftest import layered_cube, write_cube


@pytest.fixture
def model(tiny_run):
    return load_model(tiny_run)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A section of another survey: as loud, but three times as low in frequency."""
    cube = np.repeat(layered_cube(), 3, axis=2)[..., 40:136]
    path = tmp_path_factory.mktemp("other") / "elsewhere.sgy"
    write_cube(path, np.ascontiguousarray(cube))
    return path


def test_the_section_that_was_trained_on_is_of_its_survey(model, cube_file):
    assert for_survey(open_section(cube_file), model)[1].differences == []


def test_a_section_of_another_survey_is_ranked_without_an_alarm_rate(model, elsewhere, tmp_path):
    section = open_section(elsewhere)
    summary = write_scores(section, model, [tmp_path / "out.zarr"], model_name="runs/tiny", page=False)
    assert any("frequency" in one for one in summary.differs)
    assert not summary.alpha_is_supported
    assert "as a ranking, without an alarm rate" in summary.sentence()
    assert f"seisflow calibrate -m runs/tiny {elsewhere}" in summary.sentence()
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["differs"] == summary.differs
    assert all(one["p_value"] is None and one["caveat"] for one in told["anomalies"])
    if told["anomalies"]:
        assert "a ranking without an alarm rate" in (tmp_path / "out.csv").read_text()
    result = seisflow.score(section, model)
    assert not result.anomaly.attrs["alpha_is_supported"]
    assert "ranking" in result.anomaly.attrs["caveat"]


def test_another_scale_and_another_sampling_are_told(model, cube_file, tmp_path):
    section = open_section(cube_file)
    section.attrs["source_file"] = "copy.sgy"
    louder = section.assign(amplitude=section["amplitude"].load() * 30)
    assert any("amplitude (3" in one for one in for_survey(louder, model)[1].differences)
    slower = section.assign_coords(time=section["time"] * 2)
    assert any("sampling" in one for one in for_survey(slower, model)[1].differences)


def test_a_survey_that_was_calibrated_for_has_alarms_again(model, elsewhere, tmp_path):
    section = open_section(elsewhere)
    store(model, [calibrate_survey(model, [section], [str(elsewhere)])], tmp_path / "run")
    view, match = for_survey(section, load_model(tmp_path / "run"))
    assert (match.survey, match.differences) == ("elsewhere", [])
    assert view.card.calibration.held_out


def test_surveys_that_were_learnt_are_calibrated_again_each_by_its_own_scale(model, cube_file, tmp_path):
    section, card = open_section(cube_file), model.card
    loud = section.assign(amplitude=section["amplitude"].load() * 400)
    first = card.surveys[0]
    scaling = first.scaling.model_copy(
        update={"std": 400 * first.scaling.std, "mean": 400 * first.scaling.mean}
    )
    second = first.model_copy(update={"name": "loud", "scaling": scaling})
    inputs = [*card.inputs, card.inputs[0] | {"survey": 1}]
    model.card = card.model_copy(update={"surveys": [first, second], "inputs": inputs})
    splits = [Split.model_validate(item["split"]) for item in inputs]
    store(model, calibrate_again(model, [section, loud], ["a", "b"], splits), tmp_path / "run")
    again = load_model(tmp_path / "run").card
    assert [one.name for one in again.surveys] == [first.name, "loud"]
    assert [one.scaling for one in again.surveys] == [first.scaling, scaling]
    assert again.surveys[0].calibration is None  # that of the card
    np.testing.assert_allclose(again.surveys[1].calibration.maxima, again.calibration.maxima, rtol=1e-3)
    for name, one in again.calibrations.items():
        assert len(again.surveys[1].calibrations[name].maxima) == len(one.maxima) > 0


@pytest.mark.parametrize("end", ["zarr", "sgy", None])
def test_samples_of_the_model_raise_alarms_at_the_nominal_rate(model, tmp_path, end):
    count, alpha = 200, 0.05
    if end is None:
        section = generate(model, count, seed=5)
    else:
        write_generated(model, count, tmp_path / f"new.{end}", seed=5)
        section = open_section(tmp_path / f"new.{end}")
    match = for_survey(section, model)[1]
    assert match.survey == "samples of the model"
    result = seisflow.score(section, model, alpha=alpha)
    peaks = np.abs(result.anomaly).max(("crossline", "time"))
    alarms = int((peaks > result.anomaly.threshold).sum())
    # the rate of a threshold by 128 samples has a standard deviation of 0.02, the binomial one of 0.015
    assert abs(alarms / count - alpha) < 4 * 0.025
    assert result.anomaly.alpha_is_supported


def test_samples_of_one_topic_or_another_temperature_are_no_samples_of_the_density(model):
    match = for_survey(generate(model, 3, temperature=0.7), model)[1]
    assert match.differences == ["temperature (0.7)"]


def test_p_values_are_never_zero():
    tail = Tail(tile=(32, 32), maxima=sorted(np.random.default_rng(0).uniform(2, 4, 200).tolist()))
    assert tail.p_value(1e6, (32, 32)) == pytest.approx(1 / (100 * 201))
    assert tail.reaches(0.05, (32, 32))
    assert not tail.reaches(1e-9, (32, 32))


def test_panels_of_one_kind_are_told_from_those_of_another_and_not_from_each_other():
    rng = np.random.default_rng(0)

    def panels(shift, n):
        return PanelStatistics(values={"amplitude": (shift + 0.2 * rng.normal(size=n)).tolist()})

    wrong = sum(bool(panels(0, 30).differences(panels(0, 9))) for _ in range(300))
    assert wrong <= 9  # 1 % of 300, and what chance adds
    assert panels(0, 30).differences(panels(2, 9))[0].startswith("scale (")
    assert all(panels(0, n).differences(panels(9, 1)) for n in (3, 30))
