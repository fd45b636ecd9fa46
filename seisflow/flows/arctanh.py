"""The map from pixel values to the real line."""

import math

import torch
from torch import Tensor

from seisflow.flows.base import Bijection


class Arctanh(Bijection):
    r"""Send pixel values in [0, 256] to the real line.

    .. math:: z = \operatorname{artanh}(u), \quad u = \frac{2x - 256}{258}, \qquad
        \log|\det J| = \sum \log\frac{2}{258} - \log(1 - u^2)

    References
    ----------
    Fractal Flow paper (arXiv 2508.19750), section 3.
    """

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        u = (2 * x - 256) / 258
        return torch.atanh(u), math.log(2 / 258) - torch.log1p(-u * u)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        u = torch.tanh(z)
        return (258 * u + 256) / 2, (math.log(258 / 2) + torch.log1p(-u * u)).flatten(1).sum(1)
