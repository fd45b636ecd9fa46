"""Tables, polygons, labels, images and configurations from strangers; pipes and devices for files."""

import gzip
import io
import json
import os
import shutil
import signal
import struct
import sys
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import seisflow
from seisflow.cli.main import cli
from seisflow.config.presets import load_config
from seisflow.errors import SeisflowError
from seisflow.evaluation.labels.read import read_labels
from seisflow.io import images, open_section, scan, select
from seisflow.runs.info import differences, model_info

from .test_hostile import WATCH, warm  # noqa: F401  a fixture

pytestmark = pytest.mark.usefixtures("warm")

VALUES = np.random.default_rng(0).normal(size=(4, 30, 64)).astype(np.float32)
SECONDS = 20
PICKLED = b"cos\nsystem\n(S'touch %s'\ntR."


@pytest.fixture
def section():
    """A cube with coordinates."""
    lines, traces = np.meshgrid(np.arange(4) * 25.0, np.arange(30) * 25.0, indexing="ij")
    return xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), VALUES)},
        {
            "inline": np.arange(4),
            "crossline": np.arange(30),
            "time": ("time", np.arange(64) * 4.0, {"units": "ms"}),
            "cdp_x": (("inline", "crossline"), traces),
            "cdp_y": (("inline", "crossline"), lines),
        },
        {"source_file": "a.zarr", "warnings": []},
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outcome(use):
    """Use something under the audit hook, soon: "read", or what it is refused with, in one line."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"more than {SECONDS} s"))
    signal.alarm(SECONDS)
    try:
        with WATCH as watch:
            try:
                use()
                said = "read"
            except SeisflowError as error:
                said = str(error)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert said.isprintable()
    # numpy has a header of an array parsed as a literal: that compiles it, to a tree, and runs nothing
    assert [seen for seen in watch.seen if seen[0] != "compile"] == []
    return said


TABLES = {
    "empty": "",
    "not finite": "x,y\nnan,nan\ninf,1\n1,inf\n",
    "ragged": "x,y\n1,2\n3\n",
    "long": 'x,y\n"' + "a" * 200_000 + "\n",
    "null": "x,y\n\0,\0\n",
    "twice": "time,time\n1,2\n",
    "digits": "x,y\n" + "9" * 5000 + ",1\n1,2\n1,3\n",
    "on a slant": "inline,crossline,time\n1,1,50\n2,2,60\n3,3,70\n",
    "one place": "inline,crossline,time\n1,1,50\n1,1,60\n1,1,70\n",
    "unplaced": "time\n5\n",
    "nowhere": "inline,crossline,sample\n1,1,nan\n",
    "far": "inline,crossline,sample\n1,1,1e300\n",
    "short": "inline,crossline,sample\n1,1\n",
    "escapes": "inline,crossline,sample,name\n1,1,-1,\x1b]0;x\x07\n",
    "columns": "\x1b]0;x\x07,b\n1,2\n",
    "binary": bytes(range(256)).decode("latin-1"),
    "pickle": "cos\nsystem\n(S'touch mark'\ntR.",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_tables_are_read_or_refused_in_one_line(here, section, text):
    Path("a.csv").write_text(text, encoding="utf-8")
    outcome(lambda: select(section, ["polygon=a.csv"]))
    outcome(lambda: select(section, ["horizon=a.csv:-50:+50"]))
    outcome(lambda: select(section, ["horizon=a.csv:nan:inf"]))
    outcome(lambda: read_labels("a.csv", section))
    assert not Path("mark").exists()


SHAPES = {
    "list": "[]",
    "number": "5",
    "null": "null",
    "no coordinates": '{"type":"Polygon"}',
    "no ring": '{"type":"Polygon","coordinates":[]}',
    "no corner": '{"type":"Polygon","coordinates":[[]]}',
    "one number": '{"type":"Polygon","coordinates":[[[1]]]}',
    "words": '{"type":"Polygon","coordinates":[[["a","b"]]]}',
    "deep": "[" * 100_000,
    "deep features": '{"type":"Feature","geometry":' * 3000 + "null" + "}" * 3000,
    "not finite": '{"type":"Polygon","coordinates":[[[NaN,NaN],[NaN,1],[1,1e999]]]}',
    "digits": '{"type":"Polygon","coordinates":[[' + ",".join(["[%s,1]" % ("9" * 400)] * 3) + "]]}",
    "no features": '{"type":"FeatureCollection","features":[null,1]}',
    "no list": '{"type":"MultiPolygon","coordinates":5}',
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_geojson_of_no_polygon_is_refused(here, section, text):
    Path("a.json").write_text(text)
    assert outcome(lambda: select(section, ["polygon=a.json"])).startswith("a.json: ")


ARRAYS = {
    "objects": ("'|O'", "(4, 30, 64)"),
    "huge": ("'<f4'", "(1000000000, 1000000000)"),
    "negative": ("'<f4'", "(-1, 4)"),
    "fields": ("[('a', '<f4'), ('b', '|O')]", "(4, 30)"),
    "a call": ("__import__('os').system('touch mark')", "(4, 30)"),
    "words": ("'<U5'", "(4, 30, 64)"),
    "dates": ("'<M8[s]'", "(4, 30, 64)"),
    "nothing": ("'<f4'", "(0, 4)"),
}


@pytest.mark.parametrize(("kind", "shape"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_no_numbers_are_refused(here, section, kind, shape):
    head = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head))
    Path("a.npy").write_bytes(magic + head.encode() + bytes(4 * 30 * 64 * 20))
    assert outcome(lambda: scan("a.npy", dt=4)).startswith("a.npy: ")
    assert outcome(lambda: read_labels("a.npy", section)).startswith("a.npy: ")
    assert not Path("mark").exists()


def tar(member, kind, link=""):
    """A tar archive of one member, called as a batch of CIFAR-10."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        info = tarfile.TarInfo(f"cifar-10-batches-bin/{member}")
        info.type, info.linkname = kind, link
        archive.addfile(info)
    return whole.getvalue()


def npz(array):
    whole = io.BytesIO()
    np.savez_compressed(whole, x_train=array)
    return whole.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        lambda: gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 2**30) + bytes(2**29), 1),
        lambda: gzip.compress(b"\0\0\x08\x04" + struct.pack(">IIII", *[2**16] * 4)),
        lambda: b"\0\0\x08\xff" + bytes(2000),
        lambda: PICKLED % b"mark",
        lambda: npz(np.array([{"a": 1}], dtype=object)),
        lambda: npz(np.zeros((10**5, 32, 32, 3), np.uint8)),
        lambda: tar("data_batch_1.bin", tarfile.SYMTYPE, "/etc/passwd"),
        lambda: tar("data_batch_1.bin", tarfile.SYMTYPE, "data_batch_1.bin"),
        lambda: tar("data_batch_1.bin", tarfile.DIRTYPE),
        lambda: tar("data_batch_1.bin", tarfile.CHRTYPE),
    ],
)
def test_images_that_run_swell_or_lead_elsewhere_are_refused(here, data):
    Path("a").write_bytes(data())
    readers = (
        images.read_idx,
        lambda path: images._read_npz(path, "train"),
        lambda path: images._read_archive(path, "train", 1),
    )
    for read in readers:
        assert outcome(lambda read=read: read(Path("a"))).startswith("a: ")
    assert not Path("mark").exists()


CONFIGS = {
    "a python tag": "!!python/object/apply:os.system ['touch mark']",
    "anchors": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"b{i}: &b{i} [{','.join([f'*b{i - 1}' if i else '*a'] * 9)}]\n" for i in range(9)),
    "merged keys": "a: &a {x: 1}\n"
    + "".join(f"b{i}: {{<<: [{','.join(['*a'] * 900)}]}}\n" for i in range(20)),
    "merged with itself": "&a\n<<: *a\n",
    "deep": "[" * 5000,
    "pickle": "cos\nsystem\n(S'touch mark'\ntR.",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS)
def test_configurations_that_run_or_swell_are_refused(here, tiny_run, text):
    Path("a.yaml").write_text(text)
    assert outcome(lambda: load_config("a.yaml")).startswith("a.yaml: ")
    for name in ("one", "other"):
        shutil.copytree(tiny_run, name)
    Path("one/config.yaml").write_text(text)
    outcome(lambda: list(differences(Path("one"), Path("other"))))
    assert not Path("mark").exists()


@pytest.mark.parametrize(
    "head",
    [struct.pack("<Q", 2**63 - 1), struct.pack("<Q", 2**33), struct.pack("<Q", 5) + b"[1,2]", b"abc"],
)
def test_weights_whose_header_lies_are_refused(here, tiny_run, head):
    shutil.copytree(tiny_run, "run")
    Path("run/model.safetensors").write_bytes(head)
    for use in (seisflow.load_model, model_info):
        assert "model.safetensors: damaged" in outcome(lambda use=use: use("run"))


def test_groups_of_many_names_are_looked_through_once(here):
    with h5py.File("a.nc", "w") as file:
        group = file.create_group("g")
        for _ in range(45):
            inner = group.create_group("a")
            group["b"] = inner
            group = inner
        group["up"] = file["/"]
    assert "no array of numbers" in outcome(lambda: scan("a.nc"))


@pytest.mark.skipif(sys.platform != "linux", reason="pipes and devices of Linux")
@pytest.mark.parametrize("special", ["pipe", "/dev/zero"])
def test_pipes_and_devices_are_refused_wherever_a_file_belongs(here, section, tiny_run, special):
    def put(path):
        Path(path).unlink(missing_ok=True)
        os.mkfifo(path) if special == "pipe" else Path(path).symlink_to(special)
        return path

    for ending in ("sgy", "su", "npy", "nc", "mseed", "dat"):
        assert "a pipe or device" in outcome(lambda e=ending: scan(put(f"a.{e}")))
    Path("b").mkdir()
    for name in ("csv", "json"):
        put(f"b/a.{name}")
        assert "pipe or device" in outcome(lambda n=name: select(section, [f"polygon=b/a.{n}"]))
    assert "pipe or device" in outcome(lambda: read_labels("b/a.csv", section))
    assert "pipe or device" in outcome(lambda: load_config(put("b/a.yaml")))
    section.drop_attrs().to_zarr("whole.zarr", zarr_format=3)
    chunk = next(path for path in Path("whole.zarr/amplitude/c").rglob("*") if path.is_file())
    for part in ("zarr.json", "time/c/0", str(chunk.relative_to("whole.zarr"))):
        shutil.copytree("whole.zarr", "part.zarr")
        put(f"part.zarr/{part}")
        said = outcome(lambda: open_section("part.zarr").load())
        assert said.startswith(("part.zarr: ", str(here / "part.zarr"))), part
        shutil.rmtree("part.zarr")
    for name in ("config.json", "model.safetensors"):
        shutil.copytree(tiny_run, "run")
        put(f"run/{name}")
        for use in (seisflow.load_model, model_info):
            assert outcome(lambda use=use: use("run")).startswith("run")
        shutil.rmtree("run")


def test_a_key_of_a_store_does_not_lead_out_of_it(here, section):
    section.drop_attrs().to_zarr("inner/a.zarr", zarr_format=3)
    place = Path("inner/a.zarr/zarr.json")
    about = json.loads(place.read_text())
    members = about["consolidated_metadata"]["metadata"]
    members["../../outside"] = members["amplitude"]
    place.write_text(json.dumps(about))
    assert outcome(lambda: open_section("inner/a.zarr").load()).startswith("inner/a.zarr: ")


@pytest.mark.parametrize("name", ["a\nb.sgy", "a\x1b[2J.sgy", "\udcff.sgy"])
def test_names_stay_in_their_line(here, name):
    Path(name).write_bytes(b"junk" * 2000)
    assert outcome(lambda: scan(name)) != "read"
    done = CliRunner().invoke(cli, ["scan", name])
    assert done.exit_code == 1
    assert all(line.isprintable() for line in done.stderr.splitlines())
    assert len([line for line in done.stderr.splitlines() if "format code" in line]) == 1
