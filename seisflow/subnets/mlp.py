"""Fully connected subnet."""

import math

from torch import nn


def mlp(
    in_channels: int, out_channels: int, *, width: int, depth: int, size: tuple[int, int]
) -> nn.Sequential:
    """Linear layers with ReLU between them, on the flattened block: every output sees every input.

    ``(B, Cin, h, w)`` to ``(B, Cout, h, w)`` with h, w = ``size``; the last layer starts at zero. It has
    about ``width (Cin + Cout) h w`` parameters, which limits it to small blocks.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels in and out.
    width : int
        Units of the hidden layers.
    depth : int
        Number of hidden layers; there is one linear layer more (depth 2 is the paper's 3-layer MLP).
    size : tuple of int
        Height and width of the block.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    features = in_channels * math.prod(size)
    for _ in range(depth):
        layers += [nn.Linear(features, width), nn.ReLU(inplace=True)]
        features = width
    last = nn.Linear(features, out_channels * math.prod(size))
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last, nn.Unflatten(1, (out_channels, *size)))
