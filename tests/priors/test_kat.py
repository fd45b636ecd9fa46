import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp, softmax

from seisflow.priors import KATPrior


def test_log_prob_is_the_mixture_of_eq_4():
    torch.manual_seed(0)
    prior, z = KATPrior((2, 3, 1), components=5).double(), torch.randn(4, 2, 3, 1, dtype=torch.float64)
    with torch.no_grad():
        prior.topic_logits.normal_()
        prior.log_sigma.normal_()
    means, _, log_sigma = (t.detach().numpy() for t in prior.components())
    weights = softmax(prior.topic_logits.detach().numpy())
    components = [
        stats.multivariate_normal(mu[0], np.diag(np.exp(2 * s))).logpdf(z.flatten(1).numpy())
        for mu, s in zip(means, log_sigma, strict=True)
    ]
    expected = logsumexp(np.stack(components, 1), axis=1, b=weights)
    np.testing.assert_allclose(prior.log_prob(z).detach().numpy(), expected, atol=1e-10)


def test_log_prob_is_the_mixture_of_mixtures_of_eq_5():
    torch.manual_seed(0)
    prior = KATPrior((1, 2, 2), components=3, means=2).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter += torch.randn_like(parameter)
    means, logits, log_sigma = (t.detach().numpy() for t in prior.components())
    pi, w = softmax(prior.topic_logits.detach().numpy()), softmax(logits, axis=1)
    z = np.random.default_rng(0).normal(size=4)
    expected = sum(
        pi[q]
        * np.prod(
            [
                sum(
                    w[q, m, d] * stats.norm.pdf(z[d], means[q, m, d], np.exp(log_sigma[q, d]))
                    for m in range(2)
                )
                for d in range(4)
            ]
        )
        for q in range(3)
    )
    actual = prior.log_prob(torch.tensor(z).view(1, 1, 2, 2)).exp().item()
    assert actual == pytest.approx(expected, rel=1e-10)


def test_sigma_is_bounded_whatever_the_parameter():
    prior = KATPrior((1, 2, 2))
    with torch.no_grad():
        prior.log_sigma.fill_(-1e6)
    assert float(prior.components()[2].min().detach()) >= -3.0


def test_a_fixed_component_at_temperature_zero_is_its_mean():
    prior = KATPrior((1, 2, 2), components=3)
    z = prior.sample(2, temperature=0.0, topic=1)
    torch.testing.assert_close(z, prior.means[1].detach().view(1, 1, 2, 2).expand(2, -1, -1, -1))


def test_finds_separate_clusters():
    """Four far corners in the plane: after a short fit each is one component, close to the true density."""
    torch.manual_seed(0)
    corners = torch.tensor([[-2.0, -2], [-2, 2], [2, -2], [2, 2]]).repeat(250, 1)
    z = (corners + 0.2 * torch.randn(1000, 2)).view(-1, 2, 1, 1)
    prior = KATPrior((2, 1, 1), components=8)
    optimiser = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        loss = -prior.log_prob(z).mean()
        loss.backward()
        optimiser.step()
    entropy = np.log(4) + 2 * stats.norm(scale=0.2).entropy()
    assert float(loss.detach()) == pytest.approx(entropy, abs=0.1)
    crisp = prior.responsibilities(torch.tensor([[-2.0, -2], [2, 2]]).view(2, 2, 1, 1))
    assert crisp[0].argmax() != crisp[1].argmax()
