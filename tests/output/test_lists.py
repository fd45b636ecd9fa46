"""Lists of anomalies hold what was found, where it lies, on the map too."""

import csv
import json

import numpy as np
import pytest
import xarray as xr

from seisflow.output.lists import as_csv, as_geojson
from seisflow.scoring.anomalies import Anomaly, describe


@pytest.fixture
def survey():
    inline, crossline = np.arange(100, 106), np.arange(200, 210)
    east, north = np.meshgrid(25.0 * np.arange(6), 12.5 * np.arange(10), indexing="ij")
    return xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), np.zeros((6, 10, 20), np.float32))},
        coords={
            "inline": inline,
            "crossline": crossline,
            "time": 4.0 * np.arange(20),
            "cdp_x": (("inline", "crossline"), 5e5 + east),
            "cdp_y": (("inline", "crossline"), 6e6 + north),
        },
        attrs={"crs": "EPSG:23031"},
    )


def anomaly(first=1, last=3, left=2, right=7):
    return Anomaly(1, 5.5, (2, 4, 10), 80, 49.0, (first,), (last,), (5, 15, left, right))


def test_csv_has_a_row_an_anomaly_with_all_that_is_known(survey):
    described = [describe(anomaly(), survey) | {"p_value": 0.01, "levels": {"latent": 4.0}}] * 2
    rows = list(csv.DictReader(as_csv(described).splitlines()))
    assert [row["rank"] for row in rows] == ["1", "2"]
    row = rows[0]
    assert (row["inline"], row["crossline"], row["time"]) == ("102", "204", "40.0")
    assert (row["crossline_first"], row["crossline_last"]) == ("202", "206")
    assert (float(row["cdp_x"]), float(row["cdp_y"])) == (5e5 + 50, 6e6 + 50)
    assert (row["p_value"], row["deviation of latent"]) == ("0.01", "4.0")


def test_no_anomalies_make_a_table_of_no_rows(survey):
    assert as_csv([]) == "rank\n"
    assert json.loads(as_geojson([], [], survey))["features"] == []


@pytest.mark.parametrize(
    ("extent", "kind", "corners"),
    [
        ({}, "Polygon", {(25, 25), (75, 25), (25, 75), (75, 75)}),
        ({"last": 1}, "LineString", {(25, 25), (25, 75)}),
        ({"right": 3}, "LineString", {(25, 25), (75, 25)}),
        ({"last": 1, "right": 3}, "Point", {(25, 25)}),
    ],
)
def test_geojson_outlines_the_traces_covered(survey, extent, kind, corners):
    found = anomaly(**extent)
    collection = json.loads(as_geojson([found], [describe(found, survey)], survey))
    assert collection["crs"]["properties"]["name"] == "EPSG:23031"
    (feature,) = collection["features"]
    geometry = feature["geometry"]
    assert geometry["type"] == kind
    points = np.array(geometry["coordinates"]).reshape(-1, 2) - (5e5, 6e6)
    assert {tuple(point) for point in points.tolist()} == corners
    if kind == "Polygon":
        x, y = points.T
        assert (points[0] == points[-1]).all()
        assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0  # counterclockwise
    assert feature["properties"]["peak"] == 5.5


def test_what_has_no_place_has_no_geometry(survey):
    found = anomaly()
    for bare in (survey.drop_vars(["cdp_x", "cdp_y"]), survey.assign(cdp_x=survey["cdp_x"] * np.nan)):
        collection = json.loads(as_geojson([found], [describe(found, bare)], bare))
        assert collection["features"][0]["geometry"] is None


@pytest.mark.parametrize(("unit", "factor"), [("arcsec", 3600), ("degrees", 1)])
def test_geojson_of_angles_is_in_degrees(survey, unit, factor):
    survey = survey.assign_coords(
        cdp_x=((survey["cdp_x"] - 5e5) / 1e4 + 151.0) * factor,
        cdp_y=((survey["cdp_y"] - 6e6) / 1e4 - 33.0) * factor,
    )
    for name in ("cdp_x", "cdp_y"):
        survey[name].attrs["units"] = unit
    found = anomaly(last=1, right=3)
    collection = json.loads(as_geojson([found], [describe(found, survey)], survey))
    assert "crs" not in collection
    np.testing.assert_allclose(collection["features"][0]["geometry"]["coordinates"], [151.0025, -32.9975])
