"""`seisflow denoise` writes the cleaned section and what was taken off, which sum to the input."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import seisflow
from seisflow.cli.main import cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call `seisflow denoise` in an empty folder, with few steps of learning."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(cli, ["denoise", "--steps", "2", *map(str, arguments)])

    return call


def test_cleaned_and_removed_sum_to_the_input(run, cube_file):
    result = run(cube_file, "--select", "inline=2")
    assert result.exit_code == 0, result.stderr
    assert "of the energy taken off, noise" in result.stdout
    store = xr.open_zarr("denoise/cube.zarr")
    source = seisflow.open_section(cube_file).sel(inline=[2])["amplitude"]
    np.testing.assert_allclose(store["amplitude"] + store["removed"], source, atol=1e-5)
    told = json.loads(Path("denoise/cube.json").read_text())
    assert told["given"] is False
    assert 0 <= told["removed_share"] < 1
    assert Path("denoise/cube.png").read_bytes().startswith(b"\x89PNG")


def test_segy_has_what_was_removed_beside_it(run, cube_file):
    level = 0.1 * float(seisflow.open_section(cube_file)["amplitude"].std())
    result = run(cube_file, "--select", "inline=2", "--level", level, "-o", "out.sgy")
    assert result.exit_code == 0, result.stderr
    assert "(given)" in result.stdout
    names = ["out.json", "out.png", "out.removed.sgy", "out.sgy", "out.std.sgy"]
    assert sorted(path.name for path in Path().iterdir()) == names


def test_a_level_above_the_amplitudes_is_one_line(run, cube_file):
    result = run(cube_file, "--select", "inline=2", "--level", "1e9")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: noise of 1e+09")
