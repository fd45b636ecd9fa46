"""Clusters that topics start from, and priors that start from them."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from seisflow.priors import KATPrior, LDAPrior
from seisflow.priors.clusters import clusters, leading_components


def stretched_blobs(n=300, seed=0):
    """Three Gaussians of 40 numbers, long in some direction of their own, and which each item is of."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    centres, long = 4 * rng.normal(size=(3, 40)) / 40**0.5, rng.normal(size=(3, 40))
    x = centres[kinds] + rng.normal(size=(n, 1)) * long[kinds] + 0.2 * rng.normal(size=(n, 40))
    return torch.tensor(x, dtype=torch.float32), kinds


@pytest.mark.parametrize("n", [30, 300])  # fewer and more items than numbers
def test_components_are_those_of_the_singular_values(n):
    x = stretched_blobs(n)[0].double()
    _, values, axes = np.linalg.svd((x - x.mean(0)).numpy(), full_matrices=False)
    expected = (x - x.mean(0)).numpy() @ axes[:16].T
    found = leading_components(x).numpy()[:, ::-1]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), values[:16])


def test_clusters_are_as_likely_as_those_of_scikit_learn():
    x, kinds = stretched_blobs()
    y = leading_components(x.double())
    peer = GaussianMixture(3, n_init=10, random_state=0, reg_covar=1e-2).fit(y)
    found = clusters(x, 3).argmax(1).numpy()
    ours, theirs = (adjusted_rand_score(kinds, numbers) for numbers in (found, peer.predict(y)))
    assert ours > 0.95
    assert ours >= theirs - 0.02


def test_clusters_are_probabilities_most_frequent_first_and_fixed_by_the_seed():
    x, _ = stretched_blobs()
    r = clusters(x, 3, seed=1)
    torch.testing.assert_close(r.sum(1), torch.ones(len(x)))
    assert (r.sum(0).diff() <= 0).all()
    assert torch.equal(r, clusters(x, 3, seed=1))


@pytest.mark.parametrize("x", [torch.zeros(50, 8), torch.ones(3, 8), torch.randn(5, 2)])
def test_few_or_equal_items_are_no_failure(x):
    r = clusters(x, 4)
    assert r.shape == (len(x), 4)
    assert torch.isfinite(r).all()


PRIORS = {
    "lda": lambda shape: LDAPrior(shape, topics=3, means=7),
    "lda shared over positions": lambda shape: LDAPrior(shape, topics=3, means=7, share="position"),
    "kat": lambda shape: KATPrior(shape, components=3),
    "kat of mixtures": lambda shape: KATPrior(shape, components=3, means=3),
}


@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
def test_topics_start_as_the_kinds_of_items_and_more_likely_than_from_noise(make):
    """Kinds that differ in level by channel, so that sharing over positions can tell them too."""
    torch.manual_seed(0)
    kinds = torch.arange(3).repeat_interleave(torch.tensor([100, 60, 40]))
    level = torch.tensor([[-1.0, -1.0], [1.5, 0.0], [0.0, 1.5]])[kinds]
    z = level[:, :, None, None] + 0.7 * torch.randn(200, 2, 4, 4)
    prior = make((2, 4, 4))
    before = prior.log_prob(z).mean().detach()
    prior.initialise(z)
    assert float(prior.log_prob(z).mean().detach() - before) > 1
    assert adjusted_rand_score(kinds, prior.responsibilities(z).argmax(1)) > 0.95
    np.testing.assert_allclose(prior.log_topic_weights.exp().detach(), [0.5, 0.3, 0.2], atol=0.03)


@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
def test_a_topic_of_no_item_expects_what_all_items_are_like(make):
    torch.manual_seed(0)
    z = torch.randn(2, 2, 4, 4)
    prior = make((2, 4, 4))
    prior.initialise(z)
    assert torch.isfinite(prior.log_prob(z)).all()
    assert all(torch.isfinite(p).all() for p in prior.parameters())
