"""Anomalies are the connected bodies of the whole volume, although only two panels are seen at a time."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter, generate_binary_structure, label

from seisflow.scoring import anomalies
from seisflow.scoring.anomalies import AnomalyList, describe
from seisflow.scoring.maps import Scored


def scored(deviation, lead=(), first=0):
    """Maps of a panel, or of its traces from ``first`` on, (T, X); only the deviation matters here."""
    deviation = np.asarray(deviation, np.float32)
    columns = slice(first, first + deviation.shape[1])
    return Scored(lead, columns, deviation, deviation, deviation, np.isfinite(deviation))


def collect(cube, threshold=1.0, **options):
    """Anomalies of a cube (panel, T, X)."""
    found = AnomalyList(threshold, **options)
    for i, panel in enumerate(cube):
        found.add(scored(panel, (i,)))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_bodies_are_those_of_labelling_the_volume_at_once(seed, monkeypatch):
    monkeypatch.setattr(anomalies, "MIN_SAMPLES", 1)
    cube = gaussian_filter(np.random.default_rng(seed).normal(size=(12, 30, 30)), 1.2)
    cube /= cube.std()
    found = collect(cube)
    expected = []
    for sign in (1, -1):
        labels, count = label(sign * cube > 1, generate_binary_structure(3, 1))
        expected += [
            (int((labels == k).sum()), sign * float((sign * cube[labels == k]).max()))
            for k in range(1, count + 1)
        ]
    assert found.count == len(expected)
    assert sorted((a.samples, round(a.peak, 4)) for a in found.strongest()) == sorted(
        (samples, round(peak, 4)) for samples, peak in expected
    )


@pytest.mark.parametrize("width", [1, 7, 29])
def test_panels_in_tiles_have_the_same_bodies(width, monkeypatch):
    monkeypatch.setattr(anomalies, "MIN_SAMPLES", 1)
    cube = gaussian_filter(np.random.default_rng(7).normal(size=(6, 30, 30)), 1.2)
    cube /= cube.std()
    whole, tiled = collect(cube), AnomalyList(1.0)
    for i, panel in enumerate(cube):
        for first in range(0, 30, width):
            tiled.add(scored(panel[:, first : first + width], (i,), first))
    assert tiled.count == whole.count
    bodies = [
        {(a.samples, a.peak, a.at, a.first, a.last, a.box) for a in x.strongest()} for x in (whole, tiled)
    ]
    assert bodies[0] == bodies[1]


def test_an_anomaly_knows_its_extent_and_peak():
    cube = np.zeros((5, 20, 30))
    cube[1:4, 5:10, 12:18] = 3
    cube[2, 7, 15] = 9
    cube[4, 5:10, 12:18] = -2
    below, above = sorted(collect(cube).strongest(), key=lambda anomaly: anomaly.sign)
    assert (above.samples, above.peak, above.at) == (90, 9, (2, 15, 7))
    assert (above.first, above.last, above.panels, above.box) == ((1,), (3,), 3, (5, 10, 12, 18))
    assert above.strength == pytest.approx(9 * np.sqrt(30))
    assert (below.peak, below.first, below.panels) == (-2, (4,), 1)


def test_bodies_that_meet_later_are_one():
    cube = np.zeros((2, 20, 40))
    cube[0, 5:10, 2:10] = cube[0, 5:10, 20:28] = 2
    cube[1, 5:10, 2:28] = 2
    found = collect(cube)
    assert found.count == 1
    assert found.strongest()[0].samples == 2 * 40 + 130


def test_one_panel_shows_its_own_part_of_a_body():
    cube = np.zeros((2, 20, 40))
    cube[0, 5:10, 2:10] = cube[0, 5:10, 20:28] = 2
    cube[1, 5:10, 2:28] = 2
    found = AnomalyList(1.0)
    left, right = found.add(scored(cube[0], (0,)))
    (both,) = found.add(scored(cube[1], (1,)))
    assert (left.box, right.box, both.box) == ((5, 10, 2, 10), (5, 10, 20, 28), (5, 10, 2, 28))
    assert left.anomaly.whole() is right.anomaly.whole() is both.anomaly.whole() is found.strongest()[0]


@pytest.mark.parametrize("leads", [[(0,), (2,)], [(0, 3), (1, 0)], [(0, 3), (1, 4)]])
def test_panels_that_are_no_neighbours_share_no_body(leads):
    panel = np.zeros((20, 20))
    panel[5:10, 5:10] = 2
    found = AnomalyList(1.0)
    for lead in leads:
        found.add(scored(panel, lead))
    assert found.count == 2


def test_specks_and_what_was_not_scored_are_no_anomalies():
    panel = np.zeros((20, 20))
    panel[:3, :5] = 9
    panel[10:, 10:] = np.nan
    assert collect(panel[None]).count == 0


def test_one_side_alone_can_be_asked_for():
    cube = np.zeros((1, 20, 20))
    cube[0, :5, :5], cube[0, 10:15, :5] = 2, -3
    assert [anomaly.sign for anomaly in collect(cube).strongest()] == [-1, 1]
    assert [anomaly.sign for anomaly in collect(cube, signs=(1,)).strongest()] == [1]


def test_of_many_anomalies_the_strongest_are_kept_and_all_are_counted(monkeypatch):
    monkeypatch.setattr(anomalies, "KEPT", 3)
    cube = np.zeros((41, 5, 5))
    cube[::2] = 2 + np.arange(21)[:, None, None]
    found = collect(cube)
    assert found.count == 21
    assert len(found.strongest()) < 10
    assert [anomaly.peak for anomaly in found.strongest(3)] == [22, 21, 20]


def test_a_description_holds_labels_and_coordinates_and_goes_into_json():
    cube = np.zeros((3, 20, 30))
    cube[1:, 5:10, 12:18] = 3
    cube[1, 7, 15] = 9
    section = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), np.zeros((3, 30, 20)))},
        coords={
            "inline": [100, 102, 104],
            "crossline": np.arange(700, 730),
            "time": 4.0 * np.arange(20),
            "cdp_x": (("inline", "crossline"), np.full((3, 30), 5e5)),
            "cdp_y": (("inline", "crossline"), np.full((3, 30), np.nan)),
        },
    )
    told = describe(collect(cube).strongest()[0], section)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["at"] == {"inline": 102, "crossline": 715, "time": 28.0, "cdp_x": 5e5, "cdp_y": None}
    assert told["extent"] == {"inline": [102, 104], "crossline": [712, 717], "time": [20.0, 36.0]}
    assert (told["kind"], told["samples"], told["panels"]) == ("less probable than normal", 60, 2)


def test_a_line_has_no_leading_position():
    panel = np.zeros((20, 30))
    panel[5:10, 12:18] = -3
    section = xr.Dataset(
        {"amplitude": (("trace", "depth"), np.zeros((30, 20)))}, coords={"depth": 10.0 * np.arange(20)}
    )
    found = AnomalyList(1.0)
    found.add(scored(panel))
    told = describe(found.strongest()[0], section)
    assert told["at"] == {"trace": 12, "depth": 50.0}
    assert told["kind"].startswith("more probable")
