"""What `scan` and ``seisflow scan`` say of a file."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from seisflow.cli.scan import command
from seisflow.errors import DataError
from seisflow.io import open_section, scan, write_zarr
from seisflow.io.scan import describe

from .conftest import cube, whole_numbers


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


def test_the_command_prints_a_block(segy):
    result = CliRunner().invoke(command, [str(segy())])
    assert result.exit_code == 0
    assert "inline 10 to 12 (3, byte 189) x crossline 1 to 4 (4, byte 193)" in result.output


def test_the_command_prints_json(segy):
    result = CliRunner().invoke(command, [str(segy(fields={21: np.zeros(12)})), "--json", "--line"])
    assert json.loads(result.stdout)[0]["geometry"] == "2d"


def test_the_command_prints_a_table_of_many(segy):
    paths = [str(segy(name=f"file{i}.sgy")) for i in range(5)]
    result = CliRunner().invoke(command, paths)
    assert result.exit_code == 0
    assert all(f"file{i}.sgy" in result.stdout for i in range(5))


def test_the_command_goes_on_after_a_bad_file(segy, tmp_path):
    (tmp_path / "bad.sgy").write_bytes(b"")
    result = CliRunner().invoke(command, [str(tmp_path / "bad.sgy"), str(segy())])
    assert result.exit_code == 1
    assert "synthetic.sgy" in result.stdout
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
