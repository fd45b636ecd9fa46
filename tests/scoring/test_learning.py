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
from seisflow.scoring.learning import Copied, learn_from_copies, part_of, part_shape

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


def learned_of(some, until=None):
    """Network that has learned from copies of panels, and the numbers of the copies."""
    made = []
    return learn_from_copies(DRAFT, some, 1.0, inputs, until, made.append), made


def test_copies_are_made_of_each_panel_in_turn():
    first, made = learned_of(panels(3))
    assert made == list(range(learning.COPIES))
    assert (first.inputs, first.examples) == (2, learning.COPIES)
    assert learned_of(panels(3))[0] == first
    assert learned_of(panels(2))[0] != first


def test_fewer_copies_are_made_where_time_is_short_but_some():
    for seconds, count in ((-1, learning.LEAST_COPIES), (600, learning.COPIES)):
        learned, made = learned_of(panels(2), until=time.monotonic() + seconds)
        assert learned.examples == count
        assert made == list(range(count))


def test_a_disturbance_that_features_see_is_learned():
    def told(calibration, panel, depth, seed):
        """The change of a panel, whose samples were all alike."""
        return [squashed(20 * np.abs(panel.amplitude - 1))[::4], np.zeros_like(panel.amplitude[::4])]

    one = Copied(Panel(np.ones((128, 64), np.float32), np.ones((128, 64), bool)), 4.0 * np.arange(128))
    learned = learn_from_copies(DRAFT, [one], 1.0, told, None, lambda done: None)
    calm, loud = (
        learned([np.full((1, 1), value, np.float32), np.zeros((1, 1), np.float32)]) for value in (0, 2)
    )
    assert float(loud[0, 0]) > float(calm[0, 0])


def test_a_panel_that_is_masked_all_over_teaches_nothing():
    some = panels(2)
    some[1] = Copied(Panel(some[1].panel.amplitude, np.zeros((64, 48), bool)), some[1].depth)

    def masked(calibration, panel, depth, seed):
        return [np.where(panel.mask[::4], one, np.nan) for one in inputs(calibration, panel, depth, seed)]

    learned = learn_from_copies(DRAFT, some, 1.0, masked, None, lambda done: None)
    zero = [np.zeros((1, 1), np.float32)] * 2
    assert np.isfinite(learned(zero)).all()


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
    narrow = calibration.learned.model_copy(update={"inputs": 4})
    assert not score.fits(calibration.model_copy(update={"learned": narrow}))
    assert not any(one.learns for name, one in scores_of(model).items() if name != "joint")
    assert all(one.learned is None for name, one in model.card.calibrations.items() if name != "joint")
