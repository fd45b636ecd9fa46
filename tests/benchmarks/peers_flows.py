"""The same flow in several libraries: affine couplings with equal convolutional subnets, a Gaussian latent.

Each `build` function takes the (C, H, W) of a squeezed state and a number of couplings, and returns
an object with ``log_prob(x) -> (B,)`` and ``sample(n)``; a coupling comes after its library's
activation normalisation and (learned, where it has one) mixing of channels. The subnets are `seisflow`'s
own in every case, so parameters and arithmetic are equal and what differs is the flow around them. memcnn has
no densities: what is measured is its recomputation of states, around `seisflow`'s bijections. zuko has no
convolutional flow: it is compared on flattened states, with fully connected subnets (`DENSE`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seisflow.flows import ActNorm, AffineCoupling, Chain, Invertible1x1, Reversible
from seisflow.priors import GaussianPrior
from seisflow.runs.hardware import Hardware
from seisflow.subnets import MixedPrecision, build_subnet

WIDTH, DEPTH = 64, 2


def subnet(channels: int, out: int) -> nn.Module:
    """Return the network inside every coupling; it starts away from zero so that all have the same work."""
    net = build_subnet("cnn", channels, out, width=WIDTH, depth=DEPTH, size=(1, 1))
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.01)
    return net


@dataclass
class Ours:
    """seisflow's chain; ``recompute`` and the precision of subnets as in training."""

    flow: Chain
    prior: GaussianPrior

    def log_prob(self, x: Tensor) -> Tensor:
        z, log_det = self.flow(x)
        return self.prior.log_prob(z) + log_det

    def sample(self, n: int) -> Tensor:
        return self.flow.inverse(self.prior.sample(n))[0]

    def parameters(self) -> Any:
        return self.flow.parameters()


def ours(shape: tuple[int, int, int], couplings: int, *, recompute: bool, half: bool) -> Ours:
    """Build seisflow's; ``half`` runs subnets in bfloat16 if the hardware has it."""
    bijections: list[Any] = []
    for i in range(couplings):
        net = MixedPrecision(subnet(shape[0] // 2, shape[0]))
        if half:
            net.dtype = Hardware.choose("cpu").subnet_dtype("auto")
        bijections += [
            ActNorm(shape[0]),
            Invertible1x1(shape[0]),
            AffineCoupling(net, shape[0], swap=i % 2 == 1),
        ]
    return Ours((Reversible if recompute else Chain)(bijections), GaussianPrior(shape))


def normflows(shape: tuple[int, int, int], couplings: int) -> Any:
    """Glow's parts of normflows."""
    import normflows as nf

    class Coupling(nf.flows.AffineCouplingBlock):
        def __init__(self, channels: int) -> None:
            super().__init__(subnet(channels // 2, channels), scale_map="exp", split_mode="channel")

    flows: list[Any] = []
    for _ in range(couplings):
        flows += [
            Coupling(shape[0]),
            nf.flows.Invertible1x1Conv(shape[0], use_lu=True),
            nf.flows.ActNorm((shape[0], 1, 1)),
        ]
    flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(shape, trainable=False), flows)
    draw = flow.sample
    flow.sample = lambda n: draw(n)[0]
    return flow


def nflows(shape: tuple[int, int, int], couplings: int) -> Any:
    """Glow's parts of nflows."""
    from nflows import transforms
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow

    class Net(nn.Module):
        def __init__(self, taken: int, made: int) -> None:
            super().__init__()
            self.net = subnet(taken, made)

        def forward(self, x: Tensor, context: None) -> Tensor:
            return self.net(x)

    parts: list[Any] = []
    for i in range(couplings):
        mask = torch.arange(shape[0]) % 2 == i % 2
        parts += [
            transforms.ActNorm(shape[0]),
            transforms.OneByOneConvolution(shape[0]),
            transforms.AffineCouplingTransform(mask, Net),
        ]
    return Flow(transforms.CompositeTransform(parts), StandardNormal(shape))


def freia(shape: tuple[int, int, int], couplings: int) -> Any:
    """FrEIA's AllInOneBlock: one coupling, a global scaling, a fixed permutation."""
    from FrEIA.framework import SequenceINN
    from FrEIA.modules import AllInOneBlock

    inn = SequenceINN(*shape)
    for _ in range(couplings):
        inn.append(AllInOneBlock, subnet_constructor=subnet)
    prior = GaussianPrior(shape)

    class Flow:
        def log_prob(self, x: Tensor) -> Tensor:
            z, log_det = inn(x)
            return prior.log_prob(z) + log_det

        def sample(self, n: int) -> Tensor:
            return inn(prior.sample(n), rev=True)[0]

        def parameters(self) -> Any:
            return inn.parameters()

    return Flow()


def memcnn(shape: tuple[int, int, int], couplings: int) -> Any:
    """memcnn's `InvertibleModuleWrapper` around each step of `ours`; the log-determinant is a state too."""
    import memcnn as library

    class Step(nn.Module):
        def __init__(self, steps: list[Any]) -> None:
            super().__init__()
            self.steps = Chain(steps)

        def forward(self, x: Tensor, log_det: Tensor) -> tuple[Tensor, Tensor]:
            z, part = self.steps(x)
            return z, log_det + part

        def inverse(self, z: Tensor, log_det: Tensor) -> tuple[Tensor, Tensor]:
            x, part = self.steps.inverse(z)
            return x, log_det + part

    plain = ours(shape, couplings, recompute=False, half=False)
    bijections = list(plain.flow.bijections)
    steps = [Step(bijections[i : i + 3]) for i in range(0, len(bijections), 3)]
    wrap = library.InvertibleModuleWrapper
    wrapped = nn.ModuleList(wrap(step, keep_input=step is steps[0]) for step in steps)

    class Flow:
        def log_prob(self, x: Tensor) -> Tensor:
            z, log_det = x, x.new_zeros(len(x))
            for step in wrapped:
                z, log_det = step(z, log_det)
            return plain.prior.log_prob(z) + log_det

        def sample(self, n: int) -> Tensor:
            return plain.sample(n)

        def parameters(self) -> Any:
            return wrapped.parameters()

    return Flow()


PEERS: dict[str, Callable[[tuple[int, int, int], int], Any]] = {
    "normflows": normflows,
    "nflows": nflows,
    "FrEIA": freia,
    "memcnn": memcnn,
}
OURS: dict[str, Callable[[tuple[int, int, int], int], Any]] = {
    "seisflow": lambda shape, couplings: ours(shape, couplings, recompute=True, half=True),
    "seisflow, storing states": lambda shape, couplings: ours(shape, couplings, recompute=False, half=True),
    "seisflow, float32": lambda shape, couplings: ours(shape, couplings, recompute=True, half=False),
    "seisflow, float32, storing states": lambda shape, couplings: ours(
        shape, couplings, recompute=False, half=False
    ),
}
EVERY = OURS | PEERS


def dense_ours(features: int, couplings: int, hidden: list[int]) -> Ours:
    """Affine couplings with fully connected subnets on flattened states, as zuko's."""
    bijections = []
    for i in range(couplings):
        net = build_subnet("mlp", features // 2, features, width=hidden[0], depth=len(hidden), size=(1, 1))
        bijections.append(AffineCoupling(net, features, swap=i % 2 == 1))
    return Ours(Chain(bijections), GaussianPrior((features, 1, 1)))


def dense_zuko(features: int, couplings: int, hidden: list[int]) -> Any:
    """zuko's `RealNVP`."""
    from zuko.flows import RealNVP

    flow = RealNVP(features, transforms=couplings, hidden_features=hidden)

    class Flow:
        def log_prob(self, x: Tensor) -> Tensor:
            return flow().log_prob(x.flatten(1))

        def sample(self, n: int) -> Tensor:
            return flow().sample((n,))

        def parameters(self) -> Any:
            return flow.parameters()

    return Flow()


DENSE: dict[str, Callable[[int, int, list[int]], Any]] = {"seisflow": dense_ours, "zuko": dense_zuko}
