r"""Evidence of each topic for an item: the one costly sum of the mixture priors.

.. math::
    E_{bq} = \sum_d \ell_{qd}(z_{bd}), \qquad
    \ell_{qd}(z) = \log \sum_m w_{qdm}\, \mathcal N(z \mid \mu_{qdm}, \sigma_{qd}^2), \qquad
    w_{qd} = \mathrm{softmax}(a_{qd})

Written plainly, autograd keeps several tensors of Q x M x B x D numbers: 75 MB each at 256 x 64 with
B = 16, Q = 8, M = 9. Here only ``z`` and the parameters are kept, and the gradient is in closed form. With
:math:`p_m` the posterior of component m,

.. math::
    \partial_z \ell = \frac{\sum_m p_m \mu_m - z}{\sigma^2}, \quad
    \partial_{a_m} \ell = p_m - w_m, \quad
    \partial_{\log\sigma} \ell = \frac{\sum_m p_m (z - \mu_m)^2}{\sigma^2} - 1, \quad
    \partial_{\mu_m} \ell = p_m \frac{z - \mu_m}{\sigma^2}.

Both passes walk over topics and over chunks of D that stay in cache.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# Numbers a working tensor (M, B, chunk) may hold: half a megabyte stays in a core's cache; a GPU wants
# few large kernels instead.
CHUNK_CPU, CHUNK_GPU = 2**17, 2**24


def topic_evidence(
    z: Tensor, mask: Tensor | None, means: Tensor, mean_logits: Tensor, log_sigma: Tensor
) -> Tensor:
    """Log density of every item under every topic.

    Parameters
    ----------
    z : Tensor
        Latent, ``(B, D)``.
    mask : Tensor or None
        Bool ``(B, D)``; elements where it is False are left out of the sum.
    means : Tensor
        ``(Q, M, D)``, or ``(1, M, 1)`` for one grid common to all.
    mean_logits : Tensor
        Logits of the weights of the means, ``(Q, M, D)``.
    log_sigma : Tensor
        ``(Q, D)``.

    Returns
    -------
    Tensor
        ``(B, Q)``.
    """
    return _TopicDensity.apply(z, mask, means, mean_logits, log_sigma, True)


def topic_terms(z: Tensor, means: Tensor, mean_logits: Tensor, log_sigma: Tensor) -> Tensor:
    """Log density of every element under every topic, ``(B, Q, D)``; arguments as in topic_evidence."""
    return _TopicDensity.apply(z, None, means, mean_logits, log_sigma, False)


class _TopicDensity(torch.autograd.Function):
    """The terms ``(B, Q, D)``, or (``summed``) their sums over the unmasked elements, ``(B, Q)``."""

    @staticmethod
    def forward(ctx, z, mask, means, mean_logits, log_sigma, summed):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(z, mask, means, mean_logits, log_sigma)
        ctx.summed = summed
        shape = (len(z), len(mean_logits))
        out = z.new_zeros(shape) if summed else z.new_empty(*shape, z.shape[1])
        for q, part in _chunks(z, mean_logits):
            x = z[:, part]
            exponents, _, _, inverse_variance = _exponents(x, q, part, means, mean_logits, log_sigma)
            top = exponents.amax(0)
            terms = exponents.sub_(top).exp_().sum(0).log_().add_(top)
            terms.addcmul_(x * x, inverse_variance, value=-0.5)
            if not summed:
                out[:, q, part] = terms
            elif mask is None:
                out[:, q] += terms.sum(1)
            else:
                out[:, q] += (terms * mask[:, part]).sum(1)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        z, mask, means, mean_logits, log_sigma = ctx.saved_tensors
        d_z = torch.zeros_like(z)
        d_logits, d_sigma = torch.empty_like(mean_logits), torch.empty_like(log_sigma)
        d_means = torch.empty_like(means) if ctx.needs_input_grad[2] else None
        with _without_autocast(z.device.type):
            for q, part in _chunks(z, mean_logits):
                x = z[:, part]
                exponents, mu, weights, inverse_variance = _exponents(
                    x, q, part, means, mean_logits, log_sigma
                )
                g = grad[:, q, None].expand_as(x) if ctx.summed else grad[:, q, part]
                if mask is not None:
                    g = g * mask[:, part]
                # A softmax over M, times what came from above: (M, B, chunk)
                posterior = exponents.sub_(exponents.amax(0)).exp_()
                posterior *= g / posterior.sum(0)
                count, total = posterior.sum(1), g.sum(0)
                if mu.shape[1] == 1:  # one grid for all: the sum over M is a matrix-vector product
                    pull = torch.mv(posterior.flatten(1).t(), mu[:, 0]).view_as(x)
                else:
                    pull = (posterior * mu[:, None]).sum(0)
                gx = x * g
                d_z[:, part] += (pull - gx) * inverse_variance
                d_logits[q, :, part] = count - weights * total
                # sum_b g E[(z - mu)^2], expanded so that only what is already summed is needed
                square = (x * (gx - 2 * pull)).sum(0) + (mu * mu * count).sum(0)
                d_sigma[q, part] = square * inverse_variance - total
                if d_means is not None:
                    d_means[q, :, part] = ((posterior * x).sum(1) - mu * count) * inverse_variance
        return d_z, None, d_means, d_logits, d_sigma, None


def _without_autocast(device: str) -> AbstractContextManager[Any]:
    """Context in which operations keep the types of their arguments; some devices have no autocast at all."""
    if torch.amp.is_autocast_available(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def _chunks(z: Tensor, mean_logits: Tensor) -> Iterator[tuple[int, slice]]:
    """Topics, and parts of D small enough for the working tensors."""
    topics, means, size = mean_logits.shape
    limit = CHUNK_CPU if z.device.type == "cpu" else CHUNK_GPU
    step = max(64, limit // (means * max(1, len(z))))
    for q in range(topics):
        for start in range(0, size, step):
            yield q, slice(start, start + step)


def _exponents(
    x: Tensor, q: int, part: slice, means: Tensor, mean_logits: Tensor, log_sigma: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Log of the weighted components less the ``-z^2 / 2 sigma^2`` they share: one fused multiply-add.

    Returns them ``(M, B, chunk)``, and the chunk's means, weights ``(M, chunk)`` and 1 / sigma^2.
    """
    mu = means[0] if len(means) == 1 else means[q]
    mu = mu if mu.shape[1] == 1 else mu[:, part]
    log_weights = mean_logits[q, :, part].log_softmax(0)
    log_s = log_sigma[q, part]
    inverse_variance = (-2 * log_s).exp()
    slope = mu * inverse_variance
    offset = log_weights - 0.5 * mu * slope - log_s - HALF_LOG_2PI
    return torch.addcmul(offset[:, None], x, slope[:, None]), mu, log_weights.exp(), inverse_variance
