"""The model is an exact, normalised density, and every view of it agrees with every other."""

import math

import pytest
import torch
from torch.distributions import Normal

from seisflow.errors import ConfigError
from seisflow.flows import TraceAutoregressive

DOUBLE = torch.float64

PRIORS = {
    "gaussian": {"kind": "gaussian"},
    "kat": {"kind": "kat", "topics": 3},
    "lda": {"kind": "lda", "topics": 3, "means": 5, "share": "none"},
    "lda shared": {"kind": "lda", "topics": 2, "means": 4, "share": "position"},
}

every_prior = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)

every_input = pytest.mark.parametrize("kind", ["whiten", "none", "pixels"])


def data(n, shape=(1, 16, 8), *, pixels=False, seed=1):
    x = torch.randn(n, *shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))
    return 256 * torch.sigmoid(x) if pixels else x


def some_mask(x, seed=2):
    mask = torch.rand(len(x), 1, *x.shape[2:], generator=torch.Generator().manual_seed(seed)) > 0.3
    mask[0] = True
    return mask


@every_prior
def test_density_integrates_to_one(make_model, prior):
    """Over 4 dimensions, by importance sampling from a wide Gaussian."""
    model = make_model((1, 2, 2), levels=1, prior=prior)
    wide = torch.distributions.Normal(0.0, 2.5)
    torch.manual_seed(0)
    x = wide.sample((60000, 1, 2, 2)).double()
    with torch.no_grad():
        ratio = (model.log_prob(x) - wide.log_prob(x).sum((1, 2, 3))).exp()
    error = float(ratio.std()) / math.sqrt(len(ratio))
    assert error < 0.02
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * error)


@every_prior
def test_samples_follow_the_density(make_model, prior):
    """If x ~ p, then E[g(x) / p(x)] = 1 for any density g whose tails p covers."""
    model = make_model((1, 2, 2), levels=1, prior=prior)
    x = model.sample(20000, generator=torch.Generator().manual_seed(0))
    narrow = torch.distributions.Normal(x.mean(0), 0.5)
    with torch.no_grad():
        ratio = (narrow.log_prob(x).sum((1, 2, 3)) - model.log_prob(x)).exp()
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * float(ratio.std()) / math.sqrt(len(ratio)))


@every_input
def test_log_prob_is_the_change_of_variables(make_model, kind):
    model = make_model((1, 8, 4), input=kind, prior={"kind": "gaussian"})
    x = data(1, (1, 8, 4), pixels=kind == "pixels")
    jacobian = torch.autograd.functional.jacobian(lambda v: model.encode(v)[0], x, vectorize=True)
    latent = model.prior.log_prob(model.encode(x)[0])
    expected = latent + torch.linalg.slogdet(jacobian.reshape(32, 32)).logabsdet
    torch.testing.assert_close(model.log_prob(x), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("width", [0, 4])
@pytest.mark.parametrize("count", [2, 4, 8])
def test_bands_in_the_first_level_keep_the_density_exact(make_model, count, width):
    bands = {"count": count, "couplings": 2, "autoregressive": {"width": width}}
    model = make_model((1, 8, 8), prior={"kind": "gaussian"}, bands=bands)
    x = data(1, (1, 8, 8))
    jacobian = torch.autograd.functional.jacobian(lambda v: model.encode(v)[0], x, vectorize=True)
    latent = model.prior.log_prob(model.encode(x)[0])
    expected = latent + torch.linalg.slogdet(jacobian.reshape(64, 64)).logabsdet
    torch.testing.assert_close(model.log_prob(x), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(model.log_prob_map(x).sum((1, 2, 3)), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(model.decode(model.encode(x)[0])[0], x, rtol=0, atol=1e-10)


@every_prior
@every_input
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("dtype", "rtol"), [(DOUBLE, 1e-10), (torch.float32, 1e-5)])
def test_map_sums_to_log_prob(make_model, prior, kind, masked, dtype, rtol):
    model, x = make_model(prior=prior, input=kind).to(dtype), data(4, pixels=kind == "pixels").to(dtype)
    mask = some_mask(x) if masked else None
    share = model.log_prob_map(x, mask)
    assert share.shape == (4, 1, 16, 8)
    torch.testing.assert_close(share.sum((1, 2, 3)), model.log_prob(x, mask), rtol=rtol, atol=0)
    if mask is not None:
        assert not share[~mask].any()


@every_prior
def test_a_full_mask_changes_nothing(make_model, prior):
    model, x = make_model(prior=prior), data(3)
    full = torch.ones(3, 1, 16, 8, dtype=torch.bool)
    torch.testing.assert_close(model.log_prob(x, full), model.log_prob(x))
    torch.testing.assert_close(model.topics(x, full), model.topics(x))


@pytest.mark.parametrize("shape", [(1, 16, 8), (3, 8, 8)])
def test_loss_is_minus_log_prob_for_each_valid_sample(make_model, shape):
    model, x = make_model(shape), data(4, shape)
    mask = some_mask(x)
    loss, nll = model.loss(x, mask)
    expected = -model.log_prob(x, mask).sum() / mask.expand_as(x).sum()
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=0)
    assert torch.equal(loss, nll)
    assert not nll.requires_grad


@pytest.mark.parametrize(("kind", "first"), [("whiten", 1), ("none", 0)])
def test_l2_term_is_the_mean_squared_step_between_states_of_the_flow(make_model, kind, first):
    model, x = make_model(levels=3, input=kind), data(4)
    loss, nll = model.loss(x, torch.ones_like(x, dtype=torch.bool), l2=0.3)
    states = model.steps(x)[first:]
    assert len(states) == 4
    steps = [(states[i + 1] - states[i]).square().mean() for i in range(3)]
    torch.testing.assert_close(loss - nll, 0.3 * sum(steps))


def test_transport_term_is_the_straightness_over_the_levels(make_model):
    model, x = make_model(levels=3), data(4)
    loss, nll = model.loss(x, torch.ones_like(x, dtype=torch.bool), transport=0.3)
    states = model.steps(x)[1:]
    pieces = sum((states[i + 1] - states[i]).square().sum() for i in range(3))
    straightness = 3 * pieces / (states[3] - states[0]).square().sum()
    assert straightness > 1.1
    torch.testing.assert_close(loss - nll, 0.3 * (straightness - 1))


@every_input
def test_steps_lead_from_data_to_latent(make_model, kind):
    model, x = make_model(input=kind), data(2, pixels=kind == "pixels")
    states = model.steps(x)
    assert len(states) == (3 if kind == "none" else 4)
    assert all(state.shape == x.shape for state in states)
    assert torch.equal(states[0], x)
    torch.testing.assert_close(states[-1], model.encode(x)[0])


@every_input
def test_decode_undoes_encode(make_model, kind):
    model, x = make_model(input=kind), data(3, pixels=kind == "pixels")
    z, log_det = model.encode(x)
    back, back_log_det = model.decode(z)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-9)
    torch.testing.assert_close(back_log_det, -log_det, rtol=0, atol=1e-9)


@every_prior
def test_topics_are_probabilities(make_model, prior):
    topics = make_model(prior=prior).topics(data(5))
    assert topics.shape == (5, prior.get("topics", 1))
    torch.testing.assert_close(topics.sum(1), torch.ones(5, dtype=DOUBLE))


@every_prior
def test_a_generator_fixes_samples(make_model, prior):
    model = make_model(prior=prior)
    a, b, c = (model.sample(3, generator=torch.Generator().manual_seed(s)) for s in (4, 4, 5))
    assert a.shape == (3, 1, 16, 8)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.5])
def test_temperature_is_the_spread_of_the_latent(make_model, temperature):
    model = make_model(prior={"kind": "gaussian"})
    x = model.sample(50, temperature=temperature, generator=torch.Generator().manual_seed(0))
    assert float(model.encode(x)[0].std().detach()) == pytest.approx(temperature, rel=0.05, abs=1e-9)


def test_samples_of_a_topic_are_recognised(make_model):
    model = make_model(prior=PRIORS["lda"], moved=0.3)
    for topic in range(3):
        x = model.sample(10, topic=topic, generator=torch.Generator().manual_seed(0))
        assert float(model.topics(x)[:, topic].mean()) > 0.8


def test_a_mean_topic_can_be_shared_by_samples(make_model):
    model = make_model(prior={"kind": "lda", "topics": 2})
    means = model.prior.draw_means(0, torch.Generator().manual_seed(0))
    same = model.sample(2, temperature=0.0, means=means)
    torch.testing.assert_close(same[0], same[1])


def test_initialised_on_a_batch_it_leaves_unit_variance(make_model):
    model, x = make_model(moved=0), 3 + 5 * data(200)
    model.initialise(x)
    assert float(model.encode(x)[0].std().detach()) == pytest.approx(1, abs=0.05)


@every_prior
@pytest.mark.parametrize("kind", ["cnn", "mlp", "kan"])
def test_every_prior_and_subnet_trains(make_model, kind, prior):
    model, x = make_model(subnet={"kind": kind, "width": 6}, prior=prior, levels=2), data(3)
    loss, _ = model.loss(x, some_mask(x), l2=0.1)
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_a_batch_of_another_shape_is_refused(make_model):
    with pytest.raises(ConfigError, match=r"patch of shape \(1, 8, 8\): the model takes \(1, 16, 8\)"):
        make_model().log_prob(data(2, (1, 8, 8)))


def test_training_asks_the_trace_step_to_stand_alone_too(make_model):
    bands = {"count": 2, "couplings": 1, "autoregressive": {"width": 4}}
    model, x = make_model((1, 8, 8), bands=bands), data(5, (1, 8, 8))
    (step,) = (module for module in model.modules() if isinstance(module, TraceAutoregressive))
    seen = []
    forward_training = step.forward_training
    step.forward_training = lambda state: seen.append((*forward_training(state), state)) or seen[-1][:3]
    mask = some_mask(x)
    before = model.log_prob(x, mask)
    total, nll = model.loss(x, mask)
    ((z, log_det_map, _, state),) = seen
    scale = (state.square().mean((1, 2, 3), keepdim=True) + 0.01).sqrt()
    alone = -(Normal(0, 1).log_prob(z) + log_det_map + scale.log()).sum((1, 2, 3))
    weight = mask.sum((1, 2, 3)) / mask.sum()
    torch.testing.assert_close(total - nll, (weight * alone).sum() / 64, rtol=1e-10, atol=0)
    assert torch.equal(model.log_prob(x, mask), before)


def test_straightness_is_one_for_equal_steps_and_counts_detours(make_model, monkeypatch):
    model = make_model((1, 2, 2), levels=1, prior=PRIORS["gaussian"], input="none")
    x, step = data(3, (1, 2, 2)), data(3, (1, 2, 2), seed=2)
    monkeypatch.setattr(model, "steps", lambda x: [x, x + step, x + 2 * step, x + 3 * step])
    assert model.straightness(x) == pytest.approx(1)
    monkeypatch.setattr(model, "steps", lambda x: [x, x - step, x + step])
    assert model.straightness(x) == pytest.approx(2 * (1 + 4) / 1)
