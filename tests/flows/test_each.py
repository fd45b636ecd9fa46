"""What each bijection promises on its own."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special, stats
from scipy.fft import dct, dctn, idct
from torch import nn

from seisflow.config import FlowConfig
from seisflow.flows import (
    ActNorm,
    AffineCoupling,
    Arctanh,
    Chain,
    FractalFlow,
    Invertible1x1,
    LateralBands,
    LogisticEnds,
    PixelAutoregressive,
    SpectralWhitening,
    TraceAutoregressive,
)
from seisflow.flows.coupling import split_sizes
from seisflow.flows.fractal import cut, join
from seisflow.flows.logistic_mixture import (
    logistic_to_normal,
    mixture_forward,
    mixture_inverse,
    normal_to_logistic,
)
from seisflow.flows.seismic import trace_autoregressive as traces
from seisflow.flows.seismic.cosine import dct_matrix, local_cosine_matrix
from seisflow.flows.seismic.slopes import Slopes
from seisflow.flows.squeeze import squeeze, unsqueeze
from seisflow.models import FractalFlowModel

DOUBLE = torch.float64


def coloured(items, channels, height, width):
    """Noise with a mean and a band-limited spectrum."""
    torch.manual_seed(0)
    decay = torch.exp(-torch.arange(height, dtype=DOUBLE) / 2)[:, None]
    return 3 + dct_matrix(height).T @ (decay * torch.randn(items, channels, height, width, dtype=DOUBLE))


def conv_steps(levels):
    return [Chain([ActNorm(2), AffineCoupling(nn.Conv2d(1, 2, 3, padding=1), 2)]) for _ in range(levels)]


@pytest.mark.parametrize("channels", [1, 3])
def test_actnorm_leaves_its_batch_with_zero_mean_and_unit_variance(channels):
    x = coloured(20, channels, 8, 4)
    flow = ActNorm(channels).double()
    z = flow.initialise(x)
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(channels, dtype=DOUBLE))
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(channels, dtype=DOUBLE))


def test_actnorm_of_a_constant_channel_stays_finite():
    z = ActNorm(1).initialise(torch.full((4, 1, 2, 2), 7.0))
    assert torch.isfinite(z).all()


def test_every_actnorm_of_a_fractal_flow_is_initialised_on_what_reaches_it():
    x = coloured(20, 2, 8, 8)
    flow = FractalFlow(conv_steps(3)).double()
    flow.initialise(x)
    seen = []
    for module in flow.modules():
        if isinstance(module, ActNorm):
            module.forward_elementwise = lambda x, inner=module.forward_elementwise: (
                seen.append(inner(x)),
                seen[-1],
            )[1]
    flow(x)
    assert len(seen) == 3
    for z, _ in seen:
        torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(2, dtype=DOUBLE))


@pytest.mark.parametrize("n", [1, 2, 5, 64, 256])
def test_dct_matrix_is_orthonormal(n):
    matrix = dct_matrix(n)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(n, dtype=DOUBLE), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 8, 4), (3, 5, 7), (1, 32, 1)])
def test_whitening_scales_the_spectrum_that_scipy_finds(shape):
    torch.manual_seed(0)
    flow, x = SpectralWhitening(shape).double(), torch.randn(4, *shape, dtype=DOUBLE)
    nn.init.normal_(flow.log_scale)
    before, after = (dctn(v.detach().numpy(), axes=(2, 3), norm="ortho") for v in (x, flow(x)[0]))
    np.testing.assert_allclose(after, before * flow.log_scale.detach().exp().numpy(), rtol=0, atol=1e-10)


def test_whitening_leaves_its_batch_with_unit_spectrum():
    z = SpectralWhitening((2, 16, 4)).double().initialise(coloured(30, 2, 16, 4))
    spectrum = dctn(z.numpy(), axes=(2, 3), norm="ortho")
    np.testing.assert_allclose((spectrum**2).mean(0), 1, rtol=1e-8)


def test_whitening_along_time_leaves_the_coarsest_band_coloured_across_traces():
    x = coloured(30, 1, 16, 8)
    flow = SpectralWhitening((1, 16, 8), together=2).double()
    power = (dctn(flow.initialise(x).numpy(), axes=(2, 3), norm="ortho") ** 2).mean(0)
    np.testing.assert_allclose(power[..., :2].mean(-1), 1, rtol=1e-8)
    np.testing.assert_allclose(power[..., 2:], 1, rtol=1e-8)
    assert power[..., 0].max() > 1.1


def test_whitening_of_silent_wavenumbers_stays_finite():
    flow = SpectralWhitening((1, 8, 8))
    z = flow.initialise(torch.ones(4, 1, 8, 8))
    assert torch.isfinite(z).all()
    torch.testing.assert_close(flow.inverse(z)[0], torch.ones(4, 1, 8, 8))


@pytest.mark.parametrize("cast", [lambda flow: flow.double(), lambda flow: flow.float().double()])
def test_whitening_is_as_exact_as_its_precision(cast):
    flow = cast(SpectralWhitening((1, 64, 16)))
    x = torch.randn(2, 1, 64, 16, dtype=DOUBLE)
    torch.testing.assert_close(flow.inverse(flow(x)[0])[0], x, rtol=0, atol=1e-12)
    assert set(flow.state_dict()) == {"log_scale"}


def test_a_sample_depends_on_those_before_it_alone():
    flow = TraceAutoregressive((2, 3, 4), width=4, depth=2, components=2).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.4)
    x = torch.randn(1, 2, 3, 4, dtype=DOUBLE)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v)[0], x)[0, :, :, :, 0]
    # trace by trace, and down each of them: two samples at each of three positions
    ordered = jacobian.permute(2, 1, 0, 5, 4, 3).reshape(24, 24)
    assert not ordered.triu(1).any()
    assert (ordered.diagonal() > 0).all()
    assert (ordered[:, 0] != 0).sum() > 18


def test_traces_start_from_the_weighted_least_squares_that_numpy_finds():
    """Each sample weighted by one over the root mean square of those that are seen before it."""
    torch.manual_seed(0)
    x = torch.randn(8, 2, 12, 20, dtype=DOUBLE).cumsum(3)
    flow = TraceAutoregressive((2, 12, 20), width=4, depth=0, components=2).double()
    flow.initialise(x)
    along = flow.slopes(x.permute(0, 3, 2, 1).flatten(2))[0][:, :-1].reshape(8, 20, 12, 2).detach().numpy()
    along = np.pad(along.transpose(0, 3, 1, 2), ((0, 0), (0, 0), (0, 0), (1, 1)))
    padded = np.pad(x.numpy().transpose(0, 1, 3, 2), ((0, 0), (0, 0), (2, 0), (2, 2)))
    power = np.pad((x.numpy() ** 2).mean(1).transpose(0, 2, 1), ((0, 0), (12, 0), (2, 2)))
    weight = np.exp(-np.arange(12, -1, -1) / 4)[:, None] * np.ones(5)
    weight[-1, 2:] = 0
    known = np.pad(np.ones((20, 12)), ((12, 0), (2, 2)))
    before = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], dtype=bool)
    rows, continued, wanted = [], [], []
    for j in range(20):
        for t in range(12):
            patch, there = padded[:, :, j : j + 3, t : t + 5], known[j : j + 13, t : t + 5]
            strength = (weight * power[:, j : j + 13, t : t + 5]).sum((1, 2)) + 0.01
            amplitude = np.minimum(np.sqrt(strength / ((weight * there).sum() + 0.01)), 30)[:, None]
            rows.append(np.where(before, patch, 0).reshape(8, -1) / amplitude)
            continued.append(along[:, :, j, t : t + 3].reshape(8, -1) / amplitude)
            wanted.append(x.numpy()[:, :, t, j] / amplitude)
    outside, own = np.concatenate(rows), np.concatenate(wanted)
    outside = outside[:, np.tile(before.ravel(), 2)]
    for c in range(2):
        design = np.hstack((outside, np.concatenate(continued), own[:, :c]))
        ridge = 1e-4 * (design**2).sum(0).mean()
        stacked = np.vstack((design, math.sqrt(ridge) * np.eye(design.shape[1])))
        expected, *_ = np.linalg.lstsq(stacked, np.append(own[:, c], np.zeros(design.shape[1])), rcond=None)
        found = flow.linear.weight[c][:, torch.as_tensor(before)].detach().numpy().ravel()
        np.testing.assert_allclose(found, expected[:24], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            flow.along[c].detach().numpy().ravel(), expected[24:30], rtol=1e-6, atol=1e-9
        )
        np.testing.assert_allclose(flow.within[c, :c].detach().numpy(), expected[30:], rtol=1e-6, atol=1e-9)


def plane_wave(slope, noise=0.0):
    """24 traces of 96 samples whose signal comes ``slope`` samples later on each."""
    torch.manual_seed(0)
    signal = F.conv1d(torch.randn(1, 1, 400, dtype=DOUBLE), torch.hann_window(9, dtype=DOUBLE)[None, None])[
        0, 0
    ]
    traces = torch.stack([signal[150 - slope * i :][:96] for i in range(24)])[None] / signal.std()
    return traces + noise * torch.randn(traces.shape, dtype=DOUBLE)


@pytest.mark.parametrize("slope", [-5, 0, 3])
def test_slopes_continue_a_plane_wave(slope):
    u = plane_wave(slope)
    predicted, misfit = Slopes(8, 8).double()(u)
    assert predicted.shape == (1, 25, 96)
    assert misfit.shape == (1, 25, 12)
    inside = slice(24, 72)  # further out, what comes was not on the trace before
    error = (predicted[:, 2:-1] - u[:, 2:])[..., inside]
    assert float(error.square().mean().detach()) < 0.1
    assert float(misfit[:, 2:, 3:9].mean().detach()) < 0.1
    assert not predicted[:, 0].any()
    assert (misfit[:, :2] == 1).all()


def test_slopes_trust_noise_less():
    clean, noisy, nothing = (
        float(Slopes(8, 8).double()(u)[1][:, 2:, 3:9].mean().detach())
        for u in (plane_wave(2), plane_wave(2, 0.5), plane_wave(2, 50.0))
    )
    assert clean < 0.1 < noisy < 0.5 < nothing < 1.5


def test_slopes_of_a_trace_need_the_four_before_it():
    u = torch.randn(2, 9, 32, dtype=DOUBLE)
    slopes = Slopes(8, 4).double()
    for whole, part in zip(slopes(u), slopes(u[:, -4:]), strict=True):
        torch.testing.assert_close(part[:, -1], whole[:, -1])
    assert not torch.equal(slopes(u)[0][:, -1], slopes(u[:, -3:])[0][:, -1])


def test_training_disturbs_a_part_of_patches_and_keeps_their_power():
    torch.manual_seed(0)
    y = torch.randn(300, 4, 16, 32) * torch.linspace(0.2, 3, 32)
    disturbed = traces._disturbed(y, 1 / 3)
    changed = (disturbed != y).flatten(1).any(1)
    assert 0.25 < float(changed.float().mean()) < 0.42
    power, before = disturbed[changed].square().mean((0, 1, 2)), y[changed].square().mean((0, 1, 2))
    torch.testing.assert_close(power, before, rtol=0.15, atol=0)
    torch.testing.assert_close(traces._disturbed(y[100:110], 1 / 3), disturbed[100:110])


def test_traces_keep_their_exactness_where_amplitudes_are_far_off():
    flow = TraceAutoregressive((2, 4, 5), width=4, depth=1, components=3).double()
    x = 1e3 * torch.randn(2, 2, 4, 5, dtype=DOUBLE)
    z, log_det = flow(x)
    back, inverse_log_det = flow.inverse(z)
    torch.testing.assert_close(back, x, rtol=1e-9, atol=0)
    torch.testing.assert_close(inverse_log_det, -log_det, rtol=1e-9, atol=0)


def test_traces_that_are_recomputed_have_the_same_gradient_and_keep_less():
    flow = TraceAutoregressive((2, 8, 6), width=16, depth=3, components=2).double()
    torch.nn.init.normal_(flow.subnet.subnet.last.weight, std=0.1)
    x = torch.randn(3, 2, 8, 6, dtype=DOUBLE)
    found, kept = [], []
    for flow.recompute in (False, True):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: (sizes.append(tensor.nbytes), tensor)[1], lambda tensor: tensor
        ):
            z, log_det = flow(x)
        found.append(torch.autograd.grad(z.square().sum() - log_det.sum(), list(flow.parameters())))
        kept.append(sum(sizes))
    for stored, again in zip(*found, strict=True):
        torch.testing.assert_close(again, stored, rtol=1e-12, atol=1e-12)
    assert kept[1] < 0.7 * kept[0]


@pytest.mark.parametrize("count", [2, 4])
def test_bands_are_parts_of_the_lateral_spectrum_as_scipy_finds_it(count):
    x = coloured(2, 1, 4, 8).numpy()
    bands = LateralBands(Chain([]), 8, count).double().split(torch.from_numpy(x)).numpy()
    parts = np.split(dct(x, axis=3, norm="ortho"), count, axis=3)
    expected = np.concatenate([idct(part, axis=3, norm="ortho") for part in parts], axis=1)
    np.testing.assert_allclose(bands, expected, atol=1e-12)


def test_what_a_band_adds_to_the_log_det_lies_at_its_traces():
    flow = LateralBands(ActNorm(2), 8, 2).double()
    flow.inner.log_scale.data[:] = torch.rand(2, 1, 1, dtype=DOUBLE)
    scale = torch.zeros(1, 2, 1, 4, dtype=DOUBLE)
    scale[..., 1] = 1.0
    flow.inner.forward_elementwise = lambda x: (x, scale)
    share = flow.forward_elementwise(torch.zeros(1, 1, 1, 8, dtype=DOUBLE))[1]
    torch.testing.assert_close(share[0, 0, 0], torch.tensor([0, 0, 1, 1, 0, 0, 0, 0], dtype=DOUBLE))


def test_invertible_1x1_starts_as_a_rotation():
    weight = Invertible1x1(6)(torch.eye(6)[:, :, None, None])[0][:, :, 0, 0]
    torch.testing.assert_close(weight @ weight.T, torch.eye(6), rtol=0, atol=1e-5)


def test_invertible_1x1_starts_as_the_matrix_it_is_given():
    start = torch.randn(6, 6, dtype=DOUBLE) + 6 * torch.eye(6, dtype=DOUBLE)
    columns = Invertible1x1(6, start).double()(torch.eye(6, dtype=DOUBLE)[:, :, None, None])[0][:, :, 0, 0]
    torch.testing.assert_close(columns.T, start, rtol=0, atol=1e-5)


def test_local_cosine_matrix_transforms_every_neighbourhood_as_scipy_does():
    x = torch.randn(1, 2, 8, 6, dtype=DOUBLE)
    channels = squeeze(x, (4, 3))
    z = torch.einsum("ij,bjhw->bihw", local_cosine_matrix(2, (4, 3)), channels)
    expected = dctn(x[0, 1, 4:8, 3:6].numpy(), norm="ortho")
    np.testing.assert_allclose(z[0, 12:, 1, 1].reshape(4, 3).numpy(), expected, atol=1e-12)


def test_cosine_start_leaves_an_untrained_step_where_it_was():
    model = FractalFlowModel((1, 16, 8), FlowConfig(levels=2, couplings=3, squeeze=(4, 2), input="none"))
    x = torch.randn(3, 1, 16, 8)
    torch.testing.assert_close(model.encode(x)[0], x, rtol=0, atol=1e-5)


def test_coupling_follows_its_formula_within_its_bound():
    """z = x exp(s) + t, not x exp(s + t) as Eq. 10 of the paper has it; |s| is at most the bound."""
    torch.manual_seed(0)
    subnet = nn.Conv2d(2, 4, 1).double()
    flow = AffineCoupling(subnet, 4, bound=1.5)
    x = 10 * torch.randn(50, 4, 3, 3, dtype=DOUBLE)
    z, share = flow.forward_elementwise(x)
    raw, shift = subnet(x[:, :2]).chunk(2, 1)
    scale = 1.5 * torch.tanh(raw / 1.5)
    assert torch.equal(z[:, :2], x[:, :2])
    torch.testing.assert_close(z[:, 2:], x[:, 2:] * scale.exp() + shift)
    torch.testing.assert_close(share, torch.cat([torch.zeros_like(scale), scale], 1))
    assert 1.4 < float(share.detach().abs().max()) <= 1.5


@pytest.mark.parametrize(
    ("channels", "swap", "sizes"), [(4, False, (2, 2)), (5, False, (3, 2)), (5, True, (2, 3))]
)
def test_the_conditioning_part_is_the_larger_one(channels, swap, sizes):
    assert split_sizes(channels, swap) == sizes


def test_arctanh_is_the_papers_map():
    x = torch.arange(257, dtype=DOUBLE).reshape(1, 1, 1, 257)
    z, share = Arctanh().forward_elementwise(x)
    torch.testing.assert_close(torch.tanh(z), (2 * x - 256) / 258)
    derivative = 2 / 258 / (1 - ((2 * x - 256) / 258) ** 2)
    torch.testing.assert_close(share, derivative.log())
    assert math.isclose(float(z[..., 0]), -float(z[..., 256]))


def test_bells_are_straight_between_black_and_white_and_meet_there():
    x = torch.tensor([1, 1 - 1e-9, 128, 255, 255 + 1e-9, 0, 256], dtype=DOUBLE).view(1, 1, 1, -1)
    z, share = LogisticEnds().forward_elementwise(x)
    expected = torch.tensor([-1, -1, 0, 1, 1, -9, 9], dtype=DOUBLE)
    torch.testing.assert_close(z.flatten(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(share.flatten()[[0, 2, 3]].exp(), torch.full((3,), 1 / 127, dtype=DOUBLE))


@pytest.mark.parametrize(("value", "centre"), [(0, -5), (255, 5)])
def test_dequantised_black_and_white_cost_nothing_under_a_logistic(value, centre):
    """No bits but those by which the bell is cut off: log2(1 / (1 - 2 eps))."""
    x = value + torch.linspace(0, 1, 100_002, dtype=DOUBLE)[1:-1].view(1, 1, 1, -1)
    z, share = LogisticEnds().forward_elementwise(x)
    nats = -torch.from_numpy(stats.logistic.logpdf(z.numpy(), centre)) - share
    eps = 1 / (1 + math.exp(4))
    torch.testing.assert_close(nats, torch.full_like(nats, -math.log(1 - 2 * eps)), rtol=0, atol=1e-9)
    _, arctanh_share = Arctanh().forward_elementwise(x)
    y = Arctanh()(x)[0].flatten()
    best = torch.from_numpy(stats.norm.logpdf(y.numpy(), y.mean(), y.std()))
    assert -(best + arctanh_share.flatten()).mean() > 0.17  # 0.25 bits


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("flow", [Arctanh(), LogisticEnds()], ids=["arctanh", "bells"])
def test_pixel_maps_bear_the_ends_of_every_value(flow, dtype):
    values = torch.arange(256, dtype=dtype).repeat_interleave(3)
    noise = torch.tensor([0, 0.5, 1 - torch.finfo(dtype).eps], dtype=dtype).repeat(256)
    x = (values + noise).view(1, 1, 1, -1)
    z, share = flow.forward_elementwise(x)
    assert torch.isfinite(z).all()
    assert torch.isfinite(share).all()
    back, log_det = flow.inverse(z)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10 if dtype == DOUBLE else 1e-4)
    torch.testing.assert_close(log_det, -share.sum((1, 2, 3)), rtol=1e-5, atol=0)


def mixture(items, components, dtype, scale=1.0):
    torch.manual_seed(0)
    logits, means, log_scales = 2 * torch.randn(3, items, components, 1, 1, 1, dtype=DOUBLE)
    return [part.to(dtype) for part in (logits, 3 * means, scale * log_scales)]


def test_mixture_follows_the_distribution_function_of_scipy():
    logits, means, log_scales = mixture(50, 3, DOUBLE, 0.5)
    y = torch.randn(50, 1, 1, 1, dtype=DOUBLE)
    z, log_slope = mixture_forward(y, logits, means, log_scales)
    weights, scales = logits.softmax(1).numpy(), log_scales.exp().numpy()
    cdf = (weights * stats.logistic.cdf(y[:, None].numpy(), means.numpy(), scales)).sum(1)
    density = (weights * stats.logistic.pdf(y[:, None].numpy(), means.numpy(), scales)).sum(1)
    np.testing.assert_allclose(torch.sigmoid(z), cdf, rtol=1e-10)
    np.testing.assert_allclose(log_slope.exp(), density / cdf / (1 - cdf), rtol=1e-8)


@pytest.mark.parametrize("centre", [0, -30, 30])
def test_mixture_inverse_solves_also_far_out(centre):
    """z of logistic tails and beyond, scales from e^-6 to e^6."""
    parts = mixture(400, 4, DOUBLE)
    z = centre + 5 * torch.randn(400, 1, 1, 1, dtype=DOUBLE)
    y, log_slope = mixture_inverse(z, *parts)
    back, share = mixture_forward(y, *parts)
    torch.testing.assert_close(back, z, rtol=1e-10, atol=1e-9)
    torch.testing.assert_close(log_slope, -share)
    single, _ = mixture_inverse(z.float(), *[part.float() for part in parts])
    assert torch.isfinite(single).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-12), (torch.float32, 1e-6)])
def test_a_logistic_variable_becomes_the_normal_one_of_scipy(dtype, tolerance):
    z = torch.linspace(-300, 300, 1201, dtype=DOUBLE)
    expected = -np.sign(z.numpy()) * special.ndtri_exp(stats.logistic.logsf(z.abs().numpy()))
    n, log_slope = logistic_to_normal(z.to(dtype))
    np.testing.assert_allclose(n.numpy(), expected, rtol=tolerance, atol=tolerance)
    slope = stats.logistic.logpdf(z) - stats.norm.logpdf(expected)
    np.testing.assert_allclose(log_slope.numpy(), slope, rtol=0, atol=1e3 * tolerance)
    back, share = normal_to_logistic(n)
    torch.testing.assert_close(back, z.to(dtype), rtol=10 * tolerance, atol=10 * tolerance)
    torch.testing.assert_close(share, -log_slope, rtol=0, atol=1e3 * tolerance)


def test_the_slope_to_a_normal_variable_is_that_of_autograd():
    z = torch.linspace(-80, 80, 41, dtype=DOUBLE, requires_grad=True)
    n, log_slope = logistic_to_normal(z)
    (slope,) = torch.autograd.grad(n.sum(), z)
    torch.testing.assert_close(slope.log(), log_slope, rtol=1e-10, atol=1e-10)
    step = torch.tensor(1e-5, dtype=DOUBLE)
    with torch.no_grad():
        difference = (logistic_to_normal(z + step)[0] - logistic_to_normal(z - step)[0]) / (2 * step)
    torch.testing.assert_close(difference, slope, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("log_scale", [-5.0, -7.0])
def test_mixture_inverse_is_finite_where_nothing_lies_between_components(dtype, log_scale):
    """Midway the distribution function is flat, the density too small for a number, and z exactly reached."""
    parts = torch.zeros(3, 2, 1), torch.tensor([[[-1.0], [1.0]]] * 3), torch.full((3, 2, 1), log_scale)
    z = torch.tensor([[0.0], [1e-8], [0.3]], dtype=dtype)
    y, log_slope = mixture_inverse(z, *(part.to(dtype) for part in parts))
    assert torch.isfinite(torch.cat((y, log_slope))).all()
    found, forward = mixture_forward(y.double(), *(part.double() for part in parts))
    torch.testing.assert_close(found, z.double(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(-forward, log_slope.double(), rtol=1e-4, atol=1e-4)


def test_mixture_inverse_leaves_the_cycles_of_newton():
    """A kink between a narrow component and wide ones: steps from either side undo each other."""
    parts = ([2.3, -1.3, -0.9, -3.2], [-4.46, -0.98, -0.94, -0.57], [0.26, -4.56, -2.51, -1.33])
    parts = [
        torch.tensor(part, dtype=DOUBLE).view(1, 4, 1, 1, 1).expand(400, -1, -1, -1, -1) for part in parts
    ]
    z = torch.linspace(1.5, 3, 400, dtype=DOUBLE).view(400, 1, 1, 1)
    y, _ = mixture_inverse(z, *parts)
    torch.testing.assert_close(mixture_forward(y, *parts)[0], z, rtol=0, atol=1e-10)


def test_raster_sees_earlier_elements_alone():
    """In reading order, with the channels of a pixel one after the other."""
    torch.manual_seed(0)
    shape = (2, 4, 5)
    flow = PixelAutoregressive(shape, width=8, depth=2).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.2)
    x = 1.8 * torch.rand(1, *shape, dtype=DOUBLE) - 0.9  # nothing clipped
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v)[0], x)[0, :, :, :, 0]
    by_pixel = jacobian.permute(1, 2, 0, 4, 5, 3).reshape(40, 40)
    assert not by_pixel.triu(1).any()
    assert by_pixel.diagonal().min() > 0
    # next to the pixel, in its row and in the one above, and within the pixel, everything is seen
    own = jacobian[:, 2, 2]
    for row, column in ((2, 1), (1, 1), (1, 2), (1, 3)):
        assert own[:, :, row, column].abs().min() > 0
    assert own[1, 0, 2, 2].abs() > 0


def test_raster_does_not_see_the_noise_of_black_and_white():
    torch.manual_seed(0)
    flow = PixelAutoregressive((1, 4, 4), width=8, depth=1).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.2)
    pixels = torch.tensor([0, 255], dtype=DOUBLE)[torch.randint(2, (1, 1, 4, 4))]
    noisy = [LogisticEnds()(pixels + torch.rand_like(pixels))[0] for _ in range(2)]
    seen = [flow.subnet(x.clamp(-1, 1)) for x in noisy]
    torch.testing.assert_close(*seen)
    assert not torch.allclose(*noisy)


@pytest.mark.parametrize(("shape", "factor"), [((1, 8, 4), (2, 2)), ((3, 6, 4), (3, 1)), ((2, 4, 4), (4, 4))])
def test_squeeze_gathers_neighbourhoods_and_back(shape, factor):
    x = torch.randn(2, *shape)
    z = squeeze(x, factor)
    fh, fw = factor
    assert z.shape == (2, shape[0] * fh * fw, shape[1] // fh, shape[2] // fw)
    assert sorted(z[0, :, 0, 0].tolist()) == sorted(x[0, :, :fh, :fw].flatten().tolist())
    assert torch.equal(unsqueeze(z, factor), x)


@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (3, 2, 8, 4), (2, 1, 6, 10)])
def test_cut_gives_the_quarters_and_join_undoes_it(shape):
    x = torch.randn(shape)
    blocks = cut(x)
    h, w = shape[2] // 2, shape[3] // 2
    quarters = [x[..., i : i + h, j : j + w] for i in (0, h) for j in (0, w)]
    assert torch.equal(blocks, torch.stack(quarters, 1).flatten(0, 1))
    assert torch.equal(join(blocks), x)


@pytest.mark.parametrize("depth", [1, 2])
def test_below_a_cut_blocks_do_not_see_each_other(depth):
    """A change within one block of the state at some depth stays within it, in z and in the shares."""
    torch.manual_seed(0)
    flow = FractalFlow(conv_steps(3)).double()
    x = torch.randn(1, 2, 16, 16, dtype=DOUBLE)
    z, share, states = flow.trace(x)
    size = 16 >> depth
    block = (..., slice(size, 2 * size), slice(0, size))
    changed = states[depth - 1].clone()
    changed[block] += torch.randn_like(changed[block])
    outer = FractalFlow([flow.step, flow.inner.step][:depth])
    z_other, share_other, _ = flow.trace(outer.inverse(changed)[0])
    difference = (z_other - z).abs()
    assert difference[block].min() > 0
    difference[block] = 0
    torch.testing.assert_close(difference, torch.zeros_like(z), rtol=0, atol=1e-10)
    assert share_other.shape == share.shape


def test_blocks_of_a_level_share_their_flow():
    """Equal quarters leave as equal quarters from the levels below the cut."""
    torch.manual_seed(0)
    flow = FractalFlow(conv_steps(2)).double()
    quarter = torch.randn(1, 2, 4, 4, dtype=DOUBLE)
    z, _ = flow.inner(cut(quarter.tile(1, 1, 2, 2)))
    torch.testing.assert_close(z, z[:1].expand(4, -1, -1, -1))


def test_trace_gives_the_state_after_each_level():
    torch.manual_seed(0)
    flow, x = FractalFlow(conv_steps(3)).double(), torch.randn(2, 2, 8, 8, dtype=DOUBLE)
    z, _, states = flow.trace(x)
    first, second, third = (flow.step, flow.inner.step, flow.inner.inner.step)
    expected = [first(x)[0]]
    expected.append(join(second(cut(expected[0]))[0]))
    expected.append(join(join(third(cut(cut(expected[1])))[0])))
    for actual, wanted in zip(states, expected, strict=True):
        torch.testing.assert_close(actual, wanted)
    assert torch.equal(z, states[-1])


def test_whitening_tells_what_whitens_a_trace():
    """One over the root of the power of the traces it was set from, here by numpy's Fourier transform."""
    rng = np.random.default_rng(0)
    share = np.linspace(0, 1, 257)
    power = 0.05 + np.exp(-0.5 * ((share - 0.3) / 0.1) ** 2)
    spectrum = np.fft.rfft(rng.normal(size=(200, 512, 8)), axis=1) * np.sqrt(power)[:, None]
    patches = np.fft.irfft(spectrum, 512, axis=1)[:, :256]
    whitening = SpectralWhitening((1, 256, 8))
    whitening.initialise(torch.tensor(patches[:, None], dtype=torch.float32))
    ratio = whitening.along_time().numpy()[8:] ** -2.0 / np.interp(np.arange(8, 256) / 256, share, power)
    np.testing.assert_allclose(ratio.reshape(31, 8).mean(1), 1, atol=0.15)
