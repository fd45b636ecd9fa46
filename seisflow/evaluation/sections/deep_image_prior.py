"""Deep image prior: a network with noise for an input, fitted to one noisy section.

Its convolutions reproduce what goes on from trace to trace before they reproduce noise, so learning is
stopped early (Ulyanov, Vedaldi & Lempitsky, *Deep image prior*, 2018).
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

LEVELS, WIDTH, SKIP, INPUT = 4, 16, 4, 16
"""Times that the grid is halved, channels, channels of skip connections, and of the input."""
RATE, INPUT_NOISE, AVERAGE = 0.01, 0.03, 0.9
"""Rate of Adam, noise added to the input at each step, and decay of the average of the results."""


def deep_image_prior(noisy: NDArray[np.float64], steps: int, seed: int = 0) -> NDArray[np.float64]:
    """Averaged result (T, X) after so many steps of fitting a panel (T, X)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Hourglass()
    scale = float(noisy.std())
    side = 2**LEVELS
    edges = (0, -noisy.shape[1] % side, 0, -noisy.shape[0] % side)
    target = F.pad(torch.from_numpy(noisy / scale).float()[None, None], edges, mode="replicate")
    code = 0.1 * torch.rand(1, INPUT, *target.shape[2:], generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    average: Tensor | None = None
    for _ in range(steps):
        found = network(code + INPUT_NOISE * torch.randn(code.shape, generator=generator))
        loss = F.mse_loss(found, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found = found.detach()
        average = found if average is None else AVERAGE * average + (1 - AVERAGE) * found
    assert average is not None
    return np.asarray(scale * average[0, 0, : noisy.shape[0], : noisy.shape[1]].double().numpy())


class Hourglass(nn.Module):
    """Network that halves its grid level by level and goes back, with narrow skip connections."""

    def __init__(self) -> None:
        super().__init__()
        inputs = [INPUT, *[WIDTH] * (LEVELS - 1)]
        self.down = nn.ModuleList(nn.Sequential(_layer(n, WIDTH, 2), _layer(WIDTH, WIDTH)) for n in inputs)
        self.skip = nn.ModuleList(_layer(n, SKIP, size=1) for n in inputs)
        self.up = nn.ModuleList(_layer(WIDTH + SKIP, WIDTH) for _ in inputs)
        self.last = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for down, skip in zip(self.down, self.skip, strict=True):
            kept.append(skip(x))
            x = down(x)
        for up, beside in zip(reversed(self.up), reversed(kept), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = up(torch.cat((x, beside), 1))
        found: Tensor = self.last(x)
        return found


def _layer(inputs: int, outputs: int, stride: int = 1, *, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
    )
