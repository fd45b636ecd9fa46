"""Orthonormal cosine transforms as matrices."""

import math

import torch
from torch import Tensor


def dct_matrix(n: int) -> Tensor:
    """Orthonormal DCT-II matrix (n, n), float64: ``dct_matrix(n) @ x`` transforms the columns of x."""
    k = torch.arange(n, dtype=torch.float64)[:, None]
    i = torch.arange(n, dtype=torch.float64)[None]
    matrix = math.sqrt(2 / n) * torch.cos(math.pi * (i + 0.5) * k / n)
    matrix[0] /= math.sqrt(2)
    return matrix


def local_cosine_matrix(channels: int, factor: tuple[int, int]) -> Tensor:
    """Matrix of the 2-D cosine transform of each squeezed neighbourhood, float64.

    Acts on the channels of a state squeezed by ``factor`` (fh, fw), which are ordered (channel, sample,
    trace); gives them ordered (channel, frequency, wavenumber).
    """
    return torch.kron(
        torch.eye(channels, dtype=torch.float64), torch.kron(dct_matrix(factor[0]), dct_matrix(factor[1]))
    )
