"""What each bijection promises on its own."""

import math

import numpy as np
import pytest
import torch
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
    SpectralWhitening,
)
from seisflow.flows.cosine import dct_matrix, local_cosine_matrix
from seisflow.flows.coupling import split_sizes
from seisflow.flows.fractal import cut, join
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
            module.contributions = lambda x, inner=module.contributions: (seen.append(inner(x)), seen[-1])[1]
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
    flow.inner.contributions = lambda x: (x, scale)
    share = flow.contributions(torch.zeros(1, 1, 1, 8, dtype=DOUBLE))[1]
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
    z, share = flow.contributions(x)
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
    z, share = Arctanh().contributions(x)
    torch.testing.assert_close(torch.tanh(z), (2 * x - 256) / 258)
    derivative = 2 / 258 / (1 - ((2 * x - 256) / 258) ** 2)
    torch.testing.assert_close(share, derivative.log())
    assert math.isclose(float(z[..., 0]), -float(z[..., 256]))


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
