"""``seisflow ingest``."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import seisflow
from seisflow.cli.ingest import command
from seisflow.errors import OutputError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(command, list(map(str, arguments)))


def test_a_line_tells_what_was_made(run, cube_file):
    result = run(cube_file, "-o", "cube.zarr", "--workers", 1)
    assert result.exit_code == 0
    assert result.stdout == "cube.zarr: 4 inline x 112 crossline x 96 time, 1 shards\n"
    np.testing.assert_array_equal(
        seisflow.open_section("cube.zarr")["amplitude"], seisflow.open_section(cube_file)["amplitude"]
    )
    assert isinstance(run(cube_file, "-o", "cube.zarr").exception, OutputError)
    assert run(cube_file, "-o", "cube.zarr", "--overwrite", "--workers", 1).exit_code == 0


def test_json_and_geometry_are_understood(run, cube_file):
    result = run(cube_file, "-o", "memory://line.zarr", "--line", "--json")
    assert json.loads(result.stdout)["sizes"] == {"trace": 448, "time": 96}
    assert seisflow.open_section("memory://line.zarr").sizes["trace"] == 448


@pytest.mark.parametrize("arguments", [[], ["a.sgy"], ["a.sgy", "-o", "b.zarr", "--workers", "0"]])
def test_wrong_usage_exits_with_two(run, arguments):
    assert run(*arguments).exit_code == 2
