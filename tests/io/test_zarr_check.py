"""Zarr and NetCDF from elsewhere: damage is one line, and nothing swells or reaches into other files."""

import json
import zlib

import h5py
import numpy as np
import pytest
import zarr

from seisflow.errors import DataError
from seisflow.io import create_segy, ingest, open_section, scan


@pytest.fixture
def stored(segy, tmp_path):
    """A whole Zarr data set."""
    ingest(segy(), tmp_path / "a.zarr", workers=1)
    return tmp_path / "a.zarr"


def bomb(path, shape, version=3, dims=("trace", "time")):
    """A store of few bytes that declares a large array: no chunk of it is there."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    for name, size, over in (("amplitude", shape, dims), ("time", shape[1:], dims[1:])):
        named = {"dimension_names": over} if version == 3 else {}
        array = group.create_array(name, shape=size, chunks=size, dtype="f4", fill_value=-1.0, **named)
        array.attrs["_ARRAY_DIMENSIONS"] = list(over)
    group["time"][:] = np.arange(shape[1])


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_that_is_not_there_is_not_made(tmp_path, version):
    bomb(tmp_path / "a.zarr", (2**21, 2000), version)
    assert sum(file.stat().st_size for file in (tmp_path / "a.zarr").rglob("*")) < 100_000
    with pytest.raises(DataError, match=r"unpack to 15\.6 GiB from \d+ bytes.*--limit 16"):
        open_section(tmp_path / "a.zarr")
    assert open_section(tmp_path / "a.zarr", limit=16).sizes["trace"] == 2**21


def test_a_chunk_that_swells_is_not_unpacked(tmp_path):
    shape = (2**15, 2**13)
    bomb(tmp_path / "a.zarr", shape, 2)
    about = json.loads((tmp_path / "a.zarr/amplitude/.zarray").read_text())
    about["compressor"] = {"id": "zlib", "level": 9}
    (tmp_path / "a.zarr/amplitude/.zarray").write_text(json.dumps(about))
    packer = zlib.compressobj(9)
    zeros = bytes(2**20)
    packed = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
    (tmp_path / "a.zarr/amplitude/0.0").write_bytes(packed)
    # a gibibyte from one megabyte: what zlib gives at most, and no more than the limit
    assert open_section(tmp_path / "a.zarr").sizes["trace"] == shape[0]
    with pytest.raises(DataError, match=r"unpack to 1\.0 GiB"):
        open_section(tmp_path / "a.zarr", limit=0.5)


def hdf5(path, make):
    with h5py.File(path, "w") as file:
        file["time"] = np.arange(4.0)
        file["time"].make_scale("time")
        make(file)
        if isinstance(file.get("amplitude", getlink=True), h5py.HardLink):
            file["amplitude"].dims[1].attach_scale(file["time"])


def test_netcdf_reaches_into_no_other_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(np.arange(8, dtype="f4").tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["amplitude"] = np.ones((2, 4), "f4")
    layout = h5py.VirtualLayout((2, 4), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "amplitude", (2, 4))
    kinds = {
        "external": lambda file: file.create_dataset(
            "amplitude", (2, 4), "f4", external=[(str(secret), 0, 32)]
        ),
        "link": lambda file: file.__setitem__(
            "amplitude", h5py.ExternalLink(str(tmp_path / "other.h5"), "/amplitude")
        ),
        "virtual": lambda file: file.create_virtual_dataset("amplitude", layout),
    }
    for kind, make in kinds.items():
        hdf5(tmp_path / f"{kind}.nc", make)
        with pytest.raises(DataError, match="amplitude lies in another file"):
            open_section(tmp_path / f"{kind}.nc")


def test_netcdf_that_swells_is_refused(tmp_path):
    hdf5(
        tmp_path / "a.nc",
        lambda file: file.create_dataset("amplitude", (2**28, 4), "f4", chunks=(2**16, 4), fillvalue=1.0),
    )
    with pytest.raises(DataError, match=r"unpack to 4\.0 GiB"):
        open_section(tmp_path / "a.nc")


ATTRIBUTES = {
    "warnings": [7, "x", {"a": 1}, [1, 2]],
    "quantisation_step": ["x", [1], -1, 1e400],
    "text_header": [1, ["C 1"], None],
    "binary_header": ["{", "[]", 7, '{"samples": "x"}'],
    "crs": [{"a": 1}, 4],
    "endian": ["middle", 3],
    "segy_format": ["x", [5]],
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_of_another_kind_are_left_out_with_a_warning(stored, name):
    file = stored / "zarr.json"
    whole = json.loads(file.read_text())
    for value in ATTRIBUTES[name]:
        changed = json.loads(json.dumps(whole))
        changed["attributes"][name] = value
        file.write_text(json.dumps(changed))
        section = open_section(stored)
        assert f"attribute {name} is damaged" in section.attrs["warnings"][-1]
        assert scan(stored).traces == 12


@pytest.mark.parametrize("change", [{"head": "x"}, {"header_bytes": 10**9}, {"endian": 1}, {"start": "x"}])
def test_damaged_file_headers_are_left_out_and_new_ones_made(stored, change):
    file = stored / "segy_file_header" / "zarr.json"
    about = json.loads(file.read_text())
    told = json.loads(about["attributes"]["fileHeaders"]) | change
    root = json.loads((stored / "zarr.json").read_text())
    root.pop("consolidated_metadata")
    (stored / "zarr.json").write_text(json.dumps(root))
    about["attributes"]["fileHeaders"] = json.dumps(told)
    file.write_text(json.dumps(about))
    section = open_section(stored)
    assert section.attrs["warnings"] == ["attribute file_headers is damaged: left out"]
    with create_segy(stored.with_name("b.sgy"), section) as segy:
        for lead in np.ndindex(3):
            segy.write(lead, section["amplitude"][lead].to_numpy())
    np.testing.assert_array_equal(open_section(stored.with_name("b.sgy"))["amplitude"], section["amplitude"])


def test_damaged_samples_are_told_when_they_are_read(stored):
    chunk = next(file for file in (stored / "amplitude" / "c").rglob("*") if file.is_file())
    data = bytearray(chunk.read_bytes())
    data[:200] = bytes(200)
    chunk.write_bytes(data)
    section = open_section(stored)
    with pytest.raises(DataError, match=r"a\.zarr: not readable as samples") as error:
        section["amplitude"].load()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("values", [np.full(20, 4.0), np.r_[np.arange(19.0), np.nan]])
def test_an_axis_that_is_none_is_told(stored, values):
    zarr.open_group(stored, mode="r+")["time"][:] = values
    with pytest.raises(DataError, match="time is not a row of different, finite numbers"):
        open_section(stored)
