"""Facies of a section: learned from some of its panels, mapped on all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from seisflow import progress
from seisflow.errors import DataError, ModelError
from seisflow.facies.mixture import Mixture, fit_mixture, log_orders
from seisflow.facies.vocabulary import BLOCK, Vocabulary, block_features
from seisflow.models import FractalFlowModel, Model
from seisflow.models.base import section_card
from seisflow.models.recognition import scaling_of
from seisflow.patches import Panel, panel_index, read_panel, section_name

WINDOW = (8, 4)
"""Blocks, down and across, of a window: a document of 32 words, 64 samples x 16 traces."""
TOPICS, SEEDS = 4, 3
LEARNED = 24
"""Most panels that facies are learned from, evenly taken."""
FEWEST, MOST = 20, 4096
"""Windows without which there is nothing to tell facies by; windows that are enough."""

Words = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Facies:
    """Seismic facies of a section: a mixture of topics over words.

    Attributes
    ----------
    vocabulary : Vocabulary
    mixture : Mixture
        Its topics are the facies, the most predictable first: that of the largest mean log-determinant.
    agreement : float
        Adjusted Rand index of windows' facies between seeds of words and topics, mean over pairs: 1 the same,
        0 chance.
    agreement_of_chance : float
        The same where words were dealt to other windows.
    information : float
        Nats a word that topics gain over words dealt to other windows.
    windows : int
        Windows that facies were learned from.
    """

    vocabulary: Vocabulary
    mixture: Mixture
    agreement: float
    agreement_of_chance: float
    information: float
    windows: int

    def posterior(self, features: Floats) -> Floats:
        """Probability of each facies in the window about each block, (rows, columns, Q); NaN where masked."""
        words = self.vocabulary.words(features)
        counts = window_counts(words, len(self.vocabulary.centres))
        found = np.full((*words.shape, len(self.mixture.weights)), np.nan)
        found[words >= 0] = self.mixture.posterior(counts[words >= 0])
        return found


@dataclass(frozen=True)
class FaciesPanel:
    """Facies of one panel.

    Attributes
    ----------
    lead : tuple of int
        Position of the panel over the leading dims.
    panel : Panel
    features : ndarray (rows, columns, F)
        Features of the blocks, as `block_features` gives them.
    posterior : ndarray (rows, columns, Q)
        Posterior of the blocks; NaN where masked.
    """

    lead: tuple[int, ...]
    panel: Panel
    features: Floats
    posterior: Floats

    @property
    def blocks(self) -> NDArray[np.int8]:
        """Most probable facies of each block from 1, (rows, columns); 0 where masked."""
        return most_probable(self.posterior)

    def samples(self, blocks: NDArray[np.generic], outside: float) -> NDArray[np.generic]:
        """Values of blocks (rows, columns) at each sample of the panel, (T, X)."""
        spread = blocks.repeat(BLOCK[0], 0).repeat(BLOCK[1], 1)
        height, width = self.panel.shape
        kept: NDArray[np.generic] = np.where(
            self.panel.mask, spread[:height, :width], blocks.dtype.type(outside)
        )
        return kept


def most_probable(posterior: Floats) -> NDArray[np.int8]:
    """Most probable facies from 1, (...,), by its posterior (..., Q); 0 where that is NaN."""
    known = np.isfinite(posterior).all(-1)
    best: NDArray[np.int8] = np.where(known, np.nan_to_num(posterior).argmax(-1) + 1, 0).astype(np.int8)
    return best


class SectionFeatures:
    """Features of the blocks of a section's panels, computed when asked for; those learned from are kept.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        A flow of sections.
    seed : int
        Seed of the dither and the fill of masked samples; panel i has ``(seed, i)``.

    Raises
    ------
    ModelError
        If the model is not a flow of sections.
    """

    def __init__(self, section: xr.Dataset, model: Model, *, seed: int = 0) -> None:
        card = section_card(model)
        if not isinstance(model, FractalFlowModel):
            raise ModelError(
                f"a {card.config.model} has no states to tell facies by. Expected a fractal-flow"
            )
        self.section, self.model, self.seed = section, model, seed
        self.index = panel_index(section)
        self._scaling = scaling_of(section, card)
        self._kept: dict[int, Floats] = {}

    def of(self, panel: Panel, number: int, *, keep: bool = False) -> Floats:
        """Features (rows, columns, F) of panel ``number``."""
        if number in self._kept:
            return self._kept[number]
        found = block_features(panel, self.model, self._scaling, seed=(self.seed, number))
        if keep:
            self._kept[number] = found
        return found


def find_facies(
    features: SectionFeatures, topics: int = TOPICS, *, report: progress.Report = progress.silent
) -> Facies:
    """Learn the facies of a section from at most 24 of its panels.

    Parameters
    ----------
    features : SectionFeatures
    topics : int
        Number of facies.
    report : callable
        Takes panels done and panels in all.

    Raises
    ------
    DataError
        If there are too few windows that carry data.
    """
    section, index = features.section, features.index
    chosen = np.unique(np.linspace(0, len(index) - 1, LEARNED).astype(int)).tolist()
    panels = []
    for done, number in enumerate(chosen, start=1):
        panels.append(features.of(read_panel(section, index[number]), number, keep=True))
        report(done, len(chosen))
    try:
        return learn(panels, topics, seed=features.seed)
    except DataError as error:
        raise DataError(f"{section_name(section)}: {error}") from None


def learn(panels: Sequence[Floats], topics: int = TOPICS, *, seed: int = 0) -> Facies:
    """Learn facies from the features of panels, each (rows, columns, F), and how stable they are.

    Words and topics are of ``seed``; the two seeds that follow tell whether others find the same.
    """
    fits, gains, found, chance = [], [], [], []
    for each in range(seed, seed + SEEDS):
        vocabulary = Vocabulary.fit(panels, seed=each)
        counts = documents([vocabulary.words(one) for one in panels], len(vocabulary.centres))
        counts = counts[:: -(-len(counts) // MOST) or 1]
        if len(counts) < FEWEST:
            raise DataError(
                f"{len(counts)} windows of {BLOCK[0] * WINDOW[0]} samples x {BLOCK[1] * WINDOW[1]} traces "
                f"carry data. Expected {FEWEST} or more to learn facies from: take more of the survey"
            )
        mixture = fit_mixture(counts, topics, seed=each)
        log_det = mixture.beta @ vocabulary.centres[:, -1] / mixture.beta.sum(1)
        mixture = mixture.reordered(np.argsort(-log_det))
        dealt = deal(counts, seed=each)
        control = fit_mixture(dealt, topics, seed=each, restarts=1)
        fits.append((vocabulary, mixture))
        gains.append(_nats_a_word(mixture, counts) - _nats_a_word(control, dealt))
        found.append(mixture.posterior(counts).argmax(1))
        chance.append(control.posterior(dealt).argmax(1))
    vocabulary, mixture = fits[0]
    return Facies(vocabulary, mixture, _agreement(found), _agreement(chance), gains[0], len(counts))


def map_panels(features: SectionFeatures, facies: Facies) -> Iterator[FaciesPanel]:
    """Map facies panel by panel, in order."""
    for number, lead in enumerate(features.index):
        panel = read_panel(features.section, lead)
        seen = features.of(panel, number)
        yield FaciesPanel(lead, panel, seen, facies.posterior(seen))


def window_counts(words: Words, vocabulary: int) -> NDArray[np.int64]:
    """Counts of words in the window about each block, (rows, columns, V); words (rows, columns), -1 none."""
    one_hot = (words[..., None] == np.arange(vocabulary)).astype(np.float64)
    means = uniform_filter(one_hot, (*WINDOW, 1), mode="constant")
    return np.rint(means * WINDOW[0] * WINDOW[1]).astype(np.int64)


def documents(panels: Sequence[Words], vocabulary: int) -> NDArray[np.int64]:
    """Counts of words (N, V) in windows side by side of which at least half carry data."""
    found = []
    for words in panels:
        counts = window_counts(words, vocabulary)
        apart = counts[WINDOW[0] // 2 :: WINDOW[0], WINDOW[1] // 2 :: WINDOW[1]].reshape(-1, vocabulary)
        found.append(apart[apart.sum(1) * 2 >= WINDOW[0] * WINDOW[1]])
    return np.concatenate(found)


def deal(counts: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.int64]:
    """Deal all words to windows anew; windows keep their lengths, words their numbers."""
    words = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), counts.ravel())
    owners = np.repeat(np.arange(len(counts)), counts.sum(1))
    dealt = np.zeros_like(counts)
    np.add.at(dealt, (owners, np.random.default_rng(seed).permutation(words)), 1)
    return dealt


def _nats_a_word(mixture: Mixture, counts: NDArray[np.int64]) -> float:
    """Log-probability of words in the order in which they stand."""
    return float((mixture.log_prob(counts) - log_orders(counts)).sum() / counts.sum())


def _agreement(numbers: Sequence[NDArray[np.integer]]) -> float:
    return float(np.mean([adjusted_rand(a, b) for a, b in combinations(numbers, 2)]))


def adjusted_rand(a: NDArray[np.integer], b: NDArray[np.integer]) -> float:
    """Adjusted Rand index of two clusterings of the same items (Hubert & Arabie, 1985)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1)

    def pairs(n: NDArray[np.float64]) -> float:
        return float((n * (n - 1) / 2).sum())

    same, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    expected = rows * columns / max(pairs(np.array([len(a)])), 1.0)
    most = (rows + columns) / 2
    return (same - expected) / (most - expected) if most > expected else 1.0
