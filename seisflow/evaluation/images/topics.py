"""Do topics mean something? Their agreement with labels that training never sees."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.errors import ModelError
from seisflow.io.images import dequantise
from seisflow.models import FractalFlowModel, Model

BATCH = 128
NOISE_SEED = 1000


@dataclass(frozen=True)
class Agreement:
    """Agreement of a clustering with labels.

    Attributes
    ----------
    nmi : float
        Normalised mutual information, by the arithmetic mean of the entropies: 0 for chance, 1 for the same.
    purity : float
        Share of items whose label is the most frequent one of their cluster.
    clusters : int
        Clusters that have any items.
    """

    nmi: float
    purity: float
    clusters: int

    def __str__(self) -> str:
        return f"NMI {self.nmi:.3f}, purity {self.purity:.3f}, {self.clusters} clusters in use"


def topics_of(model: Model, pixels: NDArray[np.uint8], *, seed: int = NOISE_SEED) -> NDArray[np.int64]:
    """Most probable topic of each image (N, C, H, W), int64 (N,).

    Raises
    ------
    ModelError
        If the model has no topics.
    """
    if not isinstance(model, FractalFlowModel):
        raise ModelError("the model has no topics. Expected a fractal-flow")
    rng = np.random.default_rng(seed)
    found = [
        model.topics(dequantise(pixels[first : first + BATCH], rng)).argmax(1)
        for first in range(0, len(pixels), BATCH)
    ]
    numbers: NDArray[np.int64] = torch.cat(found).cpu().numpy()
    return numbers


def clusterings(
    train: NDArray[np.floating], test: NDArray[np.floating], count: int, *, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """Cluster items (N, D) by what topics have to beat: k-means, and a mixture of diagonal normals.

    Needs the extra ``evaluate``.

    Parameters
    ----------
    train, test : ndarray, (N, D)
        To fit, and to cluster: pixels, or latents of a flow.
    count : int
        Number of clusters.
    """
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    kinds = {
        "k-means": KMeans(count, n_init=3, random_state=seed),
        "mixture of normals": GaussianMixture(
            count, covariance_type="diag", reg_covar=1e-3, random_state=seed
        ),
    }
    return {name: kind.fit(train).predict(test).astype(np.int64) for name, kind in kinds.items()}


def agreement(clusters: NDArray[np.integer], labels: NDArray[np.integer]) -> Agreement:
    """Compare a clustering (N,) with labels (N,)."""
    _, rows = np.unique(clusters, return_inverse=True)
    _, columns = np.unique(labels, return_inverse=True)
    joint = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(joint, (rows, columns), 1 / len(labels))
    h_clusters, h_labels = _entropy(joint.sum(1)), _entropy(joint.sum(0))
    information = h_clusters + h_labels - _entropy(joint.ravel())
    mean = (h_clusters + h_labels) / 2
    return Agreement(
        nmi=float(information / mean) if mean > 0 else 1.0,
        purity=float(joint.max(1).sum()),
        clusters=len(joint),
    )


def _entropy(p: NDArray[np.float64]) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())
