"""What `scan` says of a file."""

import time
from importlib import import_module

import numpy as np
import pytest

from seisflow.errors import DataError
from seisflow.io import describe, open_section, scan, write_zarr

from .conftest import cube, whole_numbers

SCAN = import_module("seisflow.io.scan")  # seisflow.io.scan is its function


def test_a_report_has_the_facts(segy):
    values = whole_numbers((12, 20))
    values[5] = 7
    values[3, :10] = 0
    fields = cube([10, 11, 12], [1, 2, 3, 4]) | {181: np.arange(12) * 100, 185: np.arange(12) * 10, 71: -10}
    report = scan(segy(values, fields, code=3, endian="little", encoding="ascii", revision=(1, 0), delay=8))
    assert (report.kind, report.endian, report.encoding, report.revision) == (
        "segy",
        "little",
        "ascii",
        "1.0",
    )
    assert (report.sample_format, report.sample_format_name) == (3, "int16")
    assert (report.samples, report.interval, report.start, report.unit) == (20, 4, 8, "ms")
    assert (report.traces, report.holes, report.geometry) == (12, 0, "3d")
    assert [(axis.name, axis.first, axis.last, axis.size, axis.byte) for axis in report.axes] == [
        ("inline", 10, 12, 3, 189),
        ("crossline", 1, 4, 4, 193),
    ]
    assert (report.easting, report.northing) == ((0, 110), (0, 11))
    amplitudes = report.amplitudes
    assert (amplitudes.traces, amplitudes.dead) == (12, 1)
    assert (amplitudes.minimum, amplitudes.maximum) == (values.min(), values.max())
    np.testing.assert_allclose([amplitudes.mean, amplitudes.std], [values.mean(), values.std()], rtol=1e-6)
    assert amplitudes.zeros == pytest.approx((values == 0).mean())
    assert report.warnings == []


def test_nan_and_infinity_are_counted_and_left_out(segy):
    values = whole_numbers((12, 20))
    values[0, :3] = np.nan
    values[1, :3] = np.inf
    amplitudes = scan(segy(values)).amplitudes
    assert amplitudes.nan == pytest.approx(6 / 240)
    assert np.isfinite([amplitudes.mean, amplitudes.std, amplitudes.maximum]).all()


@pytest.mark.filterwarnings("error")
def test_a_file_of_nan_only_is_reported(segy):
    assert scan(segy(np.full((12, 20), np.nan))).amplitudes.nan == 1


def test_an_unknown_geometry_is_a_problem_not_an_error(segy):
    report = scan(segy(fields={21: np.zeros(12)}))
    assert report.geometry == "unknown"
    assert "--line" in report.problem
    assert report.problem in describe(report)
    assert report.traces == 12


def test_only_a_sample_of_a_large_file_is_read(segy):
    report = scan(segy(whole_numbers((40 * 100, 20)), cube(np.arange(40), np.arange(100))))
    assert report.traces == 4000
    assert 500 <= report.amplitudes.traces <= 1024


def test_zarr_is_reported_too(segy, tmp_path):
    write_zarr(open_section(segy(code=3)), tmp_path / "section.zarr")
    report = scan(tmp_path / "section.zarr")
    assert (report.kind, report.geometry, report.traces) == ("zarr", "3d", 12)


def test_what_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(DataError):
        scan(tmp_path / "nowhere.sgy")


def test_clipped_and_spiked_traces_are_counted(segy):
    values = np.sin(np.arange(12 * 200).reshape(12, 200) / 7).astype(np.float32)
    values[2:5] = np.clip(values[2:5] * 3, -1.5, 1.5)
    values[7, 90] = -60
    values[8, 90] = 1.2
    amplitudes = scan(segy(values)).amplitudes
    assert (amplitudes.clipped, amplitudes.spiked, amplitudes.dead) == (3, 1, 0)


LARGE = {
    "by inline": cube(np.arange(100, 140, 2), np.arange(7, 57)),
    "falling": cube(np.arange(140, 100, -2), np.arange(57, 7, -1)),
    "by crossline": cube(np.arange(100, 140), np.arange(7, 32), 193, 189),
    "old places": cube(np.arange(100, 140), np.arange(7, 32), 9, 21),
    "gathers": cube(np.arange(100, 140), np.arange(1, 26), 9, 13)
    | {37: np.tile(np.arange(-2500, 0, 100), 40)},
    "prestack": cube(np.arange(1, 11), np.repeat(np.arange(5, 15), 10)) | {37: np.tile(np.arange(10), 100)},
}


def some_missing(fields, seed=0):
    """Leave out lines, the ends of some lines and single traces."""
    byte = next(iter(fields))
    keep = np.random.default_rng(seed).random(len(fields[byte])) > 0.05
    for line in np.unique(fields[byte])[[3, 4, 9]]:
        keep &= fields[byte] != line
    keep[:30] = True
    return {byte: numbers[keep] for byte, numbers in fields.items()}


@pytest.fixture
def few_headers(monkeypatch):
    monkeypatch.setattr(SCAN, "_ALL_HEADERS", 200)
    monkeypatch.setattr("seisflow.io.segy.survey._LEADING", 120)
    monkeypatch.setattr("seisflow.io.segy.survey._BLOCKS", 5)
    monkeypatch.setattr("seisflow.io.segy.survey._BLOCK", 10)


@pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
@pytest.mark.parametrize("fields", LARGE.values(), ids=LARGE)
def test_a_large_file_is_told_from_few_headers(segy, few_headers, monkeypatch, fields, missing):
    count = len(next(iter(fields.values())))
    fields = fields | {181: np.arange(count) * 5 + 1000, 185: np.arange(count) * 3, 71: np.full(count, -10)}
    path = segy(fields=some_missing(fields) if missing else fields, trace_samples=99)
    quick = scan(path)
    monkeypatch.setattr(SCAN, "_ALL_HEADERS", 10**6)
    whole = scan(path)
    assert quick.headers_read < whole.headers_read
    assert whole.headers_read == whole.traces
    apart = {"headers_read", "amplitudes"}
    assert quick.model_dump(exclude=apart) == whole.model_dump(exclude=apart)


def test_a_large_file_in_no_order_is_read_whole(segy, few_headers):
    order = np.random.default_rng(0).permutation(1000)
    fields = {byte: numbers[order] for byte, numbers in LARGE["by inline"].items()}
    report = scan(segy(fields=fields))
    assert (report.headers_read, report.geometry) == (1000, "3d")


def test_a_large_file_without_geometry_is_a_problem(segy, few_headers):
    report = scan(segy(fields={21: np.zeros(500)}))
    assert report.geometry == "unknown"
    assert "--line" in report.problem


@pytest.mark.slow
def test_a_file_of_100_gb_takes_seconds(tmp_path, segy):
    """Sparse on the disk: only the headers that a walk along 400 lines of 1000 traces meets are there."""
    lines, traces, samples = 400, 1000, 65_000
    small = segy(np.zeros((1, samples), np.float32), {189: [0], 193: [0]})
    head, header = small.read_bytes()[:3600], bytearray(small.read_bytes()[3600:3840])
    path = tmp_path / "large.sgy"
    with path.open("wb") as file:
        file.write(head)
        for line in range(lines):
            for trace in range(traces):
                header[188:192] = (line + 1).to_bytes(4)
                header[192:196] = (trace + 1).to_bytes(4)
                file.seek(3600 + (line * traces + trace) * (240 + 4 * samples))
                file.write(header)
        file.truncate(3600 + lines * traces * (240 + 4 * samples))
    assert path.stat().st_size > 100e9
    begin = time.perf_counter()
    report = scan(path)
    assert time.perf_counter() - begin < 20
    assert [axis.size for axis in report.axes] == [lines, traces]
    assert report.holes == 0
