"""Guesses name the side, the shape and the level that an anomaly has."""

import pytest

import seisflow
from seisflow.models import load_model
from seisflow.output.anomaly_types import anomaly_types, level_deviations, type_of
from seisflow.scores import level_names
from seisflow.scoring.anomalies import Anomaly


def anomaly(sign=1, height=40, width=40, at=(1, 26, 48)):
    return Anomaly(sign, 5.0 * sign, at, 100, 50.0, (1,), (1,), (10, 10 + height, 20, 20 + width))


@pytest.mark.parametrize(
    ("found", "level", "expected"),
    [
        (anomaly(height=300, width=3), "level 1", "bad traces"),
        (anomaly(-1, height=300, width=3), "latent", "bad traces"),
        (anomaly(-1, height=200, width=40), "spectrum", "wiped-out zone"),
        (anomaly(-1), "spectrum", "dim zone"),
        (anomaly(height=10, width=60), "level 2", "strong or flat event"),
        (anomaly(), "spectrum", "amplitude or frequency content unlike the survey"),
        (anomaly(), "level 3", "disturbed structure or noise"),
        (anomaly(), "", "disturbed structure or noise"),
    ],
)
def test_types_follow_side_shape_and_level(found, level, expected):
    assert type_of(found, level) == expected


def test_the_levels_see_a_bright_spot_and_little_beside_it(cube_file, tiny_run):
    section, model = seisflow.open_section(cube_file), load_model(tiny_run)
    both = [anomaly(at=at) for at in ((1, 26, 48), (1, 95, 60))]
    bright, quiet = level_deviations(both, section, model, model.card.scaling)
    assert [quiet] == level_deviations(both[1:], section, model, model.card.scaling)
    assert list(bright) == level_names(model.levels + 2)
    assert max(map(abs, bright.values())) > 3 * max(map(abs, quiet.values()))
    (guess,) = anomaly_types([anomaly(at=(1, 26, 48))], section, model, model.card.scaling)
    assert guess.level == max(bright, key=lambda name: abs(bright[name]))


def test_a_model_without_calibrated_levels_guesses_by_shape(cube_file, tiny_run):
    section, model = seisflow.open_section(cube_file), load_model(tiny_run)
    model.card = model.card.model_copy(update={"calibrations": {}})
    (guess,) = anomaly_types([anomaly(-1)], section, model, model.card.scaling)
    assert (guess.type, guess.level, guess.deviations) == ("dim zone", "", {})
