"""A written file, read by segyio, obspy and TGSAI's `segy`: the same samples and headers in all three.

`segy` is looked for in the Python that SEISFLOW_PEERS names, for example
``python -m venv peers && peers/bin/pip install segy && SEISFLOW_PEERS=peers/bin/python pytest -m slow``.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import obspy.io.segy.segy
import pytest
import segyio
import xarray as xr

from seisflow.io import create_segy, open_section

from .conftest import cube, whole_numbers

PEERS = os.environ.get("SEISFLOW_PEERS") or (sys.executable if importlib.util.find_spec("segy") else None)
# Byte, name in obspy, name in segy (revision 1).
FIELDS = (
    (1, "trace_sequence_number_within_line", "trace_seq_num_line"),
    (9, "original_field_record_number", "orig_field_record_num"),
    (21, "ensemble_number", "ensemble_num"),
    (71, "scalar_to_be_applied_to_all_coordinates", "coordinate_scalar"),
    (73, "source_coordinate_x", "source_coord_x"),
    (109, "delay_recording_time", "delay_recording_time"),
    (115, "number_of_samples_in_this_trace", "samples_per_trace"),
    (117, "sample_interval_in_ms_for_this_trace", "sample_interval"),
    (181, "x_coordinate_of_ensemble_position_of_this_trace", "cdp_x"),
    (185, "y_coordinate_of_ensemble_position_of_this_trace", "cdp_y"),
    (189, "for_3d_poststack_data_this_field_is_for_in_line_number", "inline"),
    (193, "for_3d_poststack_data_this_field_is_for_cross_line_number", "crossline"),
)


def section_of(kind, segy):
    """Return a section with a SEG-Y source, or without one."""
    if kind != "made":
        x = 43_000_000 + np.arange(12) * 25
        fields = cube([10, 11, 12], [1, 2, 3, 4]) | {181: x, 185: x * 2 // 3, 73: x, 71: -100, 9: 7, 21: 3}
        return open_section(segy(fields=fields, endian=kind, code=1, delay=100, revision=(1, 0)))
    values = whole_numbers((3, 4, 20))
    x = 430_000.25 + 12.5 * np.arange(12.0).reshape(3, 4)
    return xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), values)},
        coords={
            "inline": [7, 8, 9],
            "crossline": [4, 3, 2, 1],
            "time": ("time", 8 + 2.0 * np.arange(20), {"units": "ms"}),
            "cdp_x": (("inline", "crossline"), x),
            "cdp_y": (("inline", "crossline"), 15 * x),
        },
    )


@pytest.mark.slow
@pytest.mark.skipif(PEERS is None, reason="segy is not here: see the top of this file")
@pytest.mark.parametrize("kind", ["big", "little", "made"])
def test_all_three_read_the_same(segy, tmp_path, kind):
    section = section_of(kind, segy)
    path = tmp_path / "result.sgy"
    values = section["amplitude"].to_numpy() / np.float32(7)
    with create_segy(path, section, note="a test of seisflow") as file:
        for line in range(3):
            file.write((line,), values[line])
    endian = "big" if kind == "made" else kind

    script = Path(__file__).parent / "read_by_segy.py"
    subprocess.run([PEERS, str(script), str(path), endian, str(tmp_path / "found.npz")], check=True)
    by_segy = np.load(tmp_path / "found.npz")
    by_obspy = obspy.io.segy.segy._read_segy(str(path)).traces
    with segyio.open(path, ignore_geometry=True, endian=endian) as by_segyio:
        np.testing.assert_array_equal(by_segyio.trace.raw[:], values.reshape(12, -1))
        for byte, obspy_name, segy_name in FIELDS:
            expected = by_segyio.attributes(byte)[:]
            np.testing.assert_array_equal([getattr(t.header, obspy_name) for t in by_obspy], expected)
            np.testing.assert_array_equal(by_segy[f"header {segy_name}"], expected)
    np.testing.assert_array_equal([trace.data for trace in by_obspy], values.reshape(12, -1))
    np.testing.assert_array_equal(by_segy["samples"], values.reshape(12, -1))
