"""Files made to run code when they are opened: none does, be it by pickle, shell, or the network."""

import json
import pickle
import struct
import sys
import tarfile
import zipfile

import numpy as np
import pytest
import zarr

from seisflow.errors import DataError
from seisflow.io import ingest, open_section, scan

from .conftest import cube, segy_bytes, whole_numbers
from .test_waveform import VALUES, seg2_bytes, stream

FORBIDDEN = {
    *("exec", "compile", "pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork"),
    *("subprocess.Popen", "socket.connect", "socket.__new__", "socket.getaddrinfo", "urllib.Request"),
}


class Watch:
    """Python's audit hook: notes what the code under it should never do."""

    def __init__(self):
        self.on = False
        self.seen = []
        sys.addaudithook(self.note)

    def note(self, event, arguments):
        if not self.on or event not in FORBIDDEN:
            return
        code = arguments[0] if event == "exec" else None
        if getattr(code, "co_name", "") == "<module>" and code.co_filename.endswith(".py"):
            return  # a module of an installed package that is imported when it is first needed
        self.seen.append((event, str(arguments)[:200]))

    def __enter__(self):
        self.on, self.seen = True, []
        return self

    def __exit__(self, *_):
        self.on = False


WATCH = Watch()


class Payload:
    """Anything that unpickles this runs the command."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.mark}",)


def opcodes(mark, start=b""):
    """A pickle that runs a command, after bytes that the unpickler passes over."""
    return start + f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()


def archives(mark, tmp_path):
    """A pickle packed as tar and zip, which obspy unpacks by itself."""
    inner = tmp_path / "inner"
    inner.write_bytes(opcodes(mark))
    with tarfile.open(tmp_path / "inner.tar", "w") as tar:
        tar.add(inner)
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as packed:
        packed.write(inner)
    return (tmp_path / "inner.tar").read_bytes(), (tmp_path / "inner.zip").read_bytes()


def hostile_files(mark, tmp_path):
    """Every disguise: name and bytes."""
    tar, packed = archives(mark, tmp_path)
    segy = segy_bytes(whole_numbers((12, 20)), cube([10, 11, 12], [1, 2, 3, 4]))
    # SEG-2's magic is the opcode of a string: what follows the first line is run
    magic = b"U:" + b"x" * 58
    inner = opcodes(mark)
    starts = {
        "pickle": pickle.dumps(Payload(mark)),
        "opcodes": inner,
        "magic": magic + inner,
        "in SEG-Y": magic + inner + segy[len(magic + inner) :],
        "number": b"000001D " + inner,
        "tar": tar,
        "zip": packed,
        "gse": b"WID2 " + inner,
        "sac": bytes(304) + struct.pack("<i", 6) + bytes(324) + inner,
        "seg2": seg2_bytes(VALUES)[:400] + inner,
        "cut seg2": b"\x55\x3a" + struct.pack("<HHH", 1, 8, 2) + inner,
    }
    names = ("a.dat", "a", "a.sgy", "a.segy", "a.su", "a.sg2", "a.mseed", "a.sac", "a.gse2", "a.ah", "a.nc")
    names += ("a.npy", "a.pickle", "a.tar", "a.zip", "a.gz", "a.bz2")
    return [(name, kind, data) for kind, data in starts.items() for name in names]


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Use every reader once, so that what they import and set up is there."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "a.sgy").write_bytes(segy_bytes(whole_numbers((12, 20)), cube([10, 11, 12], [1, 2, 3, 4])))
    (folder / "a.sg2").write_bytes(seg2_bytes(VALUES))
    stream(VALUES).write(str(folder / "a.mseed"), "MSEED")
    stream(VALUES[:1])[0].write(str(folder / "a.sac"), "SAC")
    stream(VALUES[:1].astype("int32"))[0].write(str(folder / "a.gse2"), "GSE2")
    np.save(folder / "a.npy", VALUES)
    ingest(folder / "a.sgy", folder / "a.zarr", workers=1)
    section = open_section(folder / "a.sgy")
    plain = section.drop_attrs().assign(amplitude=section["amplitude"].load())
    plain["time"].attrs["units"] = "ms"
    plain["trace_mask"] = plain["trace_mask"].astype("int8")
    plain.to_netcdf(folder / "a.nc", engine="h5netcdf")
    for path in sorted(folder.iterdir()):
        scan(path, dt=4)
    return folder


def outcome(path):
    """What a file that cannot be read is refused with."""
    try:
        scan(path, dt=4)
    except DataError as error:
        return str(error)
    return ""


def test_no_reader_runs_what_a_file_holds(warm, tmp_path):
    mark = tmp_path / "mark"
    places = tmp_path / "files"
    refused = 0
    for number, (name, kind, data) in enumerate(hostile_files(mark, tmp_path)):
        path = places / str(number) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        with WATCH as watch:
            said = outcome(path)
        refused += said != ""
        assert "\n" not in said
        assert watch.seen == [], (kind, name)
        assert not mark.exists(), (kind, name)
    assert refused > 150


def test_segy_that_starts_like_seg2_is_segy(warm, tmp_path):
    data = segy_bytes(whole_numbers((12, 20)), cube([10, 11, 12], [1, 2, 3, 4]))
    for name in ("a.sgy", "b.dat", "c"):
        (tmp_path / name).write_bytes(b"U:" + data[2:])
        section = open_section(tmp_path / name)
        np.testing.assert_array_equal(section["amplitude"], open_section(warm / "a.sgy")["amplitude"])


def test_the_watch_sees_what_it_should(tmp_path):
    with WATCH as watch:
        pickle.loads(opcodes(tmp_path / "mark"))
    assert (tmp_path / "mark").exists()
    assert {event for event, _ in watch.seen} >= {"pickle.find_class", "os.system"}


@pytest.mark.parametrize("place", ["compressor", "filters"])
@pytest.mark.parametrize("array", ["data", "time"])
def test_zarr_packed_by_pickle_is_refused(warm, tmp_path, monkeypatch, place, array):
    import numcodecs.pickles

    monkeypatch.setattr(numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)  # older ones do
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    for name, dims in (("data", ["trace", "time"]), ("time", ["time"])):
        values = np.ones([4] * len(dims), np.float32)
        group.create_array(name, data=values, compressors=None).attrs["_ARRAY_DIMENSIONS"] = dims
    folder = tmp_path / "a.zarr" / array
    about = json.loads((folder / ".zarray").read_text())
    about[place] = {"id": "pickle"} if place == "compressor" else [{"id": "pickle"}]
    (folder / ".zarray").write_text(json.dumps(about))
    mark = tmp_path / "mark"
    for chunk in folder.glob("[0-9]*"):
        chunk.write_bytes(opcodes(mark))
    with WATCH as watch, pytest.raises(DataError, match="'pickle'"):
        open_section(tmp_path / "a.zarr")["amplitude"].load()
    assert watch.seen == []
    assert not mark.exists()


def test_a_name_is_no_pattern_and_no_address(warm, tmp_path):
    """Obspy takes a name with signs such as [ for a pattern, and looks for another file."""
    stream(VALUES).write(str(tmp_path / "a.mseed"), "MSEED")
    (tmp_path / "a.mseed").rename(tmp_path / "line[1].mseed")
    np.testing.assert_array_equal(open_section(tmp_path / "line[1].mseed")["amplitude"], VALUES)
