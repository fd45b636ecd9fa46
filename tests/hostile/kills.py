"""Kill commands at random moments, and look at what stands under the final names.

Run as a script: ``PYTHONPATH=tests/io python tests/hostile/kills.py COUNT SEED FOLDER TMPDIR`` kills COUNT
commands that write to FOLDER while files for the moment go to TMPDIR, and prints JSON. They run in children
of this process, forked after the imports. Half are killed after a random time, half at a random change to the
file system (the Python call that makes it), which is where the short moments are.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from conftest import cube, segy_bytes, whole_numbers

import seisflow
from seisflow.cli.main import main as seisflow_command
from seisflow.models import load_model
from seisflow.output import generated_files, score_files  # noqa: F401  imported before the forks
from seisflow.training import run as training_run  # noqa: F401

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.rmtree", "open")
TINY = ("data.patch=[32,32]", "flow.levels=2", "flow.couplings=1", "flow.squeeze=[4,4]", "flow.bands.count=1")
TINY += ("flow.subnet.width=8", "training.steps=6", "training.batch=2", "training.warmup=1")
TINY += ("training.validate_every=2", "training.denoiser_steps=0")
SET = [word for change in TINY for word in ("--set", change)]


def in_child(work, *, kill_after=None, kill_at=None):
    """Do the work in a child; return what it gave, or None if it was killed; and seconds and changes made."""
    reading, writing = os.pipe()
    begin = time.monotonic()
    child = os.fork()
    if not child:
        made = [0]

        def count(event, arguments):
            if event in CHANGES and (event != "open" or writes(arguments)):
                made[0] += 1
                if made[0] == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            result = work()
        except BaseException:  # whatever gets out is told by the parent
            result = {"failed": traceback.format_exc()}
        os.write(writing, json.dumps([result, made[0]]).encode())
        os._exit(0)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    result, made = json.loads(said) if said else (None, 0)
    return result, time.monotonic() - begin, made


def writes(arguments):
    """Whether an ``open`` makes or changes a file."""
    mode = str(arguments[1] or "")
    return any(sign in mode for sign in "wax+") or bool((arguments[2] or 0) & (os.O_CREAT | os.O_WRONLY))


def command(*words):
    """A command line, as work for a child."""

    def work():
        null = os.open(os.devnull, os.O_WRONLY)
        said = Path("said.txt")
        errors = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(null, 1)
        os.dup2(errors, 2)
        try:
            seisflow_command([str(word) for word in words])
        except SystemExit as end:
            if end.code:
                return {"failed": f"{' '.join(map(str, words))}: {said.read_text()[-500:]}"}
        return {}

    return work


def values(path):
    """Samples of a section file, as a hash."""
    section = seisflow.open_section(path)
    names = [name for name in ("amplitude", "anomaly", "nll") if name in section]
    return [hash(np.nan_to_num(section[name].to_numpy(), nan=-1e30).tobytes()) for name in names]


def state_of(path):
    """What stands under a final name: nothing, a section, or a run and its model."""
    if not path.exists():
        return "nothing"
    if path.suffix == ".zarr":
        return str(values(path))
    found = []
    if (path / "checkpoint.ckpt").exists():
        torch.load(path / "checkpoint.ckpt", weights_only=True)
        found.append("state")
    if (path / "model.safetensors").exists():
        model = load_model(path)
        found.append(str(sum(float(value.double().sum()) for value in model.state_dict().values())))
    return " ".join(found)


class Kinds:
    """Commands that write, each with the final name and with what a new and an old result are made of."""

    def __init__(self, folder):
        self.folder = folder
        for name, shift in (("a", 0), ("b", 1)):
            lines, traces = np.arange(6), np.arange(64)
            samples = whole_numbers((384, 128)) + shift
            data = segy_bytes(samples.astype(np.float32), cube(lines, traces))
            (folder / f"{name}.sgy").write_bytes(data)
        in_child(command("train", folder / "a.sgy", "-o", folder / "model", *SET))
        model = ["-m", folder / "model"]
        self.words = {
            "ingest": lambda out, seed: ["ingest", folder / f"{'ab'[seed]}.sgy", "-o", out, "--workers", "1"],
            "score": lambda out, seed: ["score", folder / f"{'ab'[seed]}.sgy", *model, "-o", out],
            "generate": lambda out, seed: ["generate", "--n", "3", *model, "-o", out, "--seed", seed],
            "train": lambda out, seed: ["train", folder / "a.sgy", "-o", out, "--seed", seed, *SET],
        }
        self.usual = {kind: self._whole(kind) for kind in self.words}

    def _whole(self, kind):
        """States of the two results, and the seconds and changes that making one takes."""
        states = []
        for seed in (0, 1):
            out = self.folder / f"{kind}{seed}{'' if kind == 'train' else '.zarr'}"
            said, seconds, changes = in_child(command(*self.words[kind](out, seed)))
            assert said == {}, said
            states.append(in_child(lambda out=out: state_of(out))[0])
        return states, seconds, changes

    def kill(self, kind, overwrite, rng, number):
        """Kill one command; return what is wrong with what it left, or None."""
        states, seconds, changes = self.usual[kind]
        folder = self.folder / f"kill{number}"
        folder.mkdir()
        out = folder / ("out" if kind == "train" else "out.zarr")
        words = self.words[kind](out, 1)
        allowed = {"nothing", states[1]}
        if overwrite:
            said = in_child(command(*self.words[kind](out, 0)))[0]
            assert said == {}, said
            words.append("--overwrite")
            allowed = set(states)
        moment = (
            {"kill_after": float(rng.uniform(0, 1.1 * seconds))}
            if rng.random() < 0.5
            else {"kill_at": int(rng.integers(1, changes + 1))}
        )
        in_child(command(*words), **moment)
        found = in_child(lambda: state_of(out))[0]
        begun = kind == "train" and not overwrite and found in ("", "state")  # a run that may be gone on with
        if found not in allowed and not begun:
            return f"{kind}, overwrite {overwrite}, {moment}: found {found}"
        again = words if overwrite or found == "nothing" else [*words, "--overwrite"]
        if kind == "train" and found == "state":
            again = ["train", "--resume", "-o", out]
        elif kind == "train" and found == "":
            again = [*words, "--overwrite"] if (out / "run.json").exists() else None
        if again is not None:
            said = in_child(command(*again))[0]
            found = in_child(lambda: state_of(out))[0]
            expected = f"state {states[1].split()[-1]}" if kind == "train" else states[1]
            if said or found != expected:
                return f"{kind}, {moment}: run again, it said {said} and left {found}, not {expected}"
        left = sorted(path.name for path in folder.iterdir() if path.name.startswith("."))
        return f"{kind}, overwrite {overwrite}, {moment}: {left} left after a second run" if left else None


def main(count, seed, folder, scratch):
    os.environ["TMPDIR"] = scratch
    os.chdir(folder)
    kinds = Kinds(Path(folder))
    found, failures = Counter(), []
    begin = time.monotonic()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kind, overwrite = list(kinds.words)[number % 4], bool(number // 4 % 2)
        wrong = kinds.kill(kind, overwrite, rng, number)
        found[f"{kind}{' --overwrite' if overwrite else ''}"] += 1
        if wrong:
            failures.append({"number": number, "said": wrong})
    print(json.dumps({"found": found, "failures": failures, "seconds": time.monotonic() - begin}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
