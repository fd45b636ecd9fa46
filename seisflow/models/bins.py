"""Amplitudes as 256 values, and the density that a probability of values stands for."""

import torch
from torch import Tensor, nn


class Bins(nn.Module):
    r"""Equal bins of amplitudes, with a density inside each.

    .. math:: p(x) = P(k(x)) \, u_{k(x)}(x)

    u is uniform in a bin, 1 / w, so :math:`\log p(x) = \log P(k) - \log w`. The two end bins are open: u
    decays exponentially there, with the mean excess of the training data, and p integrates to 1 over all
    amplitudes. Values of images (``pixels``) are bins of width 1 with closed ends.

    Parameters
    ----------
    count : int
        Number of bins.
    limit : float
        The range is :math:`\pm` ``limit``, or that of the training data if that is narrower; `fit` sets it.
    pixels : bool
        Range 0 to ``count`` instead.
    """

    low: Tensor
    width: Tensor
    excess: Tensor

    def __init__(self, count: int, limit: float, *, pixels: bool = False) -> None:
        super().__init__()
        self.count, self.limit, self.pixels = count, limit, pixels
        width = 1.0 if pixels else 2 * limit / count
        self.register_buffer("low", torch.tensor(0.0 if pixels else -limit))
        self.register_buffer("width", torch.tensor(width))
        self.register_buffer("excess", torch.full((2,), width))  # mean distance into the open bins

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Take the range of ``x`` where it is narrower than the limit, and the mean excess beyond it."""
        if self.pixels:
            return
        limit = x.abs().max().clamp(max=self.limit)
        self.low.copy_(-limit)
        self.width.copy_(2 * limit / self.count)
        k = self.index(x)
        for end, beyond in enumerate(self._beyond(x)):
            inside = beyond[k == (self.count - 1) * end]
            # as if there were one more sample, a bin's width beyond
            self.excess[end] = (inside.sum() + self.width) / (inside.numel() + 1)

    def index(self, x: Tensor) -> Tensor:
        """Bin of each amplitude, int64."""
        return ((x - self.low) / self.width).floor().clamp(0, self.count - 1).long()

    def log_density(self, x: Tensor, k: Tensor) -> Tensor:
        """Log-density of x within its bin k."""
        inner = (-self.width.log()).expand_as(x)
        if self.pixels:
            return inner
        below, above = self._beyond(x)
        lower, upper = self.excess
        inner = torch.where(k == 0, -below / lower - lower.log(), inner)
        return torch.where(k == self.count - 1, -above / upper - upper.log(), inner)

    def place(self, k: Tensor, u: Tensor) -> Tensor:
        """Amplitude at quantile u, in [0, 1), of the density within bin k."""
        x = self.low + (k + u) * self.width
        if self.pixels:
            return x
        first, last = self._inner_edges()
        decay = -torch.log1p(-u)
        x = torch.where(k == 0, first - self.excess[0] * decay, x)
        return torch.where(k == self.count - 1, last + self.excess[1] * decay, x)

    def normalised(self, k: Tensor) -> Tensor:
        """Values k between -4 and 4, as networks see them."""
        return (k.to(self.low.dtype) + 0.5) * (8 / self.count) - 4

    def _beyond(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, last = self._inner_edges()
        return first - x, x - last

    def _inner_edges(self) -> tuple[Tensor, Tensor]:
        return self.low + self.width, self.low + (self.count - 1) * self.width
