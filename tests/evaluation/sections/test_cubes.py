"""Cubes with missing traces, and their linear interpolation."""

import numpy as np
import pytest

from seisflow.evaluation.sections.cubes import KINDS, interpolated, missing


@pytest.mark.parametrize("kind", KINDS)
def test_traces_are_missing_as_said_and_in_other_places_of_each_line(kind):
    gone = missing(kind, (11, 202), 0)
    if kind == "lines":
        assert gone.all(1).tolist() == [number % 3 == 1 for number in range(11)]
        assert not gone[::3].any()
        return
    assert gone.mean() == pytest.approx(0.5 if kind == "half" else 8 / 64, abs=0.03)
    assert len(np.unique(gone, axis=0)) >= 8
    assert not gone.all(0).any()


def test_a_plane_is_interpolated_as_it_is():
    line, trace, time = np.mgrid[:9, :30, :12].astype(np.float32)
    plane = 2 * line - trace + time
    gone = np.random.default_rng(0).random((9, 30)) < 0.4
    gone[[0, 0, -1, -1], [0, -1, 0, -1]] = False
    np.testing.assert_allclose(interpolated(plane, gone), plane, atol=1e-3)
    gone[0, 0] = True
    corner = interpolated(plane, gone)[0, 0]
    assert np.abs(corner - plane[0, 0]).max() < 6  # the nearest known one
