"""Quantities of one pass of a model over a batch of windows, for the scores."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from seisflow.errors import ModelError
from seisflow.models import Model
from seisflow.models.fractal_flow import FractalFlowModel
from seisflow.priors.base import MixturePrior
from seisflow.priors.evidence import topic_terms

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class ForwardPass:
    """A batch of windows seen through a model; each quantity is computed when it is first asked for.

    Parameters
    ----------
    model : Model
    x : Tensor (B, 1, H, W)
        Windows, scaled and dithered.
    mask : Tensor (B, 1, H, W) of bool
    """

    def __init__(self, model: Model, x: Tensor, mask: Tensor) -> None:
        self.model = model
        self.x = x
        self.mask = mask

    @cached_property
    def nll(self) -> Tensor:
        """Negative log-density by samples, (B, 1, H, W)."""
        return -self.model.log_prob_map(self.x, self.mask)

    @cached_property
    def flow(self) -> FractalFlowModel:
        """The model, if it is a flow.

        Raises
        ------
        ModelError
            If it has no latent that lies beside its samples.
        """
        if not isinstance(self.model, FractalFlowModel):
            raise ModelError(
                f"{type(self.model).__name__}: has no latent map. Of such a model only the scores "
                "typicality and nll can be had"
            )
        return self.model

    @cached_property
    def states(self) -> list[tuple[Tensor, Tensor]]:
        """State after the input map and after each level, with its elementwise log-determinant."""
        return self.flow.trace(self.x)

    @property
    def white(self) -> Tensor:
        """State after the input map: the whitened section, (B, 1, H, W)."""
        return self.states[0][0]

    @property
    def z(self) -> Tensor:
        """Latent, (B, 1, H, W)."""
        return self.states[-1][0]

    @cached_property
    def prior(self) -> Tensor:
        """Log-density under the prior by latent elements, (B, 1, H, W); 0 where masked."""
        return self.flow.prior.log_prob_map(self.z, self.mask.expand_as(self.z))

    @cached_property
    def parts(self) -> Tensor:
        r"""Contribution of each level to the negative log-density, (B, L + 2, H, W); sums to `nll`.

        With the states :math:`y_0` (whitened), ..., :math:`y_L = z` and
        :math:`g(y) = y^2/2 + \log\sqrt{2\pi}`,

        .. math:: g(y_0) - s_0, \quad g(y_l) - g(y_{l-1}) - s_l, \quad -\log p_Z(z) - g(z)

        so the first part is what a Gaussian random field thinks of the section, the next are what each
        level, coarsest first, knows beyond it, and the last is the prior's.
        """
        costs, before = [], torch.zeros_like(self.x)
        for state, log_det_map in self.states:
            cost = state.square().mul_(0.5).add_(HALF_LOG_2PI)
            costs.append((cost - before).sub_(log_det_map))
            before = cost
        costs.append(-self.prior - before)
        return torch.cat(costs, 1).mul_(self.mask)

    @property
    def total(self) -> Tensor:
        """`nll`, from the parts: for scores that need those anyway."""
        return self.parts.sum(1, keepdim=True)

    @cached_property
    def evidence(self) -> Tensor:
        """Log-density of each latent element under every topic of the prior, (B, Q, H, W)."""
        terms = topic_terms(self.z.flatten(1), *self._mixture.components())
        return terms.unflatten(2, self.z.shape[1:]).sum(2) * self.mask

    @cached_property
    def topics(self) -> Tensor:
        """Posterior probability of each topic given the window, (B, Q)."""
        evidence = self.evidence.flatten(2).sum(2)
        return (self._mixture.log_topic_weights + evidence).softmax(1)

    @property
    def _mixture(self) -> MixturePrior:
        prior = self.flow.prior
        if not isinstance(prior, MixturePrior):
            raise ModelError("the model's prior has no topics. The score topic needs a kat or lda prior")
        return prior
