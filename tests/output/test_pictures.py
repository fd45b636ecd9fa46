"""A picture that cannot be drawn costs no result."""

import errno
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from seisflow.cli.main import cli

PART = ["--select", "inline=2:2"]
COMMANDS = {
    "denoise": ["--steps", "2", "--level", "0.01", *PART],
    "fill": ["--steps", "2", "--traces", "30", *PART],
    "facies": ["--topics", "2"],
}


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_picture_that_fails_is_told_and_results_stay(name, tmp_path, monkeypatch, cube_file, tiny_run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Figure, "savefig", full)
    words = [name, cube_file, *COMMANDS[name], *(["-m", tiny_run] if name == "facies" else [])]
    done = CliRunner().invoke(cli, [str(word) for word in [*words, "-o", "out.zarr"]])
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["out.json", "out.zarr"]
    assert "out.png: not drawn (" in done.stderr
    assert "no space left on device" in done.stderr
