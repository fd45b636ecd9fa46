"""Line numbers and coordinates as other software leaves them."""

import numpy as np
import pytest

from seisflow.errors import DataError, GeometryError
from seisflow.io import create_segy, ingest, open_section, scan

from .odd_files import earth, grid, write

VALUES = earth(120, 60)
INLINES, CROSSLINES = np.arange(100, 106), np.arange(300, 320)
IL, XL = np.repeat(INLINES, 20), np.tile(CROSSLINES, 6)
EAST, NORTH = 500_000 + 25 * (XL - 300), 6_000_000 + 25 * (IL - 100)
LINE = np.arange(120)


def one_line(folder, number, fields, values):
    rows = slice(20 * number, 20 * number + 20)
    part = {b: (k, v if np.ndim(v) == 0 else v[rows]) for b, (k, v) in fields.items()}
    return write(folder / f"il_{INLINES[number]}.sgy", values[rows], part)


@pytest.mark.parametrize("fields", [grid(INLINES, CROSSLINES), {189: ("i4", IL), 193: ("i4", XL)}])
def test_one_inline_a_file_joins_to_a_cube(tmp_path, fields):
    files = [one_line(tmp_path, k, fields, VALUES) for k in (3, 0, 5, 1, 2, 4)]
    section = open_section(files)
    assert dict(section.sizes) == {"inline": 6, "crossline": 20, "time": 60}
    np.testing.assert_array_equal(section["inline"], INLINES)
    np.testing.assert_array_equal(section["crossline"], CROSSLINES)
    whole = VALUES.reshape(6, 20, 60)
    np.testing.assert_array_equal(section["amplitude"], whole)
    np.testing.assert_array_equal(section["amplitude"][2, 3:7, ::5], whole[2, 3:7, ::5])
    np.testing.assert_array_equal(section["amplitude"][:, 4, 5], whole[:, 4, 5])
    np.testing.assert_array_equal(section["amplitude"][[4, 1], 3], whole[[4, 1], 3])
    assert section["trace_mask"].to_numpy().all()
    assert sorted(section["trace_index"].to_numpy().ravel()) == list(range(120))
    assert ("cdp_x" in section.coords) == (len(fields) > 2)
    if len(fields) > 2:
        np.testing.assert_allclose(section["cdp_x"].to_numpy().ravel(), EAST)
        np.testing.assert_allclose(section["cdp_y"].to_numpy().ravel(), NORTH)


def test_lines_that_lack_traces_or_a_neighbour_join_with_holes(tmp_path):
    fields = {189: ("i4", IL), 193: ("i4", XL)}
    files = [one_line(tmp_path, k, fields, VALUES) for k in (0, 1, 3)]
    rows = np.r_[60:66, 68:80]
    files[2] = write(tmp_path / "c.sgy", VALUES[rows], {189: ("i4", IL[rows]), 193: ("i4", XL[rows])})
    section = open_section(files)
    np.testing.assert_array_equal(section["inline"], [100, 101, 102, 103])
    there = np.ones((4, 20), bool)
    there[2] = there[3, 6:8] = False
    np.testing.assert_array_equal(section["trace_mask"], there)
    np.testing.assert_array_equal(np.isnan(section["amplitude"].to_numpy()).all(-1), ~there)
    np.testing.assert_array_equal(section["amplitude"][3].to_numpy()[there[3]], VALUES[rows])


def test_cubes_join_too(tmp_path):
    fields = grid(INLINES, CROSSLINES)
    halves = []
    for number, rows in enumerate((slice(0, 60), slice(60, 120))):
        part = {b: (k, v if np.ndim(v) == 0 else v[rows]) for b, (k, v) in fields.items()}
        halves.append(write(tmp_path / f"{number}.sgy", VALUES[rows], part))
    section = open_section(halves)
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(120, 60), VALUES)


def test_lines_that_do_not_belong_together_are_refused(tmp_path):
    fields = grid(INLINES, CROSSLINES)
    one, other = (one_line(tmp_path, k, fields, VALUES) for k in (0, 1))
    (tmp_path / "short").mkdir()
    short = one_line(tmp_path / "short", 2, fields, VALUES[:, :50])
    with pytest.raises(DataError, match=r"il_100\.sgy: holds traces that il_100\.sgy holds too"):
        open_section([one, other, one])
    with pytest.raises(DataError, match=r"il_102\.sgy: 50 time samples.* has 60"):
        open_section([one, short])
    plain = write(tmp_path / "plain.sgy", VALUES, {21: ("i4", LINE + 1)})
    with pytest.raises(DataError, match="no inline and crossline numbers"):
        open_section([one, plain])


@pytest.mark.parametrize("coordinates", [True, False])
def test_a_single_line_says_which_it_is(tmp_path, coordinates):
    fields = grid(INLINES, CROSSLINES) if coordinates else {189: ("i4", IL), 193: ("i4", XL)}
    path = one_line(tmp_path, 2, fields, VALUES)
    section = open_section(path)
    assert dict(section.sizes) == {"trace": 20, "time": 60}
    np.testing.assert_array_equal(section["inline"], 102)
    np.testing.assert_array_equal(section["crossline"], CROSSLINES)
    assert scan(path).line_of_volume.startswith("inline 102 of a volume, crossline 300 to 319")


@pytest.mark.parametrize("first", [0, 1, 5])
def test_record_and_channel_without_offsets_are_gathers(tmp_path, first):
    shot, channel = np.repeat(np.arange(5), 24), np.tile(np.arange(24), 5)
    fields = {9: ("i4", 1001 + shot), 13: ("i4", channel + first), 17: ("i4", 101 + 2 * shot)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert dict(section.sizes) == {"shot": 5, "channel": 24, "time": 60}
    np.testing.assert_array_equal(section["shot"], 1001 + np.arange(5))
    np.testing.assert_array_equal(section["channel"], first + np.arange(24))


def test_records_with_cdp_numbers_that_roll_along_are_gathers(tmp_path):
    shot, channel = np.repeat(np.arange(5), 24), np.tile(np.arange(24), 5)
    fields = {9: ("i4", 1 + shot), 13: ("i4", channel + 1), 21: ("i4", 200 + 2 * shot + channel)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert section["amplitude"].dims == ("shot", "channel", "time")


def test_a_cube_with_trace_numbers_in_the_place_of_channels_is_a_cube(tmp_path):
    fields = {9: ("i4", IL), 21: ("i4", XL), 13: ("i4", XL - 299)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert section["amplitude"].dims == ("inline", "crossline", "time")
    assert section["crossline"].attrs["segy_byte"] == 21


@pytest.mark.parametrize("offset", [0, 1])
def test_what_is_left_over_from_the_field_makes_no_gathers_of_a_stack(tmp_path, offset):
    rng = np.random.default_rng(0)
    fields = {
        21: ("i4", 2245 + LINE),
        9: ("i4", 51 + LINE // 8),
        13: ("i4", 1 + LINE % 8 * 7),
        17: ("i4", 1196 + LINE // 8),
        37: ("i4", offset * rng.choice([50, 100, 150], 120)),
        73: ("i4", 1_000_000 + 100 * (LINE // 8)),
        77: ("i4", 2_000_000 + 60 * (LINE // 8)),
    }
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert dict(section.sizes) == {"trace": 120, "time": 60}
    np.testing.assert_array_equal(section["cdp"], 2245 + LINE)


TEXTS = {
    "Petrel": (
        "C24 Inline number               : bytes 5-8\nC25 Xline number                : bytes 21-24",
        (5, 21),
    ),
    "names first": ("C 5 INLINE: BYTE 17, CROSSLINE: BYTE 25", (17, 25)),
    "bytes first": ("C 7 BYTES 9-12: INLINE   BYTES 21-24: XLINE", (9, 21)),
    "pair": ("C 3 INLINE AND CROSSLINE NUMBERS IN BYTES 9 AND 21", (9, 21)),
    "ranges": ("C 3 IN-LINE = 201-204  CROSS-LINE = 205-208", (201, 205)),
    "OpendTect": ("C07  Positions according to the SEG-Y Rev. 1 standard.", (189, 193)),
}


@pytest.mark.parametrize(("text", "places"), TEXTS.values(), ids=TEXTS)
def test_what_the_text_header_states_wins(tmp_path, text, places):
    decoys = {189: ("i4", IL - 99), 193: ("i4", XL - 299), 9: ("i4", IL + 7), 21: ("i4", XL + 7)}
    fields = decoys | {places[0]: ("i4", IL), places[1]: ("i4", XL)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields, text=text))
    assert (section["inline"].attrs["segy_byte"], section["crossline"].attrs["segy_byte"]) == places
    np.testing.assert_array_equal(section["inline"], INLINES)
    np.testing.assert_array_equal(section["crossline"], CROSSLINES)
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(VALUES.shape), VALUES)


def test_what_the_text_header_states_does_not_win_where_it_does_not_fit(tmp_path):
    text = "C 5 INLINE: BYTES 17-20, CROSSLINE: BYTES 25-28"
    section = open_section(write(tmp_path / "a.sgy", VALUES, grid(INLINES, CROSSLINES), text=text))
    assert section["inline"].attrs["segy_byte"] == 189


def test_coordinates_are_taken_from_where_the_text_header_has_them(tmp_path):
    text = "C 8 X COORDINATE: BYTES 201-204\nC 9 Y COORDINATE: BYTES 205-208"
    fields = grid(INLINES, CROSSLINES) | {201: ("i4", 100 * (EAST + 7)), 205: ("i4", 100 * (NORTH + 9))}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields, text=text))
    np.testing.assert_allclose(section["cdp_x"].to_numpy().ravel(), EAST + 7)
    np.testing.assert_allclose(section["cdp_y"].to_numpy().ravel(), NORTH + 9)


LON, LAT = 151.2 + 0.001 * LINE, -33.8 - 0.0004 * LINE


def dms(values):
    size = np.abs(values) + 1e-12
    seconds = size * 3600
    return np.sign(values) * (np.floor(size) * 1e4 + np.floor(seconds % 3600 / 60) * 100 + seconds % 60)


@pytest.mark.parametrize(
    ("code", "scalar", "x", "y", "unit", "factor"),
    [
        (2, -100, LON * 3600, LAT * 3600, "arcsec", 1 / 3600),
        (2, -1000, LON * 3600, LAT * 3600, "arcsec", 1 / 3600),
        (3, -10_000, LON, LAT, "degrees", 1),
        (4, -100, dms(LON), dms(LAT), "degrees", 1),
    ],
)
def test_coordinates_that_are_angles_say_so(tmp_path, code, scalar, x, y, unit, factor):
    fields = {21: ("i4", LINE + 1), 71: ("i2", scalar), 89: ("i2", code)}
    fields |= {73: ("i4", np.rint(-scalar * x)), 77: ("i4", np.rint(-scalar * y))}
    path = write(tmp_path / "a.sgy", VALUES, fields)
    section = open_section(path)
    np.testing.assert_allclose(section["cdp_x"] * factor, LON, atol=1e-4)
    np.testing.assert_allclose(section["cdp_y"] * factor, LAT, atol=1e-4)
    assert section["cdp_x"].attrs["units"] == section["cdp_y"].attrs["units"] == unit
    assert scan(path).coordinate_unit == unit


def test_lengths_that_are_called_angles_stay_lengths(tmp_path):
    fields = grid(INLINES, CROSSLINES) | {89: ("i2", 2)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    np.testing.assert_allclose(section["cdp_x"].to_numpy().ravel(), EAST)
    assert section["cdp_x"].attrs["units"] == "m"
    assert "arc seconds" in section.attrs["warnings"][0]


@pytest.mark.parametrize("missing", [-(2**31), 2**31 - 1, 0])
@pytest.mark.parametrize("factor", [1, 10, 100])
def test_coordinates_that_are_none_are_missing(tmp_path, missing, factor):
    bad = np.tile(CROSSLINES >= 315, 6)
    fields = grid(INLINES, CROSSLINES, factor=factor)
    for byte in (181, 185):
        fields[byte] = ("i4", np.where(bad, missing, fields[byte][1]))
    path = write(tmp_path / "a.sgy", VALUES, fields)
    section = open_section(path)
    for name, truth in (("cdp_x", EAST), ("cdp_y", NORTH)):
        values = section[name].to_numpy().ravel()
        np.testing.assert_array_equal(np.isnan(values), bad)
        np.testing.assert_allclose(values[~bad], truth[~bad])
    assert scan(path).easting == (EAST[~bad].min(), EAST[~bad].max())


def test_a_survey_about_the_origin_keeps_its_zeros(tmp_path):
    fields = grid(INLINES, CROSSLINES, x=-250, y=0, factor=1)
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert np.isfinite(section["cdp_x"].to_numpy()).all()


def test_a_coordinate_far_from_all_others_is_missing(tmp_path):
    fields = grid(INLINES, CROSSLINES, factor=1)
    fields[181][1][33] = 2_000_000_000
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert np.flatnonzero(np.isnan(section["cdp_x"].to_numpy().ravel())).tolist() == [33]
    assert "1 traces are none" in section.attrs["warnings"][0]


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("places", [(73, 77), (181, 185)])
def test_coordinates_that_are_floats_are_read_as_such(tmp_path, places, endian):
    fields = {189: ("i4", IL), 193: ("i4", XL), 71: ("i2", 1)}
    fields |= {places[0]: ("f4", EAST + 0.5), places[1]: ("f4", NORTH + 0.5)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields, endian=endian))
    np.testing.assert_array_equal(section["cdp_x"].to_numpy().ravel(), EAST + 0.5)
    np.testing.assert_array_equal(section["cdp_y"].to_numpy().ravel(), NORTH + 0.5)
    assert "IEEE floats" in section.attrs["warnings"][0]


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("places", [(189, 193), (9, 21)])
def test_line_numbers_that_are_floats_are_read_as_such(tmp_path, places, endian):
    fields = {places[0]: ("f4", IL), places[1]: ("f4", XL)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields, endian=endian))
    np.testing.assert_array_equal(section["inline"], INLINES)
    np.testing.assert_array_equal(section["crossline"], CROSSLINES)
    assert "numbers as floats" in section.attrs["warnings"][0]


@pytest.mark.parametrize(
    "private", [(5000 + LINE // 2, 2_091_500 + LINE // 4), (LINE % 7, 0 * LINE + 16_783_104)]
)
@pytest.mark.parametrize("with_source", [True, False])
def test_private_numbers_at_181_are_no_coordinates_in_revision_0(tmp_path, private, with_source):
    fields = {9: ("i4", 1001 + LINE), 21: ("i4", 1 + LINE), 71: ("i2", 1)}
    fields |= {181: ("i4", private[0]), 185: ("i4", private[1])}
    if with_source:
        fields |= {73: ("i4", 500_000 + 25 * LINE), 77: ("i4", 6_000_000 + 5 * LINE)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert dict(section.sizes) == {"trace": 120, "time": 60}
    assert ("cdp_x" in section.coords) == with_source
    if with_source:
        np.testing.assert_array_equal(section["cdp_x"], 500_000 + 25 * LINE)


@pytest.mark.parametrize("scalar", [-2536, 10_016, -10, 10, np.arange(120)])
def test_byte_215_does_not_count_in_revision_0(tmp_path, scalar):
    fields = grid(INLINES, CROSSLINES) | {109: ("i2", 300), 215: ("i2", scalar)}
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    np.testing.assert_array_equal(section["time"], 300 + 4.0 * np.arange(60))
    assert section.attrs["warnings"] == []


@pytest.mark.parametrize("every", [1, 4, 10])
def test_a_line_with_gaps_and_standing_places_is_a_line(tmp_path, every):
    along = LINE // every + 5 * (LINE >= 40) + 8 * (LINE >= 80)
    fields = {
        9: ("i4", 1 + LINE),
        13: ("i4", 1),
        73: ("i4", 500_000 + 25 * along),
        77: ("i4", 6_000_000 - 9 * along),
    }
    section = open_section(write(tmp_path / "a.sgy", VALUES, fields))
    assert dict(section.sizes) == {"trace": 120, "time": 60}
    np.testing.assert_array_equal(section["cdp_x"], 500_000 + 25 * along)


def test_lines_of_a_volume_that_nothing_numbers_are_no_line(tmp_path):
    fields = {73: ("i4", 500_000 + 25 * (LINE % 20)), 77: ("i4", 6_000_000 + 25 * (LINE // 20))}
    with pytest.raises(GeometryError, match="--line"):
        open_section(write(tmp_path / "a.sgy", VALUES, fields))


def test_lines_are_ingested_as_their_volume(tmp_path):
    fields = grid(INLINES, CROSSLINES)
    files = [one_line(tmp_path, k, fields, VALUES) for k in (2, 0, 1, 5, 4, 3)]
    done = ingest(files, tmp_path / "a.zarr", workers=1)
    assert done.sizes == {"inline": 6, "crossline": 20, "time": 60}
    section = open_section(tmp_path / "a.zarr")
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(120, 60), VALUES)
    np.testing.assert_allclose(section["cdp_x"].to_numpy().ravel(), EAST)
    assert scan(tmp_path / "a.zarr").line_of_volume is None
    with create_segy(tmp_path / "again.sgy", section) as file:
        for i in range(6):
            file.write((i,), section["amplitude"][i].to_numpy())
    np.testing.assert_array_equal(open_section(tmp_path / "again.sgy")["inline"], INLINES)


def test_results_of_joined_lines_are_written_as_segy(tmp_path):
    section = open_section([one_line(tmp_path, k, grid(INLINES, CROSSLINES), VALUES) for k in range(6)])
    with create_segy(tmp_path / "a.sgy", section) as file:
        for i in range(6):
            file.write((i,), section["amplitude"][i].to_numpy())
    again = open_section(tmp_path / "a.sgy")
    np.testing.assert_array_equal(again["amplitude"], section["amplitude"])
    np.testing.assert_allclose(again["cdp_y"], section["cdp_y"])
