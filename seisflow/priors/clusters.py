r"""Clusters of initial latents, for the topics of a mixture prior to start from.

Topics that begin alike part by scale, the first thing that a gradient can tell them by, and stay what they
became. Clusters of the latents, before anything is trained, already tell kinds of items apart. As the flow is
to take away what depends on what *within* a topic, a cluster is a Gaussian with a full covariance in the
leading principal components, not a ball as for k-means, from which it starts.

References
----------
Dempster, Laird & Rubin, *Maximum likelihood from incomplete data via the EM algorithm*, 1977; Arthur &
Vassilvitskii, *k-means++*, 2007.
"""

import math
import warnings

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

COMPONENTS = 16
"""Principal components in which clusters are looked for."""
RESTARTS, ROUNDS, FLOOR = 4, 100, 0.1
"""Starts of EM, of which the likeliest is taken; its rounds; items a dimension added to each covariance."""


@torch.no_grad()
def clusters(x: Tensor, count: int, *, seed: int = 0) -> Tensor:
    """Probability of each cluster for every item.

    Parameters
    ----------
    x : Tensor
        Items, ``(B, D)``.
    count : int
        Number of clusters.
    seed : int
        Seed of the starts; the same items and seed give the same clusters.

    Returns
    -------
    Tensor
        ``(B, count)``, rows sum to 1, most frequent cluster first.
    """
    y = leading_components(x.double())
    best, found = -math.inf, y.new_full((len(y), count), 1 / count)
    differ = len(y) > count > 1 and bool(y.any())
    for start in range(RESTARTS if differ else 0):
        likelihood, r = _expectation_maximisation(y, _k_means(y, count, seed + start))
        if likelihood > best:
            best, found = likelihood, r
    return found[:, found.sum(0).argsort(descending=True)].to(x.dtype)


def leading_components(x: Tensor) -> Tensor:
    """Coordinates of items ``(B, D)`` along their largest principal axes, ``(B, at most COMPONENTS)``."""
    centred = x - x.mean(0)
    kept = min(COMPONENTS, *x.shape)
    if len(x) < x.shape[1]:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        return vectors[:, -kept:] * values[-kept:].clamp_min(0).sqrt()
    return centred @ torch.linalg.eigh(centred.T @ centred)[1][:, -kept:]


def _k_means(y: Tensor, count: int, seed: int) -> Tensor:
    """Ones where an item is of a cluster of k-means, ``(B, count)``."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty")  # its topic is then a rare one
        _, numbers = kmeans2(y.cpu().numpy(), count, minit="++", rng=rng)
    return torch.nn.functional.one_hot(torch.tensor(numbers, device=y.device).long(), count).to(y.dtype)


def _expectation_maximisation(y: Tensor, r: Tensor) -> tuple[float, Tensor]:
    """Log-likelihood an item and responsibilities ``(B, K)`` of a mixture of Gaussians, from those given."""
    size = y.shape[1]
    spread = torch.cov(y.T, correction=0).reshape(size, size).diagonal().mean().clamp_min(1e-12)
    floor = FLOOR * size * spread * torch.eye(size, dtype=y.dtype, device=y.device)
    likelihood = -math.inf
    for _ in range(ROUNDS):
        n = r.sum(0)
        means = (r.T @ y) / n[:, None].clamp_min(1e-9)
        away = y - means[:, None]  # (K, B, d)
        scatter = torch.einsum("bk,kbi,kbj->kij", r, away, away)
        root = torch.linalg.cholesky((scatter + floor) / (n + FLOOR * size)[:, None, None])
        scaled = torch.linalg.solve_triangular(root, away.transpose(1, 2), upper=False)
        log_det = root.diagonal(dim1=1, dim2=2).log().sum(1)
        joint = (n / n.sum()).clamp_min(1e-12).log() - log_det - 0.5 * scaled.square().sum(1).T
        before, likelihood = likelihood, float(joint.logsumexp(1).mean()) - 0.5 * size * math.log(2 * math.pi)
        r = joint.softmax(1)
        if likelihood - before < 1e-4:
            break
    return likelihood, r
