"""`seisflow demo` leaves a run, the map of the F3 sample and new patches, and calls the library alone."""

import json
from pathlib import Path

import pytest
import segyio
from click.testing import CliRunner

import seisflow
from seisflow import config
from seisflow.cli import demo
from seisflow.cli.main import cli
from seisflow.runs.sources import Source

SMALL = [
    "data.patch=[64,32]",
    "flow.levels=2",
    "flow.couplings=1",
    "flow.subnet.width=8",
    "training.steps=100",
    "training.validate_every=100",
    "training.denoiser_steps=0",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, arguments)


def check(folder):
    """What a demo has to leave, and that the bright spot at the gas chimney is what it finds."""
    names = {path.name for path in folder.iterdir()}
    assert names == {"run", "generated.sgy", "generated.png", "generated.csv"} | {
        f"f3-sample.{e}" for e in ("zarr", "sgy", "png", "json", "csv")
    }
    assert (folder / "run" / "model.safetensors").is_file()
    strongest = json.loads((folder / "f3-sample.json").read_text())["anomalies"][0]
    assert strongest["kind"] == "score above normal"
    assert 160 <= strongest["at"]["crossline"] <= 240
    assert 380 <= strongest["at"]["time"] <= 620
    assert seisflow.open_section(folder / "generated.sgy").sizes["inline"] == 100
    with segyio.open(folder / "f3-sample.sgy") as file:
        assert file.tracecount == 2500


def test_a_demo_leaves_everything_in_one_folder(run, monkeypatch):
    presets = config.load_config
    monkeypatch.setattr(config, "load_config", lambda name: presets(name, SMALL))
    result = run("demo", "--device", "cpu", "-o", "shown")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 4
    assert [path.name for path in Path().iterdir()] == ["shown"]
    check(Path("shown"))
    again = run("demo", "-o", "shown")
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: shown: is there already. Pass --overwrite")


@pytest.mark.slow
def test_the_demo_as_it_is_finds_the_bright_spot(run):
    result = run("demo", "--max-time", "60")
    assert result.exit_code == 0, result.stderr
    check(Path("demo"))


def test_neither_training_nor_calibration_sees_the_chimney():
    split = Source(path=demo.SAMPLE).split()
    trained, held_out = (part[0].ranges["crossline"] for part in (split.train, split.validation))
    assert max(*trained, *held_out) <= 160
    assert trained[1] < held_out[0]


@pytest.mark.parametrize("arguments", [["--max-time", "soon"], ["--max-time", "0"], ["somewhere"]])
def test_wrong_usage_exits_with_two(run, arguments):
    assert run("demo", *arguments).exit_code == 2
