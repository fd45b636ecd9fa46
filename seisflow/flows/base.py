"""The contract of every bijection: forward, inverse and log-determinant."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

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
        log_det_map : Tensor
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

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """`forward_elementwise` as training does it, and an auxiliary loss of each item, (B,), if it has one.

        A step that trains otherwise than it evaluates, in another precision or after noise, overrides it, and
        so do the combinators that may hold such a step.
        """
        return *self.forward_elementwise(x), None

    def initialise(self, x: Tensor) -> Tensor:
        """Set data-dependent parameters from a batch ``x`` and return where that batch is sent."""
        return self.forward_elementwise(x)[0]

    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        """Recover the input from the output, and carry a gradient from the one to the other.

        Parameters
        ----------
        z : Tensor
            What `forward_elementwise` made of some ``x``.
        grad_z, grad_log_det : Tensor
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
        grads = (grad_z, grad_log_det.expand_as(z).sum_to_size(outputs[1].shape))
        dependent = [pair for pair in zip(outputs, grads, strict=True) if pair[0].requires_grad]
        grad_x, grad_parameters = gradients(
            [out for out, _ in dependent], [grad for _, grad in dependent], x, list(self.parameters())
        )
        return x.detach(), grad_x, grad_parameters


def gradients(
    outputs: Sequence[Tensor], grad_outputs: Sequence[Tensor], x: Tensor, parameters: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    """Carry gradients back to ``x`` and to ``parameters``; None for those that are frozen or not involved."""
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    grad_x, *found = torch.autograd.grad(outputs, (x, *wanted), grad_outputs, allow_unused=True)
    left = iter(found)
    return grad_x, tuple(next(left) if parameter.requires_grad else None for parameter in parameters)
