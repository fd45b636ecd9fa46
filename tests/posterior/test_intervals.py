"""Width of intervals by the distance of known traces."""

import numpy as np
import pytest

from seisflow.posterior.intervals import HALF_WIDTH, Widths, distance_to_known, fit_widths


def test_distances_are_harmonic_means_of_those_on_both_sides():
    there = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0], bool)
    between = 2 / (1 / np.array([1, 2, 3]) + 1 / np.array([3, 2, 1]))
    np.testing.assert_allclose(
        distance_to_known(there), [4, 1, 2 / (1 / 2 + 1 / 4), *between, 8, 2, 4]
    )  # known ones are told from the others


@pytest.mark.parametrize("there", [[], [0], [0, 0, 0], [1]])
def test_a_distance_to_nothing_is_the_width(there):
    found = distance_to_known(np.array(there, bool))
    np.testing.assert_array_equal(found, np.full(len(there), len(there)))


def errors(rng, growth, traces=200, samples=300):
    distance = rng.uniform(1, 6, traces)
    return [(0.5 * d**growth * rng.standard_normal(samples)).astype(np.float32) for d in distance], distance


@pytest.mark.parametrize("growth", [0.0, 0.3, 0.7])
def test_intervals_hold_their_share_near_and_far(growth):
    rng = np.random.default_rng(3)
    widths = fit_widths(*errors(rng, growth))
    assert widths.factor == pytest.approx(0.5, rel=0.03)
    assert widths.growth == pytest.approx(growth, abs=0.02)
    some, distance = errors(rng, growth)
    held = [np.mean(np.abs(one) < HALF_WIDTH * f) for one, f in zip(some, widths.at(distance), strict=True)]
    for part in (distance < 2, distance > 4):
        assert np.mean(np.array(held)[part]) == pytest.approx(0.9, abs=0.01)


def test_few_traces_tell_of_no_growth():
    rng = np.random.default_rng(4)
    growths = [fit_widths([rng.standard_normal(400) * rng.lognormal(0, 0.3) for _ in range(3)], [1, 1.3, 1.3])
               .growth for _ in range(50)]  # fmt: skip
    assert np.mean(growths) < 0.03


def test_one_trace_gives_a_factor():
    widths = fit_widths([np.linspace(-1, 1, 1001, dtype=np.float32)], [2.0])
    assert widths == Widths(pytest.approx(0.9 / HALF_WIDTH, rel=1e-3), 0.0)
