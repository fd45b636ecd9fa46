"""Names and headers from elsewhere do not reach the terminal as they are, nor cost a result."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from seisflow.cli.main import cli
from seisflow.progress import bar
from seisflow.shown import shown

NAMES = {
    "clipboard": "\x1b]52;c;eA==\x07.sgy",
    "clears the screen": "\x1b[2Jgone.sgy",
    "one sign for an escape": "\x9b31m.sgy",
    "right to left": "\u202egys.sgy",
    "two lines": "a\nb.sgy",
    "markup": "line[final].sgy",
    "markup of a colour": "[red]a.sgy",
    "a formula": "$\\frac$.sgy",
    "a price": "cost $5.sgy",
    "not UTF-8": os.fsdecode(b"caf\xe9.sgy"),
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_scan_and_plot_show_a_name_in_printable_signs(run, cube_file, name):
    for number in range(4):  # more than three are a table
        shutil.copy(cube_file, f"{number}{name}")
    files = [f"{number}{name}" for number in range(4)]
    for words in (["scan", *files], ["scan", files[0]], ["scan", "nowhere" + name]):
        result = run(*words)
        said = result.stdout + result.stderr
        assert result.exit_code == ("nowhere" in words[1]), said
        assert said.replace("\n", "").isprintable()
        assert shown(words[1])[:8] in said
    result = run("plot", files[0], "-o", "a.png")
    assert (result.exit_code, Path("a.png").exists()) == (0, True), result.output


@pytest.mark.parametrize("name", ["$\\frac$.sgy", os.fsdecode(b"caf\xe9.sgy"), "[red].sgy"])
def test_a_score_is_not_lost_to_the_name_of_its_file(run, cube_file, tiny_run, name):
    shutil.copy(cube_file, name)
    result = run("score", name, "-m", tiny_run, "-o", "map.zarr")
    assert result.exit_code == 0, result.output
    for made in ("map.zarr", "map.png", "map.json", "map.csv"):
        assert Path(made).exists()


def test_a_bar_takes_any_title(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with bar("Scoring [/] \x1b[2J") as report:
        report(1, 2)


def test_a_line_of_progress_holds_any_title(caplog, monkeypatch):
    monkeypatch.setattr("seisflow.progress.FIRST", 0.01)
    caplog.set_level("INFO", "seisflow")
    with bar(os.fsdecode(b"Scoring caf\xe9")) as report:
        report(1, 2)
        time.sleep(0.2)
    assert "Scoring caf" in caplog.text
    assert caplog.text.encode()  # a surrogate has none


def test_nothing_is_printed_but_by_options_echo():
    """The one place that writes out what would move a cursor."""
    folder = Path(__file__).parents[2] / "cli"
    for path in folder.glob("*.py"):
        calls = re.findall(r"click\.echo\(|(?<![\w.])print\(", path.read_text())
        assert len(calls) == (path.name == "options.py"), path.name


def test_what_is_no_sign_is_written_out():
    assert shown("a\x1b\x9b\u202e\udce9\n b\u00e9") == "a\\x1b\\x9b\\u202e\\xe9\\x0a b\u00e9"
    assert shown("a\n\tb", keep="\n\t") == "a\n\tb"
