import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import softmax

from seisflow.errors import ConfigError
from seisflow.priors import GaussianPrior, LDAPrior
from seisflow.priors.base import gaussian_grid


def trained(shape, *, dtype=torch.float64, **options):
    """Return a prior whose parameters are moved well away from where they start."""
    torch.manual_seed(0)
    prior = LDAPrior(shape, **options).to(dtype)
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter += 0.7 * torch.randn_like(parameter)
    return prior


def marginal_cdf(prior, topic=None):
    """Distribution function of a prior of one element, by scipy."""
    grid, logits, log_sigma = (t.detach().numpy() for t in prior.components())
    pi, w = softmax(prior.topic_logits.detach().numpy()), softmax(logits[..., 0], axis=1)
    if topic is not None:
        pi = np.eye(prior.topics)[topic]
    mean, sigma = grid[0, :, 0], np.exp(log_sigma[:, :1])
    return lambda z: (pi[:, None] * w * stats.norm.cdf((np.ravel(z)[:, None, None] - mean) / sigma)).sum(
        (1, 2)
    )


@pytest.mark.parametrize("share", ["none", "position"])
def test_log_prob_is_eq_9_of_alpha_and_beta(share):
    prior = trained((2, 2, 2), topics=3, means=4, share=share)
    alpha, beta = prior.alpha.detach().numpy(), prior.beta.detach().numpy()
    assert beta.shape == (3, 8, 4)
    mean, sigma = prior.grid.numpy(), prior.components()[2].exp().detach().numpy()
    z = np.random.default_rng(0).normal(size=(5, 8))
    expected = np.zeros(5)
    for q in range(3):
        product = np.full(5, alpha[q] / alpha.sum())
        for d in range(8):
            density = [stats.norm.pdf(z[:, d], mean[m], sigma[q, d]) for m in range(4)]
            product *= (beta[q, d] / beta[q, d].sum()) @ np.array(density)
        expected += product
    actual = prior.log_prob(torch.tensor(z).view(5, 2, 2, 2))
    np.testing.assert_allclose(actual.detach().numpy(), np.log(expected), atol=1e-10)


@pytest.mark.parametrize("means", range(1, 12))
def test_initial_weights_and_sigma_imitate_the_standard_gaussian(means):
    grid, weights, sigma = gaussian_grid(means, spread=2.5)
    assert weights.sum() == pytest.approx(1)
    assert (weights * grid**2).sum() + sigma**2 == pytest.approx(1)
    assert weights.min() > 1e-3  # a mean without weight would never be learned
    x = np.linspace(-6, 6, 1001)
    mixture = sum(w * stats.norm.pdf(x, m, sigma) for w, m in zip(weights, grid, strict=True))
    reference = stats.norm.pdf(x)
    assert (reference * np.log(reference / mixture)).sum() * (x[1] - x[0]) < 1e-3


def test_starts_near_the_gaussian_with_topics_apart_but_undecided():
    torch.manual_seed(0)
    shape = (1, 64, 32)
    prior, z = LDAPrior(shape), torch.randn(64, *shape)
    gap = (GaussianPrior(shape).log_prob(z) - prior.log_prob(z)).mean() / z[0].numel()
    assert abs(float(gap.detach())) < 2e-3
    r = prior.responsibilities(z).detach()
    assert r.mean(0).min() > 0.05
    assert r.std(0).min() > 1e-3


def test_the_grid_is_fixed_and_concentrations_are_not_trained():
    prior = LDAPrior((1, 4, 4))
    assert {name for name, _ in prior.named_parameters()} == {"topic_logits", "mean_logits", "log_sigma"}
    assert {"grid", "topic_concentration", "mean_concentration"} <= set(prior.state_dict())


def test_sharing_over_positions_makes_parameters_independent_of_size():
    count = [sum(p.numel() for p in LDAPrior((4, n, n), share="position").parameters()) for n in (8, 32)]
    assert count == [4 + 4 * 8 * 4] * 2


def test_unknown_sharing_is_refused():
    with pytest.raises(ConfigError, match="Expected 'none' or 'position'"):
        LDAPrior((1, 4, 4), share="channel")


def test_sharing_over_positions_is_the_same_density_everywhere():
    prior = trained((2, 4, 4), share="position")
    z = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(prior.log_prob(z), prior.log_prob(z.flip(2).transpose(2, 3)))


@pytest.mark.parametrize("collapsed", [False, True])
@pytest.mark.parametrize("topic", [None, 1])
@pytest.mark.parametrize("concentration", [0.5, 50.0])
def test_samples_follow_the_marginal_whatever_the_concentration(collapsed, topic, concentration):
    """Dirichlet draws vary with the concentration; a single sample's distribution does not."""
    prior = trained((1, 1, 1), topics=3, means=5)
    prior.topic_concentration.fill_(concentration)
    prior.mean_concentration.fill_(concentration)
    generator = torch.Generator().manual_seed(1)
    z = prior.sample(8000, topic=topic, generator=generator, collapsed=collapsed)
    assert stats.kstest(z.flatten().numpy(), marginal_cdf(prior, topic)).pvalue > 1e-3


def test_drawn_weights_vary_about_the_expected_ones_as_dirichlets_of_their_topic():
    prior = trained((1, 64, 64), topics=2, means=3, share="position")
    prior.mean_concentration.copy_(torch.tensor([0.5, 20.0]))
    for topic, total in enumerate(prior.mean_concentration.tolist()):
        w = prior.draw_weights(topic, torch.Generator().manual_seed(0)).flatten(0, 2).numpy()
        expected = (prior.beta[topic, 0] / total).detach().numpy()
        np.testing.assert_allclose(w.sum(1), 1)
        np.testing.assert_allclose(w.mean(0), expected, atol=0.03)
        np.testing.assert_allclose(w.var(0), expected * (1 - expected) / (total + 1), rtol=0.1)


def test_drawn_means_are_as_frequent_as_expected():
    prior = trained((1, 64, 64), topics=2, means=3, share="position")
    means = prior.draw_means(1, torch.Generator().manual_seed(0))
    expected = prior.beta[1, 0].detach() / prior.beta[1, 0].sum().detach()
    frequency = means.flatten().bincount(minlength=3) / means.numel()
    torch.testing.assert_close(frequency.double(), expected, rtol=0, atol=0.03)


def test_samples_are_independent_between_elements_of_a_topic():
    prior = trained((1, 1, 2), topics=2, means=5)
    z = prior.sample(8000, topic=0, generator=torch.Generator().manual_seed(1)).flatten(1).numpy()
    assert stats.spearmanr(z[:, 0], z[:, 1]).pvalue > 1e-3


def test_samples_of_a_topic_are_recognised():
    prior = trained((1, 16, 16), topics=3)
    for topic in range(3):
        r = prior.responsibilities(prior.sample(20, topic=topic))
        assert float(r[:, topic].mean().detach()) > 0.99


@pytest.mark.parametrize("temperature", [0.0, 0.5, 2.0])
def test_temperature_multiplies_sigma_about_the_means(temperature):
    prior = trained((1, 8, 8), topics=2)
    means = prior.draw_means(0, torch.Generator().manual_seed(0))
    z = prior.sample(500, temperature, topic=0, means=means, generator=torch.Generator().manual_seed(0))
    centre, sigma = prior.grid[means.flatten()], prior.components()[2][0].exp().detach()
    scaled = (z.flatten(1) - centre) / sigma
    assert float(scaled.mean()) == pytest.approx(0, abs=0.02 * max(temperature, 1e-6))
    assert float(scaled.std()) == pytest.approx(temperature, rel=0.02)


def test_a_mean_topic_is_shared_by_all_samples():
    prior = trained((2, 4, 4), topics=2)
    means = prior.draw_means(1, torch.Generator().manual_seed(0))
    assert means.shape == (2, 4, 4)
    assert torch.equal(means, prior.draw_means(1, torch.Generator().manual_seed(0)))
    z = prior.sample(3, temperature=0.0, means=means)
    torch.testing.assert_close(z, prior.grid[means].expand(3, -1, -1, -1))


@pytest.mark.parametrize("means", [torch.zeros(4, 4, dtype=torch.int64), torch.full((1, 4, 4), 7)])
def test_means_that_do_not_fit_are_refused(means):
    with pytest.raises(ConfigError, match="Expected grid indices 0 to 6"):
        LDAPrior((1, 4, 4), means=7).sample(1, means=means)


@pytest.mark.parametrize("total", [0.7, 6.0])
def test_fit_concentration_recovers_that_of_dirichlet_responsibilities(total, monkeypatch):
    prior = LDAPrior((1, 2, 2), topics=3)
    r = np.random.default_rng(0).dirichlet(total * np.array([0.5, 0.3, 0.2]), size=20000)
    monkeypatch.setattr(prior, "responsibilities", lambda z: torch.tensor(r, dtype=torch.float32))
    prior.fit_concentration(torch.randn(20000, 1, 2, 2))
    assert float(prior.topic_concentration) == pytest.approx(total, rel=0.05)


def test_counts_of_draws_by_one_weight_are_dirichlet_multinomial_of_beta():
    """Of five draws of m by the same w, element by element, on 4,096 elements with one beta."""
    prior = trained((1, 64, 64), topics=2, means=3, share="position")
    prior.mean_concentration.copy_(torch.tensor([0.8, 6.0]))
    rng, every = (
        np.random.default_rng(0),
        np.array([[i, j, 5 - i - j] for i in range(6) for j in range(6 - i)]),
    )
    for topic in range(2):
        w = prior.draw_weights(topic, torch.Generator().manual_seed(topic)).flatten(0, 2).numpy()
        counts = rng.multinomial(5, w / w.sum(1, keepdims=True))
        seen = (counts[:, None] == every).all(2).sum(0)
        beta = prior.beta[topic, 0].detach().numpy()
        expected = len(counts) * stats.dirichlet_multinomial(beta, 5).pmf(every)
        assert expected.min() > 5  # enough for the test
        assert stats.chisquare(seen, expected).pvalue > 1e-3


@pytest.mark.parametrize("total", [0.7, 6.0])
def test_fitted_alpha_is_as_likely_as_the_best_of_scipys_dirichlet_multinomials(total, monkeypatch):
    """Made items of 500 draws each, whose proportions stand for their responsibilities."""
    rng, prior = np.random.default_rng(0), LDAPrior((1, 2, 2), topics=3).double()
    counts = rng.multinomial(500, rng.dirichlet(total * np.array([0.5, 0.3, 0.2]), size=3000))
    r = torch.tensor(counts / 500)
    monkeypatch.setattr(prior, "responsibilities", lambda z: r)
    with torch.no_grad():
        prior.topic_logits.copy_(r.mean(0).log())
    prior.fit_concentration(torch.randn(len(r), 1, 2, 2, dtype=torch.float64))

    def likelihood(alpha):
        return stats.dirichlet_multinomial.logpmf(counts, alpha, 500).mean()

    alpha = prior.alpha.detach().numpy()
    best = max(likelihood(alpha / alpha.sum() * a0) for a0 in total * np.geomspace(0.5, 2, 101))
    assert likelihood(alpha) == pytest.approx(best, abs=5e-3)
    assert likelihood(alpha) > likelihood(1.5 * alpha) + 5e-3
    assert likelihood(alpha) > likelihood(alpha / 1.5) + 5e-3


def test_fit_concentration_is_smaller_for_crisper_means():
    prior = LDAPrior((1, 8, 8), topics=2)
    with torch.no_grad():
        prior.log_sigma[0] -= 1.5
        prior.log_sigma[1] += 1.5
    z = torch.cat([prior.sample(50, topic=q) for q in (0, 1)])
    prior.fit_concentration(z)
    crisp, vague = prior.mean_concentration.tolist()
    assert crisp < 1 < vague


def test_fit_concentration_changes_neither_density_nor_ratios():
    prior = trained((1, 8, 8), topics=3)
    z = prior.sample(40)
    before = prior.log_prob(z), prior.alpha / prior.alpha.sum(), prior.beta / prior.beta.sum(-1, keepdim=True)
    prior.fit_concentration(z)
    after = prior.log_prob(z), prior.alpha / prior.alpha.sum(), prior.beta / prior.beta.sum(-1, keepdim=True)
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(prior.alpha.sum(), prior.topic_concentration)
    torch.testing.assert_close(prior.beta.sum(-1), prior.mean_concentration[:, None].expand(-1, prior.size))


def test_variance_topics_separate_loud_from_quiet_items():
    torch.manual_seed(0)
    gain = torch.tensor([0.5, 1.5]).repeat(64)[:, None, None, None]
    z = gain * torch.randn(128, 1, 8, 8)
    prior = LDAPrior((1, 8, 8), topics=2)
    optimiser = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(100):
        optimiser.zero_grad()
        (-prior.log_prob(z).mean()).backward()
        optimiser.step()
    quiet = prior.responsibilities(z).argmax(1).view(64, 2).float().mean(0)
    assert abs(float(quiet[0] - quiet[1])) > 0.95
