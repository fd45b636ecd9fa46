"""Samples of another format or order than headers say, null values, and traces that are no data."""

import numpy as np
import pytest
import xarray as xr

from seisflow.errors import DataError
from seisflow.io import ingest, open_section, scan
from seisflow.patches import Block
from seisflow.patches.scaling import AmplitudeScaling

from .conftest import cube, segy_bytes
from .odd_files import earth, grid, write

VALUES = earth(160, 300)
FIELDS = grid(np.arange(100, 108), np.arange(300, 320))


def samples(section):
    return section["amplitude"].to_numpy().reshape(VALUES.shape)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 1e4])
@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(("code", "data_code", "name"), [(1, 5, "IEEE"), (5, 1, "IBM"), (5, 2, "int32")])
def test_a_format_code_that_lies_is_told_with_the_remedy(tmp_path, code, data_code, name, endian, scale):
    values = np.rint(VALUES) if data_code == 2 else scale * VALUES
    path = write(tmp_path / "a.sgy", values, FIELDS, code=code, data_code=data_code, endian=endian)
    (warning,) = open_section(path).attrs["warnings"]
    assert f"look like {name}" in warning
    assert f"--format {data_code}" in warning
    section = open_section(path, format=data_code)
    assert section.attrs["warnings"] == []
    np.testing.assert_allclose(samples(section), values, rtol=1e-6)
    with pytest.raises(DataError, match=name):
        open_section(path, strict=True)


@pytest.mark.parametrize("code", [1, 2, 3, 5])
@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("amplitude", [50.0, 1000.0])
def test_samples_in_the_other_byte_order_are_told_with_the_remedy(tmp_path, code, endian, amplitude):
    other = "little" if endian == "big" else "big"
    values = amplitude * VALUES / 1000
    values = np.rint(values) if code in (2, 3) else values
    path = write(tmp_path / "a.sgy", values, FIELDS, code=code, endian=endian, data_endian=other)
    (warning,) = open_section(path).attrs["warnings"]
    assert f"--endian {other}" in warning
    section = open_section(path, endian=other)
    assert section.attrs["warnings"] == []
    assert section.attrs["endian"] == endian
    np.testing.assert_allclose(samples(section), values, rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 8])
@pytest.mark.parametrize("kind", ["reflections", "noise", "few levels", "gained", "envelope"])
def test_lawful_samples_give_no_warning(tmp_path, code, endian, kind, seed):
    rng = np.random.default_rng(seed)
    values = {
        "reflections": earth(160, 300, seed=seed, amplitude=40.0),
        "noise": 30 * rng.standard_normal((160, 300)),
        "few levels": rng.integers(0, 15, (160, 300)) * 8.0,
        "gained": earth(160, 300, seed=seed, amplitude=20.0) * np.exp(-np.arange(300) / 40),
        "envelope": np.abs(earth(160, 300, seed=seed, amplitude=40.0)),
    }[kind].astype(np.float32)
    values = np.rint(np.clip(values, -127, 127)) if code in (2, 3, 8) else values
    section = open_section(write(tmp_path / "a.sgy", values, FIELDS, code=code, endian=endian))
    assert section.attrs["warnings"] == []
    assert np.isfinite(section["amplitude"].to_numpy()).all()


def fitted(path):
    return AmplitudeScaling.fit([open_section(path)], [[Block()]])


def test_many_huge_values_are_told_in_one_line(tmp_path):
    path = tmp_path / "huge.npy"
    np.save(path, (VALUES / VALUES.std() * 1e25).astype(np.float32))
    (warning,) = open_section(path, dt=4.0).attrs["warnings"]
    assert "values from 9e+19 on" in warning
    with pytest.raises(DataError, match="all traces are masked, dead or zero"):
        AmplitudeScaling.fit([open_section(path, dt=4.0)], [[Block()]])


@pytest.mark.parametrize("null", [1e30, -1e30, 3.4e38, np.finfo(np.float32).max, 1e35])
def test_a_few_huge_nulls_are_masked_and_counted(tmp_path, null):
    clean = write(tmp_path / "clean.sgy", VALUES, FIELDS)
    values = VALUES.copy()
    values[33, 150] = values[70, 99] = null
    path = write(tmp_path / "few.sgy", values, FIELDS)
    section = open_section(path)
    np.testing.assert_array_equal(np.isnan(samples(section)), np.abs(values) > 1e29)
    np.testing.assert_array_equal(samples(section)[np.abs(values) < 1e29], values[np.abs(values) < 1e29])
    (warning,) = section.attrs["warnings"]
    assert f"null value {np.float32(null):.8g}: 2 of 48000 samples" in warning
    assert scan(path).warnings == [warning]
    assert scan(path).amplitudes.maximum < 1e5
    assert fitted(path).std == pytest.approx(fitted(clean).std, rel=1e-3)
    assert fitted(clean).std == pytest.approx(float(VALUES.std()), rel=1e-6)


@pytest.mark.parametrize("null", [-999.25, -9999.0, -999.0, 1e30, 0.3333, -7.5])
@pytest.mark.parametrize("code", [1, 5, 6])
def test_mutes_of_any_value_are_masked(tmp_path, null, code):
    values = VALUES / 1000
    values[:10] = null
    values[:, :40] = null
    section = open_section(write(tmp_path / "a.sgy", values, FIELDS, code=code))
    masked = np.zeros(VALUES.shape, bool)
    masked[:10] = masked[:, :40] = True
    np.testing.assert_array_equal(np.isnan(samples(section)), masked)
    assert len(section.attrs["warnings"]) == 1
    assert f"{masked.sum()} of 48000" in section.attrs["warnings"][0]


@pytest.mark.parametrize("kind", ["sgy", "npy", "zarr"])
@pytest.mark.parametrize(
    ("null", "size"), [(-999.25, 1.0), (-999.25, 5000.0), (-9999.0, 1.0), (99999.0, 300.0)]
)
def test_rare_nulls_in_traces_that_were_not_looked_at_are_masked_and_told(tmp_path, caplog, kind, null, size):
    values = (np.random.default_rng(3).standard_normal((6000, 100)) * size).astype(np.float32)
    expected = values.copy()
    for trace, sample in ((3, 7), (3001, 50), (5991, 99)):
        values[trace, sample], expected[trace, sample] = null, np.nan
    path = tmp_path / f"rare.{kind}"
    if kind == "sgy":
        path.write_bytes(segy_bytes(values, cube(np.arange(60), np.arange(100))))
    elif kind == "npy":
        np.save(path, values)
    else:
        made = xr.Dataset({"data": (("trace", "twt"), values)}, {"twt": np.arange(100) * 4.0})
        made.to_zarr(path, zarr_format=2)
    section = open_section(path)
    assert not any("null" in warning for warning in section.attrs["warnings"])
    with caplog.at_level("WARNING", "seisflow"):
        for _ in range(2):
            np.testing.assert_array_equal(section["amplitude"].to_numpy().reshape(6000, 100), expected)
    said = [record.getMessage() for record in caplog.records if "null value" in record.getMessage()]
    assert len(said) == 1
    assert str(path) in said[0]
    assert f"null value {null:.8g}" in said[0]


def test_nulls_of_whole_numbers_are_masked(tmp_path):
    values = np.rint(VALUES / 10)
    values[:, -60:] = -9999
    section = open_section(write(tmp_path / "a.sgy", values, FIELDS, code=3))
    assert np.isnan(samples(section)).sum() == 160 * 60
    assert "null value -9999" in section.attrs["warnings"][0]


def test_whole_numbers_that_chance_to_be_a_known_null_stay(tmp_path):
    values = np.rint(3 * VALUES)
    values[5, 7] = -999
    section = open_section(write(tmp_path / "a.sgy", values, FIELDS, code=3))
    np.testing.assert_array_equal(samples(section), values)


@pytest.mark.parametrize("spike", [1e9, -1e12, 1e20])
def test_the_scale_is_robust_to_what_no_list_knows(tmp_path, spike):
    values = VALUES.copy()
    values[33, 150], values[70, 99] = spike, spike / 3
    clean = fitted(write(tmp_path / "clean.sgy", VALUES, FIELDS))
    assert fitted(write(tmp_path / "a.sgy", values, FIELDS)).std == pytest.approx(clean.std, rel=1e-3)


def test_the_scale_of_strong_reflections_is_their_standard_deviation(tmp_path):
    values = VALUES * np.exp(-np.arange(300) / 25).astype(np.float32)
    values[:, 20] *= 50
    path = write(tmp_path / "a.sgy", values, FIELDS)
    assert fitted(path).std == pytest.approx(float(values.std()), rel=1e-6)


def test_dead_traces_are_masked(tmp_path):
    rng = np.random.default_rng(5)
    dead = rng.random(160) < 0.1
    values = VALUES.copy()
    values[dead] = 20_000 * rng.standard_normal((dead.sum(), 300))
    path = write(tmp_path / "a.sgy", values, FIELDS | {29: ("i2", np.where(dead, 2, 1))})
    section = open_section(path)
    assert dict(section.sizes) == {"inline": 8, "crossline": 20, "time": 300}
    np.testing.assert_array_equal(section["trace_mask"].to_numpy().ravel(), ~dead)
    np.testing.assert_array_equal(samples(section)[~dead], values[~dead])
    assert np.isnan(samples(section)[dead]).all()
    assert section.attrs["warnings"] == [f"{dead.sum()} dead of 160 traces, by byte 29: masked"]
    assert scan(path).traces == 160
    assert scan(path).holes == 0
    ingest(path, tmp_path / "a.zarr", workers=1)
    again = open_section(tmp_path / "a.zarr")
    np.testing.assert_array_equal(again["trace_mask"].to_numpy().ravel(), ~dead)


def test_auxiliary_traces_are_masked(tmp_path):
    shot, channel = np.repeat(np.arange(6), 52), np.tile(np.arange(52), 6)
    auxiliary = channel < 4
    values = earth(312, 200)
    values[auxiliary] = 3e5 * np.sign(np.sin(np.arange(200) / 3.0 + channel[auxiliary, None]))
    fields = {
        9: ("i4", 1001 + shot),
        13: ("i4", channel + 1),
        29: ("i2", np.where(auxiliary, 4 + channel % 4, 1)),
    }
    fields[37] = ("i4", np.where(auxiliary, 0, 25 * (channel - 3)))
    section = open_section(write(tmp_path / "a.sgy", values, fields))
    assert dict(section.sizes) == {"shot": 6, "channel": 52, "time": 200}
    np.testing.assert_array_equal(section["trace_mask"].to_numpy().ravel(), ~auxiliary)
    assert section.attrs["warnings"] == ["24 auxiliary of 312 traces, by byte 29: masked"]


@pytest.mark.parametrize("code", [2, 0, 5, -1, 41])
def test_a_code_that_all_traces_share_masks_none(tmp_path, code):
    section = open_section(write(tmp_path / "a.sgy", VALUES, FIELDS | {29: ("i2", code)}))
    assert section["trace_mask"].to_numpy().all()
