"""Autoregressive bijection of an image: pixel after pixel, given those above and to its left."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from seisflow.flows.base import Bijection
from seisflow.flows.logistic_mixture import mixture_forward, mixture_inverse
from seisflow.flows.pixels.periodic import REACH, PeriodicPrediction
from seisflow.subnets.causal import CausalCNN, Walk
from seisflow.subnets.precision import MixedPrecision

DARKEST = -5.0  # of the darkest value in the scale of `LogisticEnds`
BOUND = 7.0
NARROW, WIDE = -4.5, -1.5  # log-scales about a prediction, at the start


class PixelAutoregressive(Bijection):
    r"""Each element by the distribution function of its own mixture of logistics, given the earlier ones.

    .. math::
        z_i = \operatorname{logit} \sum_k \pi_{ik}\, \sigma\Big(\frac{x_i - \mu_{ik}}{s_{ik}}\Big), \qquad
        (\pi_i, \mu_i, s_i) = g(x_1, \dots, x_{i-1})

    in reading order, channels of a pixel one after the other; g is a :class:`CausalCNN`, which sees x clipped
    to [-1, 1]. The Jacobian is triangular: :math:`\log|\det J| = \sum_i \log \partial z_i / \partial x_i`.
    From data to latent it takes one pass; back, as many small ones as there are pixels.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of the state.
    width, depth : int
        Channels and residual convolutions of the network.
    components : int
        Number of logistics K, at least 2.
    period : int
        With a period, the network also sees a linear prediction of the pixel, as the place in the period
        asks for (`PeriodicPrediction`), and all logistics but that of the darkest value lie about it. Of
        earlier pixels it then sees the 8-bit values in the scale of `LogisticEnds`, not the noise within
        them, which the prediction would multiply. The map is one to one all the same, with jumps where a
        value changes.

    References
    ----------
    Papamakarios et al., *Masked Autoregressive Flow*, 2017; Salimans et al., *PixelCNN++*, 2017; Ho et al.,
    *Flow++*, 2019.
    """

    start: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        width: int = 32,
        depth: int = 3,
        components: int = 4,
        period: int = 0,
    ) -> None:
        super().__init__()
        self.components = components
        context = 2 * shape[0] if period else 0
        network = CausalCNN(shape, 3 * components, width=width, depth=depth, context_channels=context)
        self.subnet = MixedPrecision(network)
        self.periodic = PeriodicPrediction(shape, period) if period else None
        # one logistic over the darkest value, the others side by side over [-1, 1]
        count = components - 1
        centres = (2 * torch.arange(count) + 1 - count) / count
        start = torch.zeros(3, components, 1, 1, 1)
        start[1, :, 0, 0, 0] = torch.cat((torch.tensor([DARKEST]), centres))
        start[2, 1:] = -math.log(2 * count)
        if period:
            start[1, 1:] = 0.0
            start[2, 1:] = torch.linspace(NARROW, WIDE, count)[:, None, None, None]
        self.register_buffer("start", start, persistent=False)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        if self.periodic is not None:
            self.periodic.initialise(self._network_input(x))
        return self.forward_elementwise(x)[0]

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        earlier = self._network_input(x)
        if self.periodic is None:
            return mixture_forward(x, *self._mixture(self.subnet(earlier)))
        predicted = self.periodic(earlier)
        return mixture_forward(
            x, *self._mixture(self.subnet(earlier, _network_context(predicted)), predicted)
        )

    @torch.no_grad()
    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_det = torch.zeros_like(z), z.new_zeros(len(z))
        padded = F.pad(x, (REACH, REACH, REACH, 0))
        network = self.subnet.subnet
        assert isinstance(network, CausalCNN)
        walk = Walk(network, len(z))
        predicted = context = None
        for i in range(z.shape[2]):
            for j in range(z.shape[3]):
                if self.periodic is not None and network.context is not None:
                    predicted = self.periodic.at(padded, i, j)
                    context = network.context(_network_context(predicted))[:, :, 0, 0]
                hidden, pixel = walk.hidden(i, j, context), x[:, :, i : i + 1, j : j + 1]
                for c in range(z.shape[1]):
                    raw = network.outputs_of(hidden, self._network_input(pixel))
                    mixture = (part[:, :, c : c + 1] for part in self._mixture(raw, predicted))
                    pixel[:, c : c + 1], log_det_map = mixture_inverse(
                        z[:, c : c + 1, i : i + 1, j : j + 1], *mixture
                    )
                    log_det += log_det_map[:, 0, 0, 0]
                done = self._network_input(pixel)[..., 0, 0]
                padded[:, :, REACH + i, REACH + j] = done
                walk.see(done, j)
        return x, log_det

    def _network_input(self, x: Tensor) -> Tensor:
        """State in [0, 1] for the network; with a period, without the dequantisation noise within a value."""
        if self.periodic is not None:
            x = (torch.floor(127 * x) + 0.5) / 127
        return (x.clamp(-1, 1) + 1) / 2

    def _mixture(self, raw: Tensor, predicted: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and log-scales, each (B, K, C, H, W), from (B, 3 K C, H, W)."""
        channels = raw.shape[1] // (3 * self.components)
        parts = raw.unflatten(1, (channels, 3, self.components)).movedim(1, 3)
        logits, means, log_scales = (parts + self.start).unbind(1)
        if predicted is not None:
            about = (2 * predicted - 1).clamp(-1, 1)[:, None]
            means = torch.cat((means[:, :1], means[:, 1:] + about), 1)
        return logits, means, BOUND * torch.tanh(log_scales / BOUND)


def _network_context(predicted: Tensor) -> Tensor:
    return torch.cat((predicted, predicted.clamp(0, 1)), 1)
