"""Room for the values 0 and 255."""

import math

import pytest
import torch
from scipy import stats

from seisflow.flows import (
    Arctanh,
    LogisticEnds,
)

DOUBLE = torch.float64


def test_logistic_ends_are_straight_between_black_and_white_and_meet_there():
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
@pytest.mark.parametrize("flow", [Arctanh(), LogisticEnds()], ids=["arctanh", "logistic ends"])
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
