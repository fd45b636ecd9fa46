"""Fractal Flows of images: the map of pixel values counts, and so does the step after it."""

import math

import pytest
import torch

from seisflow.errors import ConfigError

DOUBLE = torch.float64


def data(n, shape=(1, 16, 8), *, pixels=False, seed=1):
    x = torch.randn(n, *shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))
    return 256 * torch.sigmoid(x) if pixels else x


def test_images_of_random_bytes_cost_eight_bits_or_more(make_model):
    """No density can code uniform bytes in fewer than 8 bits a dimension."""
    model = make_model((3, 32, 32), input="pixels", levels=3, moved=0).float()
    torch.manual_seed(0)
    x = torch.randint(256, (64, 3, 32, 32)) + torch.rand(64, 3, 32, 32)
    model.initialise(x)
    with torch.no_grad():
        bits = model.bits_per_dim(x)
    assert bits.shape == (64,)
    assert 8 <= float(bits.mean()) < 9
    assert bool(((model.sample(4) >= -1) & (model.sample(4) <= 257)).all())


STEP = {"width": 8, "depth": 1, "components": 3}


@pytest.mark.parametrize(
    ("pixels", "step"),
    [
        ("logistic-ends", {}),
        ("logistic-ends", STEP),
        ("arctanh", STEP),
        ("logistic-ends", {**STEP, "period": 4}),
    ],
)
def test_pixel_maps_and_pixel_step_keep_the_density_exact(make_model, pixels, step):
    settings = {"pixels": pixels, "autoregressive": step, "prior": {"kind": "gaussian"}}
    model = make_model((1, 8, 4), input="pixels", **settings)
    x = data(1, (1, 8, 4), pixels=True)
    x[..., :2, :2] = torch.tensor([[0, 0.7], [255.1, 256]])
    for name, coefficients in model.named_buffers():
        if "periodic" in name and "mask" not in name:
            coefficients.normal_(std=0.1)
    jacobian = torch.autograd.functional.jacobian(lambda v: model.encode(v)[0], x, vectorize=True)
    latent = model.prior.log_prob(model.encode(x)[0])
    expected = latent + torch.linalg.slogdet(jacobian.reshape(32, 32)).logabsdet
    torch.testing.assert_close(model.log_prob(x), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(model.log_prob_map(x).sum((1, 2, 3)), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(model.decode(model.encode(x)[0])[0], x, rtol=0, atol=1e-10)


@pytest.mark.parametrize("channels", [1, 3])
def test_random_bytes_cost_eight_bits_after_training_on_black_images_too(make_model, channels):
    settings = {"input": "pixels", "pixels": "logistic-ends", "autoregressive": STEP, "squeeze": (4, 4)}
    model = make_model((channels, 16, 16), moved=0, **settings).float()
    torch.manual_seed(0)
    black = torch.rand(16, channels, 16, 16)
    black[:, :, 4:12, 4:12] += torch.randint(256, (16, 1, 1, 1))
    model.initialise(black)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    before = float(model.bits_per_dim(black).detach().mean())
    for _ in range(20):
        optimiser.zero_grad()
        model.loss(black, torch.ones(16, 1, 16, 16, dtype=torch.bool))[0].backward()
        optimiser.step()
    with torch.no_grad():
        assert float(model.bits_per_dim(black).mean()) < before - 0.5
        noise = torch.randint(256, (64, channels, 16, 16)) + torch.rand(64, channels, 16, 16)
        bits = model.bits_per_dim(noise)
    assert torch.isfinite(bits).all()
    assert float(bits.mean()) >= 8
    samples = model.sample(2)
    assert bool(((samples > -0.02) & (samples < 256.02)).all())


def test_bits_of_an_image_count_the_arctanh_map(make_model):
    """Before training, without 1x1 maps, the flow is the arctanh map alone."""
    model = make_model((3, 32, 32), input="pixels", use_1x1=False, prior={"kind": "gaussian"}, moved=0)
    x = data(2, (3, 32, 32), pixels=True)
    u = (2 * x - 256) / 258
    normal = torch.distributions.Normal(0.0, 1.0)
    log_prob = normal.log_prob(torch.atanh(u)) + math.log(2 / 258) - torch.log(1 - u**2)
    expected = -log_prob.sum((1, 2, 3)) / (3 * 32 * 32 * math.log(2))
    torch.testing.assert_close(model.bits_per_dim(x), expected)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"pixels": "logistic-ends", "autoregressive": {"width": 4, "period": 3}},
            "does not divide 8 x 8 pixels",
        ),
        ({"autoregressive": {"width": 4, "period": 4}}, "needs pixels: logistic-ends"),
    ],
    ids=["of other pixels", "of another scale"],
)
def test_a_period_that_does_not_fit_is_refused(make_model, settings, said):
    with pytest.raises((ConfigError, ValueError), match=said):
        make_model((1, 8, 8), input="pixels", squeeze=(2, 2), prior={"kind": "gaussian"}, **settings)
