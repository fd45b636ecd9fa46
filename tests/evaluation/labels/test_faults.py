"""The benchmark of fault picks, on sections of our own."""

import numpy as np
import pytest

import seisflow
from seisflow.errors import DataError
from seisflow.evaluation.asked import Asked
from seisflow.evaluation.labels import faults
from seisflow.evaluation.labels.agreement import agreement
from seisflow.evaluation.reporting.alarm_pages import faults_table


def asked(model):
    return Asked("again", str(model), None, (), None, None, None, True, None, 0, False)


def test_the_maps_compared_with_picks_are_those_of_score(tiny_run, cube_file, tmp_path):
    folder = tmp_path / "labelled" / "gsb"
    folder.mkdir(parents=True)
    lines = seisflow.open_section(cube_file)["amplitude"].values[:2]
    for name, line in zip(("a", "b"), lines, strict=True):
        np.save(folder / f"{name}.npy", line)
    picks = np.zeros(lines[0].shape, bool)
    picks[40, 10:40] = True
    np.save(folder / "b_faults.npy", picks)
    found = faults.run(tmp_path, asked(tiny_run))
    assert [one["is_baseline"] for one in found] == [False] + [True] * (len(found) - 1)
    made = seisflow.score(folder / "b.npy", tiny_run)["anomaly"].values
    mask = np.isfinite(made) & np.isfinite(lines[1])
    expected = agreement(made.T, picks.T, mask.T)
    assert found[0]["by_section"]["b"]["auroc"] == pytest.approx(expected.auroc, abs=2e-4)
    assert found[0]["value"] == found[0]["by_section"]["b"]["auroc"]
    table = faults_table([one | {"command": "again"} for one in found]).splitlines()
    assert table[2].startswith("| **seisflow, joint** (default) |")
    assert all(line.count("|") == 6 for line in table if line.startswith("|"))


def test_a_folder_without_picks_is_refused(tiny_run, tmp_path):
    with pytest.raises(DataError, match="no picks"):
        faults.run(tmp_path, asked(tiny_run))
