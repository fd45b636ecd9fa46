"""Spectral whitening, the bijection that takes a section's band limitation away."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from seisflow.flows.base import Bijection
from seisflow.flows.seismic.cosine import dct_matrix

EPS = 1e-6


class SpectralWhitening(Bijection):
    r"""Zero-phase whitening: one log-scale for each wavenumber of the 2-D cosine transform.

    .. math::
        z = D_H^\top \left( e^{s} \odot D_H\, x\, D_W^\top \right) D_W, \qquad
        \log|\det J| = \sum_{c,k,l} s_{ckl}

    Seismic data are band-limited, so their covariance is nearly singular; an affine coupling works
    position by position and would have to learn that singular filter from scratch.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of the state.
    together : int
        So many of the lowest lateral wavenumbers start from one scale for each frequency: they are whitened
        along time alone, and what goes on from trace to trace is left to be predicted.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, shape: tuple[int, int, int], *, together: int = 1) -> None:
        super().__init__()
        self.together = together
        channels, height, width = shape
        self.log_scale = nn.Parameter(torch.zeros(channels, height, width))
        self.register_buffer("rows", self._matrix(height), persistent=False)
        self.register_buffer("columns", self._matrix(width), persistent=False)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Set the log-scales to one over the standard deviation of each wavenumber in the batch ``x``."""
        spectrum = self.rows @ x @ self.columns.T
        power = spectrum.square().mean(0)
        power[..., : self.together] = power[..., : self.together].mean(-1, keepdim=True)
        self.log_scale.copy_(-0.5 * power.clamp_min(EPS**2).log())
        return self.forward_elementwise(x)[0]

    @torch.no_grad()
    def along_time(self) -> Tensor:
        """Gain (H,) that whitens a trace of the first channel, at frequencies k / H of Nyquist.

        One over the root of the power at that frequency, averaged over lateral wavenumbers.
        """
        return (-2 * self.log_scale[0]).exp().mean(-1).rsqrt()

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._filter(x, self.log_scale), self.log_scale.mean().reshape(1, 1, 1, 1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._filter(z, -self.log_scale), (-self.log_scale.sum()).expand(len(z))

    def _matrix(self, n: int) -> Tensor:
        return dct_matrix(n).to(self.log_scale.dtype).to(self.log_scale.device)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "SpectralWhitening":
        """Make the matrices anew after ``.double()``: cast, they would be orthonormal to float32 only."""
        super()._apply(fn, recurse)
        self.rows, self.columns = self._matrix(len(self.rows)), self._matrix(len(self.columns))
        return self

    def _filter(self, x: Tensor, log_scale: Tensor) -> Tensor:
        spectrum = (self.rows @ x @ self.columns.T) * log_scale.exp()
        return self.rows.T @ spectrum @ self.columns
