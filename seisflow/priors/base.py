r"""Base of the mixture priors: one outer choice of a topic, independent elements given the topic.

.. math:: p(z) = \sum_q \pi_q \prod_d \sum_m w_{qdm}\, \mathcal N(z_d \mid \mu_{qdm}, \sigma_{qd}^2)

which is Eq. 5 (and 9) of the paper, and Eq. 4 with M = 1.
"""

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from seisflow.errors import ConfigError
from seisflow.priors.clusters import clusters
from seisflow.priors.evidence import topic_evidence, topic_terms

SAMPLE_BLOCK = 16  # items drawn at a time: bounds the (items, M, D) weights


class MixturePrior(nn.Module, ABC):
    """Density, maps, responsibilities and samples of a mixture of factorised mixtures.

    Parameters
    ----------
    shape : tuple of int
        Latent shape (C, H, W); D = C H W.
    topics : int
        Number of outer components Q.
    """

    def __init__(self, shape: tuple[int, int, int], topics: int) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.topics = topics
        self.topic_logits = nn.Parameter(torch.zeros(topics))

    @torch.no_grad()
    def initialise(
        self, z: Tensor, items: Tensor | None = None, *, seed: int = 0, share: float = 1.0
    ) -> None:
        """Start topics from clusters of items instead of from noise.

        A cluster's part of the items is the weight of its topic, its latents are what the topic expects.

        Parameters
        ----------
        z : Tensor
            Latents ``(B, C, H, W)`` of training items, from a flow that has only its own initialisation.
        items : Tensor, optional
            What is clustered, ``(B, ...)``, instead of the latents: the data as the flow gets them.
        seed : int
            Seed of the clustering.
        share : float
            Share of that in what topics expect then; the rest is what they expected before.
        """
        r = clusters(self._features(z, items), self.topics, seed=seed)
        self.topic_logits.copy_(((r.sum(0) + 1) / (len(r) + self.topics)).log())
        self._start_from(z.flatten(1), r, share)

    def _features(self, z: Tensor, items: Tensor | None) -> Tensor:
        """Features to cluster, ``(B, F)``."""
        return (z if items is None else items).flatten(1)

    @abstractmethod
    def _start_from(self, z: Tensor, r: Tensor, share: float) -> None:
        """Draw components to those of latents ``(B, D)`` that belong to topics by ``r`` ``(B, Q)``."""

    @property
    def size(self) -> int:
        """Number of latent elements D."""
        return math.prod(self.shape)

    @property
    def log_topic_weights(self) -> Tensor:
        """Log of the expected topic weights pi, ``(Q,)``."""
        return self.topic_logits.log_softmax(0)

    @abstractmethod
    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means ``(Q, M, D)`` or ``(1, M, 1)``, their logits ``(Q, M, D)``, log sigma ``(Q, D)``."""

    def log_prob(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log density of ``z`` ``(B, C, H, W)``, in nats, ``(B,)``.

        With a bool ``mask`` ``(B, C, H, W)`` it is the exact marginal of the elements where it is True.
        """
        return torch.logsumexp(self._joint(z, mask), 1)

    def responsibilities(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Posterior probability of each topic, ``(B, Q)``; masked elements are no evidence."""
        return self._joint(z, mask).softmax(1)

    def log_prob_map(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        r"""Share of every element in ``log_prob(z, mask)``, ``(B, C, H, W)``; sums to it.

        With responsibilities r, :math:`\log p = \sum_q r_q (\log \pi_q - \log r_q + \sum_d \ell_{qd})`
        holds exactly; what no element owns (the first two terms) is spread evenly over the unmasked ones.
        Masked elements are 0.
        """
        valid = torch.ones_like(z, dtype=torch.bool) if mask is None else mask
        weight = valid.flatten(1).to(z.dtype)
        terms = topic_terms(z.flatten(1), *self.components()) * weight[:, None]
        log_pi = self.log_topic_weights
        log_r = (log_pi + terms.sum(2)).log_softmax(1)
        r = log_r.exp()
        common = (r * (log_pi - log_r)).sum(1) / weight.sum(1).clamp_min(1)
        return ((r[:, :, None] * terms).sum(1) + common[:, None] * weight).view_as(z)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        topic: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw ``(n, C, H, W)``: a topic, a component an element, a Gaussian value.

        Parameters
        ----------
        n : int
            Number of items.
        temperature : float
            Multiplies every sigma. Topics and components are drawn as ever, so 0 leaves their bare means.
        topic : int, optional
            Draw every item from this topic (0-based) instead of a random one.
        generator : torch.Generator, optional
            On the prior's device; with the same state it gives the same samples.

        Raises
        ------
        ConfigError
            If there is no such topic.
        """
        return self._sample(n, temperature, topic, generator)

    def _sample(
        self,
        n: int,
        temperature: float,
        topic: int | None,
        generator: torch.Generator | None,
        *,
        assignment: Tensor | None = None,
        collapsed: bool = True,
    ) -> Tensor:
        """Sample with, if given, the same means ``(D,)`` for all; ``collapsed``: no draws of weights."""
        means, mean_logits, log_sigma = self.components()
        weights, sigma = mean_logits.softmax(1), log_sigma.exp()
        edges = weights.cumsum(1) if collapsed else None
        if topic is not None:
            topics = torch.full((n,), check_topic(topic, self.topics), device=sigma.device)
        elif collapsed:
            topics = choose(self.log_topic_weights.exp().expand(n, -1), generator)
        else:
            topics = choose(self._draw_topic_weights(n, generator), generator)
        latent = sigma.new_empty(n, self.size)
        one_grid = means.shape[0] == means.shape[2] == 1
        for q, z in zip(topics.split(SAMPLE_BLOCK), latent.split(SAMPLE_BLOCK), strict=True):
            if assignment is not None:
                m = assignment.expand(len(q), -1)
            elif edges is not None:
                m = choose_between(edges[q], generator)
            else:
                m = choose(self._draw_mean_weights(q, weights, generator), generator)
            centre = means[0, m, 0] if one_grid else means[q].gather(1, m[:, None])[:, 0]
            noise = torch.randn(z.shape, generator=generator, device=z.device, dtype=z.dtype)
            torch.addcmul(centre, noise, sigma[q], value=temperature, out=z)
        return latent.view(n, *self.shape)

    def _joint(self, z: Tensor, mask: Tensor | None) -> Tensor:
        """Log of topic weight times density, ``(B, Q)``."""
        flat_mask = None if mask is None else mask.flatten(1)
        return self.log_topic_weights + topic_evidence(z.flatten(1), flat_mask, *self.components())

    def _draw_topic_weights(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Topic weights pi for n items, ``(n, Q)``: the expected ones, or random."""
        return self.log_topic_weights.exp().expand(n, -1)

    def _draw_mean_weights(self, q: Tensor, weights: Tensor, generator: torch.Generator | None) -> Tensor:
        """Weights w for topics ``q`` ``(n,)``, ``(n, M, D)``: ``weights`` ``(Q, M, D)``, or random."""
        return weights[q]

    def extra_repr(self) -> str:
        """Settings in ``print(prior)``."""
        return f"shape={self.shape}, topics={self.topics}"


def check_topic(topic: int, topics: int) -> int:
    """Return ``topic`` if it is one of ``0 .. topics - 1``, else raise ConfigError."""
    if not 0 <= topic < topics:
        raise ConfigError(f"topic {topic}: the prior has {topics} topic(s). Expected 0 to {topics - 1}")
    return topic


def gaussian_grid(means: int, spread: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return a grid of means, weights, and the sigma with which the mixture is close to N(0, 1).

    Of the sigmas whose mixture (unit variance, weights a sampled Gaussian) stays within 1e-3 nats of
    N(0, 1), the smallest is taken: the wider one would do without all means but the middle one, and their
    weights would never be learned. Grids of fewer than 6 means are drawn in to a step of 1.

    Parameters
    ----------
    means : int
        Number of means M.
    spread : float
        Half-width of the grid, in standard deviations.
    """
    half = min(spread, (means - 1) / 2)
    grid = np.linspace(-half, half, means)
    x = np.linspace(-6, 6, 601)
    reference = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    for width in np.arange(0.95, 0, -0.02):  # of the Gaussian that the weights sample
        weights = np.exp(-(grid**2) / (2 * width**2))
        weights /= weights.sum()
        sigma = math.sqrt(max(1 - (weights * grid**2).sum(), 1e-4))
        components = np.exp(-(((x[:, None] - grid) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
        divergence = (reference * np.log(reference / (components @ weights + 1e-300))).sum() * (x[1] - x[0])
        if divergence < 1e-3:
            break
    return grid, weights, sigma


def choose(weights: Tensor, generator: torch.Generator | None) -> Tensor:
    """One index along dim 1 for every column of ``weights`` ``(n, M, ...)``, by inversion."""
    return choose_between(weights.cumsum(1), generator)


def choose_between(edges: Tensor, generator: torch.Generator | None) -> Tensor:
    """As `choose`, from cumulative weights."""
    shape = (len(edges), 1, *edges.shape[2:])
    u = torch.rand(shape, generator=generator, device=edges.device, dtype=edges.dtype)
    return (edges[:, :-1] < u * edges[:, -1:]).sum(1)
