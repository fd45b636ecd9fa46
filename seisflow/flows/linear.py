"""Invertible 1x1 convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seisflow.flows.base import Bijection


class Invertible1x1(Bijection):
    r"""The same invertible linear map of the channels at every position, in LU form.

    .. math:: z_{hw} = P L U\, x_{hw}, \qquad \log|\det J| = H W \sum_c \log|U_{cc}|

    with a fixed permutation P, unit lower triangular L and upper triangular U, whose diagonal has fixed signs
    and learned logarithms. The log-determinant is then a sum, and the inverse two triangular solves.

    Parameters
    ----------
    channels : int
        Number of channels C of the state ``(B, C, H, W)``.
    initial : Tensor, optional
        Matrix (C, C) the map starts from, not singular; by default a random orthogonal one.

    References
    ----------
    Kingma & Dhariwal, *Glow*, 2018, section 3.2, Eq. 10-11.
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int, initial: Tensor | None = None) -> None:
        super().__init__()
        if initial is None:
            initial, _ = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))
        permutation, lower, upper = torch.linalg.lu(initial.double())
        diagonal = upper.diagonal()
        dtype = torch.get_default_dtype()
        self.register_buffer("permutation", permutation.to(dtype))
        self.register_buffer("sign", diagonal.sign().to(dtype))
        self.lower = nn.Parameter(lower.tril(-1).to(dtype))
        self.upper = nn.Parameter(upper.triu(1).to(dtype))
        self.log_diagonal = nn.Parameter(diagonal.abs().log().to(dtype))

    def _factors(self) -> tuple[Tensor, Tensor]:
        unit = torch.eye(len(self.sign), dtype=self.lower.dtype, device=self.lower.device)
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())
        return self.lower.tril(-1) + unit, upper

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = self._factors()
        return _mix(x, self.permutation @ lower @ upper), self.log_diagonal.mean().reshape(1, 1, 1, 1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = _mix(z, self._inverse_weight(*self._factors()))
        return x, (-self.log_diagonal.sum() * z[0, 0].numel()).expand(len(z))

    @torch.no_grad()
    def backprop(
        self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
        r"""As `Bijection.backprop`, in closed form.

        With W = P L U and :math:`G = \sum_{bhw} g\, x^\top` for the gradient g of the output, the gradients
        of the factors are :math:`P^\top G U^\top` and :math:`(P L)^\top G`, within their triangles.
        """
        lower, upper = self._factors()
        left = self.permutation @ lower
        x = _mix(z, self._inverse_weight(lower, upper))
        grad_x = _mix(grad_z, (left @ upper).T)
        outer = torch.einsum("bohw,bchw->oc", grad_z, x)
        grad_upper = left.T @ outer
        # each element's part of the log-determinant is the mean of the C log-diagonals
        through_log_det = grad_log_det.expand_as(z).sum() / len(self.sign)
        grad_diagonal = grad_upper.diagonal() * upper.diagonal() + through_log_det
        grad_lower = self.permutation.T @ outer @ upper.T
        return x, grad_x, (grad_lower.tril(-1), grad_upper.triu(1), grad_diagonal)

    def _inverse_weight(self, lower: Tensor, upper: Tensor) -> Tensor:
        # two triangular solves on C x C are exact enough in float64 and cost nothing beside the convolution
        half = torch.linalg.solve_triangular(lower.double(), self.permutation.double().T, upper=False)
        return torch.linalg.solve_triangular(upper.double(), half, upper=True).to(lower.dtype)


def _mix(x: Tensor, weight: Tensor) -> Tensor:
    if x[0, 0].numel() == 1:  # a matrix product is some 3 times faster than the convolution
        return F.linear(x.flatten(1), weight)[..., None, None]
    return F.conv2d(x, weight[:, :, None, None])
