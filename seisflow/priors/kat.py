"""The Gaussian-mixture prior that the paper reads out of the Kolmogorov-Arnold theorem."""

import math

import torch
from torch import Tensor, nn

from seisflow.priors.base import MixturePrior, gaussian_grid

LOG_SIGMA_RANGE = 3.0  # sigma stays within a factor e^3 of where it starts
PSEUDO_ITEMS = 5.0  # of the whole data, that each cluster gets besides its own


class KATPrior(MixturePrior):
    r"""K Gaussian components with learned weights, means and diagonal variances (Eq. 2 and 4).

    .. math:: p(z) = \sum_k w_k \prod_d \mathcal N(z_d \mid \mu_{kd}, \sigma_{kd}^2)

    With ``means`` = M > 1 every element has a mixture of its own in each component (Eq. 5), variances
    shared by its M means:

    .. math:: p(z) = \sum_q \pi_q \prod_d \sum_m w_{qdm} \mathcal N(z_d \mid \mu_{qdm}, \sigma_{qd}^2)

    Here the means are learned; the paper finds that they then tend to collapse, and goes on to the fixed
    grid of :class:`~seisflow.priors.lda.LDAPrior`.

    Parameters
    ----------
    shape : tuple of int
        Latent shape (C, H, W).
    components : int
        Number of outer components K (Q in Eq. 5).
    means : int
        Number of means an element M.

    References
    ----------
    Zhang & Ma, *Fractal Flow*, 2025, sections 2.1 and 2.2.

    Examples
    --------
    >>> prior = KATPrior((2, 1, 1), components=8)
    >>> prior.log_prob(torch.zeros(3, 2, 1, 1)).shape
    torch.Size([3])
    """

    def __init__(self, shape: tuple[int, int, int], components: int = 8, means: int = 1) -> None:
        super().__init__(shape, components)
        grid, weights, sigma = gaussian_grid(means, spread=2.5)
        # Components start a few nats apart over all D elements: spread over the data when D is small,
        # and not yet decided which explains what when it is large.
        scatter = min(1.0, 4 / math.sqrt(self.size))
        centre = scatter * torch.randn(components, 1, self.size)
        self.means = nn.Parameter(torch.tensor(grid, dtype=centre.dtype)[:, None] + centre)
        self.log_sigma = nn.Parameter(torch.full((components, self.size), math.log(sigma)))
        self.mean_logits: nn.Parameter | None = None
        if means > 1:
            start = torch.tensor(weights, dtype=centre.dtype).clamp_min(1e-6).log()
            self.mean_logits = nn.Parameter(start[:, None].repeat(components, 1, self.size))

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means ``(K, M, D)``, logits of their weights ``(K, M, D)``, log sigma ``(K, D)``."""
        mean_logits = torch.zeros_like(self.means) if self.mean_logits is None else self.mean_logits
        return self.means, mean_logits, LOG_SIGMA_RANGE * torch.tanh(self.log_sigma / LOG_SIGMA_RANGE)

    def _start_from(self, z: Tensor, r: Tensor, share: float) -> None:
        """Centre and scale of each component's means by its items, and the same factor on its sigmas."""
        weight = r / (r.sum(0) + PSEUDO_ITEMS)
        rest = PSEUDO_ITEMS / (r.sum(0) + PSEUDO_ITEMS)[:, None]
        centre = weight.T @ z + rest * z.mean(0)
        variance = weight.T @ z.square() + rest * z.square().mean(0) - centre.square()
        # one scale for all elements: with one each, a flow learned more slowly
        scale = variance.mean(1, keepdim=True).clamp_min(1e-4).sqrt().expand_as(variance)
        grid, _, sigma = gaussian_grid(self.means.shape[1], spread=2.5)
        self.means.lerp_(centre[:, None] + scale[:, None] * z.new_tensor(grid)[:, None], share)
        bounded = ((scale * sigma).log() / LOG_SIGMA_RANGE).clamp(-0.95, 0.95)
        self.log_sigma.lerp_(LOG_SIGMA_RANGE * torch.atanh(bounded), share)

    def extra_repr(self) -> str:
        """Settings in ``print(prior)``."""
        return f"shape={self.shape}, components={self.topics}, means={self.means.shape[1]}"
