"""Topics as facies: do local tiles of a section fall into kinds, by the words their latents are made of?

The latent of a flow is cut into blocks; a block's pattern of energy, quantised, is a word, and a tile of
blocks is a document. Latent Dirichlet allocation takes documents to mixtures of topics, and the topic of
every tile is a map over the section. Its likelihood is only known as a variational lower **bound**. Two
controls tell topics from chance: other seeds must find the same ones, and in a corpus whose words were dealt
to other documents there must be none.

References
----------
Blei, Ng & Jordan, *Latent Dirichlet allocation*, 2003; Hoffman, Blei & Bach, *Online learning for latent
Dirichlet allocation*, 2010; Hubert & Arabie, *Comparing partitions*, 1985 (adjusted Rand index).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.evaluation.images.topics import agreement
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import Panel, panel_index, read_panel, section_name
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.provenance import commit, machine
from seisflow.scoring.windows import measure_panel

BLOCK = (8, 4)
"""Samples and traces of a block, whose latents are a word."""
TILE = (8, 4)
"""Blocks, down and across, of a tile: a document of 32 words."""
VOCABULARY = 64
FLOOR = 1e-3
"""Added to the energies of latents before their logarithm is taken."""
ITERATIONS, BATCH = 30, 16
TOPICS, SEEDS = 3, 3

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Facies:
    """Topics of tiles.

    Attributes
    ----------
    posterior : ndarray (N, K)
        Mean of the variational posterior of each tile's mixture of topics.
    bound : float
        Variational lower bound of the log-likelihood, in nats a word.
    """

    posterior: NDArray[np.float64]
    bound: float

    @property
    def topics(self) -> NDArray[np.int64]:
        """Most probable topic of each tile, (N,)."""
        found: NDArray[np.int64] = self.posterior.argmax(1)
        return found


@dataclass(frozen=True)
class Stability:
    """Stability of topics: agreement between seeds, and with shuffled words.

    Attributes
    ----------
    rand, nmi : float
        Adjusted Rand index and normalised mutual information between seeds, mean over pairs: 1 for the same
        topics, 0 for chance.
    bound, shuffled_bound : float
        Best bound in nats a word, and that of the corpus whose words were dealt anew to the documents.
    shuffled_rand : float
        Agreement of seeds on that corpus.
    """

    rand: float
    nmi: float
    bound: float
    shuffled_bound: float
    shuffled_rand: float


def block_energies(model: Model, panel: Panel, scaling: AmplitudeScaling) -> NDArray[np.float64]:
    """Log-energies of the latents in each block of a panel, (rows, columns, 8); NaN where one is masked.

    Of 2 x 2 samples and traces each, so that a word tells how the energy lies within its block.
    """
    size = (model.shape[1], model.shape[2])
    z = measure_panel(panel, model, scaling, lambda seen: seen.z, stride=size)[0].astype(np.float64)
    rows, columns = (n // block for n, block in zip(z.shape, BLOCK, strict=True))
    z = np.where(panel.mask, z, np.nan)[: rows * BLOCK[0], : columns * BLOCK[1]]
    cells = z.reshape(rows, BLOCK[0] // 2, 2, columns, BLOCK[1] // 2, 2)
    energy = np.square(cells).mean(axis=(2, 5)).transpose(0, 2, 1, 3)
    return np.log(energy.reshape(rows, columns, -1) + FLOOR)


def documents(
    panels: Sequence[NDArray[np.float64]], *, seed: int = 0
) -> tuple[Counts, list[NDArray[np.int64]]]:
    """Counts of words in each tile, (N, V), and for each panel the number of the document at each tile.

    Parameters
    ----------
    panels : sequence of ndarray (rows, columns, 8)
        As `block_energies` gives them. Tiles with a masked block have no document: their number is -1.
    seed : int
        Seed of the k-means that makes words.

    Raises
    ------
    DataError
        If there are fewer unmasked tiles than words.
    """
    from sklearn.cluster import MiniBatchKMeans

    tiles: list[NDArray[np.float64]] = []
    places: list[NDArray[np.int64]] = []
    for blocks in panels:
        rows, columns = (n // tile for n, tile in zip(blocks.shape[:2], TILE, strict=True))
        cut = blocks[: rows * TILE[0], : columns * TILE[1]]
        cut = cut.reshape(rows, TILE[0], columns, TILE[1], -1).transpose(0, 2, 1, 3, 4)
        cut = cut.reshape(rows * columns, TILE[0] * TILE[1], -1)
        known = np.isfinite(cut).all(axis=(1, 2))
        first = sum(len(one) for one in tiles)
        numbers = np.full(len(cut), -1)
        numbers[known] = first + np.arange(known.sum())
        tiles.append(cut[known])
        places.append(numbers.reshape(rows, columns))
    found = np.concatenate(tiles)
    if len(found) < VOCABULARY:
        raise DataError(
            f"{len(found)} tiles of {BLOCK[0] * TILE[0]} samples x {BLOCK[1] * TILE[1]} traces. Expected "
            f"{VOCABULARY} or more to find topics in: take more sections"
        )
    means = MiniBatchKMeans(VOCABULARY, n_init=3, random_state=seed)
    words = means.fit_predict(found.reshape(-1, found.shape[-1])).reshape(found.shape[:2])
    counts = np.stack([np.bincount(one, minlength=VOCABULARY) for one in words])
    return counts.astype(np.int64), places


def find_topics(counts: Counts, topics: int, *, seed: int = 0) -> Facies:
    """Fit latent Dirichlet allocation to counts of words (N, V) by online variational Bayes.

    Steps from parts of the corpus find all topics where those from the whole of it merge some.
    """
    from sklearn.decomposition import LatentDirichletAllocation

    model = LatentDirichletAllocation(
        topics, learning_method="online", batch_size=BATCH, max_iter=ITERATIONS, random_state=seed
    )
    posterior = model.fit_transform(counts)
    return Facies(posterior, float(model.score(counts) / counts.sum()))


def result(
    section: xr.Dataset, model: Model, topics: int = TOPICS, *, seed: int = 0
) -> tuple[dict[str, Any], list[NDArray[np.int64]]]:
    """Find the topics of all panels of a section into a result object, and its maps of topics.

    A map (rows, columns) has the topic of each tile of a panel; -1 where something is masked.
    """
    start = time.monotonic()
    card = section_card(model)
    panels = [block_energies(model, read_panel(section, at), card.scaling) for at in panel_index(section)]
    counts, places = documents(panels, seed=seed)
    best, found = stability(counts, topics)
    labels = np.append(best.topics, -1)  # document -1 is none
    one = {
        "experiment": "facies",
        "dataset": section_name(section),
        "protocol": f"{len(counts):,} tiles of {BLOCK[0] * TILE[0]} samples x {BLOCK[1] * TILE[1]} traces, "
        f"{VOCABULARY} words of {BLOCK[0]} x {BLOCK[1]} latents, {topics} topics, {SEEDS} seeds",
        "parameters": sum(p.numel() for p in model.parameters()),
        "metric": "adjusted Rand index between seeds",
        "value": round(found.rand, 4),
        "nmi": round(found.nmi, 4),
        "bound": round(found.bound, 4),
        "shuffled_bound": round(found.shuffled_bound, 4),
        "shuffled_rand": round(found.shuffled_rand, 4),
        "shares": [round(float(np.mean(best.topics == k)), 3) for k in range(topics)],
        "seed": seed,
        "seconds": round(time.monotonic() - start, 1),
        "machine": machine(),
        "commit": commit(),
    }
    return one, [labels[numbers] for numbers in places]


def shuffled(counts: Counts, *, seed: int = 0) -> Counts:
    """Deal all words to documents anew; documents keep their lengths, words their numbers."""
    words = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), counts.ravel())
    owners = np.repeat(np.arange(len(counts)), counts.sum(1))
    dealt = np.zeros_like(counts)
    np.add.at(dealt, (owners, np.random.default_rng(seed).permutation(words)), 1)
    return dealt


def stability(counts: Counts, topics: int, *, seeds: int = SEEDS) -> tuple[Facies, Stability]:
    """Return the topics of the seed with the best bound, and how they hold against seeds and shuffling."""
    from sklearn.metrics import adjusted_rand_score

    def agree(some: Sequence[Facies]) -> float:
        pairs = combinations(some, 2)
        return float(np.mean([adjusted_rand_score(a.topics, b.topics) for a, b in pairs]))

    real = [find_topics(counts, topics, seed=seed) for seed in range(seeds)]
    control = [find_topics(shuffled(counts), topics, seed=seed) for seed in range(seeds)]
    best = max(real, key=lambda one: one.bound)
    pairs = combinations(real, 2)
    return best, Stability(
        rand=agree(real),
        nmi=float(np.mean([agreement(a.topics, b.topics).nmi for a, b in pairs])),
        bound=best.bound,
        shuffled_bound=max(one.bound for one in control),
        shuffled_rand=agree(control),
    )
