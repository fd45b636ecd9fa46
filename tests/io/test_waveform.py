"""SU, SEG-2, MiniSEED, SAC and NetCDF, held against what wrote them."""

import struct

import numpy as np
import obspy
import pytest
import xarray as xr
from obspy.io.segy.segy import SEGYTraceHeader

from seisflow.errors import DataError
from seisflow.io import create_segy, open_section, scan, write_zarr

from .conftest import cube, segy_bytes, whole_numbers

VALUES = whole_numbers((12, 50))


def stream(values=VALUES, interval=0.004, starts=None):
    """Return an obspy stream of one trace a row."""
    start = obspy.UTCDateTime(2020, 1, 1)
    return obspy.Stream(
        obspy.Trace(
            np.ascontiguousarray(row),
            {
                "delta": interval,
                "station": f"S{i:03d}",
                "starttime": start + (starts[i] if starts is not None else 0),
            },
        )
        for i, row in enumerate(values)
    )


@pytest.mark.parametrize("suffix", [".su", ".dat"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_su_that_obspy_wrote_is_read(tmp_path, order, suffix):
    path = tmp_path / f"section{suffix}"
    traces = stream()
    for i, trace in enumerate(traces):
        header = SEGYTraceHeader()
        header.original_field_record_number = 7
        header.trace_number_within_the_original_field_record = i + 1
        header.ensemble_number = 100 + i
        header.trace_identification_code = 1
        trace.stats.su = {"trace_header": header}
    traces.write(str(path), "SU", byteorder=order)
    section = open_section(path)
    assert section["amplitude"].dims == ("trace", "time")
    np.testing.assert_array_equal(section["amplitude"], VALUES)
    np.testing.assert_array_equal(section["cdp"], np.arange(100, 112))
    assert (section.attrs["source_format"], float(section["time"][1])) == ("su", 4)
    assert scan(path).endian == {"<": "little", ">": "big"}[order]


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("fields", [cube([10, 11, 12], [1, 2, 3, 4]), cube([3, 4, 5], [1, 2, 3, 4], 9, 13)])
def test_su_has_the_geometry_of_segy(tmp_path, fields, endian):
    fields = fields | {37: np.tile([-4, -3, -2, -1], 3)} if 9 in fields else fields
    data = segy_bytes(VALUES, fields, endian=endian, delay=100)
    (tmp_path / "a.sgy").write_bytes(data)
    (tmp_path / "a.su").write_bytes(data[3600:])
    xr.testing.assert_equal(open_section(tmp_path / "a.su"), open_section(tmp_path / "a.sgy"))


def test_su_becomes_segy(tmp_path):
    fields = cube([10, 11, 12], [1, 2, 3, 4]) | {181: np.arange(12), 185: np.arange(12) * 2}
    (tmp_path / "a.su").write_bytes(segy_bytes(VALUES, fields)[3600:])
    section = open_section(tmp_path / "a.su")
    with create_segy(tmp_path / "b.sgy", section) as file:
        for i in range(3):
            file.write((i,), section["amplitude"][i].to_numpy())
    xr.testing.assert_equal(open_section(tmp_path / "b.sgy"), section)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:100], "no SU traces"),
        (lambda data: data[:300], "no SU traces"),
        (lambda data: bytes(1000), "no SU traces"),
        (lambda data: data[:116] + b"\0\0" + data[118:], "pass dt"),
    ],
)
def test_what_is_no_su_is_refused(tmp_path, damage, message):
    (tmp_path / "a.su").write_bytes(damage(segy_bytes(VALUES, {21: np.arange(12)})[3600:]))
    with pytest.raises(DataError, match=message) as error:
        open_section(tmp_path / "a.su")
    assert "\n" not in str(error.value)


def test_su_with_a_truncated_trace_is_read_but_for_it(tmp_path):
    (tmp_path / "a.su").write_bytes(segy_bytes(VALUES, {21: np.arange(12)})[3600:-10])
    section = open_section(tmp_path / "a.su")
    assert section.sizes["trace"] == 11
    assert "cut short" in section.attrs["warnings"][0]
    with pytest.raises(DataError, match="cut short"):
        open_section(tmp_path / "a.su", strict=True)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("name", ["line.mseed", "line.unknown"])
def test_miniseed_is_read(tmp_path, name, dtype):
    stream(VALUES.astype(dtype)).write(str(tmp_path / name), "MSEED")
    section = open_section(tmp_path / name)
    np.testing.assert_array_equal(section["amplitude"], VALUES)
    np.testing.assert_allclose(section["time"], 4.0 * np.arange(50))
    assert section.attrs["source_format"] == "mseed"
    assert section.attrs["quantisation_step"] == (dtype == "int32")
    assert scan(tmp_path / name).geometry == "2d"


def test_traces_that_start_apart_share_an_axis(tmp_path):
    stream(VALUES[:3], starts=[0.0, 0.04, 0.02]).write(str(tmp_path / "a.mseed"), "MSEED")
    section = open_section(tmp_path / "a.mseed")
    amplitude = section["amplitude"].to_numpy()
    assert amplitude.shape == (3, 60)
    for row, begin, values in zip(amplitude, (0, 10, 5), VALUES, strict=False):
        np.testing.assert_array_equal(row[begin : begin + 50], values)
        assert np.isnan(row[:begin]).all()
        assert np.isnan(row[begin + 50 :]).all()
    assert "masked" in section.attrs["warnings"][0]


@pytest.mark.parametrize(
    ("traces", "message"),
    [
        (stream(VALUES[:2], starts=[0, 86400]), "spread over"),
        (stream(VALUES[:1], 0.004) + stream(VALUES[1:2], 0.002), "sample intervals 2 to 4 ms"),
    ],
)
def test_traces_that_are_no_section_are_refused(tmp_path, traces, message):
    traces.write(str(tmp_path / "a.mseed"), "MSEED")
    with pytest.raises(DataError, match=message):
        open_section(tmp_path / "a.mseed")


def test_sac_is_read(tmp_path):
    stream(VALUES[:1])[0].write(str(tmp_path / "a.sac"), "SAC")
    section = open_section(tmp_path / "a.sac")
    np.testing.assert_array_equal(section["amplitude"], VALUES[:1])
    assert section.attrs["source_format"] == "sac"


def seg2_bytes(values, interval=0.004, order="<"):
    """Return a SEG-2 file of float32 traces, written from the standard (Pullan, 1990)."""

    def strings(**given):
        parts = [f"{key} {value}".encode() + b"\0" for key, value in given.items()]
        return b"".join(struct.pack(order + "H", len(part) + 2) + part for part in parts) + b"\0\0"

    blocks = []
    for i, row in enumerate(values):
        text = strings(
            SAMPLE_INTERVAL=interval, RECEIVER_LOCATION=10 * i, SOURCE_LOCATION=-5, DELAY=-0.1
        ).ljust(96, b"\0")
        size, data = 32 + len(text), row.astype(order + "f4").tobytes()
        blocks.append(struct.pack(order + "HHIIB19x", 0x4422, size, len(data), len(row), 4) + text + data)
    text = strings(ACQUISITION_DATE="01/02/2020", ACQUISITION_TIME="10:00:00").ljust(64, b"\0")
    begin = 32 + 4 * len(values) + len(text)
    places = begin + np.cumsum([0, *map(len, blocks[:-1])])
    head = struct.pack(
        order + "HHHHB2sB2s18x", 0x3A55, 1, 4 * len(values), len(values), 1, b"\0\0", 1, b"\n\0"
    )
    return head + places.astype(order + "u4").tobytes() + text + b"".join(blocks)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["shot.sg2", "shot.dat", "shot"])
def test_seg2_is_read(tmp_path, name, order):
    (tmp_path / name).write_bytes(seg2_bytes(VALUES, order=order))
    section = open_section(tmp_path / name)
    np.testing.assert_array_equal(section["amplitude"], VALUES)
    np.testing.assert_allclose(section["time"], -100 + 4.0 * np.arange(50))
    np.testing.assert_array_equal(section["offset"], 10 * np.arange(12) + 5)
    assert section.attrs["source_format"] == "seg2"


@pytest.mark.parametrize("name", ["a.mseed", "a.sac", "a.sg2", "a.xyz", "a.nc"])
@pytest.mark.parametrize("data", [b"", b"000001D ", b"\x55\x3a\1\0" + bytes(60), bytes(range(256)) * 9])
def test_damaged_files_are_refused_in_one_line(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=name) as error:
        open_section(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("engine", ["scipy", "h5netcdf"])
@pytest.mark.parametrize("geometry", [cube([10, 11, 12], [1, 2, 3, 4]), {21: np.arange(101, 113)}])
def test_netcdf_is_read(segy, tmp_path, engine, geometry):
    section = open_section(segy(VALUES, geometry))
    plain = section.drop_attrs().assign(amplitude=section["amplitude"].load())
    plain["time"].attrs["units"] = "ms"
    plain["trace_mask"] = plain["trace_mask"].astype("int8")
    plain.to_netcdf(tmp_path / "a.nc", engine=engine)
    again = open_section(tmp_path / "a.nc")
    xr.testing.assert_equal(again, section)
    assert again.attrs["source_format"] == "netcdf"
    write_zarr(again, tmp_path / "a.zarr")
    xr.testing.assert_equal(open_section(tmp_path / "a.zarr"), section)
