"""What holds for every prior."""

import itertools

import numpy as np
import pytest
import torch

from seisflow.errors import ConfigError
from seisflow.priors import GaussianPrior, KATPrior, LDAPrior

PRIORS = {
    "gaussian": GaussianPrior,
    "kat": lambda shape: KATPrior(shape, components=3),
    "kat of mixtures": lambda shape: KATPrior(shape, components=3, means=4),
    "lda": lambda shape: LDAPrior(shape, topics=3, means=5),
    "lda shared over positions": lambda shape: LDAPrior(shape, topics=3, means=6, share="position"),
    "lda of one topic and mean": lambda shape: LDAPrior(shape, topics=1, means=1),
}
every_prior = pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)


def trained(make, shape, seed=0):
    """Return the prior in float64 with its parameters moved well away from where they start."""
    torch.manual_seed(seed)
    prior = make(shape).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    return prior


def latent(n, shape, seed=1, dtype=torch.float64):
    return torch.randn(n, *shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def some_mask(z):
    mask = latent(len(z), z.shape[1:], seed=2) > -0.5
    mask[0] = False  # an item without a single valid element
    mask[1] = True
    return mask


@every_prior
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (1, 1, 2)])
def test_density_integrates_to_one(make, shape):
    prior = trained(make, shape)
    axis = torch.linspace(-16, 16, 801, dtype=torch.float64)
    points = torch.tensor(list(itertools.product(axis.tolist(), repeat=prior.size)), dtype=torch.float64)
    density = prior.log_prob(points.view(-1, *shape)).exp()
    assert float(density.sum().detach() * (axis[1] - axis[0]) ** prior.size) == pytest.approx(1, abs=1e-5)


@every_prior
def test_map_sums_to_log_prob(make):
    prior, z = trained(make, (2, 8, 6)), latent(5, (2, 8, 6))
    share = prior.log_prob_map(z)
    assert share.shape == z.shape
    torch.testing.assert_close(share.sum((1, 2, 3)), prior.log_prob(z), rtol=0, atol=1e-10)


@every_prior
def test_masked_map_sums_to_masked_log_prob_and_is_zero_where_masked(make):
    prior, z = trained(make, (2, 8, 6)), latent(5, (2, 8, 6))
    mask = some_mask(z)
    share = prior.log_prob_map(z, mask)
    torch.testing.assert_close(share.sum((1, 2, 3)), prior.log_prob(z, mask), rtol=0, atol=1e-10)
    assert not share[~mask].any()
    assert float(prior.log_prob(z, mask)[0].detach()) == pytest.approx(0, abs=1e-12)


@every_prior
def test_full_mask_changes_nothing(make):
    prior, z = trained(make, (2, 8, 6)), latent(5, (2, 8, 6))
    mask = torch.ones_like(z, dtype=torch.bool)
    torch.testing.assert_close(prior.log_prob(z, mask), prior.log_prob(z))
    torch.testing.assert_close(prior.responsibilities(z, mask), prior.responsibilities(z))


@every_prior
def test_masked_values_do_not_matter(make):
    prior, z = trained(make, (2, 8, 6)), latent(5, (2, 8, 6))
    mask = some_mask(z)
    other = torch.where(mask, z, 3 * z + 1)
    torch.testing.assert_close(prior.log_prob(z, mask), prior.log_prob(other, mask))
    torch.testing.assert_close(prior.responsibilities(z, mask), prior.responsibilities(other, mask))


@every_prior
def test_masked_log_prob_is_the_marginal(make):
    prior = trained(make, (2, 1, 1))
    axis = torch.linspace(-16, 16, 4001, dtype=torch.float64)
    z = torch.stack([torch.full_like(axis, 0.7), axis], 1).view(-1, 2, 1, 1)
    marginal = prior.log_prob(z).exp().sum() * (axis[1] - axis[0])
    mask = torch.tensor([True, False]).view(1, 2, 1, 1)
    torch.testing.assert_close(prior.log_prob(z[:1], mask)[0], marginal.log(), rtol=0, atol=1e-6)


@every_prior
def test_responsibilities_are_probabilities(make):
    prior = trained(make, (2, 8, 6))
    r = prior.responsibilities(latent(5, (2, 8, 6)))
    assert r.shape == (5, prior.topics)
    assert r.min() >= 0
    torch.testing.assert_close(r.sum(1), torch.ones(5, dtype=torch.float64))


@every_prior
def test_gradient_of_log_prob_is_that_of_finite_differences(make):
    prior, z = trained(make, (2, 2, 2)), latent(3, (2, 2, 2)).requires_grad_()
    mask = some_mask(z)
    names = [name for name, _ in prior.named_parameters()]

    def log_prob(z, *parameters):
        values = dict(zip(names, parameters, strict=True))
        return (
            torch.func.functional_call(prior, values, (z,)),
            torch.func.functional_call(prior, values, (z, mask)),
        )

    prior.forward = lambda z, mask=None: prior.log_prob(z, mask)
    assert torch.autograd.gradcheck(log_prob, (z, *prior.parameters()))


@every_prior
def test_gradient_through_the_map_is_that_of_log_prob(make):
    prior, z = trained(make, (2, 8, 6)), latent(5, (2, 8, 6)).requires_grad_()
    inputs = [z, *prior.parameters()]
    expected = torch.autograd.grad(prior.log_prob(z).sum(), inputs)
    for actual, wanted in zip(
        torch.autograd.grad(prior.log_prob_map(z).sum(), inputs), expected, strict=True
    ):
        torch.testing.assert_close(actual, wanted, rtol=1e-9, atol=1e-9)


@every_prior
def test_samples_have_the_density(make):
    """If z ~ p, then E[g(z) / p(z)] = 1 for any density g whose tails p covers."""
    prior = trained(make, (2, 1, 1))
    z = prior.sample(20000, generator=torch.Generator().manual_seed(3))
    assert z.shape == (20000, 2, 1, 1)
    for centre in (0.0, 0.5):
        log_g = torch.distributions.Normal(centre, 0.3).log_prob(z).sum((1, 2, 3))
        ratio = (log_g - prior.log_prob(z)).exp().detach().numpy()
        assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(len(ratio))


@every_prior
def test_a_generator_fixes_samples(make):
    prior = trained(make, (1, 4, 4))
    a, b, c = (prior.sample(20, generator=torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@every_prior
def test_global_seed_fixes_samples_without_a_generator(make):
    prior = trained(make, (1, 4, 4))
    torch.manual_seed(5)
    a = prior.sample(4)
    torch.manual_seed(5)
    assert torch.equal(a, prior.sample(4))


@every_prior
def test_no_samples_is_an_empty_tensor(make):
    assert trained(make, (1, 4, 4)).sample(0).shape == (0, 1, 4, 4)


@every_prior
def test_an_unknown_topic_is_refused(make):
    prior = make((1, 4, 4))
    for topic in (-1, prior.topics):
        with pytest.raises(ConfigError, match=f"Expected 0 to {prior.topics - 1}"):
            prior.sample(1, topic=topic)


@every_prior
def test_state_dict_restores_density_and_samples(make):
    prior, copy = trained(make, (2, 4, 4)), make((2, 4, 4)).double()
    copy.load_state_dict(prior.state_dict())
    z = latent(3, (2, 4, 4))
    assert torch.equal(prior.log_prob(z), copy.log_prob(z))
    assert torch.equal(*(p.sample(3, generator=torch.Generator().manual_seed(0)) for p in (prior, copy)))


@every_prior
def test_starts_near_the_standard_gaussian(make):
    """In one dimension within 1e-2 nats on average, except for KAT, whose components start scattered."""
    torch.manual_seed(0)
    prior, z = make((1, 1, 1)), latent(20000, (1, 1, 1), dtype=torch.float32)
    gap = (GaussianPrior((1, 1, 1)).log_prob(z) - prior.log_prob(z)).mean()
    assert -1e-2 < float(gap.detach()) < (1.0 if isinstance(prior, KATPrior) else 1e-2)


@every_prior
def test_float32_agrees_with_float64_at_patch_size(make):
    torch.manual_seed(0)
    prior, z = make((1, 256, 64)), latent(2, (1, 256, 64), dtype=torch.float32)
    single = prior.log_prob(z)
    torch.testing.assert_close(prior.log_prob_map(z).sum((1, 2, 3)), single, rtol=1e-5, atol=0)
    torch.testing.assert_close(prior.double().log_prob(z.double()).float(), single, rtol=1e-5, atol=0)


@every_prior
def test_autocast_does_not_lower_precision(make):
    prior, z = trained(make, (1, 16, 8)).float(), latent(3, (1, 16, 8), dtype=torch.float32).requires_grad_()
    expected = prior.log_prob(z)
    gradient = torch.autograd.grad(expected.sum(), z)[0]
    with torch.autocast("cpu", torch.bfloat16):
        actual = prior.log_prob(z)
        torch.testing.assert_close(actual, expected)
        torch.testing.assert_close(torch.autograd.grad(actual.sum(), z)[0], gradient)
