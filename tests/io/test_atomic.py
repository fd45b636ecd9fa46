"""What is there is looked at before it is replaced, and goes when the new one stands."""

import errno
import os
import subprocess
import sys

import fsspec
import numpy as np
import pytest
import zarr

from seisflow.errors import OutputError
from seisflow.io import atomic
from seisflow.io.atomic import replace

SCHEMES = ["", "file://", "memory://"]


@pytest.fixture(params=SCHEMES, ids=["path", "file", "memory"])
def place(request, tmp_path):
    """A free place of each kind, with its file system."""
    target = f"{request.param}{tmp_path}/out.zarr"
    fs, root = atomic.filesystem(target)
    return target, fs, root


def zarr_files(fs, root):
    fs.makedirs(root, exist_ok=True)
    fs.pipe_file(f"{root}/zarr.json", b"{}")
    fs.makedirs(f"{root}/amplitude", exist_ok=True)
    fs.pipe_file(f"{root}/amplitude/zarr.json", b"{}")


def test_nothing_and_an_empty_folder_are_free(place):
    target, fs, root = place
    atomic.check_target(target, False)
    fs.makedirs(root)
    atomic.check_target(target, False)


def test_a_zarr_is_replaced_if_that_is_asked_for(place):
    target, fs, root = place
    zarr_files(fs, root)
    with pytest.raises(OutputError, match="--overwrite"):
        atomic.check_target(target, False)
    atomic.check_target(target, True)


STRANGERS = {
    "files": ["thesis.txt"],
    "a folder": ["shots/line1.sgy"],
    "beside Zarr": ["zarr.json", "amplitude/zarr.json", "notes.md"],
    "a folder beside Zarr": ["zarr.json", "segy/line1.sgy"],
}


@pytest.mark.parametrize("names", STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_result_is_never_replaced(place, names):
    target, fs, root = place
    for name in names:
        fs.makedirs(f"{root}/{name}".rsplit("/", 1)[0], exist_ok=True)
        fs.pipe_file(f"{root}/{name}", b"mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="not a Zarr one") as error:
            atomic.check_target(target, overwrite)
        assert "\n" not in str(error.value)
    assert all(fs.cat_file(f"{root}/{name}") == b"mine" for name in names)


def test_an_input_is_no_output(place, tmp_path):
    target, fs, root = place
    zarr_files(fs, root)
    inside = f"{target}/amplitude"
    for written, read in ((target, target), (target, inside), (inside, target)):
        with pytest.raises(OutputError, match="which is read"):
            atomic.check_target(written, True, [read])
    atomic.check_inputs(f"{target}.other", [target])


def test_an_input_is_known_by_any_name(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "link.zarr").symlink_to("a.zarr")
    for name in (
        f"file://{tmp_path}/a.zarr",
        f"{tmp_path}/link.zarr",
        f"{tmp_path}/../{tmp_path.name}/a.zarr",
    ):
        with pytest.raises(OutputError, match="which is read"):
            atomic.check_inputs(tmp_path / "a.zarr", [name])


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_is_replaced_by_another(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(replace, "_exchange", lambda one, other: False)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    atomic.put_in_place(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_folders_are_exchanged_in_one_step(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "inside").touch()
    assert replace._exchange(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["inside"]
    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"old")
    with atomic.replaced_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert oct(path.stat().st_mode) == oct(0o100666 & ~umask())
    for failure in (OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()):
        with pytest.raises((OutputError, KeyboardInterrupt)) as error:
            fail_half_way(path, failure)
        assert path.read_bytes() == b"new"
        assert [entry.name for entry in tmp_path.iterdir()] == ["state"]
        if isinstance(failure, OSError):
            assert str(error.value).startswith(f"{path}: no space left")


def fail_half_way(path, failure):
    with atomic.replaced_file(path) as file:
        file.write(b"half")
        raise failure


def umask():
    old = os.umask(0)
    os.umask(old)
    return old


def test_a_lock_keeps_others_out_and_leaves_nothing(tmp_path):
    program = (
        "import sys; from seisflow.io import atomic\n"
        "try:\n    atomic.locked(sys.argv[1]).__enter__()\nexcept Exception as e: print(e)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "a.zarr")]
    with atomic.locked(tmp_path / "a.zarr"):
        other = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "another seisflow is writing it" in other.stdout
    assert list(tmp_path.iterdir()) == []
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_a_real_zarr_holds_no_stranger(tmp_path):
    for version in (2, 3):
        path = tmp_path / f"{version}.zarr"
        zarr.create_group(path, zarr_format=version).create_array("a", data=np.ones((4, 4)), chunks=(2, 2))
        atomic.check_target(path, True)
        array = tmp_path / f"array{version}.zarr"
        zarr.save_array(str(array), np.ones((4, 4)), zarr_format=version)
        atomic.check_target(array, True)
    assert fsspec.filesystem("file").exists(str(array))


def test_what_a_killed_run_left_is_removed_by_the_next_and_told(tmp_path, caplog):
    for name in (".a.zarr.0123abcd.partial", ".b.zarr.0123abcd.partial", ".notes.partial"):
        (tmp_path / name / "chunk").mkdir(parents=True)
    held = atomic.reserve(tmp_path / "c.zarr", False, 0)
    caplog.clear()
    with caplog.at_level("INFO", logger="seisflow"):
        place = atomic.reserve(tmp_path / "a.zarr", False, 0)
    assert held.is_dir()
    assert not (tmp_path / ".a.zarr.0123abcd.partial").exists()
    assert (tmp_path / ".notes.partial").is_dir()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert any("a killed run had left it" in line for line in said)
    assert any(".b.zarr.0123abcd.partial: left by a killed run" in line for line in said)
    with pytest.raises(OutputError, match="another seisflow is writing it"):
        atomic.reserve(tmp_path / "a.zarr", True, 0)
    for one in (place, held):
        atomic.discard(one)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".lock")]
