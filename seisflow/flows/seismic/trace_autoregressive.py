"""Autoregressive bijection of a section: trace after trace, and down each of them."""

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from seisflow.flows.base import Bijection
from seisflow.flows.logistic_mixture import (
    logistic_to_normal,
    mixture_forward,
    mixture_inverse,
    normal_to_logistic,
)
from seisflow.flows.seismic.slopes import HISTORY, Slopes
from seisflow.subnets.causal import CausalCNN, CausalConv, RunningConvolution, Walk
from seisflow.subnets.precision import MixedPrecision

COLUMNS = 5  # of the linear prediction, and of the window of the expected amplitude
MEMORY = 12  # traces in that window
FADE = 4.0  # traces over which their weights fall by e, at the start
FLOOR = 0.01  # of the mean square, where a whitened state has about 1
STRONGEST = 30.0  # expected amplitude: what has been drawn too strong must not feed on itself
RIDGE = 1e-4
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples lie evenly between whole numbers
BOUND = 7.0


class TraceAutoregressive(Bijection):
    r"""Each sample by the distribution function of a mixture of logistics, given the ones before it.

    .. math::
        z_i = \Phi^{-1} \sum_k \pi_{ik}\, \sigma\Big(\frac{e_i - \mu_{ik}}{s_{ik}}\Big), \qquad
        e_i = \frac{x_i - P_i\, x_{<i} - Q \hat x_i}{a_i}, \qquad
        (\pi_i, \mu_i, s_i) = g(x_{<i} / a, \log a, \hat x_i)

    trace after trace and, within a trace, from top to bottom. P is a linear prediction from all earlier
    samples nearby; :math:`\hat x` is the trace before, continued along local slopes (`Slopes`); a, the root
    mean square of earlier samples, and g, a :class:`CausalCNN`, see those of other positions: the C samples
    of one are drawn together. Reflectors go on from trace to trace, and strong packages lie between quiet
    ones: the first trace decides where, and its neighbours take over. A Gaussian latent under couplings
    alone draws neither; its patches have one amplitude everywhere.
    :math:`\log|\det J| = \sum_i \log \partial z_i / \partial x_i`. From latent to data it takes as many small
    steps as there are positions.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of the state: C neighbouring time samples, by a squeeze, at H times on W traces.
    width, depth : int
        Channels and residual convolutions of the network.
    components : int
        Number of logistics K.
    reach : int
        Greatest slope, in samples from trace to trace of the state.
    context_noise : float
        Share of the training patches that have noise in their context: real traces are incoherent where they
        are weak, and the first ones of a model that has seen few lines are less coherent than real ones, so
        that its patches would fade from trace to trace.
    recompute : bool
        In training, compute what slopes and network hold once more in the backward pass, instead of keeping
        it.

    References
    ----------
    Papamakarios et al., *Masked Autoregressive Flow for Density Estimation*, 2017; Ho et al., *Flow++*, 2019;
    Spitz, *Seismic trace interpolation in the F-X domain*, 1991, for linear prediction across traces.
    """

    start: Tensor
    earlier: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        width: int,
        depth: int,
        components: int,
        reach: int = 8,
        context_noise: float = 0.0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        channels, height, traces = shape
        network = CausalCNN(
            (1, traces, height),
            3 * components * channels,
            width=width,
            depth=depth,
            size=COLUMNS,
            extra_channels=channels + 1,
            context_channels=channels + 1,
            context_reach=COLUMNS // 2,
            positions=False,
        )
        self.subnet = MixedPrecision(network)
        self.context_noise, self.recompute = context_noise, recompute
        self.linear = CausalConv(channels, channels, COLUMNS, sees_itself=False)
        self.within = nn.Parameter(torch.zeros(channels, channels))
        self.slopes = Slopes(channels, reach)
        self.along = nn.Parameter(torch.zeros(channels, channels, 1, 3))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)  # type: ignore[arg-type]
        ages = torch.arange(MEMORY, -1.0, -1.0)[:, None]
        self.window = nn.Parameter((-ages / FADE).expand(-1, COLUMNS).clone())
        earlier = torch.ones(MEMORY + 1, COLUMNS)
        earlier[-1, COLUMNS // 2 :] = 0
        self.register_buffer("earlier", earlier, persistent=False)
        # logistics about the prediction, from narrow to wide
        start = torch.zeros(3, components, 1, 1, 1)
        start[2] = torch.linspace(-2.4, -0.4, components)[:, None, None, None]
        self.register_buffer("start", start, persistent=False)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Set P to the least squares of a batch, each sample weighted by one over its expected amplitude."""
        y = x.transpose(2, 3)
        channels, reach = x.shape[1], self.linear.reach
        padded = _padded(y, reach)
        weight = (
            1 / self._amplitude(_history(y), self._count(y)).flatten(2).transpose(1, 2).flatten(0, 1).double()
        )
        patches = F.unfold(padded, (reach + 1, COLUMNS)).transpose(1, 2).flatten(0, 1)
        visible = self.linear.mask.flatten().bool().repeat(channels)
        earlier = patches[:, visible].double() * weight
        along = _in_blocks(self._continue(y)[0][:, :-1], channels)
        continued = F.unfold(along, (1, 3), padding=(0, 1)).transpose(1, 2).flatten(0, 1)
        earlier = torch.cat((earlier, continued.double() * weight), 1)
        target = y.flatten(2).transpose(1, 2).flatten(0, 1).double() * weight
        kernels = torch.zeros(channels, len(visible), dtype=torch.float64, device=x.device)
        for c in range(channels):
            design = torch.cat((earlier, target[:, :c]), 1)
            normal = design.T @ design
            normal += RIDGE * normal.diagonal().mean() * torch.eye(len(normal)).to(normal)
            solution = torch.linalg.solve(normal, design.T @ target[:, c])
            kernels[c, visible] = solution[: earlier.shape[1] - continued.shape[1]]
            self.along[c] = solution[-c - continued.shape[1] : len(solution) - c].reshape_as(self.along[c])
            self.within[c, :c] = solution[earlier.shape[1] :].to(x.dtype)
        self.linear.weight.copy_(kernels.reshape_as(self.linear.weight))
        return self.forward_elementwise(x)[0]

    def forward_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `Bijection.forward_elementwise`, evaluated as exactly as `inverse` adds it up."""
        y = x.transpose(2, 3)  # rows are traces
        # the inverse takes single positions, through a network in full precision
        z, log_det_map = self._forward(y, y, self._continue(y), self.subnet.subnet, _precise(y))
        return z.transpose(2, 3), log_det_map.transpose(2, 3)

    def forward_training(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""As `Bijection.forward_training`: in the precision of training, after noise in some contexts.

        The auxiliary loss is the negative log-density that each state, in units of its own root mean square,
        would have if nothing came after this step. Couplings that shared one loss with this step would take
        the amplitudes over, with latents of a third of their size and tails that they cannot draw again.
        """
        y = x.transpose(2, 3)
        context = _with_noise(y, self.context_noise) if self.context_noise else y
        network, slopes = (self._recomputed(part) for part in (self.subnet, self.slopes))
        z, log_det_map = self._forward(y, context, slopes(_as_traces(context)), network, y.dtype)
        nll = (0.5 * z.square() + 0.5 * math.log(2 * math.pi) - log_det_map).flatten(1).sum(1)
        # a scale before this step must not be what is learned
        auxiliary = nll - 0.5 * x[0].numel() * (x.square().mean((1, 2, 3)) + FLOOR).log()
        return z.transpose(2, 3), log_det_map.transpose(2, 3), auxiliary

    def _forward(
        self,
        y: Tensor,
        context: Tensor,
        continued: tuple[Tensor, Tensor],
        network: Callable[..., Tensor],
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        """Latent of ``y`` ``(B, C, W, H)`` given ``context``, with its elementwise log-determinant.

        Parameters
        ----------
        continued : (Tensor, Tensor)
            Traces of the context continued along slopes, and their misfit, as `Slopes` gives them.
        network : callable
            From the input and the context of each position to its mixture.
        dtype : torch.dtype
            Precision of the linear prediction, which nearly cancels strong samples.
        """
        along, misfit = _in_blocks(continued[0][:, :-1], y.shape[1]), continued[1][:, None, :-1]
        amplitude = self._amplitude(_history(context), self._count(y))
        raw = network(_network_input(context, amplitude), _network_context(along, misfit).to(y.dtype))
        error = self._error(y, _padded(context, self.linear.reach), along, dtype)
        logistic, mixture_log_det = mixture_forward(error / amplitude, *self._mixture(raw))
        z, normal_log_det = logistic_to_normal(logistic)
        return z, mixture_log_det + normal_log_det - amplitude.log()

    @torch.no_grad()
    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        logistic, shares = normal_to_logistic(z.transpose(2, 3))
        log_det = shares.flatten(1).sum(1)
        count = self._count(logistic)[0, 0]
        items, channels, traces, columns = logistic.shape
        # predictions nearly cancel strong samples, trace after trace: what float32 loses there adds up
        dtype = _precise(z)
        found = logistic.new_zeros(items, traces, columns, channels, dtype=dtype)
        solve = torch.linalg.inv(self._within_position().to(dtype))
        kernel = (self.linear.weight * self.linear.mask).to(dtype)
        linear = RunningConvolution(kernel, self.linear.bias, columns, items)
        power = RunningConvolution((self.window.exp() * self.earlier)[None, None], None, columns, items)
        network = self.subnet.subnet
        assert isinstance(network, CausalCNN)
        assert network.context is not None
        walk = Walk(network, items)
        slopes = copy.deepcopy(self.slopes).to(dtype)
        # nothing is known of the first trace
        trace, misfit = found[:, :1].flatten(2), found.new_ones(items, 1, columns)
        pairs = slopes.compare(trace)
        for i in range(traces):
            if i:
                last = found[:, max(i - 2, 0) : i].flatten(2)
                pairs = torch.cat((pairs, slopes.compare(last)), 1)[:, -HISTORY:]
                trace, misfit = slopes.after(last[:, -1:], pairs)
            along = _in_blocks(trace, channels)
            context = network.context(_network_context(along, misfit[:, None]).to(z.dtype))[:, :, 0]
            predicted = F.conv2d(along, self.along.to(dtype), padding=(0, 1))[:, :, 0]
            linear.begin_row()
            power.begin_row()
            for j in range(columns):
                amplitude = _expected_amplitude(power.sums[j], count[i, j])
                raw = network.outputs_of(walk.hidden(i, j, context[:, :, j]))
                mixture = (part[..., 0, 0] for part in self._mixture(raw))
                error, log_det_map = mixture_inverse(logistic[:, :, i, j], *mixture)
                exact = F.linear(linear.sums[j] + predicted[:, :, j] + amplitude * error, solve)
                found[:, i, j] = exact
                linear.see(exact, j)
                sample = exact.to(z.dtype)
                power.see(_power(sample), j)
                walk.see(_network_input(sample, amplitude), j)
                log_det += (log_det_map + amplitude.log()).sum(1)
        return found.permute(0, 3, 2, 1).to(z.dtype).contiguous(), log_det

    def _count(self, y: Tensor) -> Tensor:
        """Weight of the samples that are known before each, ``(1, 1, W, H)``."""
        return self._over_window(_history(torch.ones_like(y[:1])))

    def _amplitude(self, history: Tensor, count: Tensor) -> Tensor:
        """Root mean square of samples before, weighted by how far they are; 1 where there are none."""
        return _expected_amplitude(self._over_window(history), count)

    def _over_window(self, history: Tensor) -> Tensor:
        return F.conv2d(history, (self.window.exp() * self.earlier)[None, None])

    def _error(self, y: Tensor, padded: Tensor, along: Tensor, dtype: torch.dtype) -> Tensor:
        """Error of the linear prediction, evaluated in ``dtype``."""
        at_position, from_earlier, from_continued = (
            F.conv2d(part.to(dtype), kernel.to(dtype), padding=padding)
            for part, kernel, padding in (
                (y, self._within_position()[:, :, None, None], (0, 0)),
                (padded, self.linear.weight * self.linear.mask, (0, 0)),
                (along, self.along, (0, 1)),
            )
        )
        assert self.linear.bias is not None
        bias = self.linear.bias.to(dtype)[:, None, None]
        return (at_position - from_earlier - from_continued - bias).to(y.dtype)

    def _continue(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Traces continued along slopes and their misfit, exact as the device allows."""
        exact = {name: value.to(_precise(y)) for name, value in self.slopes.named_parameters()}
        return functional_call(self.slopes, exact, _as_traces(y).to(_precise(y)))

    def _recomputed(self, part: nn.Module) -> Callable[..., Any]:
        """A part of which the backward pass keeps the inputs alone, if so asked."""
        return partial(checkpoint, part, use_reentrant=False) if self.recompute else part

    def _within_position(self) -> Tensor:
        """Matrix that subtracts from each sample of a position its prediction from those above it there."""
        return torch.eye(len(self.within)).to(self.within) - self.within.tril(-1)

    def _mixture(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and log-scales, each (B, K, C, W, H), from (B, 3 K C, W, H)."""
        parts = raw.unflatten(1, (3, self.start.shape[1], -1)) + self.start
        logits, means, log_scales = parts.unbind(1)
        return logits, means, BOUND * torch.tanh(log_scales / BOUND)


def _as_traces(y: Tensor) -> Tensor:
    """States ``(B, C, W, H)`` as traces ``(B, W, T)``, T = C H."""
    return y.permute(0, 2, 3, 1).flatten(2)


def _in_blocks(u: Tensor, channels: int) -> Tensor:
    """Traces ``(B, W, T)`` as ``(B, C, W, H)``."""
    return u.unflatten(2, (-1, channels)).permute(0, 3, 1, 2)


def _precise(x: Tensor) -> torch.dtype:
    """float64, where the device has it."""
    return x.dtype if x.device.type == "mps" else torch.float64


def _padded(y: Tensor, reach: int) -> Tensor:
    """States with zeros for the traces before the first and the samples above and below."""
    return F.pad(y, (reach, reach, reach, 0))


def _expected_amplitude(power: Tensor, count: Tensor) -> Tensor:
    return ((power + FLOOR) / (count + FLOOR)).sqrt().clamp_max(STRONGEST)


def _power(y: Tensor) -> Tensor:
    return y.square().mean(1, keepdim=True)


def _history(y: Tensor) -> Tensor:
    """Power of the positions with zeros around, ``(B, 1, W + MEMORY, H + COLUMNS - 1)``."""
    return F.pad(_power(y), (COLUMNS // 2, COLUMNS // 2, MEMORY, 0))


def _network_context(along: Tensor, misfit: Tensor) -> Tensor:
    """Context of the network: the trace before continued along slopes, and its misfit."""
    return torch.cat((torch.asinh(along), misfit), 1)


def _network_input(y: Tensor, amplitude: Tensor) -> Tensor:
    """Input of the network: samples over the expected amplitude, its logarithm, and 1 inside the patch."""
    return torch.cat((torch.asinh(y / amplitude), amplitude.log(), torch.ones_like(amplitude)), 1)


def _with_noise(y: Tensor, part: float) -> Tensor:
    """Patches of which a part has noise in the place of signal, in all amplitudes as they were.

    The place of its strongest sample decides whether a patch has noise, how much and which, so that training
    goes the same way in any number of processes.
    """
    with torch.no_grad():
        power = F.avg_pool2d(y.square().mean(1, keepdim=True), 3, 1, padding=1)
        noise = torch.randn(y[0].shape, generator=torch.Generator().manual_seed(0)).to(y)
        place = y.abs().flatten(1).argmax(1)
        rolled = (torch.arange(noise.numel(), device=y.device) - place[:, None]) % noise.numel()
        noise = noise.flatten()[rolled].view_as(y) * power.sqrt()
        amount = (1 - (1 - place * GOLDEN % 1) / part).clamp_min(0)[:, None, None, None]
    return (y + amount * noise) / (1 + amount.square()).sqrt()
