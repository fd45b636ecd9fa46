"""The forest cannot tell two sets of the same kind, and can tell rougher ones."""

import numpy as np
from scipy.ndimage import gaussian_filter

from seisflow.evaluation.sections.two_sample import attributes, forest_auroc


def patches(count, smoothing, seed):
    rng = np.random.default_rng(seed)
    return np.stack([gaussian_filter(rng.standard_normal((64, 32)), (1, smoothing)) for _ in range(count)])


def test_forest_is_at_chance_for_the_same_kind_and_certain_for_another(monkeypatch):
    monkeypatch.setattr("seisflow.evaluation.sections.two_sample.TREES", 60)
    real, again, rough = (attributes(patches(40, s, seed)) for s, seed in ((3, 0), (3, 1), (1.5, 2)))
    place = np.arange(40) % 4
    same, error = forest_auroc(real, again, place)
    assert abs(same - 0.5) < 3 * error
    assert forest_auroc(real, rough, place)[0] > 0.95


def test_forest_does_not_know_a_place_by_the_next_line(monkeypatch):
    """Lines of one survey, each place nearly the same on all: nothing tells the first lines from the last."""
    monkeypatch.setattr("seisflow.evaluation.sections.two_sample.TREES", 60)
    rng = np.random.default_rng(3)
    places = rng.standard_normal((2, 4, 41))
    first, last = (
        np.concatenate([place + 0.01 * rng.standard_normal(place.shape) for _ in range(10)])
        for place in places
    )
    assert forest_auroc(first, last, np.arange(40) % 4)[0] < 0.9
