"""A run's time is that of all of it, and something is said every few seconds."""

import logging
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from seisflow import progress, training, writable
from seisflow.errors import OutputError
from seisflow.training import calibration, kinds, timing
from seisflow.training import run as run_module
from seisflow.training.module import FlowModule
from seisflow.training.timing import Budget, Pace

from .conftest import tiny_config


def evaluated_in(full, least):
    """Data of a run on which evaluation takes so long."""
    return SimpleNamespace(evaluation_seconds=lambda model: (full, least), config=tiny_config())


@pytest.fixture
def no_samples(monkeypatch):
    monkeypatch.setattr(timing, "finishing_seconds", lambda *_: 0.0)


@pytest.mark.usefixtures("no_samples")
@pytest.mark.parametrize(
    ("spent", "full", "least", "left", "over"),
    [
        (5, 20, 10, 100 - 5 - 20 - timing.PICTURES, None),
        (5, 60, 10, 100 - 5 - 40 - timing.PICTURES, None),  # on fewer panels
        (5, 60, 50, 100 - 5 - 50 - timing.PICTURES, None),
        (90, 30, 30, 30, "after --max-time"),
    ],
)
def test_time_for_steps_is_what_reading_and_calibration_leave(
    no_samples, caplog, spent, full, least, left, over
):
    budget = Budget(timedelta(seconds=100), time.monotonic() - spent)
    with caplog.at_level(logging.INFO, "seisflow"):
        found = budget.for_steps(None, evaluated_in(full, least))
    assert found.total_seconds() == pytest.approx(left, abs=0.5)
    assert (over in caplog.text) if over else ("for calibration" in caplog.text)


def test_steps_end_earlier_where_the_machine_becomes_slower_not_after_one_long_pause(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(timing.time, "monotonic", lambda: clock[0])
    budget = Budget(timedelta(seconds=1000), began=0.0, reserve=100.0, least=10.0)
    timer = SimpleNamespace(_duration=900.0, time_elapsed=lambda: clock[0])
    pace = Pace(budget, timer)
    pace.on_train_start(None, None)
    for step in range(40):
        pace.on_train_batch_start()
        clock[0] += 1.0 if step < 20 else 3.0
        if step == 15:
            clock[0] += 200.0  # stopped, as by Ctrl-Z, or asleep
        pace.on_train_batch_end()
        if 15 <= step <= 19:
            assert timer._duration == pytest.approx(1000 - timing.PICTURES - 100)
    assert timer._duration == pytest.approx(1000 - 3 * (timing.PICTURES + 100))


@pytest.mark.parametrize(
    ("seconds", "after", "count"),
    [(None, 0.0, 40), (100.0, 0.0, 40), (20.5, 0.0, 20), (40.5, 1.0, 20), (0.0, 0.0, 3)],
)
def test_panels_are_scored_as_the_time_allows_evenly_taken(monkeypatch, seconds, after, count):
    clock = [0.0]
    monkeypatch.setattr(calibration.time, "monotonic", lambda: clock[0])
    found = []
    for place in calibration.in_time(range(40), 3, seconds, after):
        found.append(place)
        clock[0] += 1.0
    assert len(found) == pytest.approx(count, abs=1)
    assert found == sorted(found)
    assert found[-1] >= 40 - 2 * 40 // count  # to the end of the survey


@pytest.mark.usefixtures("no_samples")
def test_more_time_is_counted_from_where_a_run_stopped():
    found = Budget(timedelta(seconds=100)).for_steps(None, evaluated_in(0.0, 0.0), earlier=50.0)
    assert found.total_seconds() == pytest.approx(150 - timing.PICTURES, abs=0.5)


def test_a_run_that_is_stopped_does_not_validate_once_more(fit, monkeypatch):
    def refuse(*_):
        pytest.fail("validated although the time is up")

    monkeypatch.setattr(FlowModule, "validation_step", refuse)
    fit(steps=10_000, max_time=timedelta(seconds=4), validate_every=10_000)


def test_a_resumed_run_gets_as_much_time_more(fit, caplog):
    folder = fit(steps=10_000, max_time=timedelta(seconds=6)).folder
    before = training.record.read_record(folder)
    again = training.resume(folder, max_time=timedelta(seconds=6), device="cpu")
    assert before.max_time == timedelta(seconds=6)
    assert again.seconds > 2.5
    assert again.steps > 0


def test_a_run_interrupted_before_its_first_step_leaves_nothing_and_says_so(fit, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "initialise", stop)
    with pytest.raises(KeyboardInterrupt, match="before the first checkpoint, so there is no run to resume"):
        fit("new")
    assert not (tmp_path / "new").exists()


def test_a_run_interrupted_while_it_is_calibrated_says_how_to_go_on_and_does(fit, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(calibration, "calibrate_run", stop)
        with pytest.raises(
            KeyboardInterrupt, match=r"are kept. Go on with: seisflow train --resume -o .*new"
        ):
            fit("new", steps=4)
    assert training.resume(tmp_path / "new", device="cpu").steps == 4


def test_a_folder_that_cannot_be_written_is_noticed_before_any_work(tmp_path, source, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(kinds, "make_plan", lambda *_: pytest.fail("read before the folder was checked"))
    with monkeypatch.context() as patch:
        patch.setattr(writable.tempfile, "TemporaryFile", refuse)
        with pytest.raises(OutputError, match=r"run: cannot be written \(permission denied\)"):
            training.train([source], tiny_config(2), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
    writable.check_writable(tmp_path / "fine" / "run")
    assert not (tmp_path / "fine").exists()


def test_long_work_is_told_of_where_there_is_no_terminal(caplog, monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.05)
    with caplog.at_level(logging.INFO, "seisflow"), progress.bar("Counting") as report:
        report(3, 9)
        time.sleep(0.4)
    assert caplog.messages[0].startswith("Counting: 3 of 9, ")
    assert len(caplog.messages) >= 2


def test_short_pieces_of_work_are_not_silent_together(caplog, monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.5)
    monkeypatch.setattr(progress, "SHORT", 0.05)
    with caplog.at_level(logging.INFO, "seisflow"):
        for number in range(6):
            with progress.bar(f"Piece {number}"):
                time.sleep(0.2)
    assert 1 <= len(caplog.messages) <= 5


def test_work_of_several_kinds_is_told_as_a_share(caplog, monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.05)
    with caplog.at_level(logging.INFO, "seisflow"), progress.bar("Calibrating", percent=True) as report:
        report(3, 12)
        time.sleep(0.2)
    assert caplog.messages[0].startswith("Calibrating: 25 %, ")


def test_a_heartbeat_keeps_still_while_something_finer_is_told(caplog, monkeypatch):
    monkeypatch.setattr(
        progress, "FIRST", 0.4
    )  # beats at 0.4, 0.8 and 1.2 s, none where work changes or ends
    with caplog.at_level(logging.INFO, "seisflow"), progress.heartbeat("benchmark"):
        with progress.bar("Reading"):
            time.sleep(0.7)
        with progress.heartbeat("moons"):
            time.sleep(0.7)
    assert {message.split(",")[0] for message in caplog.messages} == {"Reading", "moons"}


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.4, "4 s"), (75, "1:15 min"), (3600, "1:00 h"), (9000, "2:30 h"), (-1, "0 s")]
)
def test_time_is_told_as_people_do(seconds, words):
    assert progress.clock(seconds) == words


def test_what_is_said_while_training(source, tmp_path, caplog, plain, monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.02)
    with caplog.at_level(logging.INFO, "seisflow"):
        training.train([source], tiny_config(30), tmp_path / "run", device="cpu")
    told = [message for message in caplog.messages if message.startswith("step ")]
    assert any("nats/dim" in one and "steps/s" in one and "left" in one for one in told)
