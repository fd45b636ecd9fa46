"""Scores from the topics of the prior."""

import torch
from torch import Tensor

from seisflow.scores.base import Feature, Score, channel
from seisflow.scores.forward_pass import ForwardPass


def _best_evidence(seen: ForwardPass) -> Tensor:
    """The nll, and that of the latent under the most probable topic of its window, (B, 2, H, W)."""
    best = seen.topics.argmax(1)[:, None, None, None]
    return torch.cat([seen.total, -seen.evidence.take_along_dim(best, 1)], 1)


def _entropy(seen: ForwardPass) -> Tensor:
    """The nll, and the entropy of the topic posterior of a window at each of its samples, (B, 2, H, W)."""
    entropy = torch.special.entr(seen.topics).sum(1)
    return torch.cat([seen.total, entropy[:, None, None, None].expand_as(seen.z)], 1)


topic = Score(
    "topic",
    _best_evidence,
    (Feature("evidence", channel(1)),),
    "single",
    two_sided=True,
    title="evidence of the best topic",
)
"""Evidence of the best topic for the latent.

References
----------
Zhang & Ma, *Fractal Flow*, 2025, Eq. 4 and 9.
"""

topic_entropy = Score(
    "topic-entropy",
    _entropy,
    (Feature("entropy", channel(1)),),
    "single",
    two_sided=False,
    title="entropy of the topic posterior",
)
"""Entropy of the topic posterior: high where topics are undecided."""
