"""Affine coupling."""

import torch
from torch import Tensor, nn

from seisflow.flows.base import Bijection, gradients


class AffineCoupling(Bijection):
    r"""Half of the channels scale and shift the other half.

    .. math::
        z_a = x_a, \qquad z_b = x_b \odot e^{s(x_a)} + t(x_a), \qquad \log|\det J| = \sum s(x_a)

    with :math:`s = \kappa \tanh(\hat s / \kappa)`, which keeps every scale within
    :math:`e^{\pm\kappa}`.

    Parameters
    ----------
    subnet : nn.Module
        Maps the conditioning half ``(B, A, H, W)`` to ``(B, 2 (C - A), H, W)``: raw log-scale, shift.
    channels : int
        Number of channels C of the state.
    swap : bool
        Let the second half condition the first instead.
    bound : float
        :math:`\kappa`, the largest absolute log-scale.

    References
    ----------
    Dinh et al., *Density estimation using Real NVP*, 2017, Eq. 7-8. Eq. 10 of the Fractal Flow paper
    prints ``exp(s + t)``, a slip.
    """

    def __init__(self, subnet: nn.Module, channels: int, *, swap: bool = False, bound: float = 2.0) -> None:
        super().__init__()
        self.subnet = subnet
        self.sizes = split_sizes(channels, swap)
        self.swap = swap
        self.bound = bound

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fixed, moved = self._split(x)
        log_scale, shift = self._scale_and_shift(fixed)
        z = self._join(fixed, torch.addcmul(shift, moved, log_scale.exp()))
        return z, self._join(torch.zeros_like(fixed), log_scale)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        fixed, moved = self._split(z)
        log_scale, shift = self._scale_and_shift(fixed)
        x = self._join(fixed, (moved - shift) * (-log_scale).exp())
        return x, -log_scale.flatten(1).sum(1)

    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        """As `Bijection.backprop`; one evaluation of the subnet serves the inverse and the gradient."""
        fixed, moved = self._split(z)
        grad_fixed, grad_moved = self._split(grad_z)
        _, grad_log_scale = self._split(grad_log_det.expand_as(z))
        with torch.enable_grad():
            fixed = fixed.detach().requires_grad_()
            output = self.subnet(fixed)
        raw, shift = output.detach().chunk(2, dim=1)
        bounded = torch.tanh(raw / self.bound)  # d log-scale / d raw = 1 - bounded^2
        scale = (self.bound * bounded).exp()
        scaled = moved - shift
        grad_raw = torch.addcmul(grad_log_scale, grad_moved, scaled) * (1 - bounded.square())
        grad_output = torch.cat((grad_raw, grad_moved), dim=1)
        grad_through, grads = gradients([output], [grad_output], fixed, list(self.parameters()))
        x = self._join(fixed.detach(), scaled / scale)
        return x, self._join(grad_fixed + grad_through, grad_moved * scale), grads

    def _scale_and_shift(self, fixed: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.subnet(fixed).chunk(2, dim=1)
        return self.bound * torch.tanh(raw / self.bound), shift

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x[:, : self.sizes[0]], x[:, self.sizes[0] :]
        return (second, first) if self.swap else (first, second)

    def _join(self, fixed: Tensor, moved: Tensor) -> Tensor:
        return torch.cat((moved, fixed) if self.swap else (fixed, moved), dim=1)


def split_sizes(channels: int, swap: bool) -> tuple[int, int]:
    """Channels in the first and second part; with an odd number the conditioning part has one more."""
    large, small = channels - channels // 2, channels // 2
    return (small, large) if swap else (large, small)
