"""Run folders have the first free number, and one serves all processes of a run."""

import os
import subprocess
import sys

import pytest

from seisflow.runs import folders


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_run_of_a_process_has_a_folder_of_its_own():
    before = dict(os.environ)
    first = folders.new("line")
    assert first == folders.ROOT / "line-1"
    first.mkdir(parents=True)
    assert folders.new("line") == folders.ROOT / "line-2"
    assert folders.new("other") == folders.ROOT / "other-1"
    assert dict(os.environ) == before


def test_a_gap_in_the_numbers_is_filled():
    for number in (1, 3):
        (folders.ROOT / f"line-{number}").mkdir(parents=True)
    assert folders.new("line") == folders.ROOT / "line-2"


def test_processes_started_meanwhile_take_the_folder_of_the_run(home):
    ask = [sys.executable, "-c", "from seisflow.runs import folders; print(folders.new('line'))"]
    folder = folders.new("line")
    folder.mkdir(parents=True)
    with folders.told_to_children(folder):
        during = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    after = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    assert (during, after) == (str(folder), str(folders.ROOT / "line-2"))
