r"""Clusters of training items, for the topics of a mixture prior to start from.

Topics that begin alike part by scale, the first thing that a gradient can tell them by, and stay what they
became. Kinds of items are neither balls nor Gaussians, but few items lie between two kinds: each item is
joined with those next to it, and the graph W is cut where that costs the fewest edges for the sizes of the
parts. With the degrees :math:`D = \operatorname{diag}(W 1)`, the leading eigenvectors of

.. math:: D^{-1/2}\, W\, D^{-1/2}

are coordinates in which these parts lie apart; k-means finds them there.

References
----------
Ng, Jordan & Weiss, *On spectral clustering: analysis and an algorithm*, 2002; von Luxburg, *A tutorial on
spectral clustering*, 2007; Arthur & Vassilvitskii, *k-means++*, 2007.
"""

import math
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import eigsh
from torch import Tensor

COMPONENTS = 32
"""Principal components in which neighbours are looked for."""
NEIGHBOURS, RESTARTS = 10, 4
"""Edges of each item, besides those of items that have it as a neighbour; starts of k-means."""
DENSE = 512  # items below which the graph is held as a matrix
BLOCK = 1024  # items whose distances to all others are held at a time


@torch.no_grad()
def clusters(x: Tensor, count: int, *, seed: int = 0) -> Tensor:
    """Ones where an item is of a cluster.

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
        ``(B, count)``, rows sum to 1, most frequent cluster first. Equal shares of all clusters where items
        are no more than clusters, or all the same.
    """
    y = leading_components(x.double())
    if not len(y) > count > 1 or not y.any():
        return x.new_full((len(x), count), 1 / count)
    numbers = _k_means(_coordinates(neighbour_graph(y), count, seed), count, seed)
    r = torch.nn.functional.one_hot(torch.tensor(numbers, device=x.device).long(), count)
    return r[:, r.sum(0).argsort(descending=True)].to(x.dtype)


def leading_components(x: Tensor) -> Tensor:
    """Coordinates of items ``(B, D)`` along their largest principal axes, ``(B, at most COMPONENTS)``."""
    centred = x - x.mean(0)
    kept = min(COMPONENTS, *x.shape)
    if len(x) < x.shape[1]:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        noise = len(x) * torch.finfo(x.dtype).eps * values[-1]  # what round-off leaves where there is nothing
        powers = torch.where(values > noise, values, 0)
        return vectors[:, -kept:] * powers[-kept:].sqrt()
    return centred @ torch.linalg.eigh(centred.T @ centred)[1][:, -kept:]


def neighbour_graph(y: Tensor) -> csr_array:
    """Graph ``(B, B)`` of items ``(B, D)``: 1 where either is among the nearest of the other, else 0."""
    count = min(NEIGHBOURS, len(y) - 1)
    nearest = []
    for first in range(0, len(y), BLOCK):
        some = torch.cdist(y[first : first + BLOCK], y)
        some[torch.arange(len(some)), torch.arange(first, first + len(some))] = math.inf
        nearest.append(some.topk(count, largest=False).indices.cpu())
    columns = torch.cat(nearest).numpy().ravel()
    rows = np.repeat(np.arange(len(y)), count)
    directed = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(y), len(y)))
    return directed.maximum(directed.T)


def _coordinates(graph: csr_array, count: int, seed: int) -> NDArray[np.float64]:
    """Items on the unit sphere of the leading eigenvectors of their graph, ``(B, count)``."""
    root = diags_array(1 / np.sqrt(graph.sum(1)))
    scaled = root @ graph @ root
    if scaled.shape[0] <= DENSE:
        vectors = np.linalg.eigh(scaled.toarray())[1][:, -count:]
    else:  # from a start that is fixed, so that the vectors are
        start = np.random.default_rng(seed).random(scaled.shape[0])
        vectors = eigsh(scaled, k=count, which="LA", v0=start)[1]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)


def _k_means(y: NDArray[np.float64], count: int, seed: int) -> NDArray[np.integer]:
    """Number of each item's cluster, of the start that leaves the least variance within."""
    best, found = math.inf, np.zeros(len(y), np.int64)
    for start in range(RESTARTS):
        rng = np.random.default_rng(seed + start)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "One of the clusters is empty")  # its topic is then a rare one
            centres, numbers = kmeans2(y, count, minit="++", rng=rng)
        within = float(np.square(y - centres[numbers]).sum())
        if within < best:
            best, found = within, numbers
    return found
