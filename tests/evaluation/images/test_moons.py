"""Two moons: the density that models are judged by."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from seisflow.evaluation.images.moons import NOISE, draw_points, log_density


def test_the_density_integrates_to_one():
    axis = np.linspace(-1.6, 2.6, 160)
    plane = np.stack([grid.ravel() for grid in np.meshgrid(axis, axis)], 1)
    assert np.exp(log_density(plane)).sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=1e-4)


def test_the_density_is_that_of_the_points():
    """By counting: the share of points within a small disk around places of both moons, and beside them."""
    points, _ = draw_points(400_000, np.random.default_rng(0))
    tree = cKDTree(points)
    places = np.array([[0, 1], [1, -0.5], [-1, 0.1], [0.0, 0.85]])
    radius = NOISE / 4
    counted = np.array([len(found) for found in tree.query_ball_point(places, radius)]) / len(points)
    np.testing.assert_allclose(counted / (np.pi * radius**2), np.exp(log_density(places)), rtol=0.15)


def test_points_are_told_apart_by_moon():
    points, second = draw_points(2000, np.random.default_rng(1))
    assert points[~second, 1].mean() > points[second, 1].mean()
    assert 0.45 < second.mean() < 0.55
