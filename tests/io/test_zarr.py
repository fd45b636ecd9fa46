"""Zarr: seisflow's own comes back as it was, and foreign names are understood."""

import pickle

import numpy as np
import pytest
import xarray as xr
import zarr

from seisflow.errors import DataError, OutputError
from seisflow.io import create_zarr, open_section, write_zarr

from .conftest import cube, whole_numbers

GEOMETRIES = {
    "cube": cube([10, 11, 12], [1, 2, 3, 4]) | {181: np.arange(12), 185: np.arange(12) * 2},
    "line": {21: np.arange(101, 113), 73: np.arange(12) * 1000, 77: np.arange(12) * 500},
    "gathers": {9: np.repeat([3, 4, 5], 4), 13: np.tile([1, 2, 3, 4], 3), 37: np.tile([-4, -3, -2, -1], 3)},
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_section_comes_back_as_it_was(segy, tmp_path, geometry):
    section = open_section(segy(fields=GEOMETRIES[geometry], code=3))
    write_zarr(section, tmp_path / "section.zarr")
    again = open_section(tmp_path / "section.zarr")
    xr.testing.assert_equal(again, section)
    assert again["amplitude"].dtype == np.float32
    assert again["time"].attrs == section["time"].attrs
    assert again.attrs["source_format"] == "zarr"
    assert again.attrs["quantisation_step"] == 1.0
    for key in ("text_header", "binary_header", "warnings"):
        assert again.attrs[key] == section.attrs[key]


def test_holes_come_back(segy, tmp_path):
    fields = {byte: numbers[[0, 1, 2, 3, 4, 6, 9, 10]] for byte, numbers in GEOMETRIES["cube"].items()}
    section = open_section(segy(fields=fields))
    write_zarr(section, tmp_path / "section.zarr")
    xr.testing.assert_equal(open_section(tmp_path / "section.zarr"), section)


def test_it_is_lazy_and_can_be_pickled(segy, tmp_path):
    section = open_section(segy(whole_numbers((12, 4000))))
    write_zarr(section, tmp_path / "section.zarr")
    again = open_section(tmp_path / "section.zarr")
    assert len(pickle.dumps(again)) < 60_000
    xr.testing.assert_equal(pickle.loads(pickle.dumps(again)), section)


def test_xarray_opens_it_with_all_coordinates(segy, tmp_path):
    section = open_section(segy(fields=GEOMETRIES["cube"]))
    write_zarr(section, tmp_path / "section.zarr")
    plain = xr.open_zarr(tmp_path / "section.zarr", chunks=None)
    assert {"cdp_x", "cdp_y", "inline", "crossline", "time"} == set(plain.coords)
    assert plain["amplitude"].dims == ("inline", "crossline", "time")
    assert plain.attrs["attributes"]["defaultVariableName"] == "amplitude"


def test_each_panel_is_whole_chunks_of_zarr_3(segy, tmp_path):
    section = open_section(segy())
    with create_zarr(tmp_path / "nll.zarr", section, {"nll": {"units": "nat"}, "z": {}}) as store:
        for i in range(3):
            store.write("nll", (i,), np.full((4, 20), i, np.float32))
    array = zarr.open_group(tmp_path / "nll.zarr", mode="r")["nll"]
    assert array.metadata.zarr_format == 3
    assert array.chunks == (1, 4, 20)
    again = open_section(tmp_path / "nll.zarr")
    np.testing.assert_array_equal(again["amplitude"][:, 0, 0], [0, 1, 2])
    assert again["amplitude"].attrs["units"] == "nat"
    assert again["z"].isnull().all()


def test_large_panels_are_cut_into_chunks(tmp_path):
    shape = (5000, 1000)
    section = xr.Dataset({"amplitude": (("trace", "time"), np.broadcast_to(np.float32(0), shape))})
    with create_zarr(tmp_path / "line.zarr", section, {"amplitude": {}}):
        pass
    assert zarr.open_group(tmp_path / "line.zarr", mode="r")["amplitude"].chunks == (1048, 1000)


def test_an_interrupted_write_leaves_nothing(segy, tmp_path):
    section = open_section(segy())
    before = sorted(tmp_path.iterdir())

    def interrupted():
        with create_zarr(tmp_path / "a.zarr", section, {"nll": {}}) as store:
            store.write("nll", (0,), np.zeros((4, 20), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_there_is_replaced_only_if_asked_and_only_zarr(segy, tmp_path):
    section = open_section(segy())
    path = tmp_path / "section.zarr"
    write_zarr(section, path)
    with pytest.raises(OutputError, match="--overwrite"):
        write_zarr(section, path)
    write_zarr(section.isel(inline=[0]), path, overwrite=True)
    assert open_section(path).sizes["inline"] == 1
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="not a Zarr one"):
        write_zarr(section, tmp_path / "folder", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "section.zarr", "synthetic.sgy"]


def test_a_zarr_can_be_replaced_by_its_own_result(segy, tmp_path):
    write_zarr(open_section(segy()), tmp_path / "section.zarr")
    section = open_section(tmp_path / "section.zarr")
    expected = section["amplitude"].to_numpy()
    write_zarr(section, tmp_path / "section.zarr", overwrite=True)
    np.testing.assert_array_equal(open_section(tmp_path / "section.zarr")["amplitude"], expected)


VALUES = whole_numbers((3, 4, 20))


def mdio():
    """As multidimio 1.x writes a post-stack cube: int32 axes, unitsV1, headers on a scalar variable."""
    return xr.Dataset(
        {
            "amplitude": (("inline", "crossline", "time"), VALUES),
            "trace_mask": (("inline", "crossline"), np.ones((3, 4), bool)),
            "segy_file_header": ((), np.int8(0), {"textHeader": "C 1 MDIO", "binaryHeader": {"format": 5}}),
        },
        coords={
            "inline": np.array([10, 11, 12], np.int32),
            "crossline": np.array([1, 2, 3, 4], np.int32),
            "time": ("time", np.arange(0, 80, 4, dtype=np.int32), {"unitsV1": {"time": "ms"}}),
            "cdp_x": (("inline", "crossline"), np.arange(12.0).reshape(3, 4)),
        },
        attrs={"apiVersion": "1.0.0", "attributes": {"defaultVariableName": "amplitude"}},
    )


def segysak():
    """As segysak names things: iline, xline, twt, data."""
    return xr.Dataset(
        {"data": (("iline", "xline", "twt"), VALUES.astype(np.float64))},
        coords={"iline": [10, 11, 12], "xline": [1, 2, 3, 4], "twt": np.arange(0.0, 80, 4)},
        attrs={"text": "C 1 SEGYSAK", "d3_domain": "TWT"},
    )


def cf():
    """Plain CF: time first, in seconds, packed as int16."""
    data = xr.Dataset(
        {
            "seismic": (("time", "inline", "crossline"), np.moveaxis(VALUES, -1, 0), {"long_name": "stack"}),
            "quality": (("inline",), np.zeros(3)),
        },
        coords={
            "inline": [10, 11, 12],
            "crossline": [1, 2, 3, 4],
            "time": ("time", np.arange(20) * 0.004, {"units": "s", "axis": "T"}),
        },
    )
    data["seismic"].encoding = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -32768}
    return data


@pytest.mark.parametrize(("make", "step"), [(mdio, 0.0), (segysak, 0.0), (cf, 0.5)])
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.filterwarnings("ignore")
def test_foreign_names_are_understood(tmp_path, make, step, zarr_format):
    make().to_zarr(tmp_path / "foreign.zarr", zarr_format=zarr_format, consolidated=False)
    section = open_section(tmp_path / "foreign.zarr")
    assert section["amplitude"].dims == ("inline", "crossline", "time")
    assert section["amplitude"].dtype == np.float32
    np.testing.assert_array_equal(section["amplitude"], VALUES)
    np.testing.assert_array_equal(section["amplitude"][1].to_numpy(), VALUES[1])
    np.testing.assert_array_equal(section["inline"], [10, 11, 12])
    np.testing.assert_allclose(section["time"], np.arange(0, 80, 4))
    assert section["time"].attrs["units"] == "ms"
    assert section["trace_mask"].all()
    np.testing.assert_array_equal(section["trace_index"].to_numpy().ravel(), np.arange(12))
    assert section.attrs["quantisation_step"] == step


@pytest.mark.filterwarnings("ignore")
def test_mdio_headers_are_kept(tmp_path):
    mdio().to_zarr(tmp_path / "mdio.zarr", consolidated=False)
    section = open_section(tmp_path / "mdio.zarr")
    assert section.attrs["text_header"] == "C 1 MDIO"
    np.testing.assert_array_equal(section["cdp_x"].to_numpy().ravel(), np.arange(12))


@pytest.mark.filterwarnings("ignore")
def test_a_line_keeps_its_cdp_numbers(tmp_path):
    line = xr.Dataset(
        {"data": (("cdp", "depth"), VALUES[0])}, coords={"cdp": [5, 6, 7, 8], "depth": np.arange(20) * 5.0}
    )
    line.to_zarr(tmp_path / "line.zarr", consolidated=False)
    section = open_section(tmp_path / "line.zarr")
    assert section["amplitude"].dims == ("trace", "depth")
    np.testing.assert_array_equal(section["cdp"], [5, 6, 7, 8])


@pytest.mark.parametrize("damage", ["empty folder", "not json", "no section", "no time"])
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_section_is_told_in_one_line(tmp_path, damage):
    path = tmp_path / "bad.zarr"
    path.mkdir()
    if damage == "not json":
        (path / "zarr.json").write_text("{")
    elif damage == "no section":
        xr.Dataset({"a": ("x", np.arange(3))}).to_zarr(path, consolidated=False)
    elif damage == "no time":
        xr.Dataset({"a": (("x", "y"), np.zeros((3, 3)))}).to_zarr(path, consolidated=False)
    with pytest.raises(DataError, match=r"bad\.zarr") as error:
        open_section(path)
    assert "\n" not in str(error.value)
