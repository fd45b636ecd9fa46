"""What the machine can do, what each operation makes of it, and where a training step's time goes.

Run: ``python tests/benchmarks/bench_limits.py [--json docs/results/speed.json]``. One thread, CPU seconds.
An operation's limit is the time its products take at the measured rate of matrix products or convolutions (in
the precision it runs in), its bytes at that of a copy of this size, its exponentials at theirs, each counted
by hand as the least that it can do.
"""

import copy
import math
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).parent))
from measuring import Records, Work, arithmetic, in_turns, one_thread, ratio, typical

from seisflow.config import load_config
from seisflow.flows import (
    ActNorm,
    AffineCoupling,
    Chain,
    Invertible1x1,
    LateralBands,
    Reversible,
    SpectralWhitening,
)
from seisflow.flows.squeeze import squeeze
from seisflow.models import build_model
from seisflow.priors import LDAPrior
from seisflow.runs.hardware import Hardware
from seisflow.subnets import MixedPrecision, build_subnet

BATCH, SHAPE, STATE = 8, (1, 256, 64), (32, 32, 16)
WIDTH, DEPTH, TOPICS, MEANS = 96, 2, 4, 7
SIDE = 1024
STREAM = 2**26  # floats of a copy that no cache holds
WEIGHTS = 1_800_000  # about those of the preset
COPIES = 20  # of a state, to be timed together
KINDS = {  # of a training step's time: what the names of operations begin with
    "convolutions, forward": ("aten::mkldnn_convolution", "aten::_slow_conv2d_forward"),
    "convolutions, backward": ("aten::convolution_backward", "aten::_slow_conv2d_backward"),
    "LDA prior": ("_TopicDensity",),
    "optimiser": ("Optimizer.step",),
}


class Limits:
    """Rates of this machine: the most it reaches with one thread."""

    def __init__(self, records: Records) -> None:
        self.half = Hardware.choose("cpu").subnet_dtype("auto")
        dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
        self.matmul, self.conv = {}, {}
        for name, dtype in dtypes.items():
            a = torch.randn(SIDE, SIDE).to(dtype)
            self.matmul[dtype] = 2 * SIDE**3 / typical(partial(torch.mm, a, a))
            records.add(name, "machine", "matrix product (GFLOP/s)", self.matmul[dtype] / 1e9)
            self.conv[dtype] = convolution_rate(dtype)
            records.add(name, "machine", "convolution (GFLOP/s)", self.conv[dtype] / 1e9)
        self.stream, self.weights = copy_rate(STREAM), copy_rate(WEIGHTS)
        near = torch.randn(BATCH, *STATE)
        there = torch.empty_like(near)

        def copies() -> None:
            for _ in range(COPIES):
                there.copy_(near)

        self.cache = COPIES * 8 * near.numel() / typical(copies)

        def exponentials() -> None:
            for _ in range(COPIES):
                torch.exp(near, out=there)

        self.exp = COPIES * near.numel() / typical(exponentials)
        records.add("256 MB", "machine", "copy (GB/s)", self.stream / 1e9)
        records.add("7 MB", "machine", "copy (GB/s)", self.weights / 1e9)
        records.add("0.5 MB", "machine", "copy (GB/s)", self.cache / 1e9)
        records.add("0.5 MB", "machine", "exp (G/s)", self.exp / 1e9)


def copy_rate(floats: int) -> float:
    """Bytes a second, read and written."""
    source = torch.ones(floats)
    target = torch.empty_like(source)
    return 8 * floats / typical(lambda: target.copy_(source))


def convolution_rate(dtype: torch.dtype) -> float:
    """FLOP a second of a 3 x 3 convolution with as many channels as the preset's subnets, in their layout."""
    layout = torch.channels_last
    weight = torch.randn(WIDTH, WIDTH, 3, 3).to(dtype).contiguous(memory_format=layout)
    x = torch.randn(BATCH, WIDTH, *STATE[1:]).to(dtype).contiguous(memory_format=layout)
    return 2 * 9 * WIDTH**2 * x[:, 0].numel() / typical(lambda: F.conv2d(x, weight, padding=1), 15)


def forward(bijection: Any, x: Tensor) -> Work:
    @torch.no_grad()
    def work() -> None:
        bijection.forward_elementwise(x)

    return work


def backward(bijection: Any, x: Tensor) -> Work:
    """Recover the input and carry the gradient, as in training with ``recompute``."""
    with torch.no_grad():
        z, share = (part.detach() for part in bijection.forward_elementwise(x))
    grad, grad_share = torch.randn_like(z), torch.ones_like(share)
    return lambda: bijection.backprop(z, grad, grad_share)


def gradient(call: Callable[[], Tensor], parameters: Iterable[Tensor]) -> Work:
    """Evaluate and differentiate with respect to parameters."""
    wanted = list(parameters)
    return lambda: torch.autograd.grad(call(), wanted)


def operations(limits: Limits) -> list[tuple[str, Work, float]]:
    """Operations of the seismic preset at its batch, each with the least time it could take, in seconds."""
    x, state = torch.randn(BATCH, *SHAPE), torch.randn(BATCH, *STATE)
    size = state.numel()  # also that of x
    _, height, width = SHAPE
    subnet = MixedPrecision(
        build_subnet("cnn", STATE[0] // 2, STATE[0], width=WIDTH, depth=DEPTH, size=(1, 1))
    )
    for parameter in subnet.parameters():
        nn.init.normal_(parameter, std=0.01)
    subnet.dtype = limits.half
    half = state[:, : STATE[0] // 2].clone().requires_grad_()
    convolutions = arithmetic(lambda: subnet(half.detach())) / limits.conv[limits.half]
    whitening, bands = SpectralWhitening(SHAPE), LateralBands(Chain([]), width, 4)
    norm, mixing = ActNorm(STATE[0]), Invertible1x1(STATE[0])

    class Given(nn.Module):
        """A subnet that costs nothing."""

        def __init__(self) -> None:
            super().__init__()
            self.output = torch.randn_like(state)

        def forward(self, fixed: Tensor) -> Tensor:
            return self.output + 0 * fixed.sum() if fixed.requires_grad else self.output

    coupling, bare = AffineCoupling(subnet, STATE[0]), AffineCoupling(Given(), STATE[0])
    prior = LDAPrior(SHAPE, TOPICS, MEANS, share="position")
    exponentials = TOPICS * MEANS * size / limits.exp
    parameters = [torch.randn(WIDTH, WIDTH, 3, 3) for _ in range(WEIGHTS // (9 * WIDTH**2))]
    count = sum(p.numel() for p in parameters)
    for p in parameters:
        p.grad = torch.randn_like(p)
    optimiser = torch.optim.AdamW(parameters, lr=1e-6)
    average = copy.deepcopy(parameters)

    def ema() -> None:
        for mean, now in zip(average, parameters, strict=True):
            mean.lerp_(now, 1e-3)

    def product(flop: float) -> float:
        return flop / limits.matmul[torch.float32]

    def moved(floats: float) -> float:
        return 4 * floats / limits.cache

    filters = BATCH * 4 * height * width * (height + width)
    mix = 2 * size * STATE[0]
    affine = moved(4 * size) + size / limits.exp  # tanh and exp of half of the state
    return [
        ("spectral whitening", forward(whitening, x), product(filters)),
        ("bands and back", lambda: bands.merge(bands.split(x)), product(4 * size * width)),
        ("squeeze", lambda: squeeze(x, (8, 4)), moved(2 * size)),
        ("ActNorm", forward(norm, state), moved(2 * size)),
        ("ActNorm, backward", backward(norm, state), moved(4 * size)),
        ("1x1 mixing", forward(mixing, state), product(mix)),
        ("1x1 mixing, backward", backward(mixing, state), product(3 * mix)),
        ("subnet", forward_of(subnet, half.detach()), convolutions),
        (
            "subnet, with gradient",
            gradient(lambda: subnet(half).sum(), [half, *subnet.parameters()]),
            3 * convolutions,
        ),
        ("coupling without its subnet", forward(bare, state), affine),
        ("coupling", forward(coupling, state), convolutions + affine),
        ("coupling, backward", backward(coupling, state), 3 * convolutions + affine),
        ("LDA prior", forward_of(prior.log_prob, x), exponentials),
        (
            "LDA prior, with gradient",
            gradient(lambda: prior.log_prob(x).sum(), prior.parameters()),
            2 * exponentials,
        ),
        ("optimiser (AdamW)", optimiser.step, 4 * 7 * count / limits.weights),
        ("average of weights", ema, 4 * 3 * count / limits.weights),
    ]


def forward_of(call: Callable[[Tensor], Tensor], x: Tensor) -> Work:
    @torch.no_grad()
    def work() -> None:
        call(x)

    return work


def recomputation(limits: Limits) -> float:
    """Time of a training step of four couplings with recomputed states over that with stored ones."""
    state = torch.randn(BATCH, *STATE)

    def training(kind: type[Chain]) -> Work:
        torch.manual_seed(0)
        parts: list[Any] = []
        for i in range(4):
            net = MixedPrecision(build_subnet("cnn", 16, 32, width=WIDTH, depth=DEPTH, size=(1, 1)))
            net.dtype = limits.half
            parts += [ActNorm(32), Invertible1x1(32), AffineCoupling(net, 32, swap=i % 2 == 1)]
        chain = kind(parts)

        def loss() -> Tensor:
            z, share = chain.forward_elementwise(state)
            return z.sum() + share.sum()

        return gradient(loss, chain.parameters())

    times = in_turns({"stored": training(Chain), "recomputed": training(Reversible)}, 7)
    return ratio(times["recomputed"], times["stored"])


def training_step() -> tuple[Any, Work]:
    """Return the seismic preset and a step as training makes it."""
    config = load_config("seismic")
    torch.manual_seed(0)
    model: Any = build_model(config)
    x = torch.randn(4 * BATCH, *SHAPE)
    model.initialise(x)
    model.compute_in(Hardware.choose("cpu").subnet_dtype("auto"))
    some, mask = x[:BATCH].clone(), torch.ones(BATCH, *SHAPE, dtype=torch.bool)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def step() -> None:
        optimiser.zero_grad()
        model.loss(some, mask)[0].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.training.clip)
        optimiser.step()

    return model, step


def shares_of(step: Work, rounds: int = 5) -> dict[str, float]:
    """Part of a step's time by kind of work; what is left is elementwise arithmetic, copies and Python."""
    step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(rounds):
            step()
    events = seen.key_averages()
    whole = sum(event.self_cpu_time_total for event in events)
    shares = {}
    for kind, names in KINDS.items():
        some = [event for event in events if event.key.startswith(names)]
        # what these call is of their kind, but for the convolutions, which call nothing that is not
        times = (e.self_cpu_time_total if "convolution" in kind else e.cpu_time_total for e in some)
        shares[kind] = sum(times) / whole
    shares["elementwise, copies, Python"] = 1 - math.fsum(shares.values())
    return shares


@click.command()
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers there.")
def main(path: Path | None) -> None:
    """Measure limits, operations and a step."""
    one_thread()
    records = Records("limits", "python tests/benchmarks/bench_limits.py")
    limits = Limits(records)
    for name, work, least in operations(limits):
        value = typical(work, 9)
        records.add("seismic", name, "part of its limit", least / value, seconds=value, least=least)
    # three evaluations of a subnet, forward and backward, become four
    records.add("seismic", "recomputed / stored step", "ratio", recomputation(limits), least=4 / 3)
    model, step = training_step()
    flop = arithmetic(step)
    value = typical(step, 7)
    least = flop / limits.conv[limits.half]
    parameters = sum(p.numel() for p in model.parameters())
    records.add(
        "seismic",
        "training step",
        "part of its limit",
        least / value,
        seconds=value,
        least=least,
        flop=flop,
        parameters=parameters,
    )
    for kind, share in shares_of(step).items():
        records.add("seismic", kind, "share of a step", share)
    records.write(path)


if __name__ == "__main__":
    main()
