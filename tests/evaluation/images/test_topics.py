"""Agreement of clusters with labels."""

import numpy as np
import pytest

from seisflow.evaluation.images.topics import agreement

RNG = np.random.default_rng(0)
LABELS = RNG.integers(4, size=5000)


def test_the_same_clusters_under_other_names_agree_fully():
    found = agreement((LABELS * 7 + 3) % 11, LABELS)
    assert (found.nmi, found.purity, found.clusters) == (pytest.approx(1), pytest.approx(1), 4)


def test_chance_agrees_in_nothing():
    found = agreement(RNG.integers(3, size=5000), LABELS)
    assert found.nmi == pytest.approx(0, abs=0.005)
    assert found.purity == pytest.approx(0.25, abs=0.03)


def test_a_single_cluster_tells_nothing():
    found = agreement(np.zeros(5000, int), LABELS)
    assert (found.nmi, found.clusters) == (pytest.approx(0, abs=1e-12), 1)


def test_pairs_of_labels_in_one_cluster_lose_a_bit():
    """By hand: H(labels) = 2 bits, H(clusters) = 1 bit, all of it shared: NMI = 1 / 1.5; half are impure."""
    labels = np.tile(np.arange(4), 100)
    found = agreement(labels // 2, labels)
    assert (found.nmi, found.purity) == (pytest.approx(2 / 3), pytest.approx(1 / 2))
