"""Writing SEG-Y: the source's headers byte for byte, and files that other readers open."""

import errno
import os
from types import SimpleNamespace

import numpy as np
import obspy.io.segy.segy
import pytest
import segyio
import xarray as xr

from seisflow.errors import DataError, OutputError
from seisflow.io import create_segy, open_section, select, write_zarr

from .conftest import cube, parts, whole_numbers

LINE = {21: np.arange(101, 113), 73: np.arange(12) * 1000, 77: np.arange(12) * 500}
GATHERS = {9: np.repeat([3, 4, 5], 4), 13: np.tile([1, 2, 3, 4], 3), 37: np.tile([-4, -3, -2, -1], 3)}
GEOMETRIES = {"cube": cube([12, 11, 10], [1, 2, 3, 4]), "line": LINE, "gathers": GATHERS}
NOTE = "seisflow 0.1: negative log-likelihood by model f3-small"


def write(path, section, values=None, **options):
    values = section["amplitude"].to_numpy() if values is None else values
    with create_segy(path, section, **options) as file:
        for lead in np.ndindex(*values.shape[:-2]):
            file.write(lead, values[lead])
    return path


def write_in_part(path, section, error=None):
    with create_segy(path, section) as file:
        file.write((0,), section["amplitude"][0].to_numpy())
        if error:
            raise error


def scribbled(fields, count=12):
    """Fill the header fields that nothing reads, so that their loss would be seen."""
    unread = [*range(119, 177, 4), *range(217, 241, 4)]
    return fields | {byte: np.random.default_rng(byte).integers(-(2**31), 2**31, count) for byte in unread}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("encoding", ["ebcdic", "ascii"])
@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(("code", "size"), [(1, 4), (3, 2), (5, 4), (8, 1)])
def test_headers_are_those_of_the_source(segy, tmp_path, code, size, endian, encoding, geometry):
    values = whole_numbers((12, 20))
    fields = scribbled(GEOMETRIES[geometry])
    source = segy(values, fields, code=code, endian=endian, encoding=encoding, delay=100)
    section = open_section(source)

    result = write(tmp_path / "result.sgy", section, section["amplitude"].to_numpy() / 7, note=NOTE)

    text, binary, headers = parts(source, 20, size)
    new_text, new_binary, new_headers = parts(result, 20)
    np.testing.assert_array_equal(new_headers, headers)
    assert set(np.flatnonzero(new_binary != binary) + 3201) <= {3225, 3226}
    assert set(np.flatnonzero(new_text != text) // 80) == {39}
    again = open_section(result)
    assert NOTE in again.attrs["text_header"]
    assert again.attrs["segy_format"] == 5
    np.testing.assert_array_equal(again["amplitude"], section["amplitude"] / np.float32(7))
    for name in section.coords:
        np.testing.assert_array_equal(again[name], section[name])
    with segyio.open(result, ignore_geometry=True, endian=endian) as file:
        np.testing.assert_array_equal(file.trace.raw[:], values / np.float32(7))
    traces = obspy.io.segy.segy._read_segy(str(result)).traces
    np.testing.assert_array_equal([trace.data for trace in traces], values / np.float32(7))


def test_without_a_note_the_text_header_is_the_source_s(segy, tmp_path):
    source = segy()
    result = write(tmp_path / "result.sgy", open_section(source))
    assert result.read_bytes() == source.read_bytes()


def test_a_trace_header_that_lies_about_samples_is_put_right(segy, tmp_path):
    source = segy(trace_samples=np.r_[[1500] * 6, [0] * 6])
    result = write(tmp_path / "result.sgy", open_section(source))
    headers, new = parts(source, 20)[2], parts(result, 20)[2]
    assert set(np.argwhere(headers != new)[:, 1] + 1) == {115, 116}
    np.testing.assert_array_equal(new[:, 114:116].copy().view(">u2")[:, 0], [20] * 6 + [0] * 6)


def test_a_part_changes_count_and_start_only(segy, tmp_path):
    source = segy(fields=cube(np.arange(100, 106), [1, 2, 3, 4]), delay=100)
    part = select(open_section(source), ["inline=102:104", "crossline=2:3", "time=108:160"])
    result = write(tmp_path / "part.sgy", part)
    again = open_section(result)
    xr.testing.assert_equal(again.drop_vars("trace_index"), part.drop_vars("trace_index"))
    kept = part["trace_index"].to_numpy().ravel()
    headers, new = parts(source, 20)[2][kept], parts(result, part.sizes["time"])[2]
    assert set(np.argwhere(headers != new)[:, 1] + 1) == {110, 116}


@pytest.mark.parametrize(("binary", "trace"), [(0, 0), (4000, 2000), (4000, 4000)])
def test_an_interval_that_was_given_is_written(segy, tmp_path, binary, trace):
    section = open_section(segy(interval=binary, trace_interval=trace), dt=2)
    result = write(tmp_path / "result.sgy", section)
    assert float(open_section(result)["time"][1]) == 2.0


def test_holes_are_not_written(segy, tmp_path):
    fields = cube([1, 2, 3], [1, 2, 3, 4])
    keep = np.array([0, 1, 2, 3, 4, 6, 9, 10])
    source = segy(whole_numbers((8, 20)), {byte: numbers[keep] for byte, numbers in fields.items()})
    result = write(tmp_path / "result.sgy", open_section(source))
    assert result.read_bytes() == source.read_bytes()


def test_nan_is_written_as_zero(segy, tmp_path):
    section = open_section(segy())
    values = np.full(section["amplitude"].shape, np.nan, np.float32)
    assert not open_section(write(tmp_path / "nan.sgy", section, values))["amplitude"].any()


def test_traces_keep_the_order_of_the_source(segy, tmp_path):
    order = np.random.default_rng(0).permutation(12)
    fields = {byte: numbers[order] for byte, numbers in cube([1, 2, 3], [1, 2, 3, 4]).items()}
    source = segy(fields=fields)
    assert write(tmp_path / "result.sgy", open_section(source)).read_bytes() == source.read_bytes()


def test_revision_2_counts_are_put_right(segy, tmp_path):
    binary = {(3269, "i4"): 20, (3513, "u8"): 12, (3529, "i4"): 1, (3273, "f8"): 4000.0}
    source = segy(revision=(2, 0), binary=binary, extended=1)
    source.write_bytes(source.read_bytes() + b"@" * 3200)
    part = select(open_section(source), ["inline=10:11", "time=0:40"])
    raw = write(tmp_path / "part.sgy", part).read_bytes()
    assert len(raw) == 6800 + 8 * (240 + 4 * 11)
    assert [int.from_bytes(raw[a - 1 : b]) for a, b in ((3269, 3272), (3513, 3520), (3529, 3532))] == [
        11,
        8,
        0,
    ]
    assert open_section(tmp_path / "part.sgy").sizes == part.sizes


@pytest.mark.parametrize(("code", "tolerance"), [(2, 0.5), (3, 0.5), (5, 0), (6, 0), (8, 0.5)])
def test_other_sample_formats_can_be_written(segy, tmp_path, code, tolerance):
    section = open_section(segy())
    values = section["amplitude"].to_numpy() * np.float32(0.9)
    again = open_section(write(tmp_path / "result.sgy", section, values, sample_format=code))
    assert again.attrs["segy_format"] == code
    np.testing.assert_allclose(again["amplitude"], values, rtol=0, atol=tolerance)


def test_values_that_do_not_fit_the_format_are_refused(segy, tmp_path):
    section = open_section(segy())
    with pytest.raises(OutputError, match="do not fit int8"):
        write(tmp_path / "result.sgy", section, section["amplitude"].to_numpy() * 9, sample_format=8)


def sections_without_source():
    time = ("time", 8 + 2.5 * np.arange(30), {"units": "ms"})
    depth = ("depth", 5.0 * np.arange(30), {"units": "m"})
    yield "cube", ("inline", "crossline", "time"), {"inline": [7, 9], "crossline": [3, 2, 1], "time": time}
    yield (
        "line",
        ("trace", "depth"),
        {"trace": np.arange(1, 7), "depth": depth, "cdp": ("trace", np.arange(6) + 50)},
    )
    yield "patches", ("patch", "trace", "time"), {"time": time}
    yield (
        "gathers",
        ("shot", "channel", "time"),
        {"shot": [4, 5], "channel": [1, 2, 3], "time": time, "offset": ("channel", [100, 200, 300])},
    )


@pytest.mark.parametrize(
    ("name", "dims", "coords"), [pytest.param(*s, id=s[0]) for s in sections_without_source()]
)
def test_a_section_without_source_gets_valid_headers(tmp_path, name, dims, coords):
    shape = [
        len(coords[dim][1] if isinstance(coords[dim], tuple) else coords[dim]) if dim in coords else 3
        for dim in dims
    ]
    values = whole_numbers(shape)
    section = xr.Dataset({"amplitude": (dims, values)}, coords=coords)
    leading = values.shape[:-1]
    if name == "gathers":
        section["offset"] = section["offset"].broadcast_like(section["amplitude"][..., 0])
    elif name != "patches":
        x = 430_000.25 + 12.5 * np.arange(np.prod(leading)).reshape(leading)
        section = section.assign_coords(cdp_x=(dims[:-1], x), cdp_y=(dims[:-1], x * 15))
    section = section.set_coords([key for key in ("offset",) if key in section])

    again = open_section(write(tmp_path / "made.sgy", section, note=NOTE))

    np.testing.assert_array_equal(again["amplitude"].to_numpy(), values)
    assert NOTE in again.attrs["text_header"]
    for key in section.coords:
        np.testing.assert_allclose(again[key], section[key], rtol=0, atol=0.005)
    with segyio.open(tmp_path / "made.sgy", strict=name in ("cube", "patches")) as file:
        np.testing.assert_array_equal(file.trace.raw[:], values.reshape(-1, 30))
    assert len(obspy.io.segy.segy._read_segy(str(tmp_path / "made.sgy")).traces) == np.prod(leading)


def test_a_section_from_zarr_gets_made_headers(segy, tmp_path):
    section = open_section(
        segy(fields=GEOMETRIES["cube"] | {181: np.arange(12), 185: np.arange(12) * 2, 71: -10})
    )
    write_zarr(section, tmp_path / "section.zarr")
    again = open_section(write(tmp_path / "result.sgy", open_section(tmp_path / "section.zarr")))
    xr.testing.assert_equal(again, section)


def test_what_is_there_is_not_replaced_unless_asked(segy, tmp_path):
    section = open_section(segy())
    path = write(tmp_path / "result.sgy", section)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        write(path, section)
    assert path.read_bytes() == before
    write(path, section, note=NOTE, overwrite=True)
    assert path.read_bytes() != before


def test_a_source_can_be_overwritten_by_its_own_result(segy):
    path = segy()
    section = open_section(path)
    expected = section["amplitude"].to_numpy() * 2
    write(path, section, expected, overwrite=True)
    np.testing.assert_array_equal(open_section(path)["amplitude"], expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupted_write_leaves_nothing(segy, tmp_path, error):
    section = open_section(segy())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error):
        write_in_part(tmp_path / "result.sgy", section, error)
    assert sorted(tmp_path.iterdir()) == before


def test_a_write_that_misses_panels_is_refused(segy, tmp_path):
    section = open_section(segy())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match="8 of 12 traces were not written"):
        write_in_part(tmp_path / "result.sgy", section)
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_nothing_and_is_told(segy, tmp_path, monkeypatch):
    section = open_section(segy())
    before = sorted(tmp_path.iterdir())

    def full(write, values):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("seisflow.io.segy.write._write_all", full)
    with pytest.raises(OutputError, match=r"no space left on device\. Free some space"):
        write(tmp_path / "result.sgy", section)
    assert sorted(tmp_path.iterdir()) == before


def test_too_little_space_is_told_before_the_work(segy, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match="are free"):
        create_segy(tmp_path / "result.sgy", open_section(segy()))


def test_a_folder_that_is_missing_is_told(segy, tmp_path):
    with pytest.raises(OutputError, match="there is no folder"):
        create_segy(tmp_path / "nowhere" / "result.sgy", open_section(segy()))


def test_a_source_that_is_gone_or_shorter_is_told(segy, tmp_path):
    path = segy()
    section = open_section(path)
    path.write_bytes(path.read_bytes()[:-640])
    with pytest.raises(DataError, match="has changed since"):
        create_segy(tmp_path / "result.sgy", section)
    path.unlink()
    with pytest.raises(DataError, match=r"synthetic\.sgy"):
        create_segy(tmp_path / "result.sgy", section)


def test_a_text_header_without_a_blank_line_loses_one_line_only(segy, tmp_path):
    text = "\n".join(f"C{i:2d} LINE {i}" for i in range(1, 39)) + "\nC39 SEG Y REV1\nC40 END TEXTUAL HEADER"
    source = segy(text=text)
    result = write(tmp_path / "result.sgy", open_section(source), note=NOTE)
    lines = open_section(result).attrs["text_header"].split("\n")
    assert lines[37] == f"C38 {NOTE}"
    assert lines[:37] + lines[38:] == text.split("\n")[:37] + text.split("\n")[38:]
