"""Agreement of clusters with labels."""

import numpy as np
import pytest
import torch

from seisflow.evaluation.images import topics
from seisflow.evaluation.images.topics import agreement
from seisflow.io.images import dequantise
from seisflow.models import build_model

from ...conftest import tiny_image_config

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


def test_latents_topics_and_bits_are_those_of_the_model():
    torch.manual_seed(0)
    model = build_model(tiny_image_config())
    pixels = RNG.integers(256, size=(5, 1, 32, 32)).astype(np.uint8)
    latents, found, bits = topics.seen_by(model, pixels)
    x = dequantise(pixels, np.random.default_rng(topics.NOISE_SEED))
    np.testing.assert_allclose(latents, model.encode(x)[0].detach().flatten(1), atol=1e-6)
    np.testing.assert_array_equal(found, model.topics(x).argmax(1))
    np.testing.assert_allclose(bits, model.bits_per_dim(x).detach(), rtol=1e-5)


def test_clusters_of_what_is_apart_are_found_by_every_kind():
    pytest.importorskip("sklearn")
    kinds = RNG.integers(3, size=400)
    x = 5.0 * np.eye(3, 20)[kinds] + RNG.normal(size=(400, 20))
    found = topics.clusterings(x[:300], x[300:], 3)
    assert list(found) == list(topics.KINDS)
    assert all(agreement(one, kinds[300:]).nmi > 0.9 for one in found.values())
