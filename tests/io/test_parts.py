"""Parts of a section by numbers of traces, polygons and horizons."""

import json

import numpy as np
import pytest

from seisflow.errors import DataError
from seisflow.io import open_section, select
from seisflow.io.segy.crs import crs_of_text
from seisflow.patches import read_panel
from seisflow.patches.numbers import lateral_axis
from seisflow.plotting import draw


@pytest.fixture
def cube(cube_file):
    return open_section(cube_file)


def test_a_number_of_the_traces_selects_as_a_dim_does(cube_file):
    line = open_section(cube_file, line=True)
    line = line.assign_coords(cdp=("trace", 100 + 2 * np.arange(line.sizes["trace"])))
    part = select(line, ["cdp=200:300"])
    assert part["cdp"].values[[0, -1]].tolist() == [200, 300]
    assert lateral_axis(part)[1] == "cdp"
    with pytest.raises(DataError, match="cdp runs from 100 to"):
        select(line, ["cdp=1:5"])


@pytest.mark.parametrize("kind", ["geojson", "csv", "numbers"])
def test_a_polygon_keeps_the_traces_inside(cube, tmp_path, kind):
    # crosslines 11 to 31 of inlines 2 and 3, by coordinates that the cube has
    x, y = (400_000 + 25 * 9.5, 400_000 + 25 * 30.5), (6_000_000 + 12, 6_000_000 + 62)
    if kind == "geojson":
        ring = [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]]
        file = tmp_path / "area.geojson"
        file.write_text(
            json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}})
        )
    elif kind == "csv":
        file = tmp_path / "area.csv"
        file.write_text(f"x,y\n{x[0]},{y[0]}\n{x[1]},{y[0]}\n{x[1]},{y[1]}\n{x[0]},{y[1]}\n")
    else:
        file = tmp_path / "area.csv"
        file.write_text("inline,crossline\n1.5,10.5\n1.5,31.5\n3.5,31.5\n3.5,10.5\n")
    part = select(cube, [f"polygon={file}"])
    assert part["inline"].values.tolist() == [2, 3]
    assert part["crossline"].values[[0, -1]].tolist() == [11, 31]


def test_a_polygon_that_holds_nothing_says_where_the_traces_are(cube, tmp_path):
    (tmp_path / "far.csv").write_text("x,y\n0,0\n1,0\n1,1\n")
    with pytest.raises(DataError, match=r"It has cdp_x 0 to 1, .* cdp_x 400000 to 402775"):
        select(cube, [f"polygon={tmp_path / 'far.csv'}"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("1,1,9000\n1,112,9000\n4,1,9000\n4,112,9000\n", "below cube.sgy, whose time runs from 0 to 380"),
        (
            "70,1,100\n70,9,100\n90,1,100\n90,9,100\n",
            "no trace of cube.sgy lies in it. It has inline 70",
        ),
    ],
)
def test_a_horizon_that_misses_the_survey_says_where_both_are(cube, tmp_path, table, words):
    (tmp_path / "top.csv").write_text("inline,crossline,time\n" + table)
    with pytest.raises(DataError, match=words):
        select(cube, [f"horizon={tmp_path / 'top.csv'}:-50:+50"])


def test_a_picture_shows_nothing_outside_a_window_or_a_polygon(cube, tmp_path):
    (tmp_path / "top.csv").write_text("inline,crossline,time\n1,1,120\n1,112,180\n4,1,120\n4,112,180\n")
    (tmp_path / "area.csv").write_text("inline,crossline\n0.5,0.5\n4.5,0.5\n0.5,80.5\n")
    part = select(cube, [f"polygon={tmp_path / 'area.csv'}", f"horizon={tmp_path / 'top.csv'}:-20:+60"])
    drawn = draw(part.isel(inline=[2])).axes[0].images[0].get_array().filled(np.nan)
    np.testing.assert_array_equal(np.isfinite(drawn), read_panel(part, (2,)).mask)
    assert 0.05 < np.isfinite(drawn).mean() < 0.6


def test_a_triangle_masks_traces_within_the_lines_it_crosses(cube, tmp_path):
    (tmp_path / "area.csv").write_text("inline,crossline\n0.5,0.5\n4.5,0.5\n0.5,40.5\n")
    part = select(cube, [f"polygon={tmp_path / 'area.csv'}"])
    count = part["trace_mask"].sum("crossline").values
    assert (np.diff(count) < 0).all()
    assert not read_panel(part, (3,)).mask[:, count[3] :].any()


def test_a_horizon_with_a_window_masks_what_is_outside(cube, tmp_path):
    file = tmp_path / "top.csv"
    file.write_text("inline,crossline,time\n1,1,120\n1,112,180\n4,1,120\n4,112,180\n")
    part = select(cube, [f"horizon={file}:-20:+60"])
    assert (part["time"].values[0], part["time"].values[-1]) == (100, 240)
    mask, time = read_panel(part, (1,)).mask, part["time"].values
    for crossline in (1, 60, 112):
        horizon = 120 + 60 * (crossline - 1) / 111
        inside = (time >= horizon - 20) & (time <= horizon + 60)
        np.testing.assert_array_equal(mask[:, crossline - 1], inside)


def test_a_horizon_that_cannot_be_read_says_how_to_write_it(cube, tmp_path):
    with pytest.raises(DataError, match=r"Write FILE\.csv:-50:\+200"):
        select(cube, ["horizon=top.csv"])
    with pytest.raises(DataError, match=r"ends above where it begins\. Write top\.csv:-50:\+200"):
        select(cube, ["horizon=top.csv:200:-50"])
    with pytest.raises(DataError, match=r"cannot be read as CSV \(no such file"):
        select(cube, [f"horizon={tmp_path / 'none.csv'}:-5:+5"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('C 6 CRS: ED50-UTM31 ("MENTOR:ED50-UTM31:European 1950 Based UTM, Zone 31 North,', "EPSG:23031"),
        ("C 6 PROJECTION: WGS84 UTM ZONE 59S", "EPSG:32759"),
        ("C 6 EPSG:28992", "EPSG:28992"),
        ("C 6 MAP PROJECTION UTM ZONE 31", None),
        ("C 6 ED50 OR WGS84, UTM ZONE 31N", None),
        ("", None),
    ],
)
def test_the_coordinate_system_is_that_of_the_text_header(text, code):
    assert crs_of_text(text) == code
