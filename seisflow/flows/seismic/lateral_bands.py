"""A section as bands of lateral wavenumbers."""

from collections.abc import Callable

import torch
from torch import Tensor

from seisflow.flows.base import Bijection
from seisflow.flows.seismic.cosine import dct_matrix


class LateralBands(Bijection):
    r"""Let a bijection act on the bands of lateral wavenumbers of a state, as channels.

    An orthonormal S takes the W traces of a state to n sections of W/n traces: the n-th parts of its
    lateral cosine spectrum, each transformed back on its own. The first is the state on a coarser grid.

    .. math:: z = S^\top f(S x), \qquad
        S = \left(\bigoplus_{j=1}^{n} D_{W/n}^\top\right) D_W

    Reflectors run across a patch, so nearly all energy is in few wavenumbers (on Volve 99.3 % in the
    lowest quarter), and on the coarse grid a convolution spans the patch in a few steps.

    Parameters
    ----------
    inner : Bijection
        Acts on ``(B, n C, H, W/n)``, coarsest band first.
    traces, count : int
        W and n, which divides it.

    References
    ----------
    Yu et al., *Wavelet Flow*, 2020, models fine given coarse with Haar wavelets.
    """

    matrix: Tensor

    def __init__(self, inner: Bijection, traces: int, count: int) -> None:
        super().__init__()
        self.inner = inner
        self.count = count
        self.register_buffer("matrix", self._split_matrix(traces).float(), persistent=False)

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det_map = self.inner.forward_elementwise(self.split(x))
        return self.merge(z), self._spread(log_det_map.expand_as(z))

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        z, log_det_map, auxiliary = self.inner.forward_training(self.split(x))
        return self.merge(z), self._spread(log_det_map.expand_as(z)), auxiliary

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_det = self.inner.inverse(self.split(z))
        return self.merge(x), log_det

    def initialise(self, x: Tensor) -> Tensor:
        return self.merge(self.inner.initialise(self.split(x)))

    def split(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, n C, H, W/n)."""
        bands = (x @ self.matrix.T).unflatten(3, (self.count, -1))
        return bands.permute(0, 3, 1, 2, 4).flatten(1, 2)

    def merge(self, y: Tensor) -> Tensor:
        """Undo `split`."""
        return y.unflatten(1, (self.count, -1)).permute(0, 2, 3, 1, 4).flatten(3) @ self.matrix

    def _spread(self, log_det_map: Tensor) -> Tensor:
        """A sample of a band stands for as many traces as there are bands, which share its part evenly."""
        part = log_det_map.unflatten(1, (self.count, -1)).mean(1)
        return part.repeat_interleave(self.count, dim=3)

    def _split_matrix(self, traces: int) -> Tensor:
        back = dct_matrix(traces // self.count).T
        return torch.cat([back @ part for part in dct_matrix(traces).chunk(self.count)])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "LateralBands":
        """Make the matrix anew after ``.double()``: cast, it would be orthonormal to float32 only."""
        super()._apply(fn, recurse)
        self.matrix = self._split_matrix(len(self.matrix)).to(self.matrix)
        return self


class FirstChannels(Bijection):
    """Let a bijection act on the first channels of a state and leave the others.

    Parameters
    ----------
    inner : Bijection
        Acts on ``(B, channels, H, W)``.
    channels : int
        How many.
    """

    def __init__(self, inner: Bijection, channels: int) -> None:
        super().__init__()
        self.inner = inner
        self.channels = channels

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, others = self._split(x)
        z, log_det_map = self.inner.forward_elementwise(first)
        return torch.cat((z, others), 1), torch.cat((log_det_map.expand_as(z), torch.zeros_like(others)), 1)

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        first, others = self._split(x)
        z, log_det_map, auxiliary = self.inner.forward_training(first)
        log_det_map = torch.cat((log_det_map.expand_as(z), torch.zeros_like(others)), 1)
        return torch.cat((z, others), 1), log_det_map, auxiliary

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        first, others = self._split(z)
        x, log_det = self.inner.inverse(first)
        return torch.cat((x, others), 1), log_det

    def initialise(self, x: Tensor) -> Tensor:
        first, others = self._split(x)
        return torch.cat((self.inner.initialise(first), others), 1)

    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        first, others = self._split(z)
        grad_first, grad_others = self._split(grad_z)
        x, grad_x, grads = self.inner.backprop(first, grad_first, self._split(grad_log_det.expand_as(z))[0])
        return torch.cat((x, others), 1), torch.cat((grad_x, grad_others), 1), grads

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, : self.channels], x[:, self.channels :]
