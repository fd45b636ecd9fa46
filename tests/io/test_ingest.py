"""Ingest: the Zarr holds what the files held, however the work was shared out or interrupted."""

from base64 import b64decode
from importlib import import_module

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr

from seisflow.errors import ConfigError, DataError, OutputError
from seisflow.io import create_segy, ingest, open_section
from seisflow.io.zarr.ingest import plan

from .conftest import cube, parts, segy_bytes, whole_numbers

INGEST = import_module("seisflow.io.zarr.ingest")  # seisflow.io.zarr.ingest is its function

COORDINATES = {181: np.arange(12) * 10, 185: np.arange(12) * 20, 71: -10}

GEOMETRIES = {
    "cube": cube([10, 11, 12], [1, 2, 3, 4]) | COORDINATES,
    "falling": cube([12, 11, 10], [4, 3, 2, 1]),
    "line": {21: np.arange(101, 113), 73: np.arange(12) * 1000, 77: np.arange(12) * 500},
    "gathers": {9: np.repeat([3, 4, 5], 4), 13: np.tile([1, 2, 3, 4], 3), 37: np.tile([-4, -3, -2, -1], 3)},
    "prestack": cube([1, 2], np.repeat([5, 6, 7], 2)) | {37: np.tile([100, 200], 6)},
}


def assert_same(found, expected):
    """The same section, but for the headers that a Zarr keeps."""
    xr.testing.assert_equal(*(one.drop_vars("raw_headers", errors="ignore") for one in (found, expected)))


@pytest.fixture
def small_slabs(monkeypatch):
    monkeypatch.setattr(INGEST, "_SLAB_BYTES", 500)
    monkeypatch.setattr(INGEST, "_CHUNK", (3, 8))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_file_comes_back_as_it_was(segy, tmp_path, small_slabs, geometry):
    path = segy(fields=GEOMETRIES[geometry], code=3)
    done = ingest(path, tmp_path / "a.zarr", workers=1)
    section = open_section(path)
    again = open_section(tmp_path / "a.zarr")
    assert_same(again, section)
    assert done.slabs >= 2
    assert again.attrs["text_header"] == section.attrs["text_header"]
    assert again.attrs["quantisation_step"] == 1.0
    array = zarr.open_group(tmp_path / "a.zarr", mode="r")["amplitude"]
    assert (array.metadata.zarr_format, array.chunks, array.shards) == (3, done.chunks, done.shards)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "synthetic.sgy"]
    np.testing.assert_array_equal(
        xr.open_zarr(tmp_path / "a.zarr", chunks=None)["amplitude"], section["amplitude"]
    )


def test_holes_and_shifted_traces_come_back(segy, tmp_path, small_slabs):
    keep = np.array([0, 1, 2, 3, 4, 6, 9, 10])
    fields = {byte: numbers[keep] for byte, numbers in GEOMETRIES["falling"].items()}
    path = segy(fields=fields, delay=np.r_[[100] * 5, [108] * 3])
    ingest(path, tmp_path / "a.zarr", workers=1)
    assert_same(open_section(tmp_path / "a.zarr"), open_section(path))


def test_a_crs_is_written_as_cf(segy, tmp_path):
    ingest(segy(fields=GEOMETRIES["cube"]), tmp_path / "a.zarr", workers=1, crs="EPSG:23031")
    plain = xr.open_zarr(tmp_path / "a.zarr", chunks=None)
    assert plain["amplitude"].attrs.get("grid_mapping", plain["amplitude"].encoding.get("grid_mapping"))
    assert plain["spatial_ref"].attrs["spatial_ref"] == "EPSG:23031"
    assert open_section(tmp_path / "a.zarr").attrs["crs"] == "EPSG:23031"


def test_chunks_are_for_patches_and_slabs_are_bounded():
    for shape in [(1000, 500, 1000), (300_000, 2000), (5, 4, 60, 1500), (10, 3), (40, 50_000, 4000)]:
        chunks, slab = plan(shape)
        assert np.prod(slab) * 4 <= 2**26
        assert all(
            size == whole or whole % chunk == 0
            for size, whole, chunk in zip(shape, slab, chunks, strict=True)
        )
        assert chunks[-2] <= 256
        assert chunks[-1] <= 512


def test_several_files_are_parts_of_one_survey(tmp_path, small_slabs):
    for name, lines in (("b", [13, 14]), ("a", [10, 11, 12])):
        fields = cube(lines, [1, 2, 3, 4])
        values = whole_numbers((len(fields[189]), 20)) + lines[0]
        (tmp_path / f"{name}.sgy").write_bytes(segy_bytes(values, fields))
    files = [tmp_path / "b.sgy", tmp_path / "a.sgy"]
    ingest(files, tmp_path / "all.zarr", workers=1)
    section = open_section(tmp_path / "all.zarr")
    np.testing.assert_array_equal(section["inline"], [10, 11, 12, 13, 14])
    expected = [open_section(file)["amplitude"].to_numpy() for file in reversed(files)]
    np.testing.assert_array_equal(section["amplitude"], np.concatenate(expected))
    np.testing.assert_array_equal(section["trace_index"].to_numpy().ravel(), np.arange(20))


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        (cube([12, 13], [1, 2, 3, 4]), {}, "inline numbers that others have too"),
        (cube([13, 14], [1, 2, 3]), {}, "another crossline axis"),
        (cube([13, 14], [1, 2, 3, 4]), {"interval": 2000, "trace_interval": 2000}, "another time axis"),
        ({21: np.arange(8)}, {}, "ingest them one by one"),
    ],
)
def test_what_are_no_parts_of_one_survey_is_told(segy, tmp_path, fields, options, message):
    files = [segy(name="a.sgy"), segy(fields=fields, name="b.sgy", **options)]
    with pytest.raises(DataError, match=message) as error:
        ingest(files, tmp_path / "all.zarr", workers=1)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sgy", "b.sgy"]


def test_urls_go_in_and_out(segy, small_slabs):
    path = segy(fields=GEOMETRIES["cube"])
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/bucket/a.sgy", path.read_bytes())
    ingest("memory://bucket/a.sgy", "memory://bucket/a.zarr", workers=2)
    section = open_section("memory://bucket/a.zarr")
    assert_same(section, open_section(path))
    assert section.attrs["source_file"] == "memory://bucket/a.zarr"
    assert_same(open_section("memory://bucket/a.sgy"), open_section(path))
    with pytest.raises(OutputError, match="--overwrite"):
        ingest(path, "memory://bucket/a.zarr", workers=1)
    with pytest.raises(DataError, match="no such file"):
        open_section("memory://bucket/b.zarr")


@pytest.mark.parametrize("url", ["nonsense://a/b.zarr", "nonsense://a/b.sgy"])
def test_a_url_that_nothing_opens_is_told(url):
    with pytest.raises(DataError, match="nonsense") as error:
        open_section(url)
    assert "\n" not in str(error.value)


def test_a_scheduler_that_is_not_there_is_told(segy, tmp_path, monkeypatch):
    monkeypatch.setattr("seisflow.io.workers._CONNECT_SECONDS", 1)
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:1: no Dask scheduler"):
        ingest(segy(), tmp_path / "a.zarr", scheduler="tcp://127.0.0.1:1")


def test_two_workers_write_what_one_does(segy, tmp_path):
    """Through the address of a scheduler, which is what `--scheduler` gives."""
    distributed = pytest.importorskip("distributed")
    path = segy(whole_numbers((60 * 50, 300)), cube(np.arange(60), np.arange(50)))
    ingest(path, tmp_path / "one.zarr", workers=1)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        ingest(path, tmp_path / "two.zarr", scheduler=cluster.scheduler_address)
    for file in sorted((tmp_path / "one.zarr" / "amplitude").rglob("*")):
        other = tmp_path / "two.zarr" / file.relative_to(tmp_path / "one.zarr")
        assert file.is_dir() or file.read_bytes() == other.read_bytes()


def write_back(path, section):
    with create_segy(path, section) as file:
        for lead in np.ndindex(*section["amplitude"].shape[:-2]):
            file.write(lead, section["amplitude"][lead].to_numpy())
    return path.read_bytes()


def scribbled(fields, count=12):
    """Fill the header fields that nothing reads, so that their loss would be seen."""
    unread = [*range(119, 177, 4), *range(217, 241, 4)]
    return fields | {byte: np.random.default_rng(byte).integers(-(2**31), 2**31, count) for byte in unread}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("endian", ["big", "little"])
def test_an_ingested_file_becomes_the_same_segy_again(segy, tmp_path, small_slabs, geometry, endian):
    """Byte for byte, headers that nobody reads included, with the file gone."""
    path = segy(
        fields=scribbled(GEOMETRIES[geometry]), endian=endian, encoding="ascii", extended=1, revision=(1, 0)
    )
    whole = path.read_bytes()
    ingest(path, tmp_path / "a.zarr", workers=1)
    ingest(tmp_path / "a.zarr", tmp_path / "b.zarr", workers=1)
    path.unlink()
    for name in ("a.zarr", "b.zarr"):
        assert write_back(tmp_path / f"{name}.sgy", open_section(tmp_path / name)) == whole


def test_holes_and_shifted_traces_of_an_ingested_file_are_written_as_from_the_file(segy, tmp_path):
    keep = np.array([0, 1, 2, 3, 4, 6, 9, 10])
    fields = {byte: numbers[keep] for byte, numbers in GEOMETRIES["falling"].items()}
    path = segy(fields=scribbled(fields, 8), delay=np.r_[[100] * 5, [108] * 3])
    ingest(path, tmp_path / "a.zarr", workers=1)
    sections = open_section(path), open_section(tmp_path / "a.zarr")
    written = [write_back(tmp_path / f"{i}.sgy", section) for i, section in enumerate(sections)]
    assert written[0] == written[1]
    cut = [section.isel(inline=slice(1, 3), time=slice(2, 12)) for section in sections]
    assert write_back(tmp_path / "2.sgy", cut[0]) == write_back(tmp_path / "3.sgy", cut[1])


def test_several_files_keep_their_headers_if_these_are_alike(tmp_path, small_slabs):
    for name, lines in (("b", [13, 14]), ("a", [10, 11, 12])):
        fields = scribbled(cube(lines, [1, 2, 3, 4]), 4 * len(lines))
        (tmp_path / f"{name}.sgy").write_bytes(segy_bytes(whole_numbers((len(fields[189]), 20)), fields))
    ingest([tmp_path / "b.sgy", tmp_path / "a.sgy"], tmp_path / "all.zarr", workers=1)
    raw = write_back(tmp_path / "all.sgy", open_section(tmp_path / "all.zarr"))
    assert raw == (tmp_path / "a.sgy").read_bytes() + (tmp_path / "b.sgy").read_bytes()[3600:]
    fields = cube([15, 16], [1, 2, 3, 4])
    (tmp_path / "c.sgy").write_bytes(segy_bytes(whole_numbers((8, 20)), fields, endian="little"))
    ingest([tmp_path / "a.sgy", tmp_path / "c.sgy"], tmp_path / "mixed.zarr", workers=1)
    assert "raw_headers" not in open_section(tmp_path / "mixed.zarr")


def test_headers_are_where_mdio_keeps_them(segy, tmp_path):
    path = segy()
    ingest(path, tmp_path / "a.zarr", workers=1)
    store = xr.open_zarr(tmp_path / "a.zarr", chunks=None)
    assert (store["raw_headers"].dims, store["raw_headers"].dtype) == (
        ("inline", "crossline"),
        np.dtype("V240"),
    )
    raw = np.frombuffer(store["raw_headers"].to_numpy().tobytes(), np.uint8).reshape(12, 240)
    np.testing.assert_array_equal(raw, parts(path, 20)[2])
    assert b64decode(store["segy_file_header"].attrs["rawBinaryHeader"]) == parts(path, 20)[1].tobytes()
