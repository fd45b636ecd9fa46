r"""Fractal Flow: an input map, the fractal recursion and a structured latent prior, as one density.

A patch :math:`x` goes through an input map h and L levels to the latent :math:`z`. The step :math:`f_l` of a
level is a chain of couplings that all blocks of its size share; ``cut`` halves height and width:

.. math::
    y_0 &= h(x), \qquad y_l = \operatorname{join}^{l-1} f_l(\operatorname{cut}^{l-1} y_{l-1}), \qquad z = y_L
        && \text{section 2.4} \\
    v_a &= u_a, \qquad v_b = u_b \odot e^{s(u_a)} + t(u_a), \qquad
        \log|\det J| = \sum s(u_a) && \text{a coupling, Eq. 10}

The latent has Q topics, each with variances of its own over M fixed means, and Dirichlet weights, whose
expectation is taken in closed form:

.. math::
    p(z \mid \pi, w) &= \sum_q \pi_q \prod_d \sum_m w_{qdm}\, \mathcal N(z_d \mid \mu_m, \sigma_{qd}^2)
        && \text{Eq. 5, 6} \\
    \pi &\sim Dir(\alpha), \qquad w_{qd} \sim Dir(\beta_{qd}) && \text{Eq. 7, 8} \\
    p_Z(z) &= \sum_q \frac{\alpha_q}{\sum_{q'} \alpha_{q'}} \prod_d \sum_m
        \frac{\beta_{qdm}}{\sum_{m'} \beta_{qdm'}}\, \mathcal N(z_d \mid \mu_m, \sigma_{qd}^2)
        && \text{Eq. 9}

Density and loss are

.. math::
    \log p(x) &= \log p_Z(z) + \log\Big|\det \frac{\partial y_0}{\partial x}\Big|
        + \sum_l \log\Big|\det \frac{\partial y_l}{\partial y_{l-1}}\Big| \\
    \mathcal L &= -\log p(x) + \lambda \sum_l \overline{(y_l - y_{l-1})^2}
        && \text{Eq. 3, 11}

The printed Eq. 10 has the shift t within the exponential; with it there, a coupling would not shift, so it is
taken for a misprint.

============================  ======================================================
Input map h                   `seisflow.flows.SpectralWhitening`, `seisflow.flows.Arctanh`, ...
Recursion: cut, join, levels  `seisflow.flows.FractalFlow`
Eq. 10                        `seisflow.flows.AffineCoupling`
Eq. 5-9                       `seisflow.priors.LDAPrior`; Eq. 2 and 4: `seisflow.priors.KATPrior`
Density, Eq. 3 and 11         `FractalFlowModel.log_prob`, `FractalFlowModel.loss`
============================  ======================================================

`seisflow.models.build` makes these parts of a config, with the steps for seismic sections and pixels that the
paper does not have.

References
----------
Zhang & Ma, *Fractal Flow*, 2025 (arXiv 2508.19750).
"""

from itertools import pairwise

import torch
from torch import Tensor

from seisflow.errors import ConfigError
from seisflow.flows import Bijection, FractalFlow
from seisflow.models.base import Model
from seisflow.priors import GaussianPrior, KATPrior, LDAPrior

Prior = GaussianPrior | KATPrior | LDAPrior


class FractalFlowModel(Model):
    """The exact density of patches ``(B, C, H, W)``.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of a patch: channels, time samples, traces.
    input_map : Bijection or None
        Map before the first level: spectral whitening of sections, a map of pixel values to the real line.
    flow : FractalFlow
        Recursion over the levels.
    prior : GaussianPrior, KATPrior or LDAPrior
        Density of the latent, of the same shape.
    cluster_share : float
        Share of clusters of training patches in what topics expect at first: 1 for these alone, 0 for noise.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        input_map: Bijection | None,
        flow: FractalFlow,
        prior: Prior,
        *,
        cluster_share: float = 1.0,
    ) -> None:
        super().__init__(shape)
        self.input = input_map
        self.flow = flow
        self.prior = prior
        self.cluster_share = cluster_share

    @property
    def levels(self) -> int:
        """Number of levels L of the recursion."""
        return self.flow.levels

    def initialise(self, x: Tensor) -> None:
        """Set whitening, activation normalisation and first topics from a batch of training patches."""
        y = x if self.input is None else self.input.initialise(x)
        z = self.flow.initialise(y)
        if self.cluster_share and not isinstance(self.prior, GaussianPrior):
            self.prior.initialise(z, y, share=self.cluster_share)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent: ``(z, log_det)`` with shapes (B, C, H, W) and (B,)."""
        z, log_det_map = self._encode_elementwise(x)
        return z, log_det_map.flatten(1).sum(1)

    @torch.no_grad()
    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data: ``(x, log_det)``, the mirror of `encode`."""
        y, log_det = self.flow.inverse(z)
        if self.input is None:
            return y, log_det
        x, input_log_det = self.input.inverse(y)
        return x, log_det + input_log_det

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, (B,); with a ``mask`` (B, 1, H, W), the part of the unmasked samples."""
        z, log_det_map = self._encode_elementwise(x)
        return self._log_prob(z, log_det_map, mask)

    def log_prob_map(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Part of each sample in `log_prob`, (B, 1, H, W); sums to it; 0 where masked.

        The log-determinant of a step belongs to the samples it scales; that of the whitening, which acts on
        all, is shared evenly.
        """
        z, log_det_map = self._encode_elementwise(x)
        if mask is not None:
            log_det_map = log_det_map * mask
        return (log_det_map + self.prior.log_prob_map(z, _expand(mask, z))).sum(1, keepdim=True)

    def loss(self, x: Tensor, mask: Tensor, l2: float = 0.0, transport: float = 0.0) -> tuple[Tensor, Tensor]:
        r"""Training loss and negative log-density, both in nats a valid sample, scalars.

        .. math:: L = -\frac{\log p(x)}{\#\text{valid}}
            + \lambda \sum_l \overline{(y_l - y_{l-1})^2} + \tau (S - 1) + L_{\text{aux}}

        (Eq. 11 of the paper, as a mean over samples), with :math:`\lambda` = ``l2``; :math:`\tau` =
        ``transport`` weighs the `straightness` S of the batch. :math:`L_{\text{aux}}` is the auxiliary loss
        of steps that have one (`Bijection.forward_training`), in nats a sample of the patch; patches count by
        their valid samples.
        """
        y, log_det_map = self._apply_input(x)
        levels = self.flow.trace_training(y)
        z = levels[-1].state
        log_det_map = (log_det_map + sum(level.log_det_map for level in reversed(levels))).expand_as(z)
        valid = mask.flatten(1).sum(1) * x.shape[1]
        total = valid.sum().clamp_min(1)
        nll = -self._log_prob(z, log_det_map, mask).sum() / total

        # patches weigh as they do in the density, in one process or several
        weight = valid / self.size / total
        auxiliary = sum((weight * level.auxiliary).sum() for level in levels if level.auxiliary is not None)
        loss = nll + auxiliary
        states = [y, *(level.state for level in levels)]
        if l2:
            loss = loss + l2 * sum((after - before).square().mean() for before, after in pairwise(states))
        if transport:
            loss = loss + transport * (_straightness(states) - 1)
        return loss, nll.detach()

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
        """Draw n patches, (n, C, H, W).

        Parameters
        ----------
        n : int
        temperature : float
            Factor of the standard deviations of the prior: below 1 for more typical patches.
        topic : int, optional
            Variance topic of all; by default each draws its own.
        generator : torch.Generator, optional
        means : Tensor of int64, (C, H, W), optional
            Mean of the grid that each element takes, as `LDAPrior.draw_means` gives it.

        Raises
        ------
        ConfigError
            If there is no such topic, or the prior has no grid of means.
        """
        prior = self.prior
        if isinstance(prior, LDAPrior):
            # each weight is used once, so drawing it or taking its expectation gives the same distribution
            z = prior.sample(n, temperature, topic, generator, means=means, collapsed=means is None)
        elif means is None:
            z = prior.sample(n, temperature, topic, generator)
        else:
            raise ConfigError(f"means: a {type(prior).__name__} has no mean topics. Expected an LDAPrior")
        return self.decode(z)[0]

    @torch.no_grad()
    def steps(self, x: Tensor) -> list[Tensor]:
        """Every intermediate state from data to latent, each (B, C, H, W); first ``x``, last ``z``."""
        y, _ = self._apply_input(x)
        before = [x] if self.input is None else [x, y]
        return before + [level.state for level in self.flow.trace(y)]

    @torch.no_grad()
    def straightness(self, x: Tensor) -> float:
        r"""Straightness of the way through the levels: 1 if every one goes the same way and as far.

        .. math:: K \sum_k \|z_k - z_{k-1}\|^2 \,/\, \|z_K - z_0\|^2

        over the K levels of a batch, after the input map, whose step from pixel values would be all there is
        to see; larger where levels undo each other. Optimal transport, whose points move straight on at
        constant speed, has 1 (Benamou & Brenier, 2000).
        """
        states = self.steps(x)
        return float(_straightness(states if self.input is None else states[1:]))

    @torch.no_grad()
    def topics(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Posterior probability of each topic given the patch, (B, Q)."""
        z, _ = self._encode_elementwise(x)
        return self.prior.responsibilities(z, _expand(mask, z))

    def trace(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """State after the input map and after each level, with its elementwise log-determinant."""
        y, log_det_map = self._apply_input(x)
        return [(y, log_det_map.expand_as(y)), *((one.state, one.log_det_map) for one in self.flow.trace(y))]

    def _apply_input(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1:] != self.shape:
            raise ConfigError(
                f"patch of shape {tuple(x.shape[1:])}: the model takes {self.shape} (channel, time, trace)"
            )
        return (x, x.new_zeros(1)) if self.input is None else self.input.forward_elementwise(x)

    def _encode_elementwise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, input_log_det = self._apply_input(x)
        z, flow_log_det = self.flow.forward_elementwise(y)
        return z, (input_log_det + flow_log_det).expand_as(z)

    def _log_prob(self, z: Tensor, log_det_map: Tensor, mask: Tensor | None) -> Tensor:
        log_det = log_det_map if mask is None else log_det_map * mask
        return self.prior.log_prob(z, _expand(mask, z)) + log_det.flatten(1).sum(1)


def _straightness(states: list[Tensor]) -> Tensor:
    """K times the sum of squared steps over the square of the whole way, scalar; 1 is the least."""
    pieces = torch.stack([(after - before).square().sum() for before, after in pairwise(states)])
    return len(pieces) * pieces.sum() / (states[-1] - states[0]).square().sum().clamp_min(1e-12)


def _expand(mask: Tensor | None, z: Tensor) -> Tensor | None:
    return None if mask is None else mask.expand_as(z)
