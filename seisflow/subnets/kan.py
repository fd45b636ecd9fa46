"""Kolmogorov-Arnold subnet: learned functions on the edges, sums at the nodes."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GRID_RANGE = 2.5
FLATTEN_UP_TO = 256  # values in a block; beyond, edges between all pairs are too many


class _Edges(nn.Module):
    r"""Basis of every edge function: SiLU and G Gaussian bumps, as G + 1 channels.

    .. math:: x \mapsto \big(\mathrm{silu}(x),\ e^{-((x - g_1)/h)^2}, \dots,\ e^{-((x - g_G)/h)^2}\big)
    """

    grid: Tensor

    def __init__(self, bumps: int) -> None:
        super().__init__()
        self.register_buffer("grid", torch.linspace(-GRID_RANGE, GRID_RANGE, bumps))
        self.step = 2 * GRID_RANGE / (bumps - 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, ...)`` to ``(B, (G + 1) C, ...)``."""
        centres = self.grid.view(-1, 1, *(1,) * (x.dim() - 2))
        bumps = torch.exp(-(((x[:, None] - centres) / self.step) ** 2))
        return torch.cat([F.silu(x)[:, None], bumps], 1).flatten(1, 2)


class KANLinear(nn.Sequential):
    r"""Fully connected KAN layer ``(B, in)`` to ``(B, out)``, Gaussian bumps in place of B-splines.

    .. math:: y_o = b_o + \sum_i \phi_{oi}(x_i), \qquad
        \phi(x) = w \,\mathrm{silu}(x) + \sum_k c_k\, e^{-((x - g_k)/h)^2}

    Fixed centres :math:`g_k` on [-2.5, 2.5], h their distance. All w and c of the layer are one matrix,
    ``(out, (G + 1) in)``: w first, then c bump by bump.

    References
    ----------
    Liu et al., *KAN: Kolmogorov-Arnold Networks*, 2024; Zhang & Ma, *Fractal Flow*, 2025, section 2.1.
    """

    def __init__(self, in_features: int, out_features: int, bumps: int) -> None:
        super().__init__(_Edges(bumps), nn.Linear((bumps + 1) * in_features, out_features))


class KANConv(nn.Sequential):
    """The same edges, shared over positions: every output sums over channels and a 3 x 3 neighbourhood.

    Outside the block no edge contributes (the features are padded with zeros, not the input).
    """

    def __init__(self, in_channels: int, out_channels: int, bumps: int) -> None:
        super().__init__(_Edges(bumps), nn.Conv2d((bumps + 1) * in_channels, out_channels, 3, padding=1))


def kan(
    in_channels: int,
    out_channels: int,
    *,
    width: int,
    depth: int,
    size: tuple[int, int],
    bumps: int = 5,
) -> nn.Sequential:
    """KAN layers on the flattened block if it is small, else as 3 x 3 neighbourhoods.

    ``(B, Cin, h, w)`` to ``(B, Cout, h, w)``. Flattened (:class:`KANLinear`), every output sees every
    input, as the paper compares it with the MLP; that takes G + 1 parameters for each pair, so blocks of
    more than 256 values get :class:`KANConv` layers, whose parameters do not grow with the block. The last
    layer starts at zero.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels in and out.
    width : int
        Units, or channels, of the hidden layers.
    depth : int
        Number of hidden layers; there is one layer more.
    size : tuple of int
        Height and width of the block.
    bumps : int
        Gaussian bumps an edge G.
    """
    area = math.prod(size)
    flat = max(in_channels, out_channels) * area <= FLATTEN_UP_TO
    first, final = (in_channels * area, out_channels * area) if flat else (in_channels, out_channels)
    counts = [first, *[width] * depth, final]
    layer: Callable[[int, int, int], nn.Module] = KANLinear if flat else KANConv
    layers = [layer(a, b, bumps) for a, b in pairwise(counts)]
    for parameter in layers[-1].parameters():
        nn.init.zeros_(parameter)
    if flat:
        return nn.Sequential(nn.Flatten(), *layers, nn.Unflatten(1, (out_channels, *size)))
    return nn.Sequential(*layers)
