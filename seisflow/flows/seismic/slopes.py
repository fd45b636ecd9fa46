"""Each trace as its neighbours continue along the slopes that they show."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FLOOR = 0.05  # of the mean square, where a whitened state has about 1
HISTORY = 3  # pairs of traces whose slopes count
SMOOTH = 3  # blocks in time over which they are smoothed
SHARPNESS = 8.0  # at the start
HALF = 8  # of the filter through which traces are compared, in samples
SPREAD = 2.0  # of it at the start: high frequencies are mostly noise


class Slopes(nn.Module):
    r"""Continue traces along local slopes.

    .. math::
        \hat x_i(t) = \Big(1 - \frac{\bar q}{2}\Big)_+ \sum_{|d| \le R} w_d\, x_{i-1}(t + d), \qquad
        w = \operatorname{softmax}_d (b_d - \beta\, q_d), \qquad
        q_d = \frac{\langle (h \ast x_{i-1}(t) - h \ast x_{i-2}(t + d))^2 \rangle + \epsilon}
            {\langle (h \ast x_{i-1}(t))^2 \rangle + \epsilon}

    where the brackets weight the last pairs of traces and neighbouring blocks of samples, h leaves the noise
    of high frequencies out, and :math:`\bar q = \sum_d w_d q_d`. Two traces of the same signal in noise have
    :math:`q = 2 (1 - \rho)` with their correlation :math:`\rho`, the factor of the best prediction of one
    from the other; where nothing is known, q = 1. A linear prediction has one filter for all positions,
    which can follow one slope only.

    Parameters
    ----------
    samples : int
        In a block.
    reach : int
        R, the greatest shift from trace to trace, in samples.

    References
    ----------
    Fomel, *Applications of plane-wave destruction filters*, Geophysics 67, 2002, for slopes by the misfit of
    neighbouring traces.
    """

    def __init__(self, samples: int, reach: int) -> None:
        super().__init__()
        self.samples, self.reach = samples, reach
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())
        self.bias = nn.Parameter(torch.zeros(2 * reach + 1))
        self.window = nn.Parameter(torch.zeros(HISTORY, SMOOTH))
        lags = torch.arange(-HALF, HALF + 1) / SPREAD
        self.filter = nn.Parameter((-0.5 * lags.square()).exp())

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor]:
        r"""Continue to every trace, and to one more, from those before it.

        What is said of a trace depends on the `HISTORY` + 1 before.

        Parameters
        ----------
        u : Tensor
            ``(B, W, T)``, traces of whole blocks.

        Returns
        -------
        predicted : Tensor
            ``(B, W + 1, T)``; zero for the first trace.
        misfit : Tensor
            :math:`\bar q`, ``(B, W + 1, T / samples)``; 1 for the first trace.
        """
        predicted, misfit = self.after(u, self.compare(u))
        return F.pad(predicted, (0, 0, 1, 0)), F.pad(misfit, (0, 0, 1, 0), value=1.0)

    def compare(self, u: Tensor) -> Tensor:
        """Compare each of the traces ``(B, W, T)`` with the one before, for `after`.

        Returns
        -------
        Tensor
            ``(B, W - 1, T / samples, 2 R + 2)``: mean square misfit at every shift, then the mean square.
        """
        kernel = self.filter / self.filter.square().sum().sqrt()
        seen = F.conv1d(u.flatten(0, 1)[:, None], kernel[None, None], padding=HALF).view_as(u)
        blocks = seen.unflatten(2, (-1, self.samples))[:, 1:, ..., None]
        differ = (blocks - self._windows(seen[:, :-1])).square().mean(3)
        return torch.cat((differ, blocks.square().mean(3)), 3)

    def after(self, u: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Continue the traces ``(B, W, T)`` by what `compare` made of them and of those before them.

        Returns
        -------
        predicted, misfit : Tensor
            Prediction of the next element, and its misfit, ``(B, W, T)`` and ``(B, W, T / samples)``.
        """
        compared = self._smooth(pairs, u.shape[1]) + FLOOR
        q = compared[..., :-1] / compared[..., -1:]
        weights = (self.bias - self.log_sharpness.exp() * q).softmax(3)
        misfit = (weights * q).sum(3)
        continued = torch.einsum("bwhsd,bwhd->bwhs", self._windows(u), weights)
        return (continued * (1 - misfit / 2).clamp_min(0)[..., None]).flatten(2), misfit

    def _windows(self, u: Tensor) -> Tensor:
        """Neighbours in time of each sample, ``(B, W, blocks, samples, 2 R + 1)``, a view."""
        windows = F.pad(u, (self.reach, self.reach)).unfold(2, 2 * self.reach + 1, 1)
        return windows.unflatten(2, (-1, self.samples))

    def _smooth(self, pairs: Tensor, count: int) -> Tensor:
        """Weight pairs ``(B, P, blocks, n)`` that end at or before each of the last W traces."""
        batch, known, blocks, numbers = pairs.shape
        flat = pairs.permute(0, 3, 1, 2).reshape(batch * numbers, 1, known, blocks)
        padded = F.pad(flat, (SMOOTH // 2, SMOOTH // 2, HISTORY, 0))[:, :, -(HISTORY + count - 1) :]
        kernel = self.window.flatten().softmax(0).reshape(1, 1, HISTORY, SMOOTH)
        return F.conv2d(padded, kernel).reshape(batch, numbers, count, blocks).permute(0, 2, 3, 1)
