"""Fractal Flow: whitening, the fractal recursion and a topic prior, as one density."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from seisflow.config import FlowConfig
from seisflow.errors import ConfigError
from seisflow.flows import (
    ActNorm,
    AffineCoupling,
    Arctanh,
    Bijection,
    Chain,
    FirstChannels,
    FractalFlow,
    Invertible1x1,
    LateralBands,
    LogisticEnds,
    PixelAutoregressive,
    Reversible,
    SpectralWhitening,
    Squeezed,
    TraceAutoregressive,
)
from seisflow.flows.coupling import split_sizes
from seisflow.flows.seismic.cosine import local_cosine_matrix
from seisflow.models.base import Model
from seisflow.priors import GaussianPrior, KATPrior, LDAPrior
from seisflow.subnets import MixedPrecision, build_subnet


class FractalFlowModel(Model):
    r"""The exact density of patches ``(B, C, H, W)``.

    .. math:: \log p(x) = \log p_Z(f(x)) + \log|\det \partial f / \partial x|

    f is the input map (whitening for seismic, that of pixel values for images) and then the fractal flow.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of a patch: channels, time samples, traces.
    config : FlowConfig
        Levels, couplings, subnets, prior.

    Raises
    ------
    ConfigError
        If a block of some level cannot be cut or squeezed as asked.

    References
    ----------
    Zhang & Ma, *Fractal Flow*, 2025 (arXiv 2508.19750).
    """

    def __init__(self, shape: tuple[int, int, int], config: FlowConfig) -> None:
        super().__init__(shape)
        self.config = config
        self.input = _input_map(shape, config)
        channels, height, width = shape
        steps = []
        for level, couplings in enumerate(config.couplings_by_level()):
            if level and (height % 2 or width % 2):
                raise ConfigError(
                    f"flow.levels = {config.levels}: blocks of {height} x {width} cannot be halved. "
                    f"Pass --set flow.levels={level} or a patch size with more factors of 2"
                )
            if level:
                height, width = height // 2, width // 2
            steps.append(_flow_step((channels, height, width), couplings, config, first=level == 0))
        self.flow = FractalFlow(steps)
        self.prior = _prior(shape, config)

    def initialise(self, x: Tensor) -> None:
        """Set whitening, activation normalisation and where topics start from a batch of training patches."""
        items = x if self.input is None else self.input.initialise(x)
        z = self.flow.initialise(items)
        if self.config.prior.init == "clusters" and not isinstance(self.prior, GaussianPrior):
            self.prior.initialise(z, items)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent: ``(z, log_det)`` with shapes (B, C, H, W) and (B,)."""
        z, log_det_map = self._contributions(x)
        return z, log_det_map.expand_as(z).flatten(1).sum(1)

    @torch.no_grad()
    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data: ``(x, log_det)``, the mirror of `encode`."""
        x, log_det = self.flow.inverse(z)
        if self.input is not None:
            x, outer = self.input.inverse(x)
            log_det = log_det + outer
        return x, log_det

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, (B,); with a ``mask`` (B, 1, H, W), that of the unmasked samples' shares."""
        z, log_det_map = self._contributions(x)
        return self.prior.log_prob(z, _expand(mask, z)) + _sum(log_det_map.expand_as(z), mask)

    def log_prob_map(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Share of each sample in `log_prob`, (B, 1, H, W); sums to it; 0 where masked.

        The log-determinant of a step belongs to the samples it scales; that of the whitening, which acts on
        all, is shared evenly.
        """
        z, log_det_map = self._contributions(x)
        log_det_map = log_det_map.expand_as(z) if mask is None else log_det_map * mask
        return (log_det_map + self.prior.log_prob_map(z, _expand(mask, z))).sum(1, keepdim=True)

    def loss(self, x: Tensor, mask: Tensor, l2: float = 0.0) -> tuple[Tensor, Tensor]:
        """Training loss and negative log-density, both in nats a valid sample, scalars.

        .. math:: L = -\\frac{\\log p(x)}{\\#valid} + \\lambda \\sum_i \\overline{(z_i - z_{i+1})^2} + L_r

        (Eq. 11 of the paper, as a mean over samples). :math:`L_r` is the negative log-density of the coarsest
        band, in nats a sample of the patch, where its autoregressive step alone stands for the flow
        (`TraceAutoregressive`); patches count by their valid samples.
        """
        z = x
        log_det_map: Tensor = x.new_zeros(1)
        if self.input is not None:
            z, log_det_map = self.input.forward_elementwise(x)
        start = z
        with self._watch_raster() as alone:
            z, inner_share, states = self.flow.trace(z)
        log_prob = self.prior.log_prob(z, _expand(mask, z)) + _sum(
            (log_det_map + inner_share).expand_as(z), mask
        )
        valid = mask.flatten(1).sum(1) * x.shape[1]
        nll = -log_prob.sum() / valid.sum().clamp_min(1)
        # patches weigh as they do in the density, in one process or several
        weight = valid / self.size / valid.sum().clamp_min(1)
        total = sum(((weight * each).sum() for each in alone), nll)
        if not l2:
            return total, nll.detach()
        steps = zip([start, *states], states, strict=False)
        return total + l2 * sum((b - a).square().mean() for a, b in steps), nll.detach()

    @contextmanager
    def _watch_raster(self) -> Iterator[list[Tensor]]:
        rasters = [module for module in self.modules() if isinstance(module, TraceAutoregressive)]
        alone: list[Tensor] = []
        for raster in rasters:
            raster.watched = alone
        try:
            yield alone
        finally:
            for raster in rasters:
                raster.watched = None

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        topic: int | None = None,
        generator: torch.Generator | None = None,
        means: Tensor | None = None,
    ) -> Tensor:
        """Draw n patches (n, C, H, W), optionally from one topic, with its means fixed, or colder."""
        prior = self.prior
        if not isinstance(prior, LDAPrior):
            if means is not None:
                raise ConfigError(
                    f"means: a {self.config.prior.kind} prior has no mean topics. Expected an lda prior"
                )
            z = prior.sample(n, temperature, topic, generator)
        else:
            # each weight is used once, so drawing it or taking its expectation gives the same distribution
            z = prior.sample(n, temperature, topic, generator, means=means, collapsed=means is None)
        return self.decode(z)[0]

    @torch.no_grad()
    def steps(self, x: Tensor) -> list[Tensor]:
        """Every intermediate state from data to latent, each (B, C, H, W); first ``x``, last ``z``."""
        states = [x]
        if self.input is not None:
            states.append(self.input(x)[0])
        return states + self.flow.trace(states[-1])[2]

    @torch.no_grad()
    def topics(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Posterior probability of each topic given the patch, (B, Q)."""
        z, _ = self._contributions(x)
        return self.prior.responsibilities(z, _expand(mask, z))

    def _contributions(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1:] != self.shape:
            raise ConfigError(
                f"patch of shape {tuple(x.shape[1:])}: the model takes {self.shape} (channel, time, trace)"
            )
        if self.input is None:
            return self.flow.forward_elementwise(x)
        z, outer = self.input.forward_elementwise(x)
        z, inner = self.flow.forward_elementwise(z)
        return z, outer + inner


def _flow_step(
    shape: tuple[int, int, int], couplings: int, config: FlowConfig, *, first: bool = False
) -> Bijection:
    """The step shared by all blocks of one level."""
    if first and config.bands.count > 1:
        return _band_step(shape, couplings, config)
    channels, height, width = shape
    fh, fw = config.squeeze
    if height % fh or width % fw:
        raise ConfigError(
            f"flow.squeeze = {config.squeeze}: does not divide a block of {height} x {width}. "
            f"Pass --set flow.squeeze=[{math.gcd(fh, height)},{math.gcd(fw, width)}], "
            f"fewer levels, or another patch size"
        )
    if channels * fh * fw < 2:
        raise ConfigError(
            f"flow.squeeze = {config.squeeze}: leaves one channel, which a coupling cannot split. "
            f"Pass --set flow.squeeze=[2,2]"
        )
    squeezed = (channels * fh * fw, height // fh, width // fw)
    cosines = local_cosine_matrix(channels, config.squeeze)
    return Squeezed(_chain(_couplings(squeezed, couplings, cosines, config), config), config.squeeze)


def _band_step(shape: tuple[int, int, int], couplings: int, config: FlowConfig) -> Bijection:
    """The first step on bands of lateral wavenumbers: fine given coarse, the coarsest alone, all together."""
    channels, height, width = shape
    bands, samples = config.bands.count, config.squeeze[0]
    if width % bands:
        raise ConfigError(
            f"flow.bands.count = {bands}: does not divide {width} traces. "
            f"Pass --set flow.bands.count={math.gcd(bands, width)}"
        )
    if height % samples or channels * samples < 2:
        raise ConfigError(
            f"flow.squeeze = {config.squeeze}: bands of {height} samples are squeezed by {samples} in time. "
            f"Pass --set flow.squeeze=[{max(2, math.gcd(samples, height))},{config.squeeze[1]}]"
        )
    band = channels * samples
    parts: list[Bijection] = []
    grid = (height // samples, width // bands)
    bijections: list[Bijection] = [ActNorm(band * bands)]
    while bands > 1:
        bijections.append(FirstChannels(_coupling((band * bands, *grid), config), band * bands))
        bands //= 2
    raster = config.bands.autoregressive
    if raster.width:
        traces = TraceAutoregressive(
            (band, *grid),
            width=raster.width,
            depth=raster.depth,
            components=raster.components,
            disturbed=raster.context_noise,
            recompute=config.reversible,
        )
        # outside of what may be recomputed: its inverse takes sample after sample
        parts += [_chain(bijections, config), FirstChannels(traces, band)]
        bijections = []
    cosines = local_cosine_matrix(channels, (samples, 1))
    coarsest = _couplings((band, *grid), config.bands.couplings, cosines, config)
    bijections += [FirstChannels(bijection, band) for bijection in coarsest]
    cosines = local_cosine_matrix(channels * config.bands.count, (samples, 1))
    bijections += _couplings((band * config.bands.count, *grid), couplings, cosines, config)
    rest = _chain(bijections, config)
    whole = Chain([*parts, rest]) if parts else rest
    return LateralBands(Squeezed(whole, (samples, 1)), width, config.bands.count)


def _couplings(
    shape: tuple[int, int, int], couplings: int, cosines: Tensor, config: FlowConfig
) -> list[Bijection]:
    """Couplings of a squeezed state, each after its normalisation and mixing."""
    mixing = _mixing(cosines, couplings, config)
    bijections: list[Bijection] = []
    for i in range(couplings):
        bijections.append(ActNorm(shape[0]))
        bijections += [Invertible1x1(shape[0], start) for start in mixing[i : i + 1]]
        bijections.append(_coupling(shape, config, swap=i % 2 == 1))
    return bijections + [Invertible1x1(shape[0], start) for start in mixing[couplings:]]


def _coupling(shape: tuple[int, int, int], config: FlowConfig, *, swap: bool = False) -> AffineCoupling:
    channels, height, width = shape
    fixed = split_sizes(channels, swap)[1 if swap else 0]
    subnet = build_subnet(
        config.subnet.kind,
        fixed,
        2 * (channels - fixed),
        width=config.subnet.width,
        depth=config.subnet.depth,
        size=(height, width),
    )
    return AffineCoupling(MixedPrecision(subnet), channels, swap=swap, bound=config.max_log_scale)


def _chain(bijections: list[Bijection], config: FlowConfig) -> Chain:
    return (Reversible if config.reversible else Chain)(bijections)


def _mixing(cosines: Tensor, couplings: int, config: FlowConfig) -> list[Tensor | None]:
    """Matrices that the 1x1 maps of a step start from; None for a random one; empty without `mix`.

    With a cosine start, the first map turns every squeezed neighbourhood into its local wavenumbers, each map
    deals them anew to the halves of its coupling, and a last one returns to samples. Couplings then begin
    with what varies most in seismic, the local spectrum: on Volve 0.03 nats/dim ahead after 40 s of training,
    0.012 after 100 s (one thread, CPU time).
    """
    if not config.use_1x1:
        return []
    if config.mixing_init == "random":
        return [None] * couplings
    size = len(cosines)
    matrices = [torch.eye(size, dtype=torch.float64)[torch.randperm(size)] for _ in range(couplings)]
    matrices[0] = matrices[0] @ cosines
    whole = matrices[0]
    for matrix in matrices[1:]:
        whole = matrix @ whole
    return [*matrices, whole.T]


def _input_map(shape: tuple[int, int, int], config: FlowConfig) -> Bijection | None:
    if config.input == "whiten":
        coarsest = shape[2] // config.bands.count
        return SpectralWhitening(shape, together=coarsest if config.bands.autoregressive.width else 1)
    if config.input == "none":
        return None
    pixels = Arctanh() if config.pixels == "arctanh" else LogisticEnds()
    if not config.autoregressive.width:
        return pixels
    raster = config.autoregressive
    if raster.period and (shape[1] % raster.period or shape[2] % raster.period):
        raise ConfigError(
            f"flow.autoregressive.period = {raster.period}: does not divide {shape[1]} x {shape[2]} pixels. "
            f"Pass --set flow.autoregressive.period={math.gcd(raster.period, *shape[1:])}, or 0 for none"
        )
    step = PixelAutoregressive(
        shape,
        width=raster.width,
        depth=raster.depth,
        components=raster.components,
        period=raster.period,
    )
    return Chain([pixels, step])


def _prior(shape: tuple[int, int, int], config: FlowConfig) -> GaussianPrior | KATPrior | LDAPrior:
    prior = config.prior
    if prior.kind == "gaussian":
        return GaussianPrior(shape)
    if prior.kind == "kat":
        return KATPrior(shape, components=prior.topics, means=prior.means)
    return LDAPrior(shape, topics=prior.topics, means=prior.means, share=prior.share)


def _expand(mask: Tensor | None, z: Tensor) -> Tensor | None:
    return None if mask is None else mask.expand_as(z)


def _sum(log_det_map: Tensor, mask: Tensor | None) -> Tensor:
    return (log_det_map if mask is None else log_det_map * mask).flatten(1).sum(1)
