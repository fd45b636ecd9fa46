"""Situations that no public report names, of the kinds that reports are about: values, or one line."""

import numpy as np
import obspy
import pytest
import xarray as xr

from seisflow.errors import DataError
from seisflow.io import open_section

from .odd_files import earth, grid, write

VALUES = earth(240, 200)
IL, XL = np.arange(100, 108), np.arange(300, 330)
FIELDS = grid(IL, XL)
REVISION_2 = {3501: b"\x02\x00", 3503: ("i2", 1)}
SHAPE = (8, 30, 200)


def taken(rows):
    """Values and fields of some traces, in this order."""
    return VALUES[rows], {
        byte: (kind, np.asarray(v)[rows] if np.ndim(v) else v) for byte, (kind, v) in FIELDS.items()
    }


def holds(section, values=VALUES):
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(values.shape), values)


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("code", "data_code", "said"), [(3, 8, "8 (int8)"), (5, 3, "3 (int16)"), (3, 5, "5 (IEEE")]
)
def test_samples_of_another_size_are_refused_and_no_header_is_taken_for_samples(
    tmp_path, code, data_code, said, endian
):
    whole = np.rint(VALUES / np.abs(VALUES).max() * 120).astype(np.float32)
    path = write(tmp_path / "a.sgy", whole, FIELDS, code=code, data_code=data_code, endian=endian)
    with pytest.raises(DataError, match="pass format") as error:
        open_section(path)
    assert said in str(error.value)
    section = open_section(path, format=data_code)
    holds(section, whole)


@pytest.mark.parametrize("extra", [1, 3])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_extended_trace_headers_of_revision_2_are_no_samples(tmp_path, endian, extra):
    path = write(tmp_path / "a.sgy", VALUES, FIELDS, endian=endian, binary=REVISION_2 | {3507: ("i4", extra)})
    raw = np.fromfile(path, np.uint8)
    traces = raw[3600:].reshape(240, -1)
    more = np.zeros((240, 240 * extra), np.uint8)
    path.write_bytes(raw[:3600].tobytes() + np.hstack([traces[:, :240], more, traces[:, 240:]]).tobytes())
    section = open_section(path)
    assert section["amplitude"].shape == SHAPE
    holds(section)
    assert "beyond the first 240" in section.attrs["warnings"][0]


LAWFUL = {
    "interval and samples of revision 2": (
        {"samples": 0, "interval": 0, "trace_interval": 0, "trace_samples": 200},
        REVISION_2 | {3269: ("u4", 200), 3273: ("f8", 2500.0)},
        2.5,
    ),
    "offset of the first trace": (
        {"extended": b"((SEG: Measurement Units ver 1.0))".ljust(3200)},
        REVISION_2 | {3505: ("i2", 1), 3521: ("u8", 6800)},
        4.0,
    ),
    "stanzas behind the traces": ({"tail": bytes(3200)}, REVISION_2 | {3529: ("i4", 1)}, 4.0),
    "no interval in the binary header": ({"interval": 0, "trace_interval": 2000}, {}, 2.0),
    "no interval in traces": ({"interval": 2000, "trace_interval": 0}, {}, 2.0),
    "no samples in the binary header": ({"samples": 0}, {}, 4.0),
    "no samples in traces": ({"trace_samples": 0}, {}, 4.0),
}


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(("options", "binary", "interval"), LAWFUL.values(), ids=LAWFUL)
def test_what_one_header_leaves_out_another_tells(tmp_path, options, binary, interval, endian):
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS, endian=endian, binary=binary, **options))
    assert section.attrs["warnings"] == []
    np.testing.assert_allclose(section["time"], interval * np.arange(200))
    holds(section)


def test_a_delay_before_time_zero_and_one_with_a_scalar(tmp_path):
    early = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS | {109: ("i2", -200)}))
    scaled = FIELDS | {109: ("i2", 1005), 215: ("i2", -10)}
    late = open_section(
        write(tmp_path / "b.sgy", VALUES, scaled, binary={3501: b"\x01\x00", 3503: ("i2", 1)})
    )
    assert (float(early["time"][0]), float(late["time"][0])) == (-200, 100.5)


ORDERS = {
    "by crossline": np.arange(240).reshape(8, 30).T.ravel(),
    "shuffled": np.random.default_rng(4).permutation(240),
    "backwards": np.arange(240)[::-1],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_traces_in_any_order_are_the_same_cube(tmp_path, order):
    values, fields = taken(order)
    section = open_section(write(tmp_path / "a.sgy", values, fields)).sortby(["inline", "crossline"])
    assert section["amplitude"].shape == SHAPE
    holds(section)
    np.testing.assert_allclose(section["cdp_x"], np.broadcast_to(500_000 + 25 * (XL - 300), (8, 30)))
    np.testing.assert_allclose(section["cdp_y"], np.repeat(6_000_000 + 25 * (IL - 100), 30).reshape(8, 30))


def test_a_missing_inline_is_a_gap_and_a_trace_that_is_there_twice_counts_once(tmp_path):
    values, fields = taken(FIELDS[189][1] != 103)
    section = open_section(write(tmp_path / "gap.sgy", values, fields))
    there = IL != 103
    assert section["inline"].values.tolist() == IL.tolist()
    np.testing.assert_array_equal(section["trace_mask"], np.repeat(there, 30).reshape(8, 30))
    assert np.isnan(section["amplitude"][3]).all()
    np.testing.assert_array_equal(section["amplitude"].to_numpy()[there], VALUES.reshape(SHAPE)[there])
    values, fields = taken(np.r_[np.arange(240), 77])
    twice = open_section(write(tmp_path / "twice.sgy", values, fields))
    holds(twice)
    assert "share a position" in twice.attrs["warnings"][0]


@pytest.mark.parametrize("scalar", [7, -3, 32767, -32768])
def test_a_coordinate_scalar_of_no_meaning_is_told_and_not_applied(tmp_path, scalar):
    fields = grid(IL, XL, factor=1) | {71: ("i2", scalar)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    np.testing.assert_array_equal(section["cdp_x"][0], 500_000 + 25 * np.arange(30))
    assert f"coordinate scalar {scalar} (byte 71) of 240 traces" in section.attrs["warnings"][0]


@pytest.mark.parametrize(("scalar", "factor"), [(0, 1), (1, 1), (-1, 1), (10, 0.1), (-10, 10), (-1000, 1000)])
def test_lawful_coordinate_scalars_apply(tmp_path, scalar, factor):
    fields = grid(IL, XL, factor=1) | {
        71: ("i2", scalar),
        181: ("i4", np.rint(factor * (500_000 + 50 * np.tile(np.arange(30), 8)))),
        185: ("i4", np.rint(factor * (600_000 + 50 * np.repeat(np.arange(8), 30)))),
    }
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    np.testing.assert_allclose(section["cdp_x"][0], 500_000 + 50 * np.arange(30))
    np.testing.assert_allclose(section["cdp_y"][:, 0], 600_000 + 50 * np.arange(8))
    assert section.attrs["warnings"] == []


def test_offsets_that_come_before_cdps_are_gathers_all_the_same(tmp_path):
    offset, cdp = (
        part.ravel() for part in np.meshgrid(25 + 50 * np.arange(10), np.arange(24), indexing="ij")
    )
    fields = {21: ("i4", 500 + cdp), 37: ("i4", offset)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert section["amplitude"].dims[:2] == ("cdp", "offset")
    expected = VALUES.reshape(10, 24, 200).transpose(1, 0, 2)
    np.testing.assert_array_equal(section["amplitude"], expected)


@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\x1b"])
def test_a_text_header_of_no_text_is_no_hindrance(tmp_path, fill):
    path = write(tmp_path / "a.sgy", VALUES, FIELDS)
    path.write_bytes(fill * 3200 + path.read_bytes()[3200:])
    section = open_section(path)
    holds(section)
    assert section.attrs["text_header"].replace("\n", "").isprintable()


def test_uneven_steps_of_a_store_are_told(tmp_path):
    time = np.sort(np.random.default_rng(0).random(200)) * 800
    for name, axis, told in (("even", 4.0 * np.arange(200), False), ("uneven", time, True)):
        made = xr.Dataset(
            {"data": (("iline", "xline", "twt"), VALUES.reshape(SHAPE))},
            {"iline": IL, "xline": XL, "twt": ("twt", axis, {"units": "ms"})},
        )
        made.to_netcdf(tmp_path / f"{name}.nc", engine="scipy")
        section = open_section(tmp_path / f"{name}.nc")
        holds(section)
        assert any("evenly spaced" in text for text in section.attrs["warnings"]) == told


def test_stations_that_start_between_samples_are_told(tmp_path):
    for name, shift, told in (("on", 0.008, False), ("between", 0.0013, True)):
        stream = obspy.Stream(
            obspy.Trace(
                row, {"station": f"S{k}", "delta": 0.004, "starttime": obspy.UTCDateTime(shift * (k % 2))}
            )
            for k, row in enumerate(VALUES[:20])
        )
        stream.write(str(tmp_path / f"{name}.mseed"), "MSEED")
        warnings = open_section(tmp_path / f"{name}.mseed").attrs["warnings"]
        assert any("between samples" in text for text in warnings) == told
