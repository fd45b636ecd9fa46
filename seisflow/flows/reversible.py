"""Training in memory that does not grow with depth: states recomputed from outputs, not stored."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seisflow.flows.chain import Chain


class Reversible(Chain):
    r"""A chain whose backward pass inverts its bijections instead of storing their inputs.

    `Chain.backprop` gives the input back together with the gradient. Only the output of the whole chain is
    kept, whatever its length; the price is one more evaluation of every subnet. Values and gradients are
    those of a `Chain`, up to the rounding of the inverse.

    Parameters
    ----------
    bijections : iterable of Bijection
        In the order from data to latent, as for `Chain`.

    References
    ----------
    Gomez et al., *The Reversible Residual Network: Backpropagation Without Storing Activations*, 2017.
    """

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not torch.is_grad_enabled():
            return super().forward_elementwise(x)
        z, log_det_map = _Recompute.apply(self, x, *self.parameters())
        return z, log_det_map

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, None]:
        return *self.forward_elementwise(x), None


class _Recompute(torch.autograd.Function):
    """`Chain.forward_elementwise` with a backward pass of its own.

    Parameters enter as inputs and their gradients leave as results: a hook that waits for them, such as that
    of data-parallel training, then fires as for any other operation.
    """

    @staticmethod
    def forward(ctx: Any, chain: Reversible, x: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det_map = Chain.forward_elementwise(chain, x)
        ctx.chain = chain
        ctx.save_for_backward(z)
        return z, log_det_map

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_z: Tensor, grad_log_det: Tensor) -> tuple[Tensor | None, ...]:
        (z,) = ctx.saved_tensors
        _, grad_x, grads = ctx.chain.backprop(z, grad_z, grad_log_det)
        return None, grad_x, *grads
