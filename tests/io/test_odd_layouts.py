"""Where traces stand in files whose headers say otherwise, and the sample interval and domain they have."""

import numpy as np
import pytest

from seisflow.errors import DataError
from seisflow.io import open_section, scan

from .odd_files import earth, grid, write

VALUES = earth(60, 200)
FIELDS = grid(np.arange(100, 103), np.arange(300, 320))
BLANK_TEXT = " ".ljust(3200).encode("cp037")
VENDOR = (b"Exported by some loader, project P1, user text " * 9)[:340]


def check(section, values=VALUES, interval=4.0, start=0.0):
    """Hold samples, shape and axis of a 3 x 20 cube against what was written."""
    assert dict(section.sizes) == {"inline": 3, "crossline": 20, "time": values.shape[1]}
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(values.shape), values)
    np.testing.assert_allclose(section["time"], start + interval * np.arange(values.shape[1]))
    np.testing.assert_array_equal(section["inline"], [100, 101, 102])
    np.testing.assert_array_equal(section["crossline"], np.arange(300, 320))
    assert section["trace_mask"].to_numpy().all()


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_extended_text_headers_count_in_revision_0_where_they_make_the_traces_fit(tmp_path, count, endian):
    binary = {3505: ("i2", count)}
    path = write(
        tmp_path / "a.sgy", VALUES, FIELDS, endian=endian, binary=binary, extended=count * BLANK_TEXT
    )
    section = open_section(path)
    check(section)
    assert "revision 0" in section.attrs["warnings"][0]


def test_extended_text_headers_that_nothing_counts_are_found(tmp_path):
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS, extended=3 * BLANK_TEXT))
    check(section)
    assert "3 extended text headers" in section.attrs["warnings"][0]


def test_a_count_of_text_headers_that_are_not_there_is_not_believed(tmp_path):
    binary = {3501: b"\1\0", 3503: ("i2", 1), 3505: ("i2", 1)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS, binary=binary))
    check(section)
    assert "0 extended text headers" in section.attrs["warnings"][0]


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("binary", "revision"),
    [
        ({3261: VENDOR}, "0.0"),
        ({3261: b"\x40" * 340}, "0.0"),
        ({3261: b"\x20" * 340}, "0.0"),
        ({3261: b"\xff" * 340}, "0.0"),
        ({3261: np.random.default_rng(3).bytes(340)}, "0.0"),
        ({3501: b"\1\0", 3505: ("i2", 8224)}, "0.0"),
        ({3501: ("i2", 100), 3503: ("i2", 1)}, "1.0"),
        ({3501: b"\1\0", 3503: ("i2", 1)}, "1.0"),
        ({3501: b"\2\1"}, "2.1"),
    ],
)
def test_what_a_revision_0_file_holds_in_unassigned_bytes_does_not_matter(tmp_path, binary, revision, endian):
    path = write(tmp_path / "a.sgy", VALUES, FIELDS, binary=binary, endian=endian)
    section = open_section(path)
    check(section)
    assert section.attrs["warnings"] == []
    assert scan(path).revision == revision


def test_a_revision_in_the_wrong_byte_order_is_none(tmp_path):
    path = write(tmp_path / "a.sgy", VALUES, FIELDS, binary={3501: ("i2", 1), 3503: ("i2", 1)})
    check(open_section(path))
    assert scan(path).revision == "0.0"


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(("extra", "survey_type"), [(0, 1), (0, 0x0105), (1, 3), (2, 0)])
def test_revision_2_1_counts_further_trace_headers_in_two_bytes(tmp_path, extra, survey_type, endian):
    binary = {3501: b"\2\1", 3507: ("i2", extra), 3509: ("i2", survey_type)}
    path = write(tmp_path / "a.sgy", VALUES, FIELDS, binary=binary, endian=endian)
    raw = np.frombuffer(path.read_bytes()[3600:], np.uint8).reshape(60, -1)
    further = np.random.default_rng(0).integers(0, 256, (60, 240 * extra)).astype(np.uint8)
    path.write_bytes(path.read_bytes()[:3600] + np.hstack([raw[:, :240], further, raw[:, 240:]]).tobytes())
    check(open_section(path))


@pytest.mark.parametrize("samples", [70_000, 75_000, 140_000])
def test_more_samples_than_16_bits_can_count(tmp_path, samples):
    values = np.random.default_rng(0).standard_normal((6, samples)).astype(np.float32)
    fields = {9: ("i4", 7), 13: ("i4", np.arange(1, 7)), 37: ("i4", 100 * np.arange(6) + 50)}
    wrapped = samples % 65_536
    path = write(tmp_path / "a.sgy", values, fields, samples=wrapped, trace_samples=wrapped)
    section = open_section(path)
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(6, samples), values)
    assert f"{samples} samples a trace" in section.attrs["warnings"][0]


@pytest.mark.parametrize("endian", ["big", "little"])
def test_passcals_long_counts_are_read(tmp_path, endian):
    values = earth(4, 100_000, interval=0.01)
    fields = {21: ("i4", np.arange(1, 5)), 229: ("i4", 100_000), 201: ("i4", 10_000)}
    path = write(
        tmp_path / "a.sgy", values, fields, endian=endian, samples=32_767, trace_samples=32_767, interval=1
    )
    section = open_section(path)
    np.testing.assert_array_equal(section["amplitude"].to_numpy(), values)
    assert float(section["time"][1]) == 10.0


@pytest.mark.parametrize("line", [False, True])
def test_files_that_were_joined_are_refused_with_the_place_to_cut(tmp_path, line):
    one = write(tmp_path / "one.sgy", VALUES, FIELDS, text="C 1 FIRST OF TWO").read_bytes()
    for size in (200, 150):
        other = write(tmp_path / "b.sgy", VALUES[:, :size], FIELDS, text="C 1 SECOND OF TWO").read_bytes()
        path = tmp_path / "joined.sgy"
        path.write_bytes(one + other)
        with pytest.raises(DataError, match=f"two were joined, cut it at byte {len(one)}"):
            open_section(path, line=line)


@pytest.mark.parametrize("line", [False, True])
def test_traces_of_different_lengths_are_refused(tmp_path, line):
    rng = np.random.default_rng(0)
    lengths = rng.integers(150, 201, 60)
    parts = [
        write(tmp_path / "t.sgy", VALUES[k : k + 1, :n], {21: ("i4", k + 1)}).read_bytes()
        for k, n in enumerate(lengths)
    ]
    path = tmp_path / "various.sgy"
    path.write_bytes(parts[0][:3600] + b"".join(part[3600:] for part in parts))
    with pytest.raises(DataError, match=f"{min(lengths[:50])} to {max(lengths[:50])} samples, by their hea"):
        open_section(path, line=line)


def test_a_sample_size_that_does_not_fit_is_refused_with_the_formats_that_do(tmp_path):
    path = write(tmp_path / "a.sgy", VALUES, FIELDS, code=3, data_code=5)
    with pytest.raises(DataError, match=r"samples of 4 bytes.*--format.*5 \(IEEE float 32\)"):
        open_section(path, line=True)
    check(open_section(path, format=5))


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("code", [0, 4, 99])
def test_a_format_code_that_means_nothing_can_be_given(tmp_path, code, endian):
    path = write(tmp_path / "a.sgy", VALUES, FIELDS, code=code, data_code=5, endian=endian)
    with pytest.raises(DataError, match=r"sample format code"):
        open_section(path)
    check(open_section(path, format=5))


@pytest.mark.parametrize(
    ("binary", "trace", "interval", "warned"),
    [
        (4, 4, 4.0, True),
        (4, 4000, 4.0, True),
        (4000, 4, 4.0, True),
        (65_534, 4000, 4.0, True),
        (39_971, 40_000, 40.0, True),
        (2, 0, 2.0, True),
        (66, 66, 0.066, False),
        (20, 20, 0.02, False),
        (500, 500, 0.5, False),
    ],
)
def test_a_sample_interval_in_the_wrong_unit_is_found(tmp_path, binary, trace, interval, warned):
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS, interval=binary, trace_interval=trace))
    check(section, interval=interval)
    assert bool(section.attrs["warnings"]) == warned
    given = open_section(tmp_path / "a.sgy", dt=0.25)
    assert given.attrs["warnings"] == []
    check(given, interval=0.25)


@pytest.mark.parametrize(
    ("text", "domain", "unit"),
    [
        ("SAMPLE INTERVAL 4 MS  CDP INT 12.5 M", "time", "ms"),
        ("SAMPLE RATE: 2 MS, GROUP INT: 25 M", "time", "ms"),
        ("SAMPLE RATE 2 MSEC  GRP INT 110 FT", "time", "ms"),
        ("DEPTH MIGRATED VOLUME, SAMPLE INTERVAL 20 FT", "depth", "ft"),
        ("PSDM STACK - DEPTH DOMAIN, 5 M SAMPLING", "depth", "m"),
        ("SEISMIC IN DEPTH (M), DZ=4M", "depth", "m"),
        ("VERTICAL UNIT: METERS", "depth", "m"),
        ("VERTICAL UNITS: FEET", "depth", "ft"),
        ("VERTICAL UNITS: MS", "time", "ms"),
        ("Depth survey: 1 SEG-Y millisec = 1 m", "depth", "m"),
        ("SAMPLES/TRACE 1501  SAMPLE INT 4 MSEC  STREAMER DEPTH 8 M  GUN DEPTH 6 M", "time", "ms"),
        ("SAMPLE RATE 4MS  BIN SIZE 12.5 M X 25 M  SAMPLES 1500 M-COUNT", "time", "ms"),
        ("PRE STACK DEPTH MIGRATION, STRETCHED TO TIME, SHOT INT 37.5 M", "time", "ms"),
        ("DEPTH SECTION  SAMPLING INTERVAL: 10 FEET  WATER DEPTH 300 FT", "depth", "ft"),
        ("NOMINAL FOLD 60  CDP SPACING 6.25 M", "time", "ms"),
        ("KIRCHHOFF PSTM, WATER DEPTH 1200 M, RECORD LENGTH 6 S", "time", "ms"),
    ],
)
def test_depth_is_what_a_text_header_means_by_it(tmp_path, text, domain, unit):
    lines = "C 1 CLIENT X AREA Y\nC 2 " + text
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS, text=lines))
    assert section["amplitude"].dims[-1] == domain
    assert section[domain].attrs["units"] == unit
    assert float(section[domain][1]) == 4.0


def test_what_follows_the_last_trace_is_left_out(tmp_path):
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS, tail=b"END OF TAPE" * 30))
    check(section)
    assert section.attrs["warnings"] == ["the last 330 bytes are no trace: the 60 whole traces are read"]
