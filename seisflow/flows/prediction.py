"""Each trace by its prediction from the traces before it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seisflow.flows.base import Bijection
from seisflow.subnets.lateral import LateralCNN
from seisflow.subnets.precision import MixedPrecision

ORDER = 4  # traces of the linear prediction
BOUND = 3.0
FLOOR = 1e-4  # of the mean square, where a whitened state has about 1
RIDGE = 1e-4


class TracePrediction(Bijection):
    r"""What is new in a trace, in units of what is expected to be new.

    .. math::
        z_j = (x_j - P x_{<j} - a_j\, t_j) \odot e^{s_j} / a_j, \qquad (s_j, t_j) = g(x_{<j}), \qquad
        \log|\det J| = \sum_j (s_j - \log a_j)

    P is a linear prediction from the four traces before, a the root mean square of the last three about the
    same time, and g a :class:`LateralCNN` that sees them divided by theirs. Reflectors go on from trace to
    trace and so does their amplitude; both are learned here once for all dips, where couplings, which have no
    direction, build them from standing waves. From latent to data traces come one after the other.

    Parameters
    ----------
    channels : int
        C of the state ``(B, C, H, W)``: neighbouring time samples, by a squeeze.
    width, depth : int
        Of the network.

    References
    ----------
    Papamakarios et al., *Masked Autoregressive Flow for Density Estimation*, 2017; Spitz, *Seismic trace
    interpolation in the F-X domain*, 1991, for linear prediction across traces.
    """

    def __init__(self, channels: int, *, width: int, depth: int) -> None:
        super().__init__()
        network = LateralCNN(channels + 2, 2 * channels, width=width, depth=depth)
        self.subnet = MixedPrecision(network)
        self.linear = nn.Conv2d(channels, channels, (3, ORDER), padding=(1, 0), bias=False)
        nn.init.zeros_(self.linear.weight)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Set P to the least squares of a batch, each trace weighted by one over its expected amplitude."""
        before, known = _delay(x), _delay(torch.ones_like(x[:, :1]))
        weight = 1 / _amplitude(before, known).flatten(2).transpose(1, 2).flatten(0, 1).double()
        patches = F.unfold(F.pad(before, (ORDER - 1, 0, 1, 1)), (3, ORDER))
        design = patches.transpose(1, 2).flatten(0, 1).double() * weight
        wanted = x.flatten(2).transpose(1, 2).flatten(0, 1).double() * weight
        normal = design.T @ design
        normal += RIDGE * normal.diagonal().mean() * torch.eye(len(normal)).to(normal)
        solution = torch.linalg.solve(normal, design.T @ wanted)
        self.linear.weight.copy_(solution.T.reshape_as(self.linear.weight))
        return self.contributions(x)[0]

    def contributions(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = self._expect(_delay(x), _delay(torch.ones_like(x[:, :1])), [])
        return (x - mean) * log_scale.exp(), log_scale

    @torch.no_grad()
    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        # x begins one trace before its first, which is unknown
        x, known = F.pad(torch.zeros_like(z), (1, 0)), F.pad(torch.ones_like(z[:, :1]), (1, 0))
        known[..., 0] = 0
        log_det, past = z.new_zeros(len(z)), []  # type: tuple[Tensor, list[Tensor]]
        for j in range(z.shape[3]):
            near = slice(max(0, j + 1 - ORDER), j + 1)
            mean, log_scale = self._expect(x[..., near], known[..., near], past, last=True)
            x[..., j + 1 : j + 2] = z[..., j : j + 1] * (-log_scale).exp() + mean
            log_det -= log_scale.flatten(1).sum(1)
        return x[..., 1:].contiguous(), log_det

    def _expect(
        self, before: Tensor, known: Tensor, past: list[Tensor], *, last: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-scale of traces by those before them; of the last trace alone if asked."""
        amplitude = _amplitude(before, known)
        linear = self.linear(F.pad(before, (ORDER - 1, 0)))
        features = torch.cat((before / amplitude, known, amplitude.log()), 1)
        if last:
            features, amplitude, linear = features[..., -1:], amplitude[..., -1:], linear[..., -1:]
        raw, shift = self.subnet(features, past).chunk(2, 1)
        return linear + amplitude * shift, BOUND * torch.tanh(raw / BOUND) - amplitude.log()


def _delay(x: Tensor) -> Tensor:
    """The trace before each; zeros before the first."""
    return F.pad(x, (1, 0))[..., :-1]


def _amplitude(before: Tensor, known: Tensor) -> Tensor:
    """Root mean square of three traces, three positions in time, all channels; 1 before the first trace."""
    window = before.new_ones(1, 1, 3, 3)
    power = F.conv2d(F.pad(before.square().mean(1, keepdim=True), (2, 0, 1, 1)), window)
    count = F.conv2d(F.pad(known, (2, 0, 1, 1)), window)
    return torch.where(known > 0, (power / count.clamp_min(1) + FLOOR).sqrt(), 1.0)
