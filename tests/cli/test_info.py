"""`seisflow info` and `seisflow runs`: what a model knows of itself, within 60 columns."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from seisflow.cli.main import cli
from seisflow.runs import folders


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def two_runs(run, tiny_run):
    """Two finished runs that differ in a key, and an interrupted one."""
    for name in ("one", "two"):
        shutil.copytree(tiny_run, Path("runs") / name)
    path = Path("runs/two/config.json")
    card = json.loads(path.read_text())
    card["config"]["training"]["learning_rate"] = 0.005
    path.write_text(json.dumps(card))
    shutil.copytree(tiny_run, "runs/three")
    Path("runs/three/model.safetensors").unlink()
    folders.set_latest(Path("runs/two"))


@pytest.mark.parametrize("name", ["f3-small", None])
def test_info_tells_the_card_within_sixty_columns(run, tiny_run, name):
    result = run("info", name or tiny_run)
    assert result.exit_code == 0, result.stderr
    table = result.stdout.split("\n", 1)[1]
    assert max(map(len, table.splitlines())) <= 60
    for word in ("parameters", "samples x", "steps", "nats/dim", "calibrated", "topics", "versions"):
        assert word in table


def test_info_as_json_counts_parameters(run, tiny_run):
    from seisflow.models import load_model

    facts = json.loads(run("info", tiny_run, "--json").stdout)
    model = load_model(tiny_run)
    assert facts["parameters"] == sum(value.numel() for value in model.state_dict().values())
    assert facts["surveys"][0]["std"] == model.card.scaling.std


def test_runs_are_listed_and_two_compared(run, two_runs):
    lines = run("runs").stdout.splitlines()
    assert lines[0].split() == ["run", "state", "steps", "nats/dim"]
    assert any(line.startswith("two *") for line in lines)
    assert any("three" in line and "interrupted" in line for line in lines)
    compared = run("runs", "one", "two").stdout
    assert "learning_rate" in compared
    assert len(compared.splitlines()) == 2 or max(map(len, compared.splitlines())) <= 60


def test_a_model_that_was_calibrated_elsewhere_differs_by_that(run, tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "runs/again")
    (tmp_path / "runs/again/config.yaml").unlink()
    path = tmp_path / "runs/again/config.json"
    card = json.loads(path.read_text())
    card["surveys"].append(card["surveys"][0] | {"name": "elsewhere", "trained": False})
    path.write_text(json.dumps(card))
    rows = run("runs", tiny_run, "runs/again").stdout.splitlines()
    assert any("elsewhere" in row for row in rows)
    assert any("calibrated" in row for row in rows)
    assert len(rows) <= 4  # nothing of the configuration, though the copy has no config.yaml


def test_an_interrupted_run_says_how_to_go_on(run, two_runs):
    for command in ("score", "generate"):
        result = run("-q", command, "-m", "runs/three")
        assert result.exit_code == 1
        assert "seisflow train --resume -o runs/three" in result.stderr
        assert result.stderr.count("\n") == 1
