"""Disturbed copies of held-out panels, and what is learned from them."""

import time

import numpy as np
import pytest

from seisflow.calibration.by_depth import JointCalibration
from seisflow.calibration.learned import squashed
from seisflow.models import load_model
from seisflow.patches import Panel
from seisflow.scores import scores_of
from seisflow.scoring import learning
from seisflow.scoring.learning import Copied, Learner, part_of, part_shape

DRAFT = JointCalibration(features=[], maxima=[], held_out=True)


def panels(count, shape=(64, 48)):
    rng = np.random.default_rng(0)
    depth = 4.0 * np.arange(shape[0])
    return [
        Copied(Panel(rng.normal(size=shape).astype(np.float32), np.ones(shape, bool)), depth)
        for _ in range(count)
    ]


def inputs(calibration, panel, depth, seed):
    """Squared amplitudes of every fourth sample, and a map that tells nothing."""
    assert len(depth) == panel.shape[0]
    return [squashed(panel.amplitude[::4] ** 2), np.zeros_like(panel.amplitude[::4])]


def learner(some, until=None):
    made = []
    return Learner(some, 1.0, inputs, until, made.append), made


def test_copies_are_made_once_and_of_each_panel_in_turn():
    learn, made = learner(panels(3))
    whole = learn(DRAFT, [0, 1, 2])
    others = learn(DRAFT, [0, 2])
    assert made == list(range(learning.COPIES))
    assert whole != others
    np.testing.assert_array_equal(np.unique(learn._examples.panel), [0, 1, 2])
    assert 0.02 < learn._examples.disturbed.mean() < 0.9


def test_fewer_copies_are_made_where_time_is_short_but_some():
    learn, made = learner(panels(2), until=time.monotonic() - 1)
    learn(DRAFT, [0, 1])
    assert made == list(range(learning.LEAST_COPIES))
    learn, made = learner(panels(2), until=time.monotonic() + 600)
    learn(DRAFT, [0, 1])
    assert made == list(range(learning.COPIES))


def test_a_panel_that_is_masked_all_over_teaches_nothing():
    some = panels(2)
    some[1] = Copied(Panel(some[1].panel.amplitude, np.zeros((64, 48), bool)), some[1].depth)

    def masked(calibration, panel, depth, seed):
        return [np.where(panel.mask[::4], one, np.nan) for one in inputs(calibration, panel, depth, seed)]

    learn = Learner(some, 1.0, masked, None, lambda done: None)
    assert learn(DRAFT, [0, 1]) == learn(DRAFT, [0]) == learn(DRAFT, [1])


@pytest.mark.parametrize(("shape", "expected"), [((300, 90), (256, 90)), ((100, 500), (100, 128))])
def test_parts_of_large_panels_are_copied(shape, expected):
    assert part_shape(shape, (32, 32)) == expected
    depth = np.arange(float(shape[0]))
    panel = Panel(np.broadcast_to(depth[:, None], shape).astype(np.float32), np.ones(shape, bool))
    parts = [part_of(panel, depth, (32, 32), number) for number in range(5)]
    for part in parts:
        assert part.panel.shape == expected
        np.testing.assert_array_equal(part.panel.amplitude[:, 0], part.depth)
    if shape[0] > expected[0]:
        assert len({part.depth[0] for part in parts}) > 1


def test_the_joint_score_has_learned_and_its_recipe_tells(tiny_run):
    model = load_model(tiny_run)
    score, calibration = scores_of(model)["joint"], model.card.calibrations["joint"]
    assert score.learns
    assert score.fits(calibration)
    assert not score.fits(calibration.model_copy(update={"learned": None}))
    assert not any(one.learns for name, one in scores_of(model).items() if name != "joint")
    assert all(one.learned is None for name, one in model.card.calibrations.items() if name != "joint")
