"""`seisflow score` says what it takes, where it writes and what it finds; bad input is one line, no trace."""

import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import seisflow
from seisflow.cli.main import cli
from seisflow.models import load_model
from seisflow.runs import folders
from seisflow.scoring.section import score


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        if arguments[0] == "score" and "--score" not in arguments:
            arguments = (*arguments, "--score", "typicality")  # what these tests know the outcome of
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def latest(run, tiny_run):
    """Make the tiny run the latest of the folder."""
    shutil.copytree(tiny_run, "runs/tiny")
    folders.set_latest(Path("runs/tiny"))


def done(result):
    assert result.exit_code == 0, result.stderr
    return result


def files(folder="."):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


@pytest.mark.usefixtures("latest")
def test_without_arguments_the_latest_run_scores_what_it_was_trained_on(run, cube_file):
    result = done(run("score"))
    assert "model runs/tiny, which has seen cube.sgy for 30 steps" in result.stderr
    assert result.stdout.startswith("runs/tiny/score/cube.zarr: ")
    assert "the strongest at inline" in result.stdout
    assert result.stdout.count("\n") == 1
    expected = score(seisflow.open_section(cube_file), load_model("runs/tiny"), score="typicality")
    np.testing.assert_array_equal(xr.open_zarr("runs/tiny/score/cube.zarr")["anomaly"], expected["anomaly"])
    assert Path("runs/tiny/score/cube.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(Path("runs/tiny/score/cube.json").read_text())["panels"] == 4


def test_a_named_file_and_model_give_a_named_result(run, cube_file, tiny_run):
    done(run("score", cube_file, "-m", tiny_run, "-o", "map.sgy", "--select", "inline=2:3"))
    assert files() == ["map.csv", "map.geojson", "map.json", "map.png", "map.sgy"]
    assert seisflow.open_section("map.sgy")["inline"].values.tolist() == [2, 3]
    again = run("score", cube_file, "-m", tiny_run, "-o", "map.sgy")
    assert again.exit_code == 1
    assert again.stderr.splitlines()[-1].startswith("Error: map.sgy: exists already")
    done(run("score", cube_file, "-m", tiny_run, "-o", "map.sgy", "--overwrite"))
    assert seisflow.open_section("map.sgy").sizes["inline"] == 4


@pytest.mark.usefixtures("latest")
def test_a_part_of_what_was_trained_on_can_be_chosen(run):
    done(run("score", "-o", "part.zarr", "--select", "inline=2", "--select", "crossline=30:90"))
    assert dict(xr.open_zarr("part.zarr").sizes) == {"inline": 1, "crossline": 61, "time": 96}


def test_several_inputs_go_to_a_folder(run, cube_file, tiny_run):
    shutil.copy(cube_file, "other.sgy")
    result = done(run("score", cube_file, "other.sgy", "-m", tiny_run, "-o", "maps", "--json"))
    assert [Path(told["outputs"][0]) for told in json.loads(result.stdout)] == [
        Path("maps/cube.zarr"),
        Path("maps/other.zarr"),
    ]
    names = {path.name for path in Path("maps").iterdir()}
    endings = ("zarr", "png", "json", "csv", "geojson")
    assert names == {f"{stem}.{ending}" for stem in ("cube", "other") for ending in endings}


def test_of_a_folder_the_others_are_scored_where_one_file_is_bad(run, cube_file, tiny_run):
    Path("in").mkdir()
    shutil.copy(cube_file, "in/good.sgy")
    Path("in/bad.sgy").write_bytes(b"no seismic")
    result = run("score", "in", "-m", tiny_run, "-o", "maps")
    assert result.exit_code == 1
    assert "maps/good.zarr: " in result.stdout
    assert "bad.sgy" in result.stderr.splitlines()[-1]
    assert Path("maps/good.json").is_file()


def test_a_report_and_another_score_can_be_asked_for(run, cube_file, tiny_run):
    done(run("score", cube_file, "-m", tiny_run, "-o", "map.zarr", "--score", "combined", "--report"))
    assert Path("map.html").read_text().startswith("<!doctype html>")
    told = json.loads(Path("map.json").read_text())
    assert told["score"] == "combined"
    assert {"type", "level", "p_value", "discovery"} <= set(told["anomalies"][0])
    assert Path("map.csv").read_text().startswith("rank,type,level,kind,")


def test_nll_and_alpha_are_passed_on(run, cube_file, tiny_run):
    result = done(
        run("score", cube_file, "-m", tiny_run, "-o", "map.sgy", "--score", "nll", "--alpha", 0.4, "--json")
    )
    (told,) = json.loads(result.stdout)
    assert (told["score"], told["alpha"]) == ("nll", 0.4)
    expected = score(seisflow.open_section(cube_file), load_model(tiny_run), score="typicality")["nll"]
    np.testing.assert_array_equal(seisflow.open_section("map.sgy")["amplitude"], np.nan_to_num(expected))


def test_a_crs_is_written_to_zarr(run, cube_file, tiny_run):
    done(run("score", cube_file, "-m", tiny_run, "-o", "map.zarr", "--crs", "EPSG:23031", "--workers", 1))
    assert xr.open_zarr("map.zarr", chunks=None)["spatial_ref"].attrs["spatial_ref"] == "EPSG:23031"
    assert seisflow.open_section("map.zarr").attrs["crs"] == "EPSG:23031"


def test_quiet_says_the_result_only(run, cube_file, tiny_run):
    result = done(run("score", "-q", cube_file, "-m", tiny_run, "-o", "map.zarr"))
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1


@pytest.fixture(scope="module")
def bad_files(cube_file, tmp_path_factory):
    """Files that cannot be scored, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    whole = cube_file.read_bytes()
    stride = 240 + 4 * 96
    contents = {
        "empty": b"",
        "truncated": whole[: 3600 + 100],
        "not-segy": b"These are no headers. " * 1000,
        "short": None,
        "zero": None,
        "nan": None,
    }
    for name, content in contents.items():
        if content is not None:
            (folder / f"{name}.sgy").write_bytes(content)
    for name, value in (("zero", b"\0\0\0\0"), ("nan", b"\x7f\xc0\0\0")):
        traces = [whole[at : at + 240] + value * 96 for at in range(3600, len(whole), stride)]
        (folder / f"{name}.sgy").write_bytes(whole[:3600] + b"".join(traces))
    section = seisflow.open_section(cube_file).isel(time=slice(0, 6))
    from seisflow.io import create_segy

    with create_segy(folder / "short.sgy", section) as file:
        for i in range(4):
            file.write((i,), section["amplitude"][i].to_numpy())
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing.sgy: no such file"),
        ("empty", "empty.sgy: the file is empty"),
        ("truncated", "truncated.sgy: 3700 bytes"),
        ("not-segy", "not-segy.sgy: sample format code"),
        ("short", "short.sgy: 6 samples x 112 traces. Too small for the model's patch of 32 x 32"),
        ("zero", "zero.sgy: only dead traces|zero.sgy: all amplitudes are zero"),
        ("nan", "nan.sgy: no finite amplitude"),
    ],
)
@pytest.mark.parametrize("ending", ["zarr", "sgy"])
def test_bad_input_is_one_line_and_leaves_nothing(run, bad_files, tiny_run, name, message, ending):
    result = run("-q", "score", bad_files / f"{name}.sgy", "-m", tiny_run, "-o", f"new/map.{ending}")
    assert_refused(result, message)
    assert list(Path().iterdir()) == []


def assert_refused(result, message):
    assert result.exit_code == 1, (result.stdout, result.stderr)
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert any(part in result.stderr for part in message.split("|")), result.stderr


def damaged(folder, name, content):
    (folder / name).write_bytes(content)


MODELS = {
    "nowhere": (None, "nowhere: no such model"),
    "no model in it": (lambda folder: (folder / "model.safetensors").unlink(), "holds no model.safetensors"),
    "weights cut short": (lambda folder: damaged(folder, "model.safetensors", b"\x00" * 20), "damaged"),
    "card of something else": (lambda folder: damaged(folder, "config.json", b"{}"), "not a model card"),
    "card that is no JSON": (lambda folder: damaged(folder, "config.json", b"\xff\x00"), "not a model card"),
    "weights of another model": (
        lambda folder: damaged(
            folder,
            "config.json",
            (folder / "config.json").read_text().replace('"width": 8', '"width": 9').encode(),
        ),
        "not the weights of its config.json",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("command", ["score", "generate"])
def test_a_bad_model_is_one_line(run, cube_file, tiny_run, spoil, message, command):
    if spoil is not None:
        shutil.copytree(tiny_run, "model")
        spoil(Path("model"))
    inputs = [cube_file] if command == "score" else []
    result = run("-q", command, *inputs, "-m", "nowhere" if spoil is None else "model", "-o", "map.zarr")
    assert_refused(result, message)
    assert {path.name for path in Path().iterdir()} <= {"model"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--alpha", "0"],
        ["--alpha", "1"],
        ["--score", "likelihood"],
        ["--select", "inline"],
        ["--iline", "241"],
        ["--seed", "-1"],
        ["--modle", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_two(run, cube_file, tiny_run, arguments):
    result = run("score", cube_file, "-m", tiny_run, "-o", "map.zarr", *arguments)
    assert result.exit_code == 2
    assert files() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select", "offset=1:2"], "no dimension 'offset'"),
        (["--select", "inline=70:80"], "nothing at inline=70:80"),
        (["--device", "toaster"], "--device toaster: not known"),
        (["-o", "map.jpg"], ".jpg is no format"),
    ],
)
def test_what_does_not_fit_the_file_is_one_line(run, cube_file, tiny_run, arguments, message):
    assert_refused(run("-q", "score", cube_file, "-m", tiny_run, *arguments), message)
    assert files() == []


def test_one_file_for_several_inputs_is_refused(run, cube_file, tiny_run):
    shutil.copy(cube_file, "other.sgy")
    assert_refused(
        run("-q", "score", cube_file, "other.sgy", "-m", tiny_run, "-o", "map.zarr"),
        "one file for several inputs",
    )
    Path("a").mkdir()
    shutil.copy(cube_file, "a/other.sgy")
    same = run("-q", "score", "other.sgy", "a/other.sgy", "-m", tiny_run, "-o", "maps")
    assert same.exit_code == 2
    assert not Path("maps").exists()


def test_inputs_that_have_gone_are_named(run, tiny_run, cube_file):
    shutil.copytree(tiny_run, "model")
    card = json.loads(Path("model/config.json").read_text())
    card["inputs"][0]["path"] = "gone.sgy"
    Path("model/config.json").write_text(json.dumps(card))
    assert_refused(run("-q", "score", "-m", "model", "--trust"), "gone.sgy: no such file")
    card["inputs"] = []
    Path("model/config.json").write_text(json.dumps(card))
    assert_refused(run("-q", "score", "-m", "model"), "Name an INPUT")


@pytest.fixture
def full_disk():
    """Let the system refuse that any file grows beyond some kilobytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("command", "output", "named"),
    [
        ("score", "map.zarr", "map.zarr"),
        ("score", "new/map.sgy", "new/map.sgy"),
        ("generate", "map.sgy", "map.sgy"),
    ],
)
def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(
    run, cube_file, tiny_run, full_disk, command, output, named
):
    inputs = [cube_file] if command == "score" else ["--n", 50]
    result = run("-q", command, *inputs, "-m", tiny_run, "-o", output)
    assert_refused(result, f"Error: {named}: file too large. Free some space")
    assert list(Path().iterdir()) == []
