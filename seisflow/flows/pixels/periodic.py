"""A linear prediction of pixels whose coefficients repeat over the image."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REACH = 8
RIDGE = 1e-6


class PeriodicPrediction(nn.Module):
    r"""Predict each pixel from those before it in reading order, with coefficients for its place in a period.

    .. math::
        \hat x_{ij} = c_{ab} + \sum_{(k, l) \text{ before } (i, j)} w_{ab,\, i - k,\, j - l}\; x_{kl},
        \qquad a = i \bmod P, \quad b = j \bmod P

    Images resized by a factor n / P repeat their way of mixing neighbours every P pixels: of 28 x 28 pixels
    made 32 x 32, seven of eight rows and columns are enough to know the eighth but for the rounding. One
    filter for all places cannot tell. The coefficients stay as `initialise` finds them: at the learning rate
    of a network they lose the cancellation that lets them predict.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of the image, whose sides P divides.
    period : int
        P.
    """

    weight: Tensor
    bias: Tensor
    mask: Tensor

    def __init__(self, shape: tuple[int, int, int], period: int) -> None:
        super().__init__()
        channels = shape[0]
        self.period = period
        size = (REACH + period, 2 * REACH + period)
        self.register_buffer("weight", torch.zeros(channels * period**2, channels, *size))
        self.register_buffer("bias", torch.zeros(channels * period**2))
        mask = torch.zeros(period, period, *size)
        for a in range(period):
            for b in range(period):
                mask[a, b, : REACH + a] = 1
                mask[a, b, REACH + a, : REACH + b] = 1
        self.register_buffer("mask", mask.flatten(0, 1).repeat(channels, 1, 1)[:, None], persistent=False)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set the coefficients to the least squares of a batch (B, C, H, W)."""
        windows = F.unfold(self._padded(x), self.weight.shape[2:], stride=self.period)
        windows = windows.transpose(1, 2).flatten(0, 1).double()
        wanted = F.pixel_unshuffle(x, self.period).flatten(2).transpose(1, 2).flatten(0, 1).double()
        design = torch.cat((windows, torch.ones_like(windows[:, :1])), 1)
        # all places see parts of the same windows
        normal, right = design.T @ design, design.T @ wanted
        normal += RIDGE * len(design) * torch.eye(len(normal)).to(normal)
        for n, mask in enumerate(self.mask[:, 0]):
            visible = F.pad(mask.flatten().bool().repeat(x.shape[1]), (0, 1), value=True)
            solution = torch.linalg.solve(normal[visible][:, visible], right[visible, n]).to(x.dtype)
            self.weight[n].view(-1)[visible[:-1]] = solution[:-1]
            self.bias[n] = solution[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Predictions of all pixels, in the shape of ``x``."""
        predicted = F.conv2d(self._padded(x), self.weight * self.mask, self.bias, stride=self.period)
        return F.pixel_shuffle(predicted, self.period)

    def at(self, padded: Tensor, i: int, j: int) -> Tensor:
        """Prediction of one pixel, ``(B, C, 1, 1)``, from the image with zeros around."""
        (top, a), (left, b) = divmod(i, self.period), divmod(j, self.period)
        height, width = self.weight.shape[2:]
        top, left = top * self.period, left * self.period
        place = slice(a * self.period + b, None, self.period**2)
        kernel = (self.weight * self.mask)[place]
        return F.conv2d(padded[:, :, top : top + height, left : left + width], kernel, self.bias[place])

    def _padded(self, x: Tensor) -> Tensor:
        return F.pad(x, (REACH, REACH, REACH, 0))
