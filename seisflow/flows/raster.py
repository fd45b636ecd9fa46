"""Pixel after pixel, each given those above and to its left."""

import math

import torch
from torch import Tensor

from seisflow.flows.base import Bijection
from seisflow.flows.mixture import mixture_forward, mixture_inverse
from seisflow.subnets.causal import CausalCNN, Walk
from seisflow.subnets.precision import MixedPrecision

BELL = -5.0  # where `Bells` sends the middle of the darkest value
BOUND = 7.0


class RasterMixture(Bijection):
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
        Of the network.
    components : int
        Number of logistics K, at least 2.

    References
    ----------
    Papamakarios et al., *Masked Autoregressive Flow*, 2017; Salimans et al., *PixelCNN++*, 2017; Ho et al.,
    *Flow++*, 2019.
    """

    start: Tensor

    def __init__(
        self, shape: tuple[int, int, int], *, width: int = 32, depth: int = 3, components: int = 4
    ) -> None:
        super().__init__()
        self.components = components
        self.subnet = MixedPrecision(CausalCNN(shape, 3 * components, width=width, depth=depth))
        # one logistic over the darkest value, the others side by side over [-1, 1]
        count = components - 1
        centres = (2 * torch.arange(count) + 1 - count) / count
        start = torch.zeros(3, components, 1, 1, 1)
        start[1, :, 0, 0, 0] = torch.cat((torch.tensor([BELL]), centres))
        start[2, 1:] = -math.log(2 * count)
        self.register_buffer("start", start, persistent=False)

    def contributions(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return mixture_forward(x, *self._mixture(self.subnet(_seen(x))))

    @torch.no_grad()
    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_det = torch.zeros_like(z), z.new_zeros(len(z))
        network = self.subnet.subnet
        assert isinstance(network, CausalCNN)
        walk = Walk(network, len(z))
        for i in range(z.shape[2]):
            for j in range(z.shape[3]):
                hidden, pixel = walk.hidden(i, j), x[:, :, i : i + 1, j : j + 1]
                for c in range(z.shape[1]):
                    raw = network.outputs_of(hidden, _seen(pixel))
                    mixture = (part[:, :, c : c + 1] for part in self._mixture(raw))
                    pixel[:, c : c + 1], share = mixture_inverse(
                        z[:, c : c + 1, i : i + 1, j : j + 1], *mixture
                    )
                    log_det += share[:, 0, 0, 0]
                walk.see(_seen(pixel), i, j)
        return x, log_det

    def _mixture(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and log-scales, each (B, K, C, H, W), from (B, 3 K C, H, W)."""
        channels = raw.shape[1] // (3 * self.components)
        parts = raw.unflatten(1, (channels, 3, self.components)).movedim(1, 3)
        logits, means, log_scales = (parts + self.start).unbind(1)
        return logits, means, BOUND * torch.tanh(log_scales / BOUND)


def _seen(x: Tensor) -> Tensor:
    """What of a state the network sees: 0 to 1, without the noise within the values 0 and 255."""
    return (x.clamp(-1, 1) + 1) / 2
