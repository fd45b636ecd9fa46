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
    same, error = forest_auroc(real, again)
    assert abs(same - 0.5) < 3 * error
    assert forest_auroc(real, rough)[0] > 0.95
