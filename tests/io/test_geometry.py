"""What a file is, judged from its trace headers."""

import numpy as np
import pytest

from seisflow.errors import DataError, GeometryError
from seisflow.io import open_section, select

from .conftest import cube, whole_numbers


@pytest.mark.parametrize("places", [(189, 193), (9, 21), (5, 21), (17, 13), (17, 21), (181, 185)])
def test_usual_places_of_line_numbers_are_found(segy, places):
    section = open_section(segy(fields=cube([10, 11, 12], [5, 6, 7, 8], *places)))
    np.testing.assert_array_equal(section["inline"], [10, 11, 12])
    np.testing.assert_array_equal(section["crossline"], [5, 6, 7, 8])


def test_places_named_in_the_text_header_are_found(segy):
    text = "C 5 Inline number : bytes 201-204\nC 6 Crossline number : bytes 205-208"
    section = open_section(segy(fields=cube([10, 11, 12], [5, 6, 7, 8], 201, 205), text=text))
    assert section["inline"].attrs["segy_byte"] == 201


def test_places_can_be_given(segy):
    path = segy(fields=cube([10, 11, 12], [5, 6, 7, 8], 201, 205))
    assert dict(open_section(path, iline=201, xline=205).sizes) == {"inline": 3, "crossline": 4, "time": 20}


def test_one_place_given_brings_its_usual_partner(segy):
    path = segy(fields=cube([10, 11, 12], [5, 6, 7, 8], 9, 21))
    assert open_section(path, iline=9)["crossline"].attrs["segy_byte"] == 21
    assert open_section(path, xline=21)["inline"].attrs["segy_byte"] == 9


def test_the_order_of_traces_in_the_file_does_not_matter(segy):
    values = whole_numbers((12, 20))
    fields = cube([10, 11, 12], [5, 6, 7, 8])
    order = np.random.default_rng(0).permutation(12)
    section = open_section(segy(values[order], {byte: numbers[order] for byte, numbers in fields.items()}))
    crosslines = sorted([5, 6, 7, 8])
    got = section["amplitude"].sel(inline=[10, 11, 12], crossline=crosslines)
    np.testing.assert_array_equal(got.to_numpy().reshape(12, 20), values)


def test_holes_and_missing_lines_become_a_masked_grid(segy):
    values = whole_numbers((20, 20))
    fields = cube([100, 120, 160, 180], [1, 2, 3, 4, 5])
    keep = np.ones(20, bool)
    keep[[3, 7, 8]] = False
    section = open_section(segy(values[keep], {byte: numbers[keep] for byte, numbers in fields.items()}))
    np.testing.assert_array_equal(section["inline"], [100, 120, 140, 160, 180])
    amplitude, mask = section["amplitude"].to_numpy(), section["trace_mask"].to_numpy()
    assert mask.sum() == 17
    assert not mask[2].any()
    np.testing.assert_array_equal(np.isnan(amplitude).all(-1), ~mask)
    np.testing.assert_array_equal(amplitude[mask], values[keep])
    np.testing.assert_array_equal(section["trace_index"].to_numpy()[mask], np.arange(17))
    assert (section["trace_index"].to_numpy()[~mask] == -1).all()


def test_descending_and_stepped_numbers_keep_their_values(segy):
    values = whole_numbers((12, 20))
    section = open_section(segy(values, cube([640, 620, 600], [7, 5, 3, 1])))
    np.testing.assert_array_equal(section["inline"], [640, 620, 600])
    np.testing.assert_array_equal(section["crossline"], [7, 5, 3, 1])
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, 20), values)


def test_a_few_duplicates_are_left_out_and_refused_if_strict(segy):
    fields = cube(np.arange(20), np.arange(10))
    fields[189][57], fields[193][57] = fields[189][56], fields[193][56]
    path = segy(fields=fields)
    section = open_section(path)
    assert section.attrs["warnings"] == ["1 traces share a position with an earlier one and are left out"]
    assert int(section["trace_index"].sel(inline=5, crossline=6)) == 56
    with pytest.raises(GeometryError, match="share a position"):
        open_section(path, strict=True)


def test_cdp_gathers_are_found(segy):
    fields = {21: np.repeat([1, 2, 3], 4), 37: np.tile([100, 200, 300, 400], 3), 9: np.arange(12)}
    assert open_section(segy(fields=fields))["amplitude"].dims == ("cdp", "offset", "time")


def test_a_prestack_volume_has_three_leading_dimensions(segy):
    fields = cube([1, 2], np.repeat([5, 6, 7], 4))
    fields[37] = np.tile([100, 200, 300, 400], 6)
    section = open_section(segy(fields=fields))
    assert dict(section.sizes) == {"inline": 2, "crossline": 3, "offset": 4, "time": 20}


def test_a_cube_can_be_read_as_a_line(segy):
    assert dict(open_section(segy(), line=True).sizes) == {"trace": 12, "time": 20}


def test_nothing_in_the_headers_is_refused_with_what_to_pass(segy):
    path = segy(fields={21: np.zeros(12)})
    with pytest.raises(GeometryError, match=r"189 / 193 \(all zero\).*--line") as error:
        open_section(path)
    assert "\n" not in str(error.value)


def test_a_volume_without_line_numbers_is_not_taken_for_a_line(segy):
    x, y = np.tile(np.arange(100) * 25, 5), np.repeat(np.arange(5) * 25, 100)
    with pytest.raises(GeometryError, match="--line"):
        open_section(segy(fields={21: np.arange(500) + 1, 73: x + 1000 * y, 77: y}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"iline": 1, "xline": 5}, "no grid.*--iline 189 --xline 193"),
        ({"iline": 25, "xline": 29}, "share a position.*--iline 189 --xline 193"),
        ({"iline": 300}, "byte 300"),
        ({"dt": -1}, "above 0"),
        ({"endian": "little"}, "leave out endian"),
    ],
)
def test_what_is_given_wrong_is_told(segy, given, message):
    fields = cube(np.arange(60), np.arange(4)) | {5: np.arange(240)}
    with pytest.raises(DataError, match=message):
        open_section(segy(fields=fields), **given)


def test_select_takes_labels_with_both_ends(segy):
    section = open_section(segy(fields=cube(np.arange(100, 110), [3, 5, 7])))
    part = select(section, ["inline=102:105", "crossline=5", "time=8:16"])
    assert dict(part.sizes) == {"inline": 4, "crossline": 1, "time": 3}
    np.testing.assert_array_equal(part["inline"], [102, 103, 104, 105])
    np.testing.assert_array_equal(
        part["amplitude"], section["amplitude"].sel(inline=slice(102, 105), crossline=[5], time=slice(8, 16))
    )
    assert select(section, ["inline=:103"]).sizes["inline"] == 4
    assert select(section, ["inline=108:"]).sizes["inline"] == 2


def test_select_on_descending_labels(segy):
    section = open_section(segy(fields=cube([640, 620, 600, 580], [1, 2, 3])))
    np.testing.assert_array_equal(select(section, ["inline=600:640"])["inline"], [640, 620, 600])


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("inline=900:950", "inline runs from 10 to 12 in steps of 1"),
        ("cdp=3", "no dimension 'cdp'. It has inline, crossline, time"),
        ("inline=a:b", "cannot be read"),
        ("inline=", "cannot be read"),
        ("inline=nan", "cannot be read"),
    ],
)
def test_select_tells_what_there_is(segy, part, message):
    with pytest.raises(DataError, match=message):
        select(open_section(segy()), [part])
