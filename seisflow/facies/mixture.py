r"""A mixture of Dirichlet-multinomials: topics whose posterior is exact.

A window with :math:`n_v` words v, n in all, draws one topic q by :math:`\pi`, word probabilities from
:math:`Dir(\beta_q)`, and its words from these. The probabilities integrate out:

.. math::
    p(n \mid q) = \frac{n!\,\Gamma(B_q)}{\Gamma(n + B_q)} \prod_v \frac{\Gamma(n_v + \beta_{qv})}
    {n_v!\,\Gamma(\beta_{qv})}, \qquad B_q = \sum_v \beta_{qv}, \qquad
    p(q \mid n) \propto \pi_q\, p(n \mid q)

So unlike latent Dirichlet allocation with a mixture of topics in each document, nothing is approximated.
Unlike in a multinomial, words come in bursts: a total :math:`B_q` that is small lets windows of one topic
differ. Fitted by EM, the M step by Minka's fixed point.

References
----------
Minka, *Estimating a Dirichlet distribution*, 2000; Blei, Ng & Jordan, *Latent Dirichlet allocation*, 2003.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.special import gammaln, logsumexp, psi

Floats = NDArray[np.float64]

RESTARTS, ROUNDS, STEPS = 6, 200, 3
"""Starts, of which the likeliest is taken; rounds of EM; fixed-point steps in each."""
CONCENTRATION = 50.0
"""Total that each topic's parameters start with."""
LIMITS = (1e-4, 1e5)


@dataclass(frozen=True)
class Mixture:
    """Topics of windows.

    Attributes
    ----------
    weights : ndarray (Q,)
        Share of each topic in the windows.
    beta : ndarray (Q, V)
        Its Dirichlet parameters over words.
    """

    weights: Floats
    beta: Floats

    def log_joint(self, counts: NDArray[np.number]) -> Floats:
        """Log of weight times probability of counts ``(N, V)`` under each topic, ``(N, Q)``."""
        found: Floats = np.log(self.weights) + log_probability(np.asarray(counts, np.float64), self.beta)
        return found

    def log_prob(self, counts: NDArray[np.number]) -> Floats:
        """Log-probability of counts of words ``(N, V)``, in nats, ``(N,)``."""
        found: Floats = logsumexp(self.log_joint(counts), axis=1)
        return found

    def posterior(self, counts: NDArray[np.number]) -> Floats:
        """Probability of each topic given counts of words ``(N, V)``, ``(N, Q)``."""
        return _softmax(self.log_joint(counts))

    def reordered(self, order: NDArray[np.integer]) -> Mixture:
        """The same with topic ``order[i]`` at i."""
        return Mixture(self.weights[order], self.beta[order])


def log_probability(counts: Floats, beta: Floats) -> Floats:
    """Log-probability of counts ``(N, V)`` under Dirichlet-multinomials ``(Q, V)``, ``(N, Q)``."""
    n, total = counts.sum(1), beta.sum(1)
    ways = gammaln(n + 1) - gammaln(counts + 1).sum(1)
    scale = gammaln(total) - gammaln(n[:, None] + total) - gammaln(beta).sum(1)
    found: Floats = ways[:, None] + scale
    for q, one in enumerate(beta):
        found[:, q] += gammaln(counts + one).sum(1)
    return found


def fit_mixture(counts: NDArray[np.number], topics: int, *, seed: int = 0) -> Mixture:
    """Fit a mixture to counts of words ``(N, V)`` by maximum likelihood.

    Parameters
    ----------
    counts : ndarray (N, V)
        Words of each window.
    topics : int
        Number of topics Q.
    seed : int
        Seed of the starts, by k-means of the square roots of frequencies (whose distance is Hellinger's).
    """
    known = np.asarray(counts, np.float64)
    known = known[:, known.sum(0) > 0]
    shares = np.sqrt(known / known.sum(1, keepdims=True))
    best, found = -np.inf, None
    for start in range(RESTARTS if topics > 1 else 1):
        rng = np.random.default_rng([seed, start])
        numbers = kmeans2(shares, topics, minit="++", rng=rng)[1] if topics > 1 else np.zeros(len(known), int)
        likelihood, mixture = _expectation_maximisation(known, 0.9 * np.eye(topics)[numbers] + 0.1 / topics)
        if likelihood > best:
            best, found = likelihood, mixture
    assert found is not None
    beta = np.full((topics, counts.shape[1]), LIMITS[0])  # words that never came
    beta[:, counts.sum(0) > 0] = found.beta
    return Mixture(found.weights, beta)


def fit_dirichlet_multinomial(counts: Floats, weights: Floats, beta: Floats, steps: int) -> Floats:
    """Improve parameters ``(V,)`` for counts ``(N, V)`` that count by ``weights`` ``(N,)``.

    Each step raises the likelihood (Minka, eq. 55).
    """
    n = counts.sum(1)
    for _ in range(steps):
        up = weights @ psi(counts + beta) - weights.sum() * psi(beta)
        down = weights @ psi(n + beta.sum()) - weights.sum() * psi(beta.sum())
        beta = np.clip(beta * up / max(down, 1e-12), *LIMITS)
    return beta


def _expectation_maximisation(counts: Floats, r: Floats) -> tuple[float, Mixture]:
    mean = r.T @ counts + 1
    beta = CONCENTRATION * mean / mean.sum(1, keepdims=True)
    likelihood = -np.inf
    for _ in range(ROUNDS):
        beta = np.stack(
            [fit_dirichlet_multinomial(counts, some, one, STEPS) for some, one in zip(r.T, beta, strict=True)]
        )
        mixture = Mixture(np.maximum(r.mean(0), 1e-12), beta)
        joint = mixture.log_joint(counts)
        before, likelihood = likelihood, float(logsumexp(joint, axis=1).sum())
        r = _softmax(joint)
        if likelihood - before < 1e-6 * abs(likelihood):
            break
    return likelihood, mixture


def _softmax(joint: Floats) -> Floats:
    shifted = np.exp(joint - joint.max(1, keepdims=True))
    found: Floats = shifted / shifted.sum(1, keepdims=True)
    return found
