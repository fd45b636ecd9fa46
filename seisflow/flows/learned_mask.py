"""Affine coupling whose split of the channels is learned."""

import torch
from torch import Tensor, nn

from seisflow.flows.base import Bijection
from seisflow.flows.coupling import split_sizes

HEAD_START = 0.1
"""Logit of the channels that condition at the start; minus that of the others."""


class LearnedMaskCoupling(Bijection):
    r"""Chosen channels scale and shift the others; which ones is learned with the rest.

    .. math::
        z = m \odot x + (1 - m) \odot \left(x \odot e^{s(m \odot x)} + t(m \odot x)\right), \qquad
        \log|\det J| = \sum (1 - m) \odot s(m \odot x)

    with a binary mask m over the channels, one for all positions, and s bounded as in `AffineCoupling`. As
    many channels condition as there, those with the largest logits :math:`\ell`. The gradient passes the
    choice as if m were :math:`\sigma(\ell)` (straight through). The mask is a buffer,
    which `choose` sets anew: while nobody calls it, the bijection stays the same whatever the logits do.

    Parameters
    ----------
    subnet : nn.Module
        Maps masked states ``(B, C, H, W)`` to ``(B, 2 C, H, W)``: raw log-scale, shift.
    channels : int
        Number of channels C of the state.
    swap : bool
        Begin with the second half as the one that conditions.
    bound : float
        Largest absolute log-scale.

    References
    ----------
    Bengio et al., *Estimating or Propagating Gradients Through Stochastic Neurons*, 2013, for the
    straight-through estimator; adaptive coupling is future work of the Fractal Flow paper.
    """

    mask: Tensor

    def __init__(self, subnet: nn.Module, channels: int, *, swap: bool = False, bound: float = 2.0) -> None:
        super().__init__()
        self.subnet = subnet
        self.bound = bound
        first, second = split_sizes(channels, swap)
        sign = torch.tensor([1.0] * first + [-1.0] * second)
        self.logits = nn.Parameter(HEAD_START * (-sign if swap else sign))
        self.conditioning = second if swap else first
        self.register_buffer("mask", torch.zeros(channels, 1, 1, dtype=torch.bool))
        self.choose()

    @torch.no_grad()
    def choose(self) -> None:
        """Let the channels with the largest logits condition the others."""
        chosen = self.logits.topk(self.conditioning).indices
        self.mask.zero_()
        self.mask[chosen] = True

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        soft = torch.sigmoid(self.logits)[:, None, None]
        # the last part is exactly zero, with the gradient of the soft mask
        mask = self.mask.to(x.dtype) + (soft - soft.detach()).to(x.dtype)
        log_scale, shift = self._scale_and_shift(x, mask)
        return x * log_scale.exp() + shift, log_scale

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self._scale_and_shift(z, self.mask.to(z.dtype))
        return (z - shift) * (-log_scale).exp(), -log_scale.flatten(1).sum(1)

    def _scale_and_shift(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.subnet(mask * x).chunk(2, dim=1)
        return (1 - mask) * self.bound * torch.tanh(raw / self.bound), (1 - mask) * shift
