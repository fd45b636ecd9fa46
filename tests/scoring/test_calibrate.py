"""Calibration of all scores takes one pass, and no more memory than it is allowed."""

import numpy as np
import pytest

from seisflow.calibration.by_depth import FOLDS
from seisflow.models import load_model
from seisflow.patches import Panel
from seisflow.patches.areas import Area
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import scores_of
from seisflow.scoring import calibrate
from seisflow.scoring.places import BESIDE, places_beside


@pytest.fixture(scope="module")
def model(tiny_run):
    return load_model(tiny_run)


def panels(count, shape=(64, 80)):
    rng = np.random.default_rng(0)
    depth = 4.0 * np.arange(shape[0])
    return [
        (Panel(rng.normal(size=shape).astype(np.float32), np.ones(shape, bool)), depth) for _ in range(count)
    ]


def test_every_score_that_a_model_offers_is_calibrated_unless_named(model):
    scaling = AmplitudeScaling(std=1.0)
    found = calibrate.calibrate_scores(model, panels(FOLDS), scaling, held_out=True, count=FOLDS)
    assert set(found.calibrations) == set(scores_of(model)) - {"typicality", "nll"}
    few = calibrate.calibrate_scores(
        model, panels(FOLDS), scaling, held_out=True, count=FOLDS, names=["ratio"]
    )
    assert set(few.calibrations) == {"ratio"}
    alone = calibrate.calibrate_scores(
        model, panels(FOLDS), scaling, held_out=True, count=FOLDS, names=["combined"]
    )
    assert alone.calibrations == {
        "combined": found.calibrations["combined"]
    }  # a part of joint, fitted with it
    assert few.calibrations["ratio"] == found.calibrations["ratio"]
    assert few.calibration == found.calibration
    assert np.isfinite(found.nats_per_dim)
    states = found.calibrations["density-of-states"]
    matrix = np.array(states.precision)
    assert (np.linalg.eigvalsh(matrix) > 0).all()
    assert len(matrix) == len(states.features) == model.levels + 2


def test_of_long_panels_the_middle_is_looked_at(model, monkeypatch):
    monkeypatch.setattr(calibrate, "MOST_SAMPLES", 64 * 40)
    scaling = AmplitudeScaling(std=1.0)
    long = panels(2, (64, 200))
    cropped = [(panel.crop(slice(None), slice(80, 120)), depth) for panel, depth in long]
    one, two = (
        calibrate.calibrate_scores(model, some, scaling, held_out=True, count=2, names=["ratio"])
        for some in (long, cropped)
    )
    assert one.calibration == two.calibration
    assert one.calibration.shape == (64, 40)


def test_panels_beside_count_for_what_is_normal_alone(model):
    scaling = AmplitudeScaling(std=1.0)
    one = panels(2)
    loud = [(panel.crop(slice(None), slice(None)), depth) for panel, depth in panels(3)]
    for panel, _ in loud:
        panel.amplitude[:] *= 3
    alone, both = (
        calibrate.calibrate_scores(
            model, one, scaling, held_out=True, count=2 + len(some), names=["joint"], beside=some
        )
        for some in ([], loud)
    )
    assert both.nats_per_dim == alone.nats_per_dim
    assert both.calibration.quantiles[4][-1] > alone.calibration.quantiles[4][-1]
    for found in both.calibration, both.calibrations["joint"]:
        assert len(found.maxima) == 2


def test_training_panels_stand_beside_each_about_as_wide_as_a_held_out_one():
    held_out = Area(0, [()], slice(0, 463), slice(808, 951)), (), slice(808, 951)
    trained = Area(0, [()], slice(0, 463), slice(0, 744))
    found = places_beside([trained], [held_out])
    assert [place[2].start for place in found] + [744] == [0] + [place[2].stop for place in found]
    assert all(abs(place[2].stop - place[2].start - 143) < 10 for place in found)

    lines = Area(0, [(i,) for i in range(30)], slice(0, 100), slice(0, 60))
    own = [(lines, (i,), slice(0, 60)) for i in range(6)]
    found = places_beside([lines], own)
    assert len(found) == BESIDE
    assert (found[0][1], found[-1][1]) == ((0,), (29,))
    assert places_beside([lines], own * 4) == found
    assert places_beside([], own) == []
