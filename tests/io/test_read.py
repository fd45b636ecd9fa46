"""Reading SEG-Y of every format, byte order, encoding and geometry, held against segyio and obspy."""

import inspect
import pickle

import numpy as np
import obspy.io.segy.segy
import pytest
import segyio

from seisflow.errors import DataError
from seisflow.io import create_segy, ingest, open_section
from seisflow.io.options import Options

from .conftest import cube, segy_bytes, whole_numbers

UNSIGNED = (10, 11, 12, 15, 16)

FORMATS = (1, 2, 3, 5, 6, 7, 8, 9, *UNSIGNED)

READ_BY_SEGYIO = (1, 2, 3, 5, 8, 10, 11, 16)

READ_BY_OBSPY = (1, 2, 3, 5)

ANGLE = np.linspace(0, 1, 12)

GEOMETRIES = {
    "cube": cube([10, 11, 12], [1, 2, 3, 4]),
    "old cube": cube([10, 11, 12], [1, 2, 3, 4], 9, 21),
    "line": {21: np.arange(101, 113), 73: 1000 * ANGLE, 77: 500 * ANGLE**2},
    "gathers": {
        9: np.repeat([3, 4, 5], 4),
        13: np.tile([1, 2, 3, 4], 3),
        37: np.tile([-400, -300, -200, -100], 3),
    },
}

DIMS = {
    "cube": ("inline", "crossline"),
    "old cube": ("inline", "crossline"),
    "line": ("trace",),
    "gathers": ("shot", "channel"),
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("encoding", ["ebcdic", "ascii"])
@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("code", FORMATS)
def test_every_kind_of_file_is_read_exactly(segy, code, endian, encoding, geometry):
    values = whole_numbers((12, 20), 0 if code in UNSIGNED else -100)
    path = segy(values, GEOMETRIES[geometry], code=code, endian=endian, encoding=encoding, delay=100)

    section = open_section(path)

    assert section["amplitude"].dims == (*DIMS[geometry], "time")
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, 20), values)
    np.testing.assert_array_equal(section["time"], 100 + 4.0 * np.arange(20))
    assert section["time"].attrs["units"] == "ms"
    assert (section.attrs["endian"], section.attrs["encoding"]) == (endian, encoding)
    assert section.attrs["segy_format"] == code
    assert section.attrs["text_header"].startswith("C 1 SYNTHETIC TEST FILE")
    assert section.attrs["quantisation_step"] == (0.0 if code in (1, 5, 6) else 1.0)
    assert section.attrs["warnings"] == []
    if code in READ_BY_SEGYIO:
        with segyio.open(path, ignore_geometry=True, endian=endian) as file:
            np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, 20), file.trace.raw[:])
    if code in READ_BY_OBSPY:
        traces = obspy.io.segy.segy._read_segy(str(path), textual_header_encoding=encoding.upper()).traces
        np.testing.assert_array_equal(
            section["amplitude"].to_numpy().reshape(12, 20), [t.data for t in traces]
        )


def test_ibm_floats_are_those_of_segyio(segy):
    values = np.random.default_rng(1).standard_normal((12, 20)).astype(np.float32) * 10.0 ** np.arange(
        -10, 10
    )
    path = segy(values, code=1)
    with segyio.open(path, ignore_geometry=True) as file:
        expected = file.trace.raw[:]
    np.testing.assert_array_equal(open_section(path)["amplitude"].to_numpy().reshape(12, 20), expected)


def test_a_part_is_read_without_the_rest(segy):
    values = whole_numbers((12, 20))
    amplitude = open_section(segy(values))["amplitude"]
    whole = values.reshape(3, 4, 20)
    np.testing.assert_array_equal(amplitude[1].to_numpy(), whole[1])
    np.testing.assert_array_equal(amplitude[:, 2, 5:9].to_numpy(), whole[:, 2, 5:9])
    np.testing.assert_array_equal(amplitude[::-1, 1:, 3].to_numpy(), whole[::-1, 1:, 3])
    np.testing.assert_array_equal(
        amplitude.isel(inline=[2, 0], time=[7, 1]).to_numpy(), whole[[2, 0]][..., [7, 1]]
    )
    assert amplitude[2, 3, 19].item() == whole[2, 3, 19]


def test_a_section_can_be_pickled_and_is_small(segy):
    values = whole_numbers((12, 4000))
    section = open_section(segy(values))
    data = pickle.dumps(section)
    assert len(data) < 60_000 < values.nbytes
    np.testing.assert_array_equal(pickle.loads(data)["amplitude"].to_numpy().reshape(values.shape), values)


@pytest.mark.parametrize(("scalar", "factor"), [(-100, 0.01), (-10, 0.1), (0, 1.0), (1, 1.0), (10, 10.0)])
@pytest.mark.parametrize("places", [(181, 185), (73, 77)])
def test_coordinates_are_scaled(segy, scalar, factor, places):
    x, y = np.arange(12) * 25 + 43_000_000, np.arange(12) * 12 + 64_000_000
    section = open_section(
        segy(fields=cube([10, 11, 12], [1, 2, 3, 4]) | {places[0]: x, places[1]: y, 71: scalar})
    )
    np.testing.assert_allclose(section["cdp_x"].to_numpy().ravel(), x * factor, rtol=1e-15)
    np.testing.assert_allclose(section["cdp_y"].to_numpy().ravel(), y * factor, rtol=1e-15)


def test_gathers_keep_offsets_and_get_midpoints(segy):
    fields = GEOMETRIES["gathers"] | {73: np.repeat([1000, 1100, 1200], 4), 81: np.arange(12) * 10}
    section = open_section(segy(fields=fields))
    np.testing.assert_array_equal(section["offset"][0], [-400, -300, -200, -100])
    np.testing.assert_array_equal(section["cdp_x"].to_numpy().ravel(), (fields[73] + fields[81]) / 2)


@pytest.mark.parametrize("endian", ["big", "little"])
def test_the_byte_order_that_revision_2_tells_is_believed(segy, endian):
    path = segy(code=5, revision=(2, 0), endian=endian, binary={(3297, "i4"): 0x01020304})
    assert open_section(path).attrs["endian"] == endian


def test_bytes_swapped_in_pairs_are_refused_with_the_remedy(segy, tmp_path):
    path = segy(code=5, revision=(2, 0), binary={(3297, "i4"): 0x01020304})
    swapped = np.fromfile(path, ">u2").byteswap()
    swapped.tofile(tmp_path / "swapped.sgy")
    with pytest.raises(DataError, match=r"bytes swapped in pairs, by byte 3297.*dd conv=swab") as error:
        open_section(tmp_path / "swapped.sgy")
    assert "\n" not in str(error.value)
    np.fromfile(tmp_path / "swapped.sgy", "<u2").byteswap().tofile(tmp_path / "back.sgy")
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("through_zarr", [False, True])
def test_trace_headers_with_extensions_are_told_and_kept(tmp_path, through_zarr):
    values, fields = whole_numbers((12, 20)), cube([10, 11, 12], [1, 2, 3, 4])
    plain = np.frombuffer(segy_bytes(values, fields, revision=(2, 0), binary={(3507, "i4"): 1}), np.uint8)
    traces = plain[3600:].reshape(12, -1)
    extension = np.random.default_rng(0).integers(0, 256, (12, 240)).astype(np.uint8)
    path = tmp_path / "extended.sgy"
    path.write_bytes(
        plain[:3600].tobytes() + np.hstack([traces[:, :240], extension, traces[:, 240:]]).tobytes()
    )
    section = open_section(path)
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, 20), values)
    assert "trace headers of 480 bytes" in section.attrs["warnings"][0]
    if through_zarr:
        ingest(path, tmp_path / "a.zarr", workers=1)
        section = open_section(tmp_path / "a.zarr")
    with create_segy(tmp_path / "again.sgy", section) as file:
        for i in range(3):
            file.write((i,), section["amplitude"][i].to_numpy())
    assert (tmp_path / "again.sgy").read_bytes() == path.read_bytes()


def test_a_truncated_last_trace_is_left_out_and_refused_if_strict(tmp_path):
    values = whole_numbers((13, 20))
    fields = {21: np.arange(13)}
    path = tmp_path / "cut.sgy"
    path.write_bytes(segy_bytes(values, fields)[:-50])
    section = open_section(path)
    np.testing.assert_array_equal(section["amplitude"].to_numpy(), values[:12])
    assert section.attrs["warnings"] == [
        "the last trace is cut short (270 of 320 bytes): the 12 whole traces are read"
    ]
    with pytest.raises(DataError, match="cut short"):
        open_section(path, strict=True)


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("revision", "extended"),  # revision 0 has no extended text headers
    [((0, 0), 0), *((revision, count) for revision in ((1, 0), (2, 0), (2, 1)) for count in (0, 2))],
)
def test_revisions_and_extended_text_headers(segy, revision, extended, endian):
    values = whole_numbers((12, 20))
    section = open_section(segy(values, revision=revision, extended=extended, endian=endian))
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, 20), values)


def test_the_counts_of_revision_2_are_used(segy):
    values = whole_numbers((2, 70_000))
    binary = {(3269, "i4"): 70_000, (3273, "f8"): 125.5, (3513, "u8"): 2}
    path = segy(values, {21: [1, 2]}, samples=0, trace_samples=0, revision=(2, 0), binary=binary)
    section = open_section(path)
    np.testing.assert_array_equal(section["amplitude"].to_numpy(), values)
    assert float(section["time"][2]) == 0.251


def test_an_array_has_the_interval_that_is_given_or_assumed(tmp_path):
    values = whole_numbers((3, 4, 20))
    np.save(tmp_path / "cube.npy", values)
    section = open_section(tmp_path / "cube.npy", dt=4)
    assert section["amplitude"].dims == ("inline", "crossline", "time")
    np.testing.assert_array_equal(section["amplitude"], values)
    np.testing.assert_array_equal(section["amplitude"][1, [2, 0], 3:7], values[1][[2, 0], 3:7])
    assumed = open_section(tmp_path / "cube.npy")
    assert float(assumed["time"][1] - assumed["time"][0]) == 4
    assert any("--dt" in warning for warning in assumed.attrs["warnings"])


@pytest.mark.parametrize("kind", ["f8", ">i2", "f4"])
def test_an_array_is_read_when_asked_for_and_pickles_as_its_path(tmp_path, kind):
    values = whole_numbers((6, 50, 400)).astype(kind)
    np.save(tmp_path / "cube.npy", np.asfortranarray(values) if kind == "f8" else values)
    part = open_section(tmp_path / "cube.npy", dt=4).isel(inline=slice(2, 4), time=slice(0, 400, 3))
    assert len(pickle.dumps(part)) < 10_000
    again = pickle.loads(pickle.dumps(part))["amplitude"].to_numpy()
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, values[2:4, :, ::3])


def test_the_options_that_a_record_may_hold_are_those_of_the_function():
    parameters = inspect.signature(open_section).parameters
    assert set(Options.__annotations__) == set(parameters) - {"path"}
