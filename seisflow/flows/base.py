"""The one contract all bijections keep."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Bijection(nn.Module, ABC):
    """An invertible map from data to latent whose log-determinant is known per element.

    A subclass writes two methods that mirror each other: `contributions` (data to latent) and
    `inverse` (latent to data). States are ``(B, C, H, W)``.
    """

    @abstractmethod
    def contributions(self, x: Tensor) -> tuple[Tensor, Tensor]:
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
        z, share = self.contributions(x)
        return z, share.expand_as(z).flatten(1).sum(1)

    def initialise(self, x: Tensor) -> Tensor:
        """Set data-dependent parameters from a batch ``x`` and return where that batch is sent."""
        return self.contributions(x)[0]
