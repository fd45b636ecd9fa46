"""What holds for every bijection."""

import pytest
import torch

from seisflow.flows import (
    ActNorm,
    AffineCoupling,
    Arctanh,
    Chain,
    FirstChannels,
    FractalFlow,
    Invertible1x1,
    LateralBands,
    LearnedMaskCoupling,
    LogisticEnds,
    PixelAutoregressive,
    Reversible,
    SpectralWhitening,
    Squeezed,
    TraceAutoregressive,
)
from seisflow.flows.coupling import split_sizes
from seisflow.subnets import MixedPrecision, build_subnet


def coupling(kind, shape, *, swap=False, bound=2.0):
    channels, height, width = shape
    fixed = split_sizes(channels, swap)[1 if swap else 0]
    subnet = build_subnet(kind, fixed, 2 * (channels - fixed), width=5, depth=2, size=(height, width))
    return AffineCoupling(MixedPrecision(subnet), channels, swap=swap, bound=bound)


def learned_mask(shape):
    channels, height, width = shape
    subnet = build_subnet("cnn", channels, 2 * channels, width=5, depth=2, size=(height, width))
    flow = LearnedMaskCoupling(MixedPrecision(subnet), channels)
    flow.logits.data = torch.randn(channels)
    flow.choose()
    return flow


def step(kind, shape, *, mix=True, factor=(2, 2)):
    """Flow step as in the model: two couplings, each after its normalisation, on the squeezed state."""
    squeezed = (shape[0] * factor[0] * factor[1], shape[1] // factor[0], shape[2] // factor[1])
    bijections = []
    for swap in (False, True):
        bijections.append(ActNorm(squeezed[0]))
        if mix:
            bijections.append(Invertible1x1(squeezed[0]))
        bijections.append(coupling(kind, squeezed, swap=swap))
    return Squeezed(Chain(bijections), factor)


def fractal(kind, shape, levels, **options):
    channels, height, width = shape
    return FractalFlow(
        [step(kind, (channels, height >> level, width >> level), **options) for level in range(levels)]
    )


def periodic(shape, period):
    """Return a pixel step whose prediction is of all pixels before, as one that has seen images."""
    flow = PixelAutoregressive(shape, width=4, depth=1, components=3, period=period)
    flow.periodic.weight.normal_(std=0.1)
    flow.periodic.bias.normal_()
    return flow


BIJECTIONS = {
    "actnorm": ((1, 4, 3), lambda shape: ActNorm(1)),
    "actnorm of 3 channels": ((3, 2, 4), lambda shape: ActNorm(3)),
    "arctanh": ((3, 2, 4), lambda shape: Arctanh()),
    "logistic ends": ((3, 2, 4), lambda shape: LogisticEnds()),
    "pixels": ((1, 5, 6), lambda shape: PixelAutoregressive(shape, width=5, depth=2)),
    "pixels of 3 channels": (
        (3, 3, 4),
        lambda shape: PixelAutoregressive(shape, width=4, depth=1, components=3),
    ),
    "pixels without residual convolutions": (
        (2, 4, 1),
        lambda shape: PixelAutoregressive(shape, width=4, depth=0),
    ),
    "pixels with a period": ((2, 4, 6), lambda shape: periodic(shape, 2)),
    "pixels after logistic ends": (
        (1, 3, 8),
        lambda shape: Chain([LogisticEnds(), PixelAutoregressive(shape, width=4, depth=1)]),
    ),
    "invertible 1x1 of one channel": ((1, 2, 3), lambda shape: Invertible1x1(1)),
    "invertible 1x1": ((5, 2, 3), lambda shape: Invertible1x1(5)),
    "whitening": ((1, 8, 4), SpectralWhitening),
    "whitening of 3 channels, odd size": ((3, 5, 3), SpectralWhitening),
    **{
        f"coupling {kind}, {channels} channels{', swapped' if swap else ''}": (
            (channels, 4, 2),
            lambda shape, kind=kind, swap=swap: coupling(kind, shape, swap=swap),
        )
        for kind in ("mlp", "kan", "cnn")
        for channels in (2, 3)
        for swap in (False, True)
    },
    "coupling kan, more than fit flattened": ((2, 20, 14), lambda shape: coupling("kan", shape)),
    "coupling with a learned mask": ((5, 4, 2), learned_mask),
    "chain": ((4, 2, 3), lambda shape: Chain([ActNorm(4), Invertible1x1(4), coupling("cnn", shape)])),
    "reversible chain": (
        (4, 2, 3),
        lambda shape: Reversible(
            [ActNorm(4), FirstChannels(Invertible1x1(2), 2), coupling("cnn", shape), ActNorm(4)]
        ),
    ),
    "chain of chains": ((1, 4, 2), lambda shape: Chain([SpectralWhitening(shape), Chain([ActNorm(1)])])),
    "empty chain": ((1, 2, 2), lambda shape: Chain([])),
    "squeezed": ((1, 4, 6), lambda shape: Squeezed(ActNorm(6), (2, 3))),
    "coupling squeezed": ((1, 4, 6), lambda shape: Squeezed(coupling("cnn", (6, 2, 2)), (2, 3))),
    "squeezed couplings": ((3, 4, 2), lambda shape: step("cnn", shape, factor=(4, 1))),
    "first channels": ((5, 4, 2), lambda shape: FirstChannels(coupling("cnn", (3, 4, 2)), 3)),
    "bands": ((1, 4, 6), lambda shape: LateralBands(coupling("cnn", (3, 4, 2)), 6, 3)),
    "bands of 3 channels": ((3, 2, 8), lambda shape: LateralBands(step("cnn", (12, 2, 2)), 8, 4)),
    "traces": ((2, 4, 5), lambda shape: TraceAutoregressive(shape, width=4, depth=2, components=3)),
    "traces of one sample": (
        (1, 1, 4),
        lambda shape: TraceAutoregressive(shape, width=4, depth=0, components=1),
    ),
    "fractal of one level": ((1, 8, 4), lambda shape: fractal("cnn", shape, 1)),
    "fractal of two levels": ((1, 8, 4), lambda shape: fractal("cnn", shape, 2)),
    "fractal of three levels": ((1, 16, 8), lambda shape: fractal("cnn", shape, 3)),
    "fractal of three levels, unmixed": ((1, 16, 8), lambda shape: fractal("mlp", shape, 3, mix=False)),
    "fractal of 3 channels": ((3, 4, 8), lambda shape: fractal("kan", shape, 2)),
    "fractal after whitening": (
        (1, 8, 4),
        lambda shape: Chain([SpectralWhitening(shape), fractal("mlp", shape, 2, mix=False)]),
    ),
}
SCALED_ONE_BY_ONE = [
    name
    for name in BIJECTIONS
    if name.split()[0].strip(",") in ("actnorm", "arctanh", "logistic", "coupling", "pixels", "traces")
]
every_bijection = pytest.mark.parametrize("name", BIJECTIONS)


def takes_pixels(name):
    return "arctanh" in name or "logistic ends" in name


def make(name, items=3, seed=0):
    """Return the bijection in float64, every parameter moved from where it starts, and a batch for it."""
    shape, constructor = BIJECTIONS[name]
    torch.manual_seed(seed)
    flow = constructor(shape).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x = torch.randn(items, *shape, dtype=torch.float64)
    return flow, 256 * torch.sigmoid(2 * x) if takes_pixels(name) else x


def jacobian(flow, x):
    batched = not isinstance(flow, Reversible)  # whose backward pass takes one gradient at a time
    full = torch.autograd.functional.jacobian(lambda v: flow(v)[0], x, vectorize=batched)
    return full.reshape(x.numel(), x.numel())


@every_bijection
def test_inverse_undoes_forward(name):
    flow, x = make(name)
    back, _ = flow.inverse(flow(x)[0])
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10)


@every_bijection
def test_forward_undoes_inverse(name):
    flow, x = make(name)
    z = 0.5 * torch.randn_like(x)
    torch.testing.assert_close(flow(flow.inverse(z)[0])[0], z, rtol=0, atol=1e-10)


@every_bijection
def test_log_det_is_that_of_the_autograd_jacobian(name):
    flow, x = make(name, items=1)
    expected = torch.linalg.slogdet(jacobian(flow, x)).logabsdet
    torch.testing.assert_close(flow(x)[1].sum(), expected, rtol=0, atol=1e-8)


@every_bijection
def test_inverse_log_det_is_minus_that_of_forward(name):
    flow, x = make(name)
    z, log_det = flow(x)
    assert log_det.shape == (len(x),)
    torch.testing.assert_close(flow.inverse(z)[1], -log_det, rtol=0, atol=1e-10)


@every_bijection
def test_shares_sum_to_log_det(name):
    flow, x = make(name)
    z, share = flow.forward_elementwise(x)
    assert z.shape == x.shape
    torch.testing.assert_close(share.expand_as(z).sum((1, 2, 3)), flow(x)[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SCALED_ONE_BY_ONE)
def test_share_lies_at_the_element_it_scales(name):
    flow, x = make(name, items=1)
    scales = jacobian(flow, x).diagonal().view_as(x)
    torch.testing.assert_close(flow.forward_elementwise(x)[1].expand_as(x), scales.log(), rtol=0, atol=1e-10)


@every_bijection
def test_items_of_a_batch_do_not_mix(name):
    flow, x = make(name)
    z, log_det = flow(x)
    for i in range(len(x)):
        torch.testing.assert_close(flow(x[i : i + 1]), (z[i : i + 1], log_det[i : i + 1]), rtol=0, atol=1e-10)


@every_bijection
def test_gradients_are_finite_and_reach_every_parameter(name):
    flow, x = make(name)
    z, log_det = flow(x.requires_grad_())
    (0.5 * z.square().sum() - log_det.sum()).backward()
    for key, tensor in [("x", x), *flow.named_parameters()]:
        assert tensor.grad is not None, key
        assert torch.isfinite(tensor.grad).all(), key
        # the one L of a 1x1 map, and U beside its diagonal, have no free element
        assert tensor.grad.any() or tensor.numel() == 1, key


@every_bijection
def test_backprop_from_the_output_is_that_of_autograd_from_the_input(name):
    flow, x = make(name)
    z, share = flow.forward_elementwise(x.requires_grad_())
    grads = torch.randn_like(z), torch.randn_like(z)
    value = (grads[0] * z + grads[1] * share).sum()
    expected = torch.autograd.grad(value, (x, *flow.parameters()), allow_unused=True)
    back, grad_x, grad_parameters = flow.backprop(z.detach(), *grads)
    torch.testing.assert_close(back, x.detach(), rtol=0, atol=1e-10)
    for actual, wanted in zip((grad_x, *grad_parameters), expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-8, atol=1e-8)


@every_bijection
def test_state_dict_restores_the_map(name):
    flow, x = make(name)
    copy, _ = make(name, seed=1)
    copy.load_state_dict(flow.state_dict())
    for actual, expected in zip(copy(x), flow(x), strict=True):
        assert torch.equal(actual, expected)


@every_bijection
def test_initialise_returns_where_it_sends_the_batch(name):
    flow, x = make(name, items=16)
    torch.testing.assert_close(flow.initialise(x), flow(x)[0], rtol=0, atol=1e-10)


@every_bijection
def test_float32_agrees_with_float64(name):
    flow, x = make(name)
    z, log_det = flow(x)
    single, single_log_det = flow.float()(x.float())
    assert single.dtype == single_log_det.dtype == torch.float32
    torch.testing.assert_close(single.double(), z, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(single_log_det.double(), log_det, rtol=1e-4, atol=1e-4)
