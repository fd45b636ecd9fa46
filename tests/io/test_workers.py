"""Workers on this machine: they do what one process does, open no port, and end with their parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seisflow.errors import MissingPackageError, WorkerError
from seisflow.io.workers import run, run_in_order


class Square:
    """A piece of work that may be sent to a process."""

    def __call__(self, place):
        return str(place[0] ** 2)


class Die:
    """What a worker out of memory meets."""

    def __call__(self, place):
        os._exit(9)


class Sockets:
    """The sockets that a worker holds."""

    def __call__(self, place):
        held = []
        for handle in Path("/proc/self/fd").iterdir():
            try:
                held.append(str(handle.readlink()))
            except OSError:
                continue  # the one that lists the folder
        return ",".join(name for name in held if name.startswith("socket:"))


PLACES = [(n,) for n in range(20)]


@pytest.mark.parametrize("in_threads", [True, False])
def test_workers_do_every_piece(in_threads):
    found = list(run(Square(), PLACES, None, 2, in_threads))
    assert sorted(found, key=int) == [str(n**2) for n in range(20)]


def test_results_come_in_order():
    assert list(run_in_order(Square(), PLACES, None, 2)) == [str(n**2) for n in range(20)]


def test_a_worker_that_dies_is_told():
    with pytest.raises(WorkerError, match="a worker died"):
        list(run(Die(), PLACES, None, 2, False))


def test_a_scheduler_without_dask_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackageError, match=r"^tcp://10.0.0.1:8786: needs Dask.*'seisflow\[dask\]'"):
        list(run(Square(), PLACES, "tcp://10.0.0.1:8786", 2, False))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_holds_no_socket():
    assert set(run(Sockets(), PLACES, None, 2, False)) == {""}


PARENT = """
import sys, time
from seisflow.io.workers import run

class Wait:
    def __call__(self, place):
        time.sleep(60)
        return ""

if __name__ == "__main__":
    import multiprocessing, threading
    def tell():
        while len(multiprocessing.active_children()) < 2:
            time.sleep(0.05)
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    threading.Thread(target=tell).start()
    list(run(Wait(), [(0,), (1,)], None, 2, False))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, str(tmp_path / "parent.py")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(alive(pid) for pid in children):
        time.sleep(0.1)
    assert not any(alive(pid) for pid in children)


def alive(pid):
    """Whether a process runs; one that has ended and waits for its parent to ask does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
