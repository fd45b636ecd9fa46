"""Convolutional subnet."""

from torch import nn


def cnn(in_channels: int, out_channels: int, *, width: int, depth: int) -> nn.Sequential:
    """3 x 3 convolutions with ReLU between them; ``(B, Cin, h, w)`` to ``(B, Cout, h, w)``, any h and w.

    ReLU, in place, keeps one tensor a layer for the backward pass where SiLU and GELU keep two. Runs in
    ``channels_last`` if its input does; the last layer starts at zero.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels in and out.
    width : int
        Channels of the hidden layers.
    depth : int
        Number of hidden layers; there is one convolution more.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for _ in range(depth):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        channels = width
    last = nn.Conv2d(channels, out_channels, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers, last)
