"""The closed-form kernel against the same sum written plainly."""

import pytest
import torch

from seisflow.priors import LDAPrior, evidence
from seisflow.priors.evidence import topic_evidence, topic_terms


def plain_terms(z, means, mean_logits, log_sigma):
    """Log density of elements under topics (B, Q, D), everything left to torch.distributions and autograd."""
    components = torch.distributions.Normal(means, log_sigma.exp()[:, None])
    log_density = components.log_prob(z[:, None, None])  # (B, Q, M, D)
    return torch.logsumexp(mean_logits.log_softmax(1) + log_density, 2)


def problem(learned_means, dtype=torch.float64, size=301):
    """Return latents (7, size), a mask, and parameters of 3 topics with 4 means that all need gradients."""
    torch.manual_seed(0)
    z = 2 * torch.randn(7, size, dtype=dtype)
    means = (
        2 * torch.randn(3, 4, size, dtype=dtype)
        if learned_means
        else torch.linspace(-2, 2, 4, dtype=dtype)[None, :, None]
    )
    mean_logits = torch.randn(3, 4, size, dtype=dtype)
    log_sigma = 0.5 * torch.randn(3, size, dtype=dtype)
    inputs = [v.requires_grad_() for v in (z, means, mean_logits, log_sigma)]
    means.requires_grad_(learned_means)
    return inputs, torch.rand(7, size) > 0.3


@pytest.fixture(params=[2**10, 2**17], ids=["many chunks", "one chunk"], autouse=True)
def chunk(request, monkeypatch):
    monkeypatch.setattr(evidence, "CHUNK_CPU", request.param)


@pytest.mark.parametrize("learned_means", [False, True], ids=["grid", "learned means"])
@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
def test_evidence_and_gradient_equal_the_plain_path(learned_means, masked):
    inputs, mask = problem(learned_means)
    wanted = [v for v in inputs if v.requires_grad]
    upstream = torch.randn(7, 3, dtype=torch.float64)
    actual = topic_evidence(inputs[0], mask if masked else None, *inputs[1:])
    expected = (plain_terms(*inputs) * (mask[:, None] if masked else 1)).sum(2)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
    gradients = torch.autograd.grad(actual, wanted, upstream), torch.autograd.grad(expected, wanted, upstream)
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("learned_means", [False, True], ids=["grid", "learned means"])
def test_terms_and_gradient_equal_the_plain_path(learned_means):
    inputs, _ = problem(learned_means)
    wanted = [v for v in inputs if v.requires_grad]
    upstream = torch.randn(7, 3, 301, dtype=torch.float64)
    actual, expected = topic_terms(*inputs), plain_terms(*inputs)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
    gradients = torch.autograd.grad(actual, wanted, upstream), torch.autograd.grad(expected, wanted, upstream)
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("learned_means", [False, True], ids=["grid", "learned means"])
def test_gradient_is_that_of_finite_differences(learned_means):
    inputs, mask = problem(learned_means, size=5)
    mask = mask[:, :5]
    assert torch.autograd.gradcheck(lambda *v: topic_evidence(v[0], mask, *v[1:]), inputs)
    assert torch.autograd.gradcheck(topic_terms, inputs)


def test_far_latents_and_narrow_components_stay_finite():
    z = torch.tensor([[-1e4, -30.0, 0.3, 30.0, 1e4]]).requires_grad_()
    means = torch.linspace(-2.5, 2.5, 7)[None, :, None]
    logits = torch.zeros(1, 7, 5)
    logits[:, 3] = 60.0  # all weight on the middle one
    density = topic_evidence(z, None, means, logits, torch.full((1, 5), -2.5))
    (gradient,) = torch.autograd.grad(density.sum(), z)
    assert torch.isfinite(density).all()
    assert torch.isfinite(gradient).all()


def test_keeps_the_latent_and_no_more_than_parameters():
    """Saved for backward at 16 x 16384, Q = 4, M = 7: at most two (B, D) tensors and the parameters."""
    prior, z = LDAPrior((1, 256, 64), topics=4, means=7), torch.randn(16, 1, 256, 64, requires_grad=True)
    parameters = {p.untyped_storage().data_ptr() for p in prior.parameters()}
    saved: dict[int, int] = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        prior.log_prob(z)
    assert sum(saved.values()) <= 2 * z.numel() * z.element_size()
