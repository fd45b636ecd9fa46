"""`seisflow generate` draws what the library draws, says from which model, and leaves whole files only."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import seisflow
from seisflow.cli.main import cli
from seisflow.generation.sections import generate
from seisflow.models import load_model
from seisflow.runs import folders


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return call


def done(result):
    assert result.exit_code == 0, result.stderr
    return result


def test_without_a_model_the_latest_run_draws_into_its_folder(run, tiny_run):
    shutil.copytree(tiny_run, "runs/tiny")
    folders.set_latest(Path("runs/tiny"))
    result = done(run("generate", "--n", 3))
    assert "model runs/tiny, which has seen cube.sgy for 30 steps" in result.stderr
    assert result.stdout == "runs/tiny/generated.zarr: 3 patches; gallery runs/tiny/generated.png\n"
    found = seisflow.open_section("runs/tiny/generated.zarr")["amplitude"]
    np.testing.assert_array_equal(found, generate(load_model("runs/tiny"), 3)["amplitude"])


def test_topic_temperature_and_seed_are_passed_on(run, tiny_run):
    options = {"topic": 1, "temperature": 0.5, "seed": 9}
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    done(run("generate", "--n", 3, "-m", tiny_run, "-o", "new.sgy", *flags))
    expected = generate(load_model(tiny_run), 3, **options)["amplitude"]
    np.testing.assert_array_equal(seisflow.open_section("new.sgy")["amplitude"], expected)
    assert sorted(path.name for path in Path().iterdir()) == ["new.csv", "new.png", "new.sgy"]


@pytest.mark.parametrize(
    "arguments",
    [["--n", "0"], ["--n", "many"], ["--topic", "-1"], ["--temperature", "-1"], ["--seed", "x"], ["extra"]],
    ids=" ".join,
)
def test_wrong_usage_exits_with_two(run, tiny_run, arguments):
    assert run("generate", "-m", tiny_run, *arguments).exit_code == 2
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topic", "2"], "topic 2"),
        (["-o", "new.png"], "new.png: .png is no format"),
        (["--device", "toaster"], "--device toaster"),
    ],
)
def test_what_does_not_fit_the_model_is_one_line(run, tiny_run, arguments, message):
    result = run("-q", "generate", "--n", 2, "-m", tiny_run, "-o", "new.zarr", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_beside_the_patches_stand_their_density_and_topic(run, tiny_run):
    done(run("generate", "--n", 3, "-m", tiny_run, "-o", "new.zarr", "--at", "500000,6000000,12.5"))
    rows = list(csv.DictReader(Path("new.csv").read_text().splitlines()))
    model = load_model(tiny_run)
    scaled = model.card.scaling.scale(generate(model, 3)["amplitude"].values.swapaxes(1, 2)[:, None])
    expected = model.log_prob(torch.from_numpy(np.ascontiguousarray(scaled))).detach()
    np.testing.assert_allclose([float(row["log_prob"]) for row in rows], expected, rtol=1e-3)
    assert {row["topic"] for row in rows} <= {"0", "1"}
    placed = seisflow.open_section("new.zarr")
    assert float(placed["cdp_x"][0, 1] - placed["cdp_x"][0, 0]) == 12.5
    assert float(placed["cdp_y"][2, 0]) == 6_000_025


def test_nothing_is_replaced_unasked(run, tiny_run):
    Path("new.png").write_text("mine")
    result = run("-q", "generate", "--n", 2, "-m", tiny_run, "-o", "new.zarr")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: new.png: exists already")
    assert [path.name for path in Path().iterdir()] == ["new.png"]
    done(run("generate", "--n", 2, "-m", tiny_run, "-o", "new.zarr", "--overwrite"))
    assert Path("new.png").read_bytes().startswith(b"\x89PNG")
