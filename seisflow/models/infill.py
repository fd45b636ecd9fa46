"""A network that predicts hidden samples from those around them, with how sure it is of each."""

from importlib import resources

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, silu

WIDTH = 32
"""Channels at the finest level."""
MULTIPLE = (8, 4)
"""Samples and traces of an input are multiples of these."""
ENVELOPE = (65, 33)
"""Samples and traces over which amplitudes are levelled."""
FLOOR = 0.1
"""Least envelope, in standard deviations of the section."""


class Infill(nn.Module):
    r"""Gaussian density of each hidden sample given the known ones.

    .. math:: p(x_i \mid x_K) = N\left(\mu_i, \sigma_i^2\right), \qquad
        \mu = \ell + e\,f_1, \quad \sigma = e\,\exp(f_2 - 1)

    with :math:`\ell` the linear interpolation along a time slice, :math:`e` the envelope of the known samples
    and :math:`f` a U-Net of :math:`(x/e, \ell/e)` and the mask, so that amplitudes may grow and fade.

    Parameters
    ----------
    width : int
        Channels at the finest level.

    References
    ----------
    Ronneberger et al., *U-Net*, 2015. Garnelo et al., *Conditional Neural Processes*, 2018.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.enter = nn.Conv2d(6, w, 3, padding=1)
        self.down = nn.ModuleList([_Residual(w, w), _Residual(w, 2 * w), _Residual(2 * w, 2 * w)])
        self.deepest = _Residual(2 * w, 2 * w)
        self.up = nn.ModuleList([_Residual(4 * w, 2 * w), _Residual(3 * w, w)])
        self.leave = nn.Conv2d(w, 4, 3, padding=1)
        for weights in self.parameters():  # twice as fast on CPUs
            if weights.dim() == 4:
                weights.data = weights.data.contiguous(memory_format=torch.channels_last)
        for weights in self.leave.parameters():
            nn.init.zeros_(weights)

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Predict every sample.

        Parameters
        ----------
        x : Tensor, (B, 1, T, X)
            In standard deviations of the section; what is not known may hold anything finite.
        known : Tensor of bool, (B, 1, T, X)

        Returns
        -------
        mean, std : Tensor, (B, 1, T, X)
        """
        x = torch.where(known, x, 0.0)
        linear, size = interpolated(x, known), envelope(x, known)
        seen = torch.cat([x / size, known.to(x.dtype), linear / size], 1)
        out = self._net(_halve_time(seen))
        mean, log_std = _double_time(out.float()).split(1, 1)
        return linear + size * mean, size * torch.exp(log_std.clamp(-6, 4) - 1)

    def _net(self, x: Tensor) -> Tensor:
        fine = self.down[0](self.enter(x.contiguous(memory_format=torch.channels_last)))
        middle = self.down[1](avg_pool2d(fine, 2))
        coarse = self.deepest(self.down[2](avg_pool2d(middle, 2)))
        middle = self.up[0](torch.cat([interpolate(coarse, scale_factor=2), middle], 1))
        fine = self.up[1](torch.cat([interpolate(middle, scale_factor=2), fine], 1))
        return self.leave(silu(fine))


class _Residual(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, padding=1)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.second(silu(self.first(silu(x))))


def shipped_infill() -> Infill:
    """Load the network that ships; it has learned from synthetic sections, the F3 sample and a land line."""
    network = Infill()
    weights = resources.files("seisflow.models") / "infill.safetensors"
    with resources.as_file(weights) as path:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.eval()


def interpolated(x: Tensor, known: Tensor) -> Tensor:
    """Interpolate linearly between the known traces of every time slice; constant beyond the outermost."""
    traces = x.shape[3]
    place = torch.arange(traces, device=x.device)
    before = torch.where(known, place, -1).cummax(3).values
    after = torch.where(known, place, traces).flip(3).cummin(3).values.flip(3)
    left = torch.where(before < 0, after, before).clamp(max=traces - 1)
    right = torch.where(after == traces, before, after).clamp(min=0)
    share = (place - left).to(x.dtype) / (right - left).clamp(min=1)
    return (1 - share) * x.gather(3, left) + share * x.gather(3, right)


def envelope(x: Tensor, known: Tensor) -> Tensor:
    """Root mean square of the known samples around each, not less than `FLOOR`; x is 0 elsewhere."""
    power, count = (_smooth(values) for values in (x.square(), known.to(x.dtype)))
    return (power / count.clamp(min=1e-3) + FLOOR**2).sqrt()


def _smooth(x: Tensor) -> Tensor:
    for axis, size in enumerate(ENVELOPE):
        kernel = (size, 1) if axis == 0 else (1, size)
        x = avg_pool2d(x, kernel, 1, (kernel[0] // 2, kernel[1] // 2), count_include_pad=False)
    return x


def _halve_time(x: Tensor) -> Tensor:
    """Even and odd samples as channels: (B, C, T, X) to (B, 2C, T/2, X)."""
    return torch.cat([x[:, :, 0::2], x[:, :, 1::2]], 1)


def _double_time(x: Tensor) -> Tensor:
    batch, channels, half, traces = x.shape
    pairs = x.reshape(batch, 2, channels // 2, half, traces)
    return pairs.permute(0, 2, 3, 1, 4).reshape(batch, channels // 2, 2 * half, traces)
