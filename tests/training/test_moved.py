"""A run whose data moved goes on with them where they are now."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from seisflow import training
from seisflow.errors import DataError
from seisflow.runs.moved import moved_sources
from seisflow.runs.sources import Source
from seisflow.training.record import read_record

from ..io.odd_files import earth, grid, write
from .conftest import PART, SAMPLE, tiny_config


@pytest.fixture
def started(tmp_path, plain):
    """A run of 4 steps on a file of its own, and this file."""
    old = tmp_path / "project" / "vol" / "f3.sgy"
    old.parent.mkdir(parents=True)
    shutil.copyfile(SAMPLE, old)
    source = Source(path=str(old), select=PART)
    return training.train([source], tiny_config(4), tmp_path / "run", device="cpu"), old


@pytest.mark.parametrize("how", ["root", "deep root", "path"])
def test_a_run_whose_data_moved_resumes(started, tmp_path, how):
    run, old = started
    new = tmp_path / "archive" / ("vol/f3.sgy" if how == "root" else "2024/other/f3.sgy")
    new.parent.mkdir(parents=True)
    shutil.move(old, new)
    with pytest.raises(DataError, match=r"f3\.sgy: no such file"):
        training.resume(run.folder, steps=12, device="cpu")
    where = {"inputs": [new]} if how == "path" else {"data_root": tmp_path / "archive"}
    again = training.resume(run.folder, steps=12, device="cpu", **where)
    assert again.steps == 12
    record = read_record(Path(again.folder))
    assert record.paths == [str(new.resolve())]
    training.resume(run.folder, steps=13, device="cpu")  # it knows the new place from now on


def test_what_is_not_the_same_data_is_refused(started, tmp_path):
    run, old = started
    old.unlink()
    other = write(tmp_path / "f3.sgy", earth(280, 150), grid(np.arange(4), np.arange(70)), interval=2000)
    with pytest.raises(DataError, match="The same data were expected"):
        training.resume(run.folder, steps=12, device="cpu", inputs=[other])
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        training.resume(run.folder, steps=12, device="cpu", data_root=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="name its new path as INPUT"):
        training.resume(run.folder, steps=12, device="cpu", data_root=tmp_path / "empty")


def test_names_tell_which_of_several_inputs_has_moved(tmp_path):
    for name in ("x/a.sgy", "x/b.sgy", "y/b.sgy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    sources = [Source(path="/old/a.sgy", more=("/old/b.sgy",)), Source(path="/old/sub/c.sgy")]
    first, second = moved_sources(sources, [tmp_path / "x" / "b.sgy"])
    assert first.paths == ["/old/a.sgy", str(tmp_path / "x" / "b.sgy")]
    assert second.path == "/old/sub/c.sgy"
    with pytest.raises(DataError, match=r"One of a\.sgy, b\.sgy, c\.sgy was expected"):
        moved_sources(sources, [tmp_path / "x"])
    with pytest.raises(DataError, match="2 files of this name"):
        moved_sources([Source(path="/old/b.sgy")], data_root=tmp_path)
