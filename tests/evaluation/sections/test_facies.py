"""`seisflow benchmark facies`: stability over seeds and lines, recorded with a legend."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from seisflow.cli.main import cli
from seisflow.evaluation import suites
from seisflow.evaluation.sections import facies


def test_lines_of_one_kind_of_survey_agree_and_noise_does_not():
    kinds = np.arange(3).repeat(16)[:, None].repeat(48, 1)
    levels = 3 * np.random.default_rng(1).normal(size=(3, 4, 6))
    rng = np.random.default_rng(0)
    survey = [
        levels[kinds, rng.integers(4, size=kinds.shape)] + 0.1 * rng.normal(size=(*kinds.shape, 6))
        for _ in range(4)
    ]
    assert facies.agreement_of_lines(survey, 3) > 0.9
    assert facies.agreement_of_lines([rng.normal(size=(48, 48, 6)) for _ in range(4)], 3) < 0.3


def test_the_command_records_and_draws(tiny_run, cube_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suites, "FACIES_SECTION", str(cube_file))
    monkeypatch.setattr("seisflow.facies.find.FEWEST", 10)
    run = ["benchmark", "facies", "-m", str(tiny_run), "-o", "out"]
    done = CliRunner().invoke(cli, run, env={"SEISFLOW_DATA": ""})
    assert done.exit_code == 0, (done.output, done.exception)
    (one,) = json.loads(Path("out/results/facies.json").read_text())
    assert {"experiment", "dataset", "protocol", "model", "metric", "value", "seed", "command"} <= one.keys()
    assert -1 <= one["value"] <= 1
    assert -1 <= one["between_lines"] <= 1
    assert len(one["legend"]) == one["topics"] + 1
    assert one["model"] == "tiny"
    assert Path("out/images/facies-tiny.png").read_bytes().startswith(b"\x89PNG")
    assert "images/facies-tiny.png" in Path("out/facies.md").read_text()
    again = CliRunner().invoke(cli, run, env={"SEISFLOW_DATA": ""})
    assert again.exit_code == 0, again.stderr
    assert "recorded already, left out" in again.stderr
