"""`seisflow train` from the outside: what it prints, what it exits with, what it leaves."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from importlib import resources
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from seisflow.cli.main import cli
from seisflow.cli.train import Duration
from seisflow.models import load_model

SAMPLE = str(resources.files("seisflow.datasets") / "f3-sample.sgy")
TINY = [
    *("--select", "inline=1:2", "--select", "crossline=1:128", "--select", "time=0:508"),
    *("-c", "seismic-small", "--device", "cpu"),
    *("--set", "data.patch=[16,16]", "--set", "flow.levels=2", "--set", "flow.squeeze=[2,2]"),
    *("--set", "flow.couplings=1", "--set", "flow.subnet.width=4", "--set", "flow.prior.topics=2"),
    *("--set", "training.batch=4", "--set", "training.warmup=3", "--set", "training.precision=fp32"),
    *("--set", "training.denoiser_steps=0"),
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in an empty folder, as in a process of its own."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        return CliRunner().invoke(cli, ["train", *arguments], catch_exceptions=False)

    return invoke


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def difference(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    return max(float((a[key] - b[key]).abs().max()) for key in a)


def test_a_run_is_named_numbered_and_the_latest(run):
    for number in (1, 2):
        result = run(SAMPLE, *TINY, "--max-steps", "2")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"runs/f3-sample-{number}: 2 steps in ")
        assert result.stdout.rstrip().endswith(" nats/dim on held-out data")
        assert Path("runs/latest").readlink() == Path(f"f3-sample-{number}")
    assert difference("runs/f3-sample-1", "runs/latest") == 0


def test_a_dry_run_tells_how_long_learning_to_refine_takes(run):
    told = "of it for learning to refine samples"
    assert told not in run(SAMPLE, *TINY, "--dry-run").stdout
    assert told in run(SAMPLE, *TINY, "--dry-run", "--refine").stdout
    limited = run(SAMPLE, *TINY, "--dry-run", "--refine", "--max-time", "600").stdout
    assert f" 5:00 min {told}" in limited
    assert told not in run(SAMPLE, *TINY, "--dry-run", "--refine", "--max-time", "0.1").stdout


def test_a_run_goes_where_it_is_told_and_is_the_latest_there_too(run):
    assert run(SAMPLE, *TINY, "--max-steps", "2", "-o", "mine", "--seed", "3").exit_code == 0
    assert Path("runs/latest").resolve() == Path("mine").resolve()
    again = run(SAMPLE, *TINY, "--max-steps", "2", "-o", "mine")
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: mine: exists. Pass --resume to go on, --overwrite to replace it")
    assert again.stderr.count("\n") == 1
    before = weights("mine")
    assert run(SAMPLE, *TINY, "--max-steps", "2", "-o", "mine", "--overwrite").exit_code == 0
    assert not torch.equal(weights("mine")["input.log_scale"], before["input.log_scale"])


def test_resume_goes_on_with_the_latest(run):
    run(SAMPLE, *TINY, "--max-steps", "2", "-o", "mine")
    result = run("--resume", "--max-steps", "4", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("mine: 4 steps in ")


def test_the_config_is_chosen_by_the_hardware_and_said(run):
    arguments = [word for word in TINY if word not in ("-c", "seismic-small")]
    result = run(SAMPLE, *arguments, "--max-steps", "1")
    assert "config seismic-small, chosen for cpu" in result.stderr


REFUSED = {
    "missing file": (["nowhere.sgy"], "nowhere.sgy: "),
    "unknown preset": ([SAMPLE, "-c", "sesmic"], "sesmic: no such config"),
    "unknown key": ([SAMPLE, "-c", "seismic-small", "--set", "flow.levls=3"], "seismic-small: flow.levls"),
    "wrong value": ([SAMPLE, "-c", "seismic", "--set", "flow.levels=x"], "seismic: flow.levels = 'x'"),
    "unknown device": ([SAMPLE, "--device", "tpu"], "--device tpu: not known"),
    "patch too large": ([SAMPLE, *TINY, "--set", "data.patch=[512,512]"], "f3-sample.sgy: "),
    "patch that cannot be cut": ([SAMPLE, *TINY, "--set", "data.patch=[18,16]"], "flow.squeeze = (2, 2)"),
    "batch for other devices": ([SAMPLE, *TINY, "--device", "cpu:3"], "training.batch = 4: not a multiple"),
    "nothing to resume": (["--resume"], "runs/latest: no run in this folder"),
    "no run to resume": (["--resume", "-o", "empty"], "empty: no checkpoint.ckpt to resume from"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(run, arguments, message):
    result = run("-q", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--resume", "--set", "training.steps=3"],
        [SAMPLE, "--max-steps", "0"],
        [SAMPLE, "--max-time", "soon"],
        [SAMPLE, "--set", "steps"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_two(run, arguments):
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), ("02:30", 150), ("00:10:00", 600), ("1:00:01", 3601)]
)
def test_durations_are_read(text, seconds):
    assert Duration().convert(text, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0", "00:00:00", "-5", "1:-1", "1:2:3:4", "10 min", "nan", "inf"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(click.BadParameter, match="is not a time span such as"):
        Duration().convert(text, None, None)


def start(folder, *arguments):
    """Start the command in a process (and group) of its own, its output in files."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "seisflow.cli.main", "train", *arguments],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def stop_when_training(folder, process, signum, *, group=False):
    """Signal a process once its first metrics are written, and return what it exits with."""
    until = time.monotonic() + 120
    while not (folder / "run" / "logs" / "metrics.csv").exists() and time.monotonic() < until:
        assert process.poll() is None, (folder / "err").read_text()
        time.sleep(0.05)
    (os.killpg if group else os.kill)(process.pid, signum)
    return process.wait(120)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_stopped_command_resumes_to_the_weights_of_one_that_was_not(run, tmp_path, signum):
    steps = ["--max-steps", "400", "--set", "training.validate_every=400"]
    assert run(SAMPLE, *TINY, *steps, "-o", "whole").exit_code == 0
    process = start(tmp_path, SAMPLE, *TINY, *steps, "-o", "run")
    assert stop_when_training(tmp_path, process, signum) == 130
    said = (tmp_path / "err").read_text()
    assert f"{signum.name}: stopping after this step" in said
    assert "Error: run: stopped after step " in said
    assert "Go on with: seisflow train --resume -o run" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "model.safetensors").exists()
    result = run("--resume", "--device", "cpu")
    assert result.stdout.startswith("run: 400 steps in ")
    assert difference("whole", "run") == 0


@pytest.mark.slow
def test_two_processes_train_what_one_does(run, tmp_path):
    steps = ["--max-steps", "8", "--set", "training.validate_every=4"]
    assert run(SAMPLE, *TINY, *steps, "-o", "one").exit_code == 0
    process = start(tmp_path, SAMPLE, *TINY, *steps, "--device", "cpu:2")
    assert process.wait(200) == 0, (tmp_path / "err").read_text()
    said = (tmp_path / "out").read_text()
    assert said.startswith("runs/f3-sample-1: 8 steps in ")
    assert said.count("\n") == 1
    assert (tmp_path / "err").read_text().count("held out: ") == 1  # one process speaks
    assert difference("one", "runs/f3-sample-1") < 1e-4


@pytest.mark.slow
def test_two_stopped_processes_resume_as_one(run, tmp_path):
    steps = ["--max-steps", "300", "--set", "training.validate_every=300"]
    assert run(SAMPLE, *TINY, *steps, "-o", "whole").exit_code == 0
    process = start(tmp_path, SAMPLE, *TINY, *steps, "--device", "cpu:2", "-o", "run")
    assert stop_when_training(tmp_path, process, signal.SIGINT, group=True) != 0
    assert "run: stopped after step " in (tmp_path / "err").read_text()
    result = run("--resume", "--device", "cpu", "-o", "run")
    assert result.stdout.startswith("run: 300 steps in ")
    # sums in another order, 300 times over, are other weights; the likelihood is the same
    nats = [load_model(name).card.provenance["held_out_nats_per_dim"] for name in ("whole", "run")]
    assert abs(nats[0] - nats[1]) < 2e-3


@pytest.mark.slow
def test_two_processes_keep_to_one_time_limit(run, tmp_path):
    limits = ["--max-steps", "100000", "--set", "training.validate_every=100000", "--max-time", "3"]
    process = start(tmp_path, SAMPLE, *TINY, *limits, "--device", "cpu:2", "-o", "run")
    assert process.wait(200) == 0, (tmp_path / "err").read_text()
    assert 0 < int((tmp_path / "out").read_text().split()[1]) < 100_000
