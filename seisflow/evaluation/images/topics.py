"""Agreement of topics with labels, which training never sees, beside clusters of pixels and latents."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.errors import ModelError
from seisflow.io.images import dequantise, read_images, resize
from seisflow.models import FractalFlowModel, Model
from seisflow.priors.clusters import COMPONENTS, NEIGHBOURS, clusters
from seisflow.runs.provenance import commit, machine
from seisflow.runs.sources import ImageSource

BATCH = 128
NOISE_SEED = 1000
FITTED = 10_000
"""Training images that clusters are learned from."""
SHOES = (5, 7, 9)
"""Sandal, sneaker and ankle boot among Fashion-MNIST's labels."""
KINDS = ("k-means", "mixture of normals", "mixture of full normals", "graph of neighbours")
FULL = 16
"""Principal components of the mixture of full normals."""


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


def seen_by(
    model: Model, pixels: NDArray[np.uint8], *, seed: int = NOISE_SEED
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Latents (N, D), most probable topics (N,) and bits/dim (N,) of images (N, C, H, W), one draw of noise.

    Raises
    ------
    ModelError
        If the model has no topics.
    """
    if not isinstance(model, FractalFlowModel):
        raise ModelError("the model has no topics. Expected a fractal-flow")
    rng = np.random.default_rng(seed)
    latents, topics, bits = [], [], []
    with torch.inference_mode():
        for first in range(0, len(pixels), BATCH):
            z, log_det = model.encode(dequantise(pixels[first : first + BATCH], rng).to(model.device))
            latents.append(z.flatten(1).cpu().numpy())
            topics.append(model.prior.responsibilities(z).argmax(1).cpu().numpy())
            nats = -(model.prior.log_prob(z) + log_det).cpu().double().numpy()
            bits.append(nats / (model.size * math.log(2)))
    return np.concatenate(latents), np.concatenate(topics), np.concatenate(bits)


def results(
    model: Model, source: ImageSource, *, name: str, recorded: Callable[[str], bool]
) -> Iterator[dict[str, Any]]:
    """Agreement of a model's topics, and of clusters, with the labels of all test images.

    Clusters are learned from 10,000 training images, as many as the model has topics. Labels are looked at
    here alone.

    Parameters
    ----------
    model : Model
        Trained on the data set of ``source``.
    source : ImageSource
    name : str
        Of the model in tables.
    recorded : callable
        Whether there is a result of that name, which is then left out.
    """
    card = model.card
    assert card is not None
    how = card.config.data.resize
    test = read_images(source.path, "test", source.folder)
    pixels, labels = resize(test.pixels, how), np.asarray(test.labels)
    learn = resize(read_images(source.path, "train", source.folder).pixels[:FITTED], how)
    latents, topics, bits = seen_by(model, pixels)
    count = model.prior.topics if isinstance(model, FractalFlowModel) else 1
    facts = {
        "experiment": "topics",
        "dataset": f"{source.path}, test",
        "resize": how,
        "protocol": f"32 x 32 by {how}, {len(pixels):,} test images, {count} clusters",
        "metric": "normalised mutual information with the labels",
        "machine": machine(),
        "commit": commit(),
    }

    def row(label: str, numbers: NDArray[np.integer], **more: Any) -> dict[str, Any]:
        found = agreement(numbers, labels)
        one = facts | {"model": label, "value": round(found.nmi, 4), "purity": round(found.purity, 4)}
        if source.path == "fashion-mnist":
            one["shoes"] = round(agreement(numbers, np.isin(labels, SHOES).astype(np.int64)).purity, 4)
        return one | {"clusters": found.clusters} | more

    yield row(
        name,
        topics,
        parameters=model.parameter_count,
        bits_per_dim=round(float(bits.mean()), 4),
        seed=card.provenance["seed"],
        seconds=card.provenance["seconds"],
        steps=card.provenance["steps"],
        trained_at=card.provenance["commit"],
    )
    for what in ("pixels", f"latents of {name}"):
        if all(recorded(f"{kind} of {what}") for kind in KINDS):
            continue
        if what == "pixels":
            known, judged = ((x.reshape(len(x), -1) / 255).astype(np.float32) for x in (learn, pixels))
        else:
            known, judged = seen_by(model, learn)[0], latents
        for kind, found in clusterings(known, judged, count).items():
            yield row(f"{kind} of {what}", found, seed=0)


def clusterings(
    train: NDArray[np.floating], test: NDArray[np.floating], count: int, *, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """Cluster items (N, D) by what topics have to beat.

    That is k-means, a mixture of diagonal normals, one of full normals in 16 principal components, and what
    topics start from: parts of a graph of neighbours, where an item to cluster goes with most of its own.

    Needs the extra ``evaluate``.

    Parameters
    ----------
    train, test : ndarray, (N, D)
        To fit, and to cluster: pixels, or latents of a flow.
    count : int
        Number of clusters.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    kept = min(COMPONENTS, *train.shape)
    full = GaussianMixture(count, reg_covar=1e-3, n_init=4, random_state=seed)
    kinds = (
        KMeans(count, n_init=3, random_state=seed),
        GaussianMixture(count, covariance_type="diag", reg_covar=1e-3, random_state=seed),
        make_pipeline(PCA(FULL, random_state=seed), full),
        make_pipeline(PCA(kept, random_state=seed), KNeighborsClassifier(NEIGHBOURS)),
    )
    parts = (
        clusters(torch.tensor(train), count, seed=seed).argmax(1).numpy()
    )  # for the last, others take none
    return {
        name: kind.fit(train, parts).predict(test).astype(np.int64)
        for name, kind in zip(KINDS, kinds, strict=True)
    }


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
