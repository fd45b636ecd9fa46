"""A run that was stopped goes on as if it had not been."""

import errno
import io
import json
import os
import signal
from datetime import timedelta

import pytest
import torch
import yaml

from seisflow import training
from seisflow.errors import DataError, OutputError, TrainingError
from seisflow.io import atomic
from seisflow.training.callbacks import WholeFiles
from seisflow.training.module import FlowModule

from .conftest import same, state, weights

TRAINED = ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "global_step")


class PowerCut(Exception):
    """Ends a process in the middle of a step."""


@pytest.fixture
def at_step(monkeypatch):
    """Do something at the start of a step, once."""

    def install(step, action):
        start = FlowModule.on_train_batch_start

        def wrapped(self, batch, batch_idx):
            start(self, batch, batch_idx)
            if self.global_step == step:
                monkeypatch.setattr(FlowModule, "on_train_batch_start", start)
                action()

        monkeypatch.setattr(FlowModule, "on_train_batch_start", wrapped)

    return install


def cut_power():
    raise PowerCut


STOPS = {
    "Ctrl-C": (5, lambda: os.kill(os.getpid(), signal.SIGINT), KeyboardInterrupt, 6),
    "SIGTERM": (5, lambda: os.kill(os.getpid(), signal.SIGTERM), KeyboardInterrupt, 6),
    "Ctrl-C at a validation": (3, lambda: os.kill(os.getpid(), signal.SIGINT), KeyboardInterrupt, 4),
    "Ctrl-C before the last step": (10, lambda: os.kill(os.getpid(), signal.SIGINT), KeyboardInterrupt, 11),
    "power cut": (10, cut_power, PowerCut, 8),
}


@pytest.mark.parametrize(("step", "action", "error", "kept"), STOPS.values(), ids=STOPS)
def test_resumed_training_equals_uninterrupted(fit, finished, at_step, tmp_path, step, action, error, kept):
    at_step(step, action)
    with pytest.raises(error):
        fit()
    assert state(tmp_path / "run")["global_step"] == kept
    run = training.resume(tmp_path / "run", device="cpu")
    assert run.steps == 12
    assert same(weights(run.folder), weights(finished.folder))
    ours, theirs = state(run.folder), state(finished.folder)
    for key in TRAINED:
        assert same(ours[key], theirs[key]), key


def test_stopped_twice_it_still_goes_on(fit, finished, at_step, tmp_path):
    at_step(2, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit()
    at_step(7, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        training.resume(tmp_path / "run", device="cpu")
    assert same(weights(training.resume(tmp_path / "run", device="cpu").folder), weights(finished.folder))


@pytest.mark.parametrize("settings", [{"ema": 0}, {"validation": 0}, {"workers": 2}], ids=str)
def test_resumed_training_equals_uninterrupted_in_other_settings(fit, at_step, tmp_path, settings):
    whole = fit("whole", 6, **settings)
    at_step(3, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit("run", 6, **settings)
    assert same(weights(training.resume(tmp_path / "run", device="cpu").folder), weights(whole.folder))


def test_a_stop_says_how_to_go_on(fit, at_step, tmp_path):
    at_step(5, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as stopped:
        fit()
    folder = tmp_path / "run"
    assert str(stopped.value) == (
        f"{folder}: stopped after step 6 of 12, nothing is lost. "
        f"Go on with: seisflow train --resume -o {folder}"
    )
    assert not (folder / "model.safetensors").exists()


def test_signal_handlers_are_put_back(fit, at_step):
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    at_step(1, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit()
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_asked_to_stop_in_the_last_step_it_finishes(fit, finished, at_step):
    at_step(11, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert same(weights(fit().folder), weights(finished.folder))


def test_a_finished_run_has_nothing_left_to_train(fit):
    run = fit()
    before = weights(run.folder)
    assert training.resume(run.folder, device="cpu").steps == 12
    assert same(weights(run.folder), before)


def test_a_longer_run_goes_on_from_the_weights_not_from_their_average(fit, monkeypatch):
    """At a constant learning rate, 6 steps and 6 more are the 12 of a whole run, averages too."""
    monkeypatch.setattr(FlowModule, "_rate", lambda self, step: 1.0)
    whole, run = fit("whole", 12), fit("run", 6)
    longer = training.resume(run.folder, steps=12, device="cpu")
    assert longer.steps == 12
    assert same(weights(longer.folder), weights(whole.folder))
    ours, theirs = state(longer.folder), state(whole.folder)
    for key in TRAINED:
        assert same(ours[key], theirs[key]), key
    assert "steps: 12" in (run.folder / "config.yaml").read_text()
    assert longer.model.card.config.training.steps == 12


def test_a_run_whose_time_was_up_goes_on_with_more(fit, tmp_path):
    first = fit(steps=100_000, max_time=timedelta(seconds=0.5), validate_every=100_000)
    assert 0 < first.steps < 100_000
    more = training.resume(first.folder, max_time=timedelta(seconds=first.seconds + 0.5), device="cpu")
    assert first.steps < more.steps < 100_000
    assert more.seconds > first.seconds + 0.4


def test_logs_of_a_resumed_run_go_on(fit, finished, at_step, tmp_path):
    at_step(10, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit()
    training.resume(tmp_path / "run", device="cpu")
    whole, pieces = (
        (f / "logs" / "metrics.csv").read_text().splitlines() for f in (finished.folder, tmp_path / "run")
    )
    assert pieces[0] == whole[0]
    assert set(whole) <= set(pieces)


@pytest.mark.parametrize("geometry", [{"dt": "often"}, {"password": 1}, {"dt": float("nan")}])
def test_options_of_a_record_that_no_reader_has_are_refused_in_one_line(fit, geometry):
    folder = fit(steps=2).folder
    record = json.loads((folder / "run.json").read_text())
    record["sources"][0]["geometry"] = geometry
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(TrainingError, match=r"run\.json: damaged \(.*(dt|password)") as error:
        training.resume(folder, steps=3, device="cpu")
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_another_configuration_is_refused_in_one_line(fit):
    folder = fit(steps=2).folder
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["flow"]["subnet"]["width"] *= 2
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(TrainingError, match=r"checkpoint\.ckpt: does not fit the configuration") as error:
        training.resume(folder, steps=3, device="cpu")
    assert "\n" not in str(error.value)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"no checkpoint.ckpt to resume from. Expected a run folder"):
        training.resume(tmp_path)


def test_nothing_random_is_left_to_the_process(fit, finished):
    """Neither the state of the global generators nor what ran before matters to a run."""
    torch.manual_seed(99)
    torch.rand(7)
    assert same(weights(fit().folder), weights(finished.folder))


def test_a_checkpoint_never_passes_through_the_folder_for_temporary_files(
    fit, at_step, tmp_path, monkeypatch
):
    """Where that is another disk, a copy from it can be cut short."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    at_step(10, cut_power)
    with pytest.raises(PowerCut):
        fit()
    assert state(tmp_path / "run")["global_step"] == 8


def test_a_full_disk_leaves_the_checkpoint_before_and_is_named(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.ckpt"
    WholeFiles().save_checkpoint({"step": 1}, path)
    before = path.read_bytes()
    monkeypatch.setattr(atomic.replace.Path, "open", lambda place, mode: Full(place))
    with pytest.raises(OutputError, match=r"checkpoint\.ckpt: no space left on device.*is as it was"):
        WholeFiles().save_checkpoint({"step": torch.zeros(10**6)}, path)
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.ckpt"]
    assert path.read_bytes() == before
    assert torch.load(path, weights_only=True) == {"step": 1}


class Full(io.FileIO):
    """A file on a disk that has room for a hundred kilobytes."""

    def __init__(self, path):
        super().__init__(path, "wb")

    def write(self, data):
        if self.tell() + len(data) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_run_from_elsewhere_opens_nothing_unasked(fit, at_step, tmp_path, monkeypatch):
    """A run's record may name anything; only what this user has trained on is opened."""
    at_step(5, cut_power)
    with pytest.raises(PowerCut):
        fit()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    opened = []
    monkeypatch.setattr("seisflow.runs.sources.open_section", lambda path, **_: opened.append(path) or 1 / 0)
    for path in ("http://example.invalid/a.sgy", "/etc/passwd"):
        record["sources"][0]["path"] = path
        (tmp_path / "run" / "run.json").write_text(json.dumps(record))
        with pytest.raises(DataError, match="It is not opened unasked"):
            training.resume(tmp_path / "run", device="cpu")
        assert opened == []
        with pytest.raises(ZeroDivisionError):
            training.resume(tmp_path / "run", device="cpu", trusted=True)
        assert opened.pop() == path
