"""Subnets by name."""

from torch import nn

from seisflow.errors import ConfigError
from seisflow.subnets.cnn import cnn
from seisflow.subnets.kan import kan
from seisflow.subnets.mlp import mlp

SUBNETS = {
    "cnn": lambda i, o, width, depth, size: cnn(i, o, width=width, depth=depth),
    "mlp": lambda i, o, width, depth, size: mlp(i, o, width=width, depth=depth, size=size),
    "kan": lambda i, o, width, depth, size: kan(i, o, width=width, depth=depth, size=size),
}


def build_subnet(
    kind: str, in_channels: int, out_channels: int, *, width: int, depth: int, size: tuple[int, int]
) -> nn.Module:
    """Return a network ``(B, Cin, h, w)`` to ``(B, Cout, h, w)`` whose output starts at zero.

    Parameters
    ----------
    kind : {"cnn", "mlp", "kan"}
        Kind of network.
    in_channels, out_channels : int
        Channels in and out.
    width, depth : int
        Size and number of the hidden layers; there is one layer more than ``depth``.
    size : tuple of int
        Height and width of the block; ``cnn`` takes any.

    Raises
    ------
    ConfigError
        If the kind is not known.

    Examples
    --------
    >>> import torch
    >>> subnet = build_subnet("cnn", 1, 2, width=16, depth=2, size=(8, 8))
    >>> subnet(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 2, 8, 8])
    """
    if kind not in SUBNETS:
        raise ConfigError(f"subnet {kind!r}: not known. Expected one of {', '.join(SUBNETS)}")
    return SUBNETS[kind](in_channels, out_channels, width, depth, size)
