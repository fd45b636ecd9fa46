"""The example scripts on files run from an empty folder and leave a picture."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["open_cube", "open_line", "open_gathers", "cloud_zarr"])
def test_an_example_ends_in_a_picture(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    picture = Path(capsys.readouterr().out.splitlines()[-1])
    assert picture.read_bytes().startswith(b"\x89PNG")
