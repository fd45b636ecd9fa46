"""Clusters that topics start from, and priors that start from them."""

import numpy as np
import pytest
import torch
from sklearn.cluster import SpectralClustering
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

from seisflow.priors import KATPrior, LDAPrior
from seisflow.priors.clusters import clusters, leading_components, neighbour_graph


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
    expected = (x - x.mean(0)).numpy() @ axes[:32].T
    found = leading_components(x).numpy()[:, ::-1]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), values[: found.shape[1]], atol=1e-8)


@pytest.mark.filterwarnings("ignore:Graph is not fully connected")
@pytest.mark.parametrize("n", [100, 300, 1000])  # a graph as a matrix, and a sparse one
def test_clusters_are_those_of_scikit_learn_and_the_kinds(n):
    x, kinds = stretched_blobs(n)
    peer = SpectralClustering(3, affinity="nearest_neighbors", n_neighbors=11, random_state=0)
    found = clusters(x, 3).argmax(1).numpy()
    assert adjusted_rand_score(peer.fit_predict(leading_components(x.double())), found) > 0.98
    assert adjusted_rand_score(kinds, found) > 0.98


def test_the_graph_joins_nearest_neighbours_both_ways():
    y = leading_components(stretched_blobs(40)[0].double())
    far = torch.cdist(y, y).fill_diagonal_(torch.inf)
    nearest = far <= far.kthvalue(10, dim=1, keepdim=True).values
    np.testing.assert_array_equal(neighbour_graph(y).toarray(), (nearest | nearest.T).double())


def test_clusters_that_bend_into_each_other_are_told():
    """Two half moons, of which neither k-means nor a mixture of Gaussians makes two."""
    x, kinds = make_moons(1200, noise=0.06, random_state=0)
    assert adjusted_rand_score(kinds, clusters(torch.tensor(x), 2).argmax(1)) > 0.98


def test_clusters_sum_to_one_most_frequent_first_and_are_fixed_by_the_seed():
    x, _ = stretched_blobs(1000)
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


@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
def test_topics_drawn_a_little_to_clusters_are_nearly_what_they_were_and_tell_the_kinds(make):
    torch.manual_seed(0)
    kinds = torch.arange(2).repeat_interleave(100)
    z = torch.where(kinds[:, None, None, None] == 0, -1.0, 1.0) + 0.5 * torch.randn(200, 2, 16, 16)
    prior = make((2, 16, 16))
    before = prior.log_prob(z).mean().detach()
    prior.initialise(z, share=0.0)
    torch.testing.assert_close(prior.log_prob(z).mean().detach(), before, rtol=1e-3, atol=0)
    prior.initialise(z, share=0.02)
    a_little = prior.log_prob(z).mean().detach()
    assert adjusted_rand_score(kinds, prior.responsibilities(z)[:, :2].argmax(1)) > 0.95
    prior.initialise(z, share=1.0)
    assert float(a_little - before) < 0.1 * float(prior.log_prob(z).mean().detach() - before)
