"""The one contract all bijections keep."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Bijection(nn.Module, ABC):
    """An invertible map from data to latent whose log-determinant is known per element.

    A subclass writes two methods that mirror each other: `forward_elementwise` (data to latent) and
    `inverse` (latent to data). States are ``(B, C, H, W)``.
    """

    @abstractmethod
    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``x`` to ``z`` and split the log-determinant over the elements of ``z``.

        Returns
        -------
        z : Tensor
            The new state.
        share : Tensor
            Expandable to the shape of ``z``; the sum over all but the batch axis of the expanded
            tensor is ``log |det dz/dx|``.
        """

    @abstractmethod
    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``z`` back to ``x``; returns ``(x, log_det)``, ``log_det = log |det dx/dz|`` of shape (B,)."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``x`` to ``z``; returns ``(z, log_det)`` with ``log_det = log |det dz/dx|`` of shape (B,)."""
        z, log_det_map = self.forward_elementwise(x)
        return z, log_det_map.expand_as(z).flatten(1).sum(1)

    def initialise(self, x: Tensor) -> Tensor:
        """Set data-dependent parameters from a batch ``x`` and return where that batch is sent."""
        return self.forward_elementwise(x)[0]

    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_share: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        """Recover the input from the output, and carry a gradient from the one to the other.

        Parameters
        ----------
        z : Tensor
            What `forward_elementwise` made of some ``x``.
        grad_z, grad_share : Tensor
            Gradients with respect to its two results; the second expandable to the shape of ``z``.

        Returns
        -------
        x, grad_x : Tensor
            The input, and the gradient with respect to it.
        grads : tuple of Tensor or None
            Gradients with respect to `parameters`, in their order.
        """
        with torch.no_grad():
            x = self.inverse(z)[0]
        with torch.enable_grad():
            x.requires_grad_()
            outputs = self.forward_elementwise(x)
        inputs = (x, *self.parameters())
        shares = grad_share.expand_as(z).sum_to_size(outputs[1].shape)
        known = [
            (out, grad) for out, grad in zip(outputs, (grad_z, shares), strict=True) if out.requires_grad
        ]
        grad_x, *grads = torch.autograd.grad(
            [out for out, _ in known], inputs, [grad for _, grad in known], allow_unused=True
        )
        return x.detach(), grad_x, tuple(grads)
