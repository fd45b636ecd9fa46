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

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.special import gammaln, logsumexp, psi

Floats = NDArray[np.float64]

RESTARTS, ROUNDS, STEPS = 12, 200, 3
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
    scale = gammaln(total) - gammaln(n[:, None] + total) - gammaln(beta).sum(1)
    found: Floats = log_orders(counts)[:, None] + scale
    for q, one in enumerate(beta):
        found[:, q] += gammaln(counts + one).sum(1)
    return found


def log_orders(counts: NDArray[np.number]) -> Floats:
    """Log of the number of orders in which words of counts ``(N, V)`` may stand, ``(N,)``."""
    found: Floats = gammaln(counts.sum(1) + 1.0) - gammaln(counts + 1.0).sum(1)
    return found


def fit_mixture(
    counts: NDArray[np.integer], topics: int, *, seed: int = 0, restarts: int = RESTARTS
) -> Mixture:
    """Fit a mixture to counts of words ``(N, V)`` by maximum likelihood.

    Parameters
    ----------
    counts : ndarray (N, V)
        Words of each window.
    topics : int
        Number of topics Q.
    seed : int
        Seed of the starts, by k-means of the square roots of frequencies (whose distance is Hellinger's).
    restarts : int
        Starts, of which the likeliest is taken.
    """
    known = counts[:, counts.sum(0) > 0]
    windows = Windows(known)
    shares = np.sqrt(known / known.sum(1, keepdims=True))
    best, found = -np.inf, None
    for start in range(restarts if topics > 1 else 1):
        rng = np.random.default_rng([seed, start])
        numbers = np.zeros(len(known), int)
        if topics > 1:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "One of the clusters is empty")
                numbers = kmeans2(shares, topics, minit="++", rng=rng)[1]
        likelihood, mixture = _expectation_maximisation(windows, 0.9 * np.eye(topics)[numbers] + 0.1 / topics)
        if likelihood > best:
            best, found = likelihood, mixture
    assert found is not None
    beta = np.full((topics, counts.shape[1]), LIMITS[0])  # words that never came
    beta[:, counts.sum(0) > 0] = found.beta
    return Mixture(found.weights, beta)


class Windows:
    """Counts of words, laid out so that sums over windows need special functions of few values only.

    Parameters
    ----------
    counts : ndarray (N, V)
    """

    def __init__(self, counts: NDArray[np.integer]) -> None:
        self.words = counts.shape[1]
        self.lengths = counts.sum(1).astype(np.float64)
        self.levels = np.arange(int(counts.max()) + 1, dtype=np.float64)
        self._ones = (counts[..., None] == self.levels).reshape(len(counts), -1).astype(np.float64)
        self._orders = log_orders(counts)
        self.totals = counts.astype(np.float64)

    def histograms(self, weights: Floats) -> Floats:
        """Part of ``weights`` ``(N, Q)`` on windows with each count of each word, ``(Q, V, L)``."""
        found: Floats = (weights.T @ self._ones).reshape(-1, self.words, len(self.levels))
        return found

    def log_probability(self, beta: Floats) -> Floats:
        """As `log_probability` of these counts."""
        total = beta.sum(1)
        tables = gammaln(beta[..., None] + self.levels).reshape(len(beta), -1)
        scale = gammaln(total) - gammaln(self.lengths[:, None] + total) - gammaln(beta).sum(1)
        found: Floats = self._orders[:, None] + scale + self._ones @ tables.T
        return found

    def improve(self, weights: Floats, beta: Floats, steps: int) -> Floats:
        """Take fixed-point steps from ``beta`` ``(Q, V)``, windows counting by ``weights`` ``(N, Q)``.

        Each raises the likelihood (Minka, eq. 55).
        """
        histograms, mass = self.histograms(weights), weights.sum(0)
        for _ in range(steps):
            total = beta.sum(1)
            up = (histograms * psi(beta[..., None] + self.levels)).sum(2) - mass[:, None] * psi(beta)
            down = (weights * psi(self.lengths[:, None] + total)).sum(0) - mass * psi(total)
            beta = np.clip(beta * up / np.maximum(down, 1e-12)[:, None], *LIMITS)
        return beta


def _expectation_maximisation(windows: Windows, r: Floats) -> tuple[float, Mixture]:
    mean = r.T @ windows.totals + 1
    beta = CONCENTRATION * mean / mean.sum(1, keepdims=True)
    likelihood = -np.inf
    for _ in range(ROUNDS):
        beta = windows.improve(r, beta, STEPS)
        mixture = Mixture(np.maximum(r.mean(0), 1e-12), beta)
        joint = np.log(mixture.weights) + windows.log_probability(beta)
        before, likelihood = likelihood, float(logsumexp(joint, axis=1).sum())
        r = _softmax(joint)
        if likelihood - before < 1e-5 * abs(likelihood):
            break
    return likelihood, mixture


def _softmax(joint: Floats) -> Floats:
    shifted = np.exp(joint - joint.max(1, keepdims=True))
    found: Floats = shifted / shifted.sum(1, keepdims=True)
    return found
