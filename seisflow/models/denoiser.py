"""A network that takes white noise of any level off patches."""

from __future__ import annotations

import math
from importlib import resources

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool2d,
    interpolate,
    pad,
    pixel_shuffle,
    pixel_unshuffle,
    scaled_dot_product_attention,
    silu,
)

from seisflow.subnets import MixedPrecision

WIDTH = 48
"""Channels of the coarse levels."""
FINE = 16
"""Channels at the resolution of the data."""
GATHERED = 4
"""Samples, and traces, that the coarse levels gather."""
MULTIPLES = (1, 2, 2)
"""Channels of the coarse levels, as multiples of the width."""
BLOCKS = 2
"""Residual blocks of each level, down and up."""
WAVES = 32
"""Frequencies by which the level of the noise is told."""
OCTAVES = 4
"""Waves by which depth is told: half a period over the section, one, two, four."""
GROUPS, HEADS = 8, 4


class Denoiser(nn.Module):
    r"""Mean of a clean patch given one with white noise of standard deviation sigma.

    .. math:: D(y, \sigma) = \frac{y}{1 + \sigma^2} + \frac{\sigma}{\sqrt{1 + \sigma^2}}
        F\left(\frac{y}{\sqrt{1 + \sigma^2}}, \ln \sigma, t\right)

    with a U-Net F and the depth t of the patch in its section, with which spectra change most. By Tweedie's
    formula, :math:`(D - y) / \sigma^2` is the gradient of the log-density of patches with noise.

    Parameters
    ----------
    width : int
        Channels of the coarse levels, a multiple of 8.

    References
    ----------
    Karras et al., *Elucidating the design space of diffusion-based generative models*, 2022. Ronneberger et
    al., *U-Net*, 2015.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.network = MixedPrecision(_UNet(width))

    def forward(self, y: Tensor, sigma: Tensor, depth: Tensor) -> Tensor:
        """Mean of the clean patches.

        Parameters
        ----------
        y : Tensor, (B, 1, H, W)
            Patches with noise, in scaled units.
        sigma : Tensor, (B,)
            Standard deviation of their noise, above 0.
        depth : Tensor, (B, 2)
            Where patches begin and end in their sections, as parts of these.
        """
        level = sigma[:, None, None, None]
        size = (1 + level.square()).sqrt()
        return y / size.square() + level / size * self.network(y / size, sigma.log(), depth)

    def compute_in(self, dtype: torch.dtype) -> None:
        """Let the network compute in float32 or bfloat16."""
        self.network.dtype = dtype


def shipped_denoiser() -> Denoiser:
    """Load the network that ships; it has learned from synthetic sections, the F3 sample and a land line."""
    network = Denoiser()
    with resources.as_file(resources.files("seisflow.models") / "denoiser.safetensors") as path:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.eval()


class _UNet(nn.Module):
    """Residual blocks at four resolutions; the finest is that of the data, with few channels."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        told = 4 * width
        frequencies = torch.exp(torch.linspace(math.log(1 / 16), math.log(4), WAVES))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.level = nn.Sequential(nn.Linear(2 * WAVES, told), nn.SiLU(), nn.Linear(told, told), nn.SiLU())
        self.enter = nn.Conv2d(1, FINE, 3, padding=1)
        self.before = _Fine(FINE, FINE, told)
        self.gather = nn.Conv2d(FINE * GATHERED**2 + 2 * OCTAVES, width, 1)
        channels = [width]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for multiple in MULTIPLES:
            for _ in range(BLOCKS):
                self.down.append(_Block(channels[-1], multiple * width, told))
                channels.append(multiple * width)
        now = channels[-1]
        self.middle = nn.ModuleList([_Block(now, now, told), _Attention(now), _Block(now, now, told)])
        for multiple in reversed(MULTIPLES):
            for _ in range(BLOCKS):
                self.up.append(_Block(now + channels.pop(), multiple * width, told))
                now = multiple * width
        self.spread = nn.Sequential(
            nn.GroupNorm(GROUPS, now), nn.SiLU(), nn.Conv2d(now, FINE * GATHERED**2, 1)
        )
        self.after = _Fine(2 * FINE, FINE, told)
        self.leave = nn.Conv2d(FINE, 1, 3, padding=1)
        for last in self.leave.parameters():
            nn.init.zeros_(last)
        for weights in self.parameters():  # twice as fast on CPUs
            if weights.dim() == 4:
                weights.data = weights.data.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor, level: Tensor, depth: Tensor) -> Tensor:
        """Output F, (B, 1, H, W), of patches (B, 1, H, W) with noise of log-levels (B,), at depths (B, 2)."""
        height, width = x.shape[2:]
        multiple = GATHERED * 2 ** (len(MULTIPLES) - 1)
        x = pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        phases = level[:, None] * self.frequencies
        told = self.level(torch.cat([phases.sin(), phases.cos()], 1))
        fine = self.before(self.enter(x.contiguous(memory_format=torch.channels_last)), told)
        gathered = pixel_unshuffle(fine, GATHERED)
        waves = _depth_waves(depth, height, *gathered.shape[2:]).to(gathered.dtype)
        kept, h = [], self.gather(torch.cat([gathered, waves], 1))
        for place, block in enumerate(self.down):
            if place and place % BLOCKS == 0:
                h = avg_pool2d(h, 2)
            h = block(h, told)
            kept.append(h)
        first, attention, last = self.middle
        h = last(attention(first(h, told)), told)
        for place, block in enumerate(self.up):
            if place and place % BLOCKS == 0:
                h = interpolate(h, scale_factor=2)
            h = block(torch.cat([h, kept.pop()], 1), told)
        again = pixel_shuffle(self.spread(h), GATHERED)
        h = self.after(torch.cat([again, fine], 1), told)
        return self.leave(silu(h))[..., :height, :width]


class _Block(nn.Module):
    """Residual block of two normalised convolutions; the level of the noise scales and shifts between."""

    def __init__(self, inside: int, outside: int, told: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.GroupNorm(GROUPS, inside), nn.GroupNorm(GROUPS, outside)
        self.first = nn.Conv2d(inside, outside, 3, padding=1)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.level = nn.Linear(told, 2 * outside)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()
        for weights in self.second.parameters():
            nn.init.zeros_(weights)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.level(told)[:, :, None, None].chunk(2, 1)
        h = self.first(silu(self.first_norm(x)))
        return self.skip(x) + self.second(silu(self.second_norm(h) * (1 + scale) + shift))


class _Fine(nn.Module):
    """Residual block without normalisation, which takes longest where there are most samples."""

    def __init__(self, inside: int, outside: int, told: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, padding=1)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.level = nn.Linear(told, outside)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        return self.skip(x) + self.second(silu(self.first(x) + self.level(told)[:, :, None, None]))


class _Attention(nn.Module):
    """Self-attention over all places of the coarsest level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.ask = nn.Conv2d(channels, 3 * channels, 1)
        self.leave = nn.Conv2d(channels, channels, 1)
        for weights in self.leave.parameters():
            nn.init.zeros_(weights)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        heads = self.ask(self.norm(x)).reshape(batch, 3, HEADS, channels // HEADS, height * width)
        query, key, value = heads.transpose(3, 4).unbind(1)
        seen = scaled_dot_product_attention(query, key, value).transpose(2, 3)
        return x + self.leave(seen.reshape(x.shape))


def _depth_waves(depth: Tensor, samples: int, rows: int, columns: int) -> Tensor:
    """Sines and cosines of the depth of each row, one for so many samples, (B, 8, rows, columns)."""
    first, last = depth.unbind(1)
    row = GATHERED * (torch.arange(rows, device=depth.device) + 0.5) / samples
    place = first[:, None] + (last - first)[:, None] * row
    octaves = math.pi * 2.0 ** torch.arange(OCTAVES, device=depth.device)
    phase = place[:, None] * octaves[:, None]
    return torch.cat([phase.sin(), phase.cos()], 1)[..., None].expand(-1, -1, -1, columns)
