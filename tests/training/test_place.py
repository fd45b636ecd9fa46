"""A run that replaces another is trained beside it, and takes its place when it is whole."""

import os
import signal

import pytest

from seisflow import training
from seisflow.errors import OutputError
from seisflow.io import atomic
from seisflow.training.module import FlowModule

from .conftest import same, weights


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def interrupted(monkeypatch, step):
    """Ask training to stop at a step, as Ctrl-C does."""
    start = FlowModule.on_train_batch_start

    def wrapped(self, batch, batch_idx):
        start(self, batch, batch_idx)
        if self.global_step == step:
            monkeypatch.setattr(FlowModule, "on_train_batch_start", start)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(FlowModule, "on_train_batch_start", wrapped)


def test_the_older_run_stands_until_the_new_one_does(fit, tmp_path, monkeypatch):
    old = weights(fit().folder)
    interrupted(monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt, match=r"train --resume -o .*/run$") as stop:
        fit(seed=1, overwrite=True)
    assert ".run.new" not in str(stop.value)
    assert same(weights(tmp_path / "run"), old)
    assert names(tmp_path) == [".run.new", "run"]
    run = training.resume(tmp_path / "run", device="cpu")
    assert (run.folder, run.steps) == (tmp_path / "run", 12)
    assert names(tmp_path) == ["run"]
    assert same(weights(tmp_path / "run"), weights(fit("other", seed=1).folder))


def test_a_failure_leaves_the_older_run(fit, tmp_path, monkeypatch):
    old = weights(fit().folder)
    monkeypatch.setattr(FlowModule, "training_step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit(seed=1, overwrite=True)
    assert same(weights(tmp_path / "run"), old)


def test_two_trainings_do_not_share_a_folder(fit, tmp_path):
    fit()
    with atomic.locked(tmp_path / "run"):
        for call in (lambda: fit(overwrite=True), lambda: training.resume(tmp_path / "run", device="cpu")):
            with pytest.raises(OutputError, match="another seisflow is writing it"):
                call()
    assert names(tmp_path) == ["run"]
