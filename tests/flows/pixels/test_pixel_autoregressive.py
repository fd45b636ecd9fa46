"""Pixel after pixel: causal, and blind to the noise of black and white."""

import torch
from torch import nn

from seisflow.flows import (
    LogisticEnds,
    PixelAutoregressive,
)

DOUBLE = torch.float64


def test_the_pixel_step_sees_earlier_elements_alone():
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


def test_the_pixel_step_does_not_see_the_noise_of_black_and_white():
    torch.manual_seed(0)
    flow = PixelAutoregressive((1, 4, 4), width=8, depth=1).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.2)
    pixels = torch.tensor([0, 255], dtype=DOUBLE)[torch.randint(2, (1, 1, 4, 4))]
    noisy = [LogisticEnds()(pixels + torch.rand_like(pixels))[0] for _ in range(2)]
    seen = [flow.subnet(x.clamp(-1, 1)) for x in noisy]
    torch.testing.assert_close(*seen)
    assert not torch.allclose(*noisy)
