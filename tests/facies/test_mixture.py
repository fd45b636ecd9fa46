"""Dirichlet-multinomial topics against scipy, on made counts."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score

from seisflow.facies.mixture import Mixture, Windows, fit_mixture, log_probability
from seisflow.priors import LDAPrior

ALPHA = np.array([0.6, 0.3, 0.1])
BETA = np.array([[8.0, 1, 1, 0.5], [0.5, 6, 0.5, 3], [2, 2, 2, 2]])


def made(n=4000, seed=0):
    """Windows of 5 to 60 words from known topics: counts, and the topic of each."""
    rng = np.random.default_rng(seed)
    topics = rng.choice(3, n, p=ALPHA)
    lengths = rng.integers(5, 60, n)
    counts = [rng.multinomial(k, rng.dirichlet(BETA[q])) for q, k in zip(topics, lengths, strict=True)]
    return np.array(counts), topics


def test_probability_of_counts_is_that_of_scipy():
    counts, _ = made(50)
    for q, beta in enumerate(BETA):
        expected = [stats.dirichlet_multinomial.logpmf(one, beta, one.sum()) for one in counts]
        np.testing.assert_allclose(log_probability(counts.astype(float), BETA)[:, q], expected, atol=1e-10)


def test_windows_give_the_same_probability():
    counts, _ = made(50)
    expected = log_probability(counts.astype(float), BETA)
    np.testing.assert_allclose(Windows(counts).log_probability(BETA), expected, atol=1e-10)


def test_posterior_is_bayes_rule_on_scipys_probabilities():
    counts, _ = made(50)
    joint = np.stack(
        [[stats.dirichlet_multinomial.logpmf(one, beta, one.sum()) for one in counts] for beta in BETA], 1
    ) + np.log(ALPHA)
    mixture = Mixture(ALPHA, BETA)
    np.testing.assert_allclose(mixture.log_prob(counts), logsumexp(joint, axis=1), atol=1e-10)
    expected = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(mixture.posterior(counts), expected, atol=1e-10)


def test_probabilities_of_all_counts_of_a_length_sum_to_one():
    every = np.array([[i, j, 6 - i - j] for i in range(7) for j in range(7 - i)], float)
    total = np.exp(log_probability(every, np.array([[0.3, 2.0, 7.0]]))).sum()
    assert total == pytest.approx(1, abs=1e-12)


def test_one_word_is_drawn_by_the_ratios_of_beta_as_the_prior_has_it():
    """Eq. 9 of the paper is the Dirichlet-multinomial of one draw an element."""
    prior = LDAPrior((1, 1, 1), topics=3, means=4)
    beta = prior.beta.detach().numpy()[1, 0].astype(float)
    weights = np.exp(log_probability(np.eye(4), beta[None]))[:, 0]
    np.testing.assert_allclose(weights, prior.components()[1][1, :, 0].softmax(0).detach(), rtol=1e-5)
    np.testing.assert_allclose(weights, stats.dirichlet_multinomial(beta, 1).pmf(np.eye(4)), rtol=1e-6)


def test_the_fixed_point_reaches_the_maximum_that_scipy_sees():
    counts, topics = made()
    counts = counts[topics == 0]
    beta = Windows(counts).improve(np.ones((len(counts), 1)), np.ones((1, 4)), 1000)[0]

    def likelihood(b):
        return stats.dirichlet_multinomial.logpmf(counts, b, counts.sum(1)).sum()

    best = likelihood(beta)
    for v in range(4):
        for factor in (0.97, 1.03):
            assert likelihood(beta * np.where(np.arange(4) == v, factor, 1)) < best
    np.testing.assert_allclose(beta, BETA[0], rtol=0.1)


def test_alpha_beta_and_topics_of_made_windows_are_found():
    counts, topics = made()
    mixture = fit_mixture(counts, 3)
    order = [
        int(np.abs(mixture.beta / mixture.beta.sum(1)[:, None] - b / b.sum()).sum(1).argmin()) for b in BETA
    ]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(mixture.weights[order], ALPHA, atol=0.04)
    np.testing.assert_allclose(mixture.beta[order][:2], BETA[:2], rtol=0.25)
    truth = Mixture(ALPHA, BETA)
    found, best = (adjusted_rand_score(topics, one.posterior(counts).argmax(1)) for one in (mixture, truth))
    assert found > best - 0.03
    assert mixture.log_prob(counts).sum() >= truth.log_prob(counts).sum()


def test_words_that_never_come_do_not_matter():
    counts, _ = made(300)
    wide = np.insert(counts, 2, 0, axis=1)
    plain, padded = fit_mixture(counts, 2), fit_mixture(wide, 2)
    assert padded.beta.shape == (2, 5)
    np.testing.assert_allclose(padded.posterior(wide), plain.posterior(counts), atol=1e-3)


def test_a_window_without_words_has_the_weights_as_posterior():
    np.testing.assert_allclose(Mixture(ALPHA, BETA).posterior(np.zeros((1, 4))), ALPHA[None])
