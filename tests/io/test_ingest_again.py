"""An ingestion that is stopped, repeated, or run twice at once loses nothing and mixes nothing."""

import errno
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module

import fsspec
import numpy as np
import pytest
import xarray as xr

from seisflow.errors import DataError, OutputError
from seisflow.io import ingest, open_section

from .conftest import cube, segy_bytes, whole_numbers

INGEST = import_module("seisflow.io.zarr.ingest")  # seisflow.io.zarr.ingest is its function


def assert_same(found, expected):
    """The same section, but for the headers that a Zarr keeps."""
    xr.testing.assert_equal(*(one.drop_vars("raw_headers", errors="ignore") for one in (found, expected)))


@pytest.fixture
def small_slabs(monkeypatch):
    monkeypatch.setattr(INGEST, "_SLAB_BYTES", 500)
    monkeypatch.setattr(INGEST, "_CHUNK", (3, 8))


def test_a_job_goes_on_where_it_stopped(segy, tmp_path, small_slabs):
    path = segy()
    with pytest.raises(KeyboardInterrupt):
        ingest(path, tmp_path / "a.zarr", workers=1, progress=stop_at(3))
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.zarr.ingest", "synthetic.sgy"]
    with pytest.raises(DataError):
        open_section(tmp_path / ".a.zarr.ingest")
    assert ingest(path, tmp_path / "a.zarr", workers=1).resumed == 3
    assert_same(open_section(tmp_path / "a.zarr"), open_section(path))


def test_a_disk_that_fills_amid_the_work_is_told_with_the_file_and_the_work_goes_on(
    segy, tmp_path, small_slabs, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = segy()
    with monkeypatch.context() as patch:
        patch.setattr(INGEST, "put", full)
        with pytest.raises(
            OutputError, match=r"a\.zarr: no space left on device\. .*the same command goes on"
        ):
            ingest(path, tmp_path / "a.zarr", workers=1)
    assert not (tmp_path / "a.zarr").exists()
    ingest(path, tmp_path / "a.zarr", workers=1)
    assert_same(open_section(tmp_path / "a.zarr"), open_section(path))


@pytest.mark.parametrize("arrays", ["some", "all"])
@pytest.mark.parametrize("url", ["", "file://", "memory://"])
def test_a_job_that_is_killed_amid_its_first_arrays_starts_anew(segy, tmp_path, monkeypatch, url, arrays):
    """A kill leaves what an exception leaves, as nothing is cleaned up here."""
    target = f"{url}{tmp_path}/{arrays}.zarr"
    module = import_module("seisflow.io.zarr.staging")
    create = module.create_arrays

    def killed(*arguments, **options):
        with monkeypatch.context() as within:
            if arrays == "some":
                within.setattr("zarr.Group.create_array", stop)
            create(*arguments, **options)
        raise KeyboardInterrupt

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "create_arrays", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(segy(), target, workers=1)
    with pytest.raises(DataError):
        open_section(target)
    path = segy(whole_numbers((12, 20)) + 1)
    assert ingest(path, target, workers=1).resumed == 0
    assert_same(open_section(target), open_section(path))
    if "memory" not in url:
        assert sorted(file.name for file in tmp_path.iterdir()) == [f"{arrays}.zarr", "synthetic.sgy"]


def test_another_job_starts_anew(segy, tmp_path, small_slabs):
    with pytest.raises(KeyboardInterrupt):
        ingest(segy(), tmp_path / "a.zarr", workers=1, progress=stop_at(3))
    path = segy(whole_numbers((12, 20)) + 1)
    assert ingest(path, tmp_path / "a.zarr", workers=1).resumed == 0
    assert_same(open_section(tmp_path / "a.zarr"), open_section(path))


@pytest.mark.parametrize("url", ["", "file://", "memory://"])
def test_nothing_but_a_result_is_replaced_wherever_it_is(segy, tmp_path, url):
    """A folder of other things stays, with and without --overwrite."""
    target = f"{url}{tmp_path}/mine"
    fs, root = fsspec.core.url_to_fs(target)
    fs.makedirs(f"{root}/shots")
    fs.pipe_file(f"{root}/shots/thesis.txt", b"years")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="It is not replaced"):
            ingest(segy(), target, workers=1, overwrite=overwrite)
    assert fs.cat_file(f"{root}/shots/thesis.txt") == b"years"
    assert len(fs.find(str(root))) == 1


@pytest.mark.parametrize("url", ["", "file://", "memory://"])
def test_an_input_is_never_the_output(segy, tmp_path, small_slabs, url):
    target = f"{url}{tmp_path}/a.zarr"
    ingest(segy(), target, workers=1)
    before = open_section(target).load()
    with pytest.raises(OutputError, match="which is read"):
        ingest(target, target, workers=1, overwrite=True)
    assert_same(open_section(target), before)
    assert not np.isnan(before["amplitude"]).any()


@pytest.mark.parametrize("url", ["", "file://", "memory://"])
def test_what_is_replaced_stands_until_the_new_one_does(segy, tmp_path, small_slabs, url):
    target = f"{url}{tmp_path}/a.zarr"
    ingest(segy(), target, workers=1)
    old = open_section(target).load()
    other = segy(whole_numbers((12, 20)) + 1)
    with pytest.raises(KeyboardInterrupt):
        ingest(other, target, workers=1, overwrite=True, progress=stop_at(3))
    assert_same(open_section(target).load(), old)
    assert ingest(other, target, workers=1, overwrite=True).resumed == 3
    assert_same(open_section(target), open_section(other))
    fs, root = fsspec.core.url_to_fs(target)
    beside = fs.ls(root.rsplit("/", 1)[0], detail=False)
    assert [name for name in beside if "ingest" in name or "lock" in name] == []


def test_a_kill_amid_the_removal_of_the_old_does_not_stop_the_next(segy, tmp_path, small_slabs, monkeypatch):
    remove = shutil.rmtree

    def killed(path, *arguments, **options):
        if not str(path).endswith(".partial"):
            return remove(path, *arguments, **options)
        (path / "zarr.json").unlink()
        raise KeyboardInterrupt

    ingest(segy(), tmp_path / "a.zarr", workers=1)
    other = segy(whole_numbers((12, 20)) + 1)
    with monkeypatch.context() as patch:
        patch.setattr("seisflow.io.atomic.replace.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(other, tmp_path / "a.zarr", workers=1, overwrite=True)
    assert_same(open_section(tmp_path / "a.zarr"), open_section(other))
    ingest(other, tmp_path / "a.zarr", workers=1, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "synthetic.sgy"]


@pytest.mark.parametrize("url", ["", "file://", "memory://"])
def test_two_at_once_do_not_mix(segy, tmp_path, small_slabs, url):
    first, other = segy(), segy(whole_numbers((12, 20)) + 1, name="b.sgy")
    target = f"{url}{tmp_path}/a.zarr"
    refused = []

    def meanwhile(done, total):
        if done == 2:
            with pytest.raises(OutputError, match="another seisflow") as error:
                ingest(other, target, workers=1)
            refused.append(str(error.value))

    ingest(first, target, workers=1, progress=meanwhile)
    assert len(refused) == 1
    assert_same(open_section(target), open_section(first))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [*(["a.zarr"] if "memory" not in url else []), "b.sgy", "synthetic.sgy"]


def test_a_url_that_another_machine_writes_is_left_alone(segy, tmp_path):
    fs, root = fsspec.core.url_to_fs(f"memory://{tmp_path}/a.zarr")
    sign = f"{root.removesuffix('a.zarr')}.a.zarr.lock"
    for host, process in (("elsewhere", os.getpid()), (platform.node(), os.getppid()), ("", None)):
        fs.pipe_file(sign, json.dumps({"host": host, "process": process}).encode())
        with pytest.raises(OutputError, match=r"another seisflow is writing it .* remove .*/\.a\.zarr\.lock"):
            ingest(segy(), f"memory://{tmp_path}/a.zarr", workers=1)
        assert fs.exists(sign)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    fs.pipe_file(sign, json.dumps({"host": platform.node(), "process": ended.pid}).encode())
    ingest(segy(), f"memory://{tmp_path}/a.zarr", workers=1)
    assert not fs.exists(sign)


def test_a_source_swapped_for_one_of_the_same_size_and_time_is_noticed(segy, tmp_path, small_slabs):
    path = segy()
    status = path.stat()
    with pytest.raises(KeyboardInterrupt):
        ingest(path, tmp_path / "a.zarr", workers=1, progress=stop_at(3))
    path = segy(whole_numbers((12, 20)) + 1)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert ingest(path, tmp_path / "a.zarr", workers=1).resumed == 0
    assert_same(open_section(tmp_path / "a.zarr"), open_section(path))


def test_a_source_swapped_amid_the_work_is_told(segy, tmp_path, small_slabs):
    path = segy()

    def swap(done, total):
        if done == 2:
            segy(whole_numbers((12, 20)) + 1)

    with pytest.raises(DataError, match="changed while it was read"):
        ingest(path, tmp_path / "a.zarr", workers=1, progress=swap)
    assert not (tmp_path / "a.zarr").exists()


def stop_at(slabs):
    def progress(done, total):
        if done == slabs:
            raise KeyboardInterrupt

    return progress


def test_what_is_there_is_replaced_only_if_asked_and_only_zarr(segy, tmp_path):
    path = segy()
    ingest(path, tmp_path / "a.zarr", workers=1)
    with pytest.raises(OutputError, match="--overwrite"):
        ingest(path, tmp_path / "a.zarr", workers=1)
    other = segy(whole_numbers((12, 20)) + 1)
    ingest(other, tmp_path / "a.zarr", workers=1, overwrite=True)
    assert_same(open_section(tmp_path / "a.zarr"), open_section(other))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"thesis\.txt, and not a Zarr one"):
        ingest(path, tmp_path / "folder", workers=1, overwrite=True)
    with pytest.raises(OutputError, match="there is no folder"):
        ingest(path, tmp_path / "nowhere" / "a.zarr", workers=1)


def test_an_interrupted_url_is_no_data_set_and_goes_on(segy, small_slabs):
    path = segy()
    with pytest.raises(KeyboardInterrupt):
        ingest(path, "memory://stopped/a.zarr", workers=1, progress=stop_at(2))
    with pytest.raises(DataError):
        open_section("memory://stopped/a.zarr")
    assert ingest(path, "memory://stopped/a.zarr", workers=1).resumed == 2
    assert_same(open_section("memory://stopped/a.zarr"), open_section(path))


COMMAND = [sys.executable, "-m", "seisflow.cli.main", "ingest"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_command_goes_on(tmp_path, sent):
    """Two worker processes, killed or interrupted with all their kin amid the work."""
    path = tmp_path / "large.sgy"
    rows = 150 * 400
    values = np.random.default_rng(0).standard_normal((rows, 1500)).astype(np.float32)
    path.write_bytes(segy_bytes(values, cube(np.arange(150), np.arange(400))))
    output = tmp_path / "large.zarr"
    command = [*COMMAND, str(path), "-o", str(output), "--workers", "2"]
    job = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    markers = tmp_path / ".large.zarr.ingest" / ".ingest"
    while job.poll() is None and len(list(markers.glob("slab-*"))) < 3:
        time.sleep(0.02)
    os.killpg(job.pid, sent)
    said = job.communicate()[1]
    if sent == signal.SIGINT:
        # on a busy machine the work lasts long enough to say how far it is
        said = [line for line in said.splitlines() if not line.endswith("so far")]
        assert (job.returncode, said) == (130, ["Error: interrupted"])
    assert not output.exists()
    done = len(list(markers.glob("slab-*")))
    assert done >= 3
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["resumed"] >= 3
    section = open_section(output)
    for line in (0, 77, 149):
        np.testing.assert_array_equal(section["amplitude"][line], values.reshape(150, 400, 1500)[line])
