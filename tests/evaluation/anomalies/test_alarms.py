"""False alarms on lines that a model has not seen: segments, counts, and the table made of them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import seisflow
from seisflow.errors import DataError
from seisflow.evaluation.anomalies import alarms
from seisflow.evaluation.reporting.alarm_pages import alarms_table
from seisflow.models import load_model


@pytest.mark.parametrize("traces", [191, 192, 447, 448, 3000])
def test_segments_lie_a_gap_apart_within_the_line(traces):
    parts = alarms.segments(traces)
    assert len(parts) == (traces + alarms.GAP) // (alarms.WIDTH + alarms.GAP)
    assert all(part.stop - part.start == alarms.WIDTH for part in parts)
    assert all(b.start - a.stop == alarms.GAP for a, b in pairwise(parts))
    if parts:
        assert parts[0].start >= 0
        assert parts[-1].stop <= traces
        assert abs(parts[0].start - (traces - parts[-1].stop)) <= 1


def test_lines_go_by_turns_in_the_order_of_their_shooting():
    names = ["b_20180312150000.seg", "a_20180313120000.seg", "c_20180312140000.seg"]
    known, unknown = alarms.by_turns([Path(name) for name in names])
    assert [path.name for path in known] == [names[2], names[1]]
    assert [path.name for path in unknown] == [names[0]]


def test_the_correlation_is_that_of_a_moving_average():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 4000))
    mean = np.stack([np.convolve(row, np.ones(10), "valid") for row in noise]).astype(np.float32)
    assert alarms.correlation(mean + np.arange(200)[:, None], 5) == pytest.approx(0.5, abs=0.01)
    assert alarms.correlation(mean, 20) == pytest.approx(0.0, abs=0.01)


def test_alarms_are_those_of_the_maps_that_score_makes(tiny_run, cube_file, tmp_path, monkeypatch):
    monkeypatch.setattr(alarms, "WIDTH", 24)
    monkeypatch.setattr(alarms, "GAP", 8)
    model = load_model(tiny_run)
    lines = []
    for k, row in enumerate(seisflow.open_section(cube_file).isel(inline=[0, 1])["amplitude"].values):
        lines.append(tmp_path / f"line{k}_{k}.npy")
        np.save(lines[-1], row)
    found, refused = alarms.count_alarms(model, lines)
    maps = [seisflow.score(line, model) for line in lines]
    calibration = model.card.calibrations["joint"]
    for alpha in alarms.ALPHAS:
        limit = calibration.threshold(alpha, (maps[0].sizes["time"], 24))
        peaks = [
            float(np.nanmax(one["anomaly"].values[part]))
            for one in maps
            for part in alarms.segments(one.sizes["trace"])
        ]
        assert found["joint"].raised[alpha] == [float(peak > limit) for peak in peaks]
    assert len(refused) <= 2
    table = alarms_table(
        [one | {"command": "again"} for one in alarms.results(model, lines, lines)]
    ).splitlines()
    assert table[2].startswith("| **joint** (default) |")
    assert len([line for line in table if line.startswith("|")]) == 2 + len(found)


def test_lines_shorter_than_a_segment_are_refused(tiny_run, tmp_path):
    np.save(tmp_path / "line.npy", np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32))
    with pytest.raises(DataError, match="no line is as long as 192 traces"):
        alarms.count_alarms(load_model(tiny_run), [tmp_path / "line.npy"])
