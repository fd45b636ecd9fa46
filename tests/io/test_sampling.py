"""Sample intervals, delays and domains of SEG-Y headers that agree, differ or lie."""

import numpy as np
import pytest
import segyio

from seisflow.errors import DataError
from seisflow.io import create_segy, open_section

from .conftest import cube, whole_numbers

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


@pytest.mark.parametrize(
    ("text", "domain", "unit"),
    [
        ("C 9 Depth min: -4502.00 max: -2.00\nC30 Trace start time/depth : bytes 109-110", "depth", "m"),
        ("C 9 Time min: -3402.00 max: -2.00\nC30 Trace start time/depth : bytes 109-110", "time", "ms"),
        ("C 2 PSDM STACK CONVERTED TO TIME", "time", "ms"),
        ("C 2 VERTICAL DOMAIN: DEPTH", "depth", "m"),
        ("C 2 SAMPLE INTERVAL: 5 M", "depth", "m"),
        ("C 2 WATER DEPTH AT BYTES 61-64", "time", "ms"),
    ],
)
def test_depth_is_told_from_time_by_the_text_header(segy, text, domain, unit):
    section = open_section(segy(text=text))
    assert section["amplitude"].dims[-1] == domain
    assert section[domain].attrs["units"] == unit
    assert float(section[domain][1]) == 4.0


def test_the_domain_can_be_given(segy):
    assert "depth" in open_section(segy(), domain="depth").dims


def test_samples_count_in_trace_headers_that_lies_is_not_believed(segy):
    section = open_section(segy(trace_samples=1500))
    assert section.sizes["time"] == 20
    assert section.attrs["warnings"] == ["trace headers say 1500 samples, the file holds 20: 20 is used"]


@pytest.mark.parametrize("samples", [0, 31])
def test_samples_count_in_the_binary_header_that_lies_is_not_believed(segy, samples):
    values = whole_numbers((12, 20))
    section = open_section(segy(values, samples=samples))
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, 20), values)
    assert len(section.attrs["warnings"]) == (samples != 0)


def test_an_interval_in_one_header_only_is_used(segy):
    assert float(open_section(segy(interval=0, trace_interval=2000))["time"][1]) == 2.0
    assert float(open_section(segy(interval=2000, trace_interval=0))["time"][1]) == 2.0


def test_an_interval_that_is_missing_must_be_given(segy):
    path = segy(interval=0)
    with pytest.raises(DataError, match="pass dt in ms"):
        open_section(path)
    assert float(open_section(path, dt=0.5)["time"][2]) == 1.0


def test_intervals_in_conflict_are_a_warning_and_refused_if_strict(segy):
    path = segy(interval=4000, trace_interval=2000)
    section = open_section(path)
    assert float(section["time"][1]) == 4.0
    assert "pass dt" in section.attrs["warnings"][0]
    assert open_section(path, dt=2).attrs["warnings"] == []
    with pytest.raises(DataError, match="must agree"):
        open_section(path, strict=True)


INTERVALS = {  # binary header, trace header, in us; what is used, in ms
    "agree": (4000, 4000, 4.0),
    "binary only": (2000, 0, 2.0),
    "trace only": (0, 2000, 2.0),
    "conflict": (4000, 2000, 4.0),
}

DELAYS = {
    "none": 0,
    "one": 100,
    "negative": -48,
    "many": np.arange(12) % 3 * 8,
    "lines": np.r_[[96] * 4, [0] * 8],
}


@pytest.mark.parametrize(
    "revision", [(0, 0), (1, 0), (2, 0), (2, 1)], ids=lambda pair: f"rev {pair[0]}.{pair[1]}"
)
@pytest.mark.parametrize("intervals", INTERVALS.values(), ids=INTERVALS)
@pytest.mark.parametrize("delay", DELAYS.values(), ids=DELAYS)
@pytest.mark.parametrize("geometry", ["cube", "line", "gathers"])
@pytest.mark.parametrize("endian", ["big", pytest.param("little", marks=pytest.mark.slow)])
def test_delays_intervals_and_revisions_are_read_and_written_back(
    segy, tmp_path, endian, geometry, delay, intervals, revision
):
    values = whole_numbers((12, 20))
    binary, trace, used = intervals
    extra = {(3273, "f8"): float(binary)} if revision[0] == 2 else {}
    path = segy(
        values,
        GEOMETRIES[geometry],
        endian=endian,
        delay=delay,
        interval=binary,
        trace_interval=trace,
        revision=revision,
        binary=extra,
    )

    section = open_section(path)

    shifts = np.rint((delay - np.min(delay)) / used).astype(int) * np.ones(12, int)
    expected = np.full((12, 20 + shifts.max()), np.nan, np.float32)
    for row, shift, samples in zip(expected, shifts, values, strict=True):
        row[shift : shift + 20] = samples
    np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(12, -1), expected)
    np.testing.assert_allclose(section["time"], np.min(delay) + used * np.arange(20 + shifts.max()))
    said = (
        "delay times" * bool(shifts.max()),
        "sample interval" * (binary != trace and bool(binary and trace)),
    )
    assert len(section.attrs["warnings"]) == sum(map(bool, said))
    assert all(any(words in warning for warning in section.attrs["warnings"]) for words in said if words)
    with segyio.open(path, ignore_geometry=True, endian=endian) as file:
        np.testing.assert_array_equal(file.trace.raw[:], values)

    with create_segy(tmp_path / "again.sgy", section) as file:
        for lead in np.ndindex(section["amplitude"].shape[:-2]):
            file.write(lead, section["amplitude"][lead].to_numpy())
    again = open_section(tmp_path / "again.sgy")
    np.testing.assert_array_equal(again["amplitude"], np.nan_to_num(section["amplitude"].to_numpy()))
    np.testing.assert_array_equal(again["time"], section["time"])
    for name in section.coords:
        np.testing.assert_array_equal(again[name], section[name])


def test_delays_are_refused_if_strict(segy):
    with pytest.raises(DataError, match="delay times 100 to 200 ms"):
        open_section(segy(delay=np.r_[[100] * 8, [200] * 4]), strict=True)


def test_delays_between_samples_are_rounded_and_absurd_ones_left(segy):
    section = open_section(segy(delay=np.r_[[0] * 8, [5] * 4]))
    assert section.sizes["time"] == 21
    assert "to the nearest sample" in section.attrs["warnings"][0]
    section = open_section(segy(delay=np.r_[[0] * 11, [30_000]]))
    assert section.sizes["time"] == 20
    assert "too far apart" in section.attrs["warnings"][0]


def test_a_part_of_shifted_traces_is_that_of_the_whole(segy):
    amplitude = open_section(segy(delay=np.arange(12) * 8))["amplitude"]
    whole = amplitude.to_numpy()
    for key in ((1,), (slice(None), 2, slice(5, 30)), ([2, 0], slice(1, None), [40, 7]), (2, 3, 30)):
        np.testing.assert_array_equal(amplitude[key].to_numpy(), amplitude.copy(data=whole)[key])


def test_a_delay_is_scaled(segy):
    fields = cube([10, 11, 12], [1, 2, 3, 4]) | {215: -10}
    assert float(open_section(segy(fields=fields, delay=25, revision=(1, 0)))["time"][0]) == 2.5
    assert float(open_section(segy(fields=fields, delay=25))["time"][0]) == 25  # unassigned in revision 0


def test_a_start_that_needs_a_scalar_is_written_as_revision_1(segy, tmp_path):
    section = open_section(segy(interval=500, delay=25)).isel(time=slice(1, None))
    with create_segy(tmp_path / "later.sgy", section) as file:
        for i in range(3):
            file.write((i,), section["amplitude"][i].to_numpy())
    again = open_section(tmp_path / "later.sgy")
    np.testing.assert_allclose(again["time"], 25.5 + 0.5 * np.arange(19))
    assert again.attrs["warnings"] == []
