"""`seisflow fill` replaces what is missing or named, leaves the rest, and writes what it says."""

import json
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import seisflow
from seisflow.cli.main import cli
from seisflow.posterior.adapt import STEPS


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow fill` in an empty folder, with few steps of learning."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(cli, ["fill", "--steps", "2", *map(str, arguments)])

    return call


def done(result):
    assert result.exit_code == 0, result.stderr
    return result


def test_named_traces_become_zarr_with_their_spread_and_draws(run, cube_file):
    result = done(run(cube_file, "--traces", "30:33", "--samples", 2, "--select", "inline=2:3"))
    assert result.stdout.startswith("fill/cube.zarr: 8 traces filled, standard deviation ")
    store = xr.open_zarr("fill/cube.zarr")
    assert {"amplitude", "std", "filled", "draw_1", "draw_2"} <= set(store.data_vars)
    source = seisflow.open_section(cube_file).sel(inline=[2, 3])
    named = (source["crossline"] >= 30) & (source["crossline"] <= 33)
    np.testing.assert_array_equal(store["filled"].all("time"), named.expand_dims(inline=2))
    kept = source["amplitude"].where(~named, drop=True)
    np.testing.assert_array_equal(store["amplitude"].where(~named, drop=True), kept)
    assert Path("fill/cube.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(Path("fill/cube.json").read_text())["traces_filled"] == 8


def test_segy_keeps_headers_and_observed_traces(run, cube_file):
    done(run(cube_file, "--traces", "30", "-o", "out.sgy", "--select", "inline=2:3"))
    assert sorted(p.name for p in Path().iterdir()) == ["out.json", "out.png", "out.sgy", "out.std.sgy"]
    filled, spread = (seisflow.open_section(name) for name in ("out.sgy", "out.std.sgy"))
    source = seisflow.open_section(cube_file).sel(inline=[2, 3])
    assert filled["cdp_x"].equals(source["cdp_x"])
    differs = (filled["amplitude"] != source["amplitude"]).any("time").to_numpy()
    assert np.argwhere(differs).tolist() == [[0, 29], [1, 29]]
    np.testing.assert_array_equal((spread["amplitude"] > 0).any("time").to_numpy(), differs)


def test_traces_of_nan_in_npy_are_missing_ones(run):
    amplitude = np.random.default_rng(0).standard_normal((70, 64)).astype(np.float32)
    amplitude[[5, 40]] = np.nan
    np.save("line.npy", amplitude)
    assert "2 traces filled" in done(run("line.npy", "--dt", 4)).stdout
    store = xr.open_zarr("fill/line.zarr")
    assert np.flatnonzero(store["filled"].any("time")).tolist() == [5, 40]
    assert np.isfinite(store["amplitude"]).all()


def test_what_a_score_found_bad_is_filled(run, cube_file):
    section = seisflow.open_section(cube_file).load()
    anomaly = xr.zeros_like(section["amplitude"]).assign_attrs(threshold=5.0)
    anomaly[1, 60] = 9.0
    section.assign(anomaly=anomaly).drop_encoding().to_zarr("map.zarr", consolidated=False)
    done(run(cube_file, "--from-score", "map.zarr", "-o", "out.zarr"))
    found = xr.open_zarr("out.zarr")["filled"].any("time").to_numpy()
    assert np.argwhere(found).tolist() == [[1, 60]]


def test_what_cannot_be_done_is_told_before_anything_is_learned(run, cube_file):
    nothing = run(cube_file)
    assert nothing.exit_code == 1
    assert nothing.stderr.splitlines()[-1].startswith("Error: cube.sgy: no trace is missing or dead.")
    unknown = run(cube_file, "--traces", "900")
    assert "crossline runs from 1 to 112" in unknown.stderr
    Path("out.zarr").mkdir()
    assert "exists already" in run(cube_file, "--traces", "30", "-o", "out.zarr").stderr
    shutil.copy(cube_file, "copy.sgy")
    same = run("copy.sgy", "--traces", "30", "-o", "copy.sgy", "--overwrite")
    assert same.exit_code == 1
    assert "is the input itself" in same.stderr


@pytest.mark.parametrize("command", ["fill", "denoise"])
def test_the_command_learns_as_long_as_the_library(command):
    """The command line names the number itself, so as not to load PyTorch for its help."""
    known = cli.get_command(click.Context(cli), command).params
    (steps,) = (option for option in known if option.name == "steps")
    assert steps.default == STEPS
