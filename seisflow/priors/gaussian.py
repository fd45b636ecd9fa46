"""The standard Gaussian prior of most flows."""

import math

import torch
from torch import Tensor, nn

from seisflow.priors.base import check_topic
from seisflow.priors.evidence import HALF_LOG_2PI


class GaussianPrior(nn.Module):
    r"""Independent standard Gaussians; nothing to learn, a single topic.

    .. math:: \log p(z) = -\tfrac12 \sum_d (z_d^2 + \log 2\pi)

    Parameters
    ----------
    shape : tuple of int
        Latent shape (C, H, W).

    Examples
    --------
    >>> prior = GaussianPrior((1, 2, 2))
    >>> prior.log_prob(torch.zeros(3, 1, 2, 2)).shape
    torch.Size([3])
    """

    zero: Tensor  # knows the device and dtype that samples are drawn in

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.topics = 1
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    @property
    def size(self) -> int:
        """Number of latent elements D."""
        return math.prod(self.shape)

    def log_prob(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log density of ``z`` ``(B, C, H, W)``, in nats, ``(B,)``; of the unmasked elements only."""
        if mask is not None:
            return self.log_prob_map(z, mask).sum((1, 2, 3))
        return -0.5 * z.square().sum((1, 2, 3)) - z[0].numel() * HALF_LOG_2PI

    def log_prob_map(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log density of every element, ``(B, C, H, W)``; 0 where masked."""
        terms = -0.5 * z.square() - HALF_LOG_2PI
        return terms if mask is None else terms * mask

    def responsibilities(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Ones, ``(B, 1)``: there is one topic."""
        return z.new_ones(len(z), 1)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        topic: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw ``(n, C, H, W)`` from N(0, temperature^2); ``topic`` may only be 0.

        Raises
        ------
        ConfigError
            If there is no such topic.
        """
        if topic is not None:
            check_topic(topic, 1)
        shape = (n, *self.shape)
        noise = torch.randn(shape, generator=generator, device=self.zero.device, dtype=self.zero.dtype)
        return noise * temperature

    def extra_repr(self) -> str:
        """Settings in ``print(prior)``."""
        return f"shape={self.shape}"
