"""Units, directions and names of NetCDF and Zarr, gaps of MiniSEED, factors of SEG-2, packed files."""

import gzip
import struct

import numpy as np
import obspy
import pytest
import xarray as xr

from seisflow.errors import DataError
from seisflow.io import find_files, open_section

from .odd_files import earth, grid, write

VALUES = earth(120, 200).reshape(4, 30, 200)
T = np.arange(200.0)


def dataset(name, values, units, dims=("iline", "xline")):
    attrs = {"units": units} if units else {}
    coords = {dims[0]: np.arange(4) + 100, dims[1]: np.arange(30) + 300, name: (name, values, attrs)}
    return xr.Dataset({"data": ((*dims, name), VALUES.copy())}, coords=coords)


def check(section, domain, unit, values):
    assert dict(section.sizes) == {"inline": 4, "crossline": 30, domain: 200}
    assert section["amplitude"].dims == ("inline", "crossline", domain)
    np.testing.assert_allclose(section[domain], values, rtol=1e-9, atol=1e-9)
    assert section[domain].attrs["units"] == unit
    np.testing.assert_array_equal(section["inline"], np.arange(100, 104))
    np.testing.assert_array_equal(section["crossline"], np.arange(300, 330))
    np.testing.assert_array_equal(section["amplitude"], VALUES)


AXES = [
    ("twt", T * 4e6, "ns", "time", "ms", 4 * T),
    ("twt", T * 4e6, "nanoseconds", "time", "ms", 4 * T),
    ("twt", T * 4e6, None, "time", "ms", 4 * T),
    ("twt", T * 4000, "microsecond", "time", "ms", 4 * T),
    ("twt", T * 4000, "us", "time", "ms", 4 * T),
    ("twt", T * 4000, None, "time", "ms", 4 * T),
    ("twt", T * 4, "milliseconds", "time", "ms", 4 * T),
    ("twt", T * 4, "msec", "time", "ms", 4 * T),
    ("twt", T * 4, None, "time", "ms", 4 * T),
    ("twt", T * 0.25, None, "time", "ms", 0.25 * T),
    ("twt", T * 0.004, None, "time", "ms", 4 * T),
    ("twt", T * 0.004, "s", "time", "ms", 4 * T),
    ("twt", T * 0.004, "Seconds", "time", "ms", 4 * T),
    ("time", T * 4, "milliseconds since 1970-01-01", "time", "ms", 4 * T),
    ("time", T * 0.002, "seconds since 2020-01-01 00:00:00", "time", "ms", 2 * T),
    ("depth", T * 10, "feet", "depth", "ft", 10 * T),
    ("depth", T * 10, "foot", "depth", "ft", 10 * T),
    ("depth", T * 0.01, "km", "depth", "m", 10 * T),
    ("depth", T * 10, "metre", "depth", "m", 10 * T),
    ("depth", T * 5, None, "depth", "m", 5 * T),
    ("depth", -T * 10, "m", "depth", "m", 10 * T),
    ("z", T * 10, "ms", "time", "ms", 10 * T),
    ("samples", T * 10, "m", "depth", "m", 10 * T),
]


@pytest.mark.parametrize(("name", "values", "units", "domain", "unit", "truth"), AXES)
def test_units_of_netcdf_are_understood(tmp_path, name, values, units, domain, unit, truth):
    dataset(name, values, units).to_netcdf(tmp_path / "a.nc", engine="scipy")
    check(open_section(tmp_path / "a.nc"), domain, unit, truth)


@pytest.mark.parametrize("kind", ["nc", "zarr"])
@pytest.mark.parametrize("resolution", ["ns", "us", "ms"])
def test_timedeltas_are_understood(tmp_path, kind, resolution):
    step = (T * 4e6).astype("timedelta64[ns]").astype(f"timedelta64[{resolution}]")
    made = dataset("twt", step, None)
    if kind == "nc":
        made.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    else:
        made.to_zarr(tmp_path / "a.zarr", mode="w")
    check(open_section(tmp_path / f"a.{kind}"), "time", "ms", 4 * T)


@pytest.mark.parametrize(("name", "units"), [("twt", "m/s"), ("depth", "ms^2"), ("time", "parsec")])
def test_a_unit_that_nothing_knows_is_refused(tmp_path, name, units):
    dataset(name, T * 4, units).to_netcdf(tmp_path / "a.nc", engine="scipy")
    with pytest.raises(DataError, match="set its units"):
        open_section(tmp_path / "a.nc")


def test_any_order_of_dimensions_and_a_falling_axis(tmp_path):
    made = dataset("twt", T * 4, "ms")
    made.transpose("twt", "xline", "iline").to_netcdf(tmp_path / "a.nc", engine="scipy")
    made.transpose("xline", "iline", "twt").to_zarr(tmp_path / "b.zarr", mode="w")
    made.isel(twt=slice(None, None, -1)).to_netcdf(tmp_path / "c.nc", engine="scipy")
    named = made.rename(iline="inline_3d", xline="crossline_3d")
    named.to_netcdf(tmp_path / "d.nc", engine="scipy")
    for name in ("a.nc", "b.zarr", "c.nc", "d.nc"):
        check(open_section(tmp_path / name), "time", "ms", 4 * T)


@pytest.mark.parametrize("names", [("cdp_x", "cdp_y"), ("CDP-X", "CDP-Y"), ("easting", "northing")])
@pytest.mark.parametrize("turned", [False, True])
def test_coordinates_that_are_data_variables_are_kept(tmp_path, names, turned):
    made = dataset("twt", T * 4, "ms").rename(data="amp")
    east, north = np.meshgrid(500_000 + 25.0 * np.arange(30), 6e6 + 25.0 * np.arange(4))
    for name, values in zip(names, (east, north), strict=True):
        made[name] = (("xline", "iline"), values.T) if turned else (("iline", "xline"), values)
    made.to_netcdf(tmp_path / "a.nc", engine="scipy")
    section = open_section(tmp_path / "a.nc")
    check(section, "time", "ms", 4 * T)
    np.testing.assert_array_equal(section["cdp_x"], east)
    np.testing.assert_array_equal(section["cdp_y"], north)


@pytest.mark.parametrize("kind", ["nc", "zarr", "npy"])
@pytest.mark.parametrize("null", [1e30, -999.25])
def test_nulls_of_stores_are_masked(tmp_path, kind, null):
    made = dataset("twt", T * 4, "ms")
    made["data"][:, :3] = null
    truth = made["data"].to_numpy().copy()
    if kind == "nc":
        made.to_netcdf(tmp_path / "a.nc", engine="scipy")
    elif kind == "zarr":
        made.to_zarr(tmp_path / "a.zarr", mode="w")
    else:
        np.save(tmp_path / "a.npy", truth)
    section = open_section(tmp_path / f"a.{kind}", **({"dt": 4} if kind == "npy" else {}))
    truth[:, :3] = np.nan
    np.testing.assert_array_equal(section["amplitude"], truth)
    assert f"null value {null:.8g}: 2400 of 24000" in section.attrs["warnings"][0]


START = obspy.UTCDateTime(2024, 5, 1)


@pytest.mark.parametrize("gaps", [[(400, 450)], [(100, 101), (600, 900)], [(0, 0)]])
def test_gaps_of_a_station_merge_to_one_trace(tmp_path, gaps):
    values = np.rint(VALUES.reshape(24, 1000)).astype("i4")
    stream, missing = obspy.Stream(), np.zeros(values.shape, bool)
    for k in range(24):
        header = {"network": "XX", "station": f"S{k:02d}", "channel": "HHZ", "delta": 0.004}
        ends = [0, *(edge for gap in gaps for edge in gap), 1000] if k == 7 else [0, 1000]
        for begin, end in zip(ends[::2], ends[1::2], strict=True):
            if end > begin:
                start = START + begin * 0.004
                stream += obspy.Trace(values[k, begin:end], header | {"starttime": start})
    for begin, end in gaps:
        missing[7, begin:end] = True
    stream.write(str(tmp_path / "gap.mseed"), "MSEED")
    section = open_section(tmp_path / "gap.mseed")
    assert dict(section.sizes) == {"trace": 24, "time": 1000}
    np.testing.assert_array_equal(np.isnan(section["amplitude"]), missing)
    np.testing.assert_array_equal(section["amplitude"].to_numpy()[~missing], values[~missing])


def test_nulls_of_stations_are_masked_and_told(tmp_path):
    values = VALUES.reshape(24, 1000).copy()
    stream, missing = obspy.Stream(), np.zeros(values.shape, bool)
    missing[5, 100:140] = missing[9, 3] = True
    values[missing] = -999.25
    for k, row in enumerate(values):
        stream += obspy.Trace(row, {"station": f"S{k:02d}", "delta": 0.004, "starttime": START})
    stream.write(str(tmp_path / "null.mseed"), "MSEED")
    section = open_section(tmp_path / "null.mseed")
    np.testing.assert_array_equal(np.isnan(section["amplitude"]), missing)
    assert "null value -999.25: 41 of 24000" in section.attrs["warnings"][0]


def seg2(factors, raw):
    """Return a SEG-2 file of int32 traces with a factor each."""

    def strings(pairs):
        parts = [f"{key} {value}".encode() + b"\0" for key, value in pairs]
        return b"".join(struct.pack("<H", len(part) + 2) + part for part in parts) + b"\0\0"

    blocks = []
    for k, (factor, samples) in enumerate(zip(factors, raw, strict=True)):
        text = strings([("CHANNEL_NUMBER", k + 1), ("DESCALING_FACTOR", factor), ("SAMPLE_INTERVAL", 0.0005)])
        size = 32 + len(text)
        size += -size % 4
        head = struct.pack("<HHIIB", 0x4422, size, 4 * len(samples), len(samples), 2) + bytes(19)
        blocks.append((head + text).ljust(size, b"\0") + samples.astype("<i4").tobytes())
    text = strings(
        [("ACQUISITION_DATE", "01/05/2024"), ("ACQUISITION_TIME", "10:00:00"), ("UNITS", "METERS")]
    )
    first = 32 + 4 * len(blocks) + len(text)
    first += -first % 4
    places = first + np.cumsum([0, *(len(block) for block in blocks[:-1])])
    head = struct.pack("<HHHH", 0x3A55, 1, 4 * len(blocks), len(blocks)) + b"\x01\0\0\x01\n\0" + bytes(18)
    return (head + places.astype("<u4").tobytes() + text).ljust(first, b"\0") + b"".join(blocks)


@pytest.mark.parametrize(
    "factors", [np.where(np.arange(24) % 2, 0.001, 0.004), np.full(24, 0.25), np.ones(24)]
)
def test_the_factors_of_seg2_apply(tmp_path, factors):
    raw = np.rint(VALUES.reshape(24, 1000)).astype("i4")
    (tmp_path / "a.sg2").write_bytes(seg2(factors, raw))
    section = open_section(tmp_path / "a.sg2")
    np.testing.assert_allclose(section["amplitude"], raw * factors[:, None], rtol=1e-6)
    assert section.attrs["quantisation_step"] == (factors[0] if len(set(factors)) == 1 else 0)


def test_packed_files_are_refused_with_what_unpacks_them(tmp_path):
    whole = write(tmp_path / "UPPER.SGY", VALUES.reshape(120, 200), grid(np.arange(4), np.arange(30)))
    for name in ("zipped.sgy.gz", "called.sgy", "no ending"):
        (tmp_path / name).write_bytes(gzip.compress(whole.read_bytes()))
        with pytest.raises(DataError, match=r"packed by gzip.*gunzip -k"):
            open_section(tmp_path / name)
    assert tmp_path / "zipped.sgy.gz" in find_files([tmp_path])


NAMES = ["with space.sgy", "línea_测线.sgy", "star[1]*?.sgy", "noext", "file.seg", "-dash.sgy", "a=b:c.sgy"]


@pytest.mark.parametrize("name", [*NAMES, "file.sgy.txt", "x" * 180 + ".sgy"])
def test_names_of_any_kind(tmp_path, name):
    path = write(tmp_path / name, VALUES.reshape(120, 200), grid(np.arange(4), np.arange(30)))
    assert dict(open_section(path).sizes) == {"inline": 4, "crossline": 30, "time": 200}


def test_a_folder_of_seg_files_is_found(tmp_path):
    for name in ("a.seg", "b.SEG"):
        write(tmp_path / name, VALUES.reshape(120, 200), grid(np.arange(4), np.arange(30)))
    assert [path.name for path in find_files([tmp_path])] == ["a.seg", "b.SEG"]
