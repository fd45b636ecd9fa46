"""The recursion cuts blocks that do not see each other and share their flow."""

import pytest
import torch
from torch import nn

from seisflow.flows import (
    ActNorm,
    AffineCoupling,
    Chain,
    FractalFlow,
)
from seisflow.flows.fractal import cut, join

DOUBLE = torch.float64


def conv_steps(levels):
    return [Chain([ActNorm(2), AffineCoupling(nn.Conv2d(1, 2, 3, padding=1), 2)]) for _ in range(levels)]


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
    """A change within one block of the state at some depth stays within it, in z and its log-determinant."""
    torch.manual_seed(0)
    flow = FractalFlow(conv_steps(3)).double()
    x = torch.randn(1, 2, 16, 16, dtype=DOUBLE)
    z, log_det_map = flow.forward_elementwise(x)
    size = 16 >> depth
    block = (..., slice(size, 2 * size), slice(0, size))
    changed = flow.trace(x)[depth - 1].state.clone()
    changed[block] += torch.randn_like(changed[block])
    outer = FractalFlow([flow.step, flow.inner.step][:depth])
    z_other, log_det_map_other = flow.forward_elementwise(outer.inverse(changed)[0])
    difference = (z_other - z).abs()
    assert difference[block].min() > 0
    difference[block] = 0
    torch.testing.assert_close(difference, torch.zeros_like(z), rtol=0, atol=1e-10)
    assert log_det_map_other.shape == log_det_map.shape


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
    states = [level.state for level in flow.trace(x)]
    first, second, third = (flow.step, flow.inner.step, flow.inner.inner.step)
    expected = [first(x)[0]]
    expected.append(join(second(cut(expected[0]))[0]))
    expected.append(join(join(third(cut(cut(expected[1])))[0])))
    for actual, wanted in zip(states, expected, strict=True):
        torch.testing.assert_close(actual, wanted)
    assert torch.equal(flow(x)[0], states[-1])


def test_the_log_determinants_of_levels_sum_to_that_of_the_flow():
    torch.manual_seed(0)
    flow, x = FractalFlow(conv_steps(3)).double(), torch.randn(2, 2, 8, 8, dtype=DOUBLE)
    assert len(flow.trace(x)) == flow.levels == 3
    total = sum(level.log_det_map for level in flow.trace(x))
    torch.testing.assert_close(total, flow.forward_elementwise(x)[1])
    for level, trained in zip(flow.trace(x), flow.trace_training(x), strict=True):
        assert torch.equal(level.state, trained.state)
        assert torch.equal(level.log_det_map, trained.log_det_map)
