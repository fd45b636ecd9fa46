"""Real files, held against what is known of them."""

import numpy as np
import obspy.io.segy.segy
import pytest
import segyio

from seisflow.errors import GeometryError
from seisflow.io import create_segy, open_section, scan

from .conftest import parts

VOLVE_CUBE = "volve10r12-full-twt-sub3d.sgy"
F3_INT16 = {
    "axes": [("inline", 23, 111, 133), ("crossline", 18, 875, 892)],
    "vertical": ("time", 75, 4, 4),
    "format": 3,
    "step": 1.0,
    "warnings": ["trace headers say 462 samples, the file holds 75: 75 is used"],
}
FACTS = {
    VOLVE_CUBE: {
        "axes": [("inline", 61, 10090, 10150), ("crossline", 202, 2150, 2351)],
        "vertical": ("time", 850, 4, 4),
        "format": 5,
        "easting": (433962.67, 436581.98),
        "std": 1.64,
    },
    "volve10r12-full-twt-arb.sgy": {
        "axes": [("trace", 225, 1, 225)],
        "vertical": ("time", 850, 4, 4),
        "format": 5,
        "easting": (434245.37, 436301.04),
    },
    "volve10r12-full-z-il10117sub.sgy": {
        "axes": [("trace", 202, 1, 202)],
        "vertical": ("depth", 1125, 4, 4),
        "format": 5,
        "easting": (434044.32, 436482.18),
    },
    "npra_31_81_PR.sgy": {
        "axes": [("trace", 534, 1, 534)],
        "vertical": ("time", 1501, 4, 0),
        "format": 1,
        "cdp": (101, 634),
        "std": 701,
    },
    "viking_small.segy": {
        "axes": [("shot", 4, 3, 6), ("channel", 120, 1, 120)],
        "vertical": ("time", 600, 4, 0),
        "format": 1,
        "offset": (-3237, -262),
        "warnings": [
            "trace headers say 1500 samples, the file holds 600: 600 is used",
            "coordinates are called degrees (byte 89), and too large: taken for m",
        ],
    },
    "F3_very_small.sgy": {
        "axes": [("inline", 11, 200, 210), ("crossline", 11, 400, 410)],
        "vertical": ("time", 463, 4, 0),
        "format": 1,
        "encoding": "ascii",
    },
    "f3_sparse.sgy": {
        "axes": [("inline", 23, 200, 640), ("crossline", 26, 700, 1200)],
        "vertical": ("time", 36, 20, 400),
        "format": 1,
        "encoding": "ascii",
    },
    "segyio_f3.sgy": F3_INT16,
    "segyio_f3-lsb.sgy": F3_INT16 | {"endian": "little"},
}


@pytest.fixture(params=FACTS)
def known(request, shared_data):
    return shared_data / "segy" / request.param, FACTS[request.param]


ARRAYS = {
    "mobil_viking_nmo.npy": [("trace", 60, 1, 60)],
    "bruges_F3_seismic.npy": [("inline", 10, 1, 10), ("crossline", 250, 1, 250)],
}
BYTES = {  # size, traces, and fraction of zeros where it is known
    VOLVE_CUBE: (44855680, 12322, 0.0185),
    "volve10r12-full-twt-arb.sgy": (822600, 225, None),
    "volve10r12-full-z-il10117sub.sgy": (961080, 202, None),
    "npra_31_81_PR.sgy": (3337896, 534, None),
    "viking_small.segy": (1270800, 480, None),
    "F3_very_small.sgy": (256732, 121, None),
    "f3_sparse.sgy": (233232, 598, None),
    "segyio_f3.sgy": (165060, 414, None),
    "segyio_f3-lsb.sgy": (165060, 414, None),
}


def test_no_file_is_left_out(shared_data):
    assert {path.name for path in (shared_data / "segy").iterdir()} == set(FACTS) == set(BYTES)
    assert {path.name for path in (shared_data / "arrays").iterdir()} == set(ARRAYS)


@pytest.mark.parametrize("name", ARRAYS)
def test_scan_is_right_for_arrays(shared_data, name):
    report = scan(shared_data / "arrays" / name, dt=4)
    assert [(axis.name, axis.size, axis.first, axis.last) for axis in report.axes] == ARRAYS[name]
    assert report.samples == {"mobil_viking_nmo.npy": 1000, "bruges_F3_seismic.npy": 463}[name]
    assert (report.kind, report.interval) == ("npy", 4)
    if name.startswith("bruges"):
        assert -1 <= report.amplitudes.minimum < 0 < report.amplitudes.maximum <= 1


def test_scan_tells_sizes_and_amplitudes_of_the_volve_cube(shared_data):
    report = scan(shared_data / "segy" / VOLVE_CUBE)
    amplitude = open_section(shared_data / "segy" / VOLVE_CUBE)["amplitude"].to_numpy()
    np.testing.assert_allclose([amplitude.min(), amplitude.max()], [-43.7, 29.5], atol=0.1)
    assert report.amplitudes.zeros == pytest.approx(BYTES[VOLVE_CUBE][2], rel=0.1)
    assert report.amplitudes.dead == 0


@pytest.mark.filterwarnings("error")
def test_scan_is_right_in_each_fact(known):
    path, facts = known
    report = scan(path)
    assert [(axis.name, axis.size, axis.first, axis.last) for axis in report.axes] == facts["axes"]
    assert (report.domain, report.samples, report.interval, report.start) == facts["vertical"]
    assert report.sample_format == facts["format"]
    assert report.endian == facts.get("endian", "big")
    assert report.encoding == facts.get("encoding", "ebcdic")
    assert report.warnings == facts.get("warnings", [])
    assert (report.bytes, report.traces) == BYTES[path.name][:2]
    assert report.holes == 0
    assert report.problem is None
    if "easting" in facts:
        np.testing.assert_allclose(report.easting, facts["easting"], atol=0.005)
    if "std" in facts:
        np.testing.assert_allclose(report.amplitudes.std, facts["std"], rtol=0.02)


def test_samples_are_those_of_segyio(known):
    path, facts = known
    section = open_section(path)
    with segyio.open(path, ignore_geometry=True, endian=facts.get("endian", "big")) as file:
        expected = file.trace.raw[:]
    np.testing.assert_array_equal(section["amplitude"], expected[section["trace_index"].to_numpy()])
    assert section.attrs["quantisation_step"] == facts.get("step", 0.0)
    for name in ("cdp", "offset"):
        if name in facts:
            assert (section[name].min(), section[name].max()) == facts[name]


def test_a_written_file_has_the_same_headers_and_reads_the_same(known, tmp_path):
    path, facts = known
    section = open_section(path)
    values = section["amplitude"].to_numpy()
    with create_segy(tmp_path / "result.sgy", section, note="a test of seisflow") as file:
        for lead in np.ndindex(*values.shape[:-2]):
            file.write(lead, values[lead])
    samples, size = values.shape[-1], 2 if facts["format"] == 3 else 4
    (_, binary, headers), (_, new_binary, new_headers) = (
        parts(path, samples, size),
        parts(tmp_path / "result.sgy", samples),
    )
    lies = {115, 116} if "warnings" in facts else set()  # a sample count that is wrong must change
    assert set(np.argwhere(new_headers != headers)[:, 1] + 1) == lies
    assert set(np.flatnonzero(new_binary != binary) + 3201) <= {3225, 3226}
    endian = facts.get("endian", "big")
    with segyio.open(tmp_path / "result.sgy", ignore_geometry=True, endian=endian) as result:
        np.testing.assert_array_equal(result.trace.raw[:], values[section["trace_mask"].to_numpy()])
    traces = obspy.io.segy.segy._read_segy(str(tmp_path / "result.sgy")).traces
    np.testing.assert_array_equal([trace.data for trace in traces], values[section["trace_mask"].to_numpy()])
    again = open_section(tmp_path / "result.sgy")
    for name in section.coords:
        np.testing.assert_array_equal(again[name], section[name])


def test_coordinates_of_the_volve_corners(shared_data):
    section = open_section(shared_data / "segy" / VOLVE_CUBE)
    corner = section.sel(inline=10090, crossline=2150)
    assert (float(corner["cdp_x"]), float(corner["cdp_y"])) == (436400.52, 6477447.04)


def test_a_line_read_with_bytes_of_a_cube_says_what_to_pass(shared_data):
    with pytest.raises(GeometryError, match="--line"):
        open_section(shared_data / "segy" / "npra_31_81_PR.sgy", iline=9, xline=21)


def test_a_numpy_array_is_read(shared_data):
    section = open_section(shared_data / "arrays" / "mobil_viking_nmo.npy", dt=4)
    assert dict(section.sizes) == {"trace": 60, "time": 1000}
