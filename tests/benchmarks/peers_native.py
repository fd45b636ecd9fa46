"""An image flow as each library's documentation builds one, with a given number of couplings and parameters.

A `build` function takes (C, H, W), a number of couplings and the channels of hidden layers, added up over
levels; it returns an object with ``log_prob(x) -> (B,)`` and ``sample(n)``. All peers squeeze by 2 x 2 at
each of three levels. Couplings that do not divide by three go to the coarsest level, where they cost least.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seisflow.priors import GaussianPrior

LEVELS = 3
WITHIN = 0.02  # relative difference of parameters


def steps_by_level(couplings: int) -> list[int]:
    """Couplings of each level, finest first."""
    each = couplings // LEVELS
    return [each] * (LEVELS - 1) + [couplings - each * (LEVELS - 1)]


def widths_by_level(hidden: int) -> list[int]:
    """Channels of the hidden layers of each level, finest first."""
    return [(hidden + level) // LEVELS for level in range(LEVELS)]


def normflows(shape: tuple[int, int, int], couplings: int, hidden: int) -> Any:
    """normflows' example of Glow: `GlowBlock`, `Squeeze`, `Merge` in a `MultiscaleFlow`."""
    import normflows as nf

    channels, height, width = shape
    bases, flows, merges = [], [], []
    for i in range(LEVELS):  # it counts levels from the latent
        steps, width_of = steps_by_level(couplings)[-1 - i], widths_by_level(hidden)[-1 - i]
        inside = channels * 2 ** (LEVELS + 1 - i)
        blocks = [nf.flows.GlowBlock(inside, width_of, split_mode="channel") for _ in range(steps)]
        flows.append([*blocks, nf.flows.Squeeze()])
        merges += [nf.flows.Merge()] if i else []
        scale = 2 ** (LEVELS - i)
        kept = inside if i == 0 else inside // 2
        bases.append(nf.distributions.DiagGaussian((kept, height // scale, width // scale), trainable=False))
    whole = nf.MultiscaleFlow(bases, flows, merges)

    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = whole

        def log_prob(self, x: Tensor) -> Tensor:
            return self.inner.log_prob(x, None)

        def sample(self, n: int) -> Tensor:
            return self.inner.sample(n)[0]

    return Flow()


def nflows(shape: tuple[int, int, int], couplings: int, hidden: int) -> Any:
    """nflows' parts of Glow with its `ConvResidualNet`, in a `MultiscaleCompositeTransform`."""
    from nflows import transforms
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.nn.nets import ConvResidualNet

    whole = transforms.MultiscaleCompositeTransform(LEVELS)
    channels, height, width = shape
    for steps, hidden_channels in zip(steps_by_level(couplings), widths_by_level(hidden), strict=True):
        channels, height, width = 4 * channels, height // 2, width // 2
        net = partial(ConvResidualNet, hidden_channels=hidden_channels)
        parts: list[Any] = [transforms.SqueezeTransform()]
        for i in range(steps):
            mask = torch.arange(channels) % 2 == i % 2
            parts += [
                transforms.ActNorm(channels),
                transforms.OneByOneConvolution(channels),
                transforms.AffineCouplingTransform(mask, net),
            ]
        left = whole.add_transform(transforms.CompositeTransform(parts), (channels, height, width))
        channels = left[0] if left else channels
    return Flow(whole, StandardNormal([math.prod(shape)]))


def freia(shape: tuple[int, int, int], couplings: int, hidden: int) -> Any:
    """FrEIA's `AllInOneBlock` and `IRevNetDownsampling` with the two convolutions of its tutorial."""
    from FrEIA.framework import SequenceINN
    from FrEIA.modules import AllInOneBlock, IRevNetDownsampling

    def net(taken: int, made: int, channels: int) -> nn.Module:
        first = nn.Conv2d(taken, channels, 3, padding=1)
        return nn.Sequential(first, nn.ReLU(), nn.Conv2d(channels, made, 3, padding=1))

    inn = SequenceINN(*shape)
    for steps, channels in zip(steps_by_level(couplings), widths_by_level(hidden), strict=True):
        inn.append(IRevNetDownsampling)
        for _ in range(steps):
            inn.append(AllInOneBlock, subnet_constructor=partial(net, channels=channels))

    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inn = inn
            factor = 2**LEVELS
            latent = (shape[0] * factor**2, shape[1] // factor, shape[2] // factor)
            self.prior = GaussianPrior(latent)

        def log_prob(self, x: Tensor) -> Tensor:
            z, log_det = self.inn(x)
            return self.prior.log_prob(z) + log_det

        def sample(self, n: int) -> Tensor:
            return self.inn(self.prior.sample(n), rev=True)[0]

    return Flow()


NATIVE: dict[str, Callable[[tuple[int, int, int], int, int], Any]] = {
    "normflows": normflows,
    "nflows": nflows,
    "FrEIA": freia,
}


def count(flow: Any) -> int:
    """Parameters that are learned."""
    return sum(p.numel() for p in flow.parameters() if p.requires_grad)


def with_parameters(name: str, shape: tuple[int, int, int], couplings: int, wanted: int) -> Any:
    """Return a library's flow whose hidden width gives it ``wanted`` parameters, within 2 %."""

    def build(hidden: int) -> Any:
        return NATIVE[name](shape, couplings, hidden)

    high = 2 * LEVELS
    while count(build(high)) < wanted:
        high *= 2
    low = high // 2
    while high - low > 1:  # the number of parameters grows with the width
        middle = (low + high) // 2
        low, high = (middle, high) if count(build(middle)) <= wanted else (low, middle)
    flow = min((build(low), build(high)), key=lambda one: abs(count(one) - wanted))
    if abs(count(flow) - wanted) > WITHIN * wanted:
        raise ValueError(f"{name}: {count(flow):,} parameters are not within {WITHIN:.0%} of {wanted:,}")
    return flow
