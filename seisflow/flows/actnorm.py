"""Activation normalisation."""

import torch
from torch import Tensor, nn

from seisflow.flows.base import Bijection

EPS = 1e-6


class ActNorm(Bijection):
    r"""Per-channel affine normalisation, initialised from data.

    .. math:: z = (x + b) \odot e^{s}, \qquad \log|\det J| = H W \sum_c s_c

    Parameters
    ----------
    channels : int
        Number of channels C of the state ``(B, C, H, W)``.

    References
    ----------
    Kingma & Dhariwal, *Glow*, 2018, section 3.1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Set bias and scale so that the batch ``x`` leaves with zero mean and unit variance."""
        self.bias.copy_(-x.mean((0, 2, 3))[:, None, None])
        self.log_scale.copy_(-x.std((0, 2, 3)).clamp_min(EPS).log()[:, None, None])
        return self.forward_elementwise(x)[0]

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (x + self.bias) * self.log_scale.exp(), self.log_scale[None]

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = z * (-self.log_scale).exp() - self.bias
        return x, (-self.log_scale.sum() * z[0, 0].numel()).expand(len(z))

    @torch.no_grad()
    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        """As `Bijection.backprop`, in closed form."""
        x = z * (-self.log_scale).exp() - self.bias
        grad_x = grad_z * self.log_scale.exp()
        grad_scale = (grad_z * z).sum((0, 2, 3)) + grad_log_det.expand_as(z).sum((0, 2, 3))
        return x, grad_x, (grad_x.sum((0, 2, 3))[:, None, None], grad_scale[:, None, None])
