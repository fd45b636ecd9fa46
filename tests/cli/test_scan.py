"""``seisflow scan``."""

import json

import numpy as np
import pytest
import segyio
from click.testing import CliRunner

from seisflow.cli.scan import command


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def cube(tmp_path):
    """Function that writes a cube of 3 x 4 traces; or one whose headers say nothing."""

    def write(name="cube.sgy", said=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        values = np.random.default_rng(0).normal(size=(3, 4, 20)).astype(np.float32)
        segyio.tools.from_array3D(str(path), values, dt=4000)
        with segyio.open(path, "r+", ignore_geometry=True) as file:
            for header in file.header:
                header.update(
                    {word: 0 for word in header if word not in (115, 117) and (not said or word == 37)}
                )
        return path

    return write


def test_a_block_is_printed(run, cube):
    result = run(cube())
    assert result.exit_code == 0
    assert "inline 1 to 3 (3, byte 189) x crossline 1 to 4 (4, byte 193)" in result.output


def test_json_is_printed(run, cube):
    assert json.loads(run(cube(said=False), "--json", "--line").stdout)[0]["geometry"] == "2d"


def test_many_files_are_a_table(run, cube):
    result = run(*[cube(f"file{i}.sgy") for i in range(5)])
    assert result.exit_code == 0
    assert all(f"file{i}.sgy" in result.stdout for i in range(5))


def test_a_folder_or_a_pattern_is_a_table_of_its_seismic_files(run, cube, tmp_path):
    cube("a/one.sgy")
    cube("a/two.segy")
    (tmp_path / "a" / "notes.txt").write_text("no seismic")
    for given, names in (("a", {"one.sgy", "two.segy"}), ("a/*.sgy", {"one.sgy"})):
        result = run(tmp_path / given)
        assert result.exit_code == 0
        assert result.stdout.startswith("file ")
        assert max(map(len, result.stdout.splitlines())) <= 60
        assert {name for name in ("one.sgy", "two.segy", "notes.txt") if name in result.stdout} == names


@pytest.mark.parametrize("given", ["", "*.sgy"])
def test_a_folder_without_seismic_files_is_told(run, tmp_path, given):
    result = run(tmp_path / given)
    assert "no seismic files" in str(result.exception)


def test_the_rest_is_done_after_a_bad_file(run, cube, tmp_path):
    (tmp_path / "bad.sgy").write_bytes(b"")
    result = run(tmp_path / "bad.sgy", cube())
    assert result.exit_code == 1
    assert "cube.sgy" in result.stdout
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_a_preview_is_drawn_even_without_geometry(run, cube, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (cube("known.sgy"), cube("unknown.sgy", said=False)):
        assert run(path, "--plot").exit_code == 0
        assert (tmp_path / f"{path.stem}.png").read_bytes().startswith(b"\x89PNG")
    assert "exists already" in run(cube("known.sgy"), "--plot").stderr
    assert run(cube("known.sgy"), "--plot", "--overwrite").exit_code == 0
