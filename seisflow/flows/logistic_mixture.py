r"""The distribution function of a mixture of logistics, as a bijection of the real line.

.. math::
    z = \operatorname{logit} F(y), \qquad F(y) = \sum_k \pi_k\, \sigma\Big(\frac{y - \mu_k}{s_k}\Big), \qquad
    \frac{dz}{dy} = \frac{F'(y)}{F(y)\,(1 - F(y))}

z follows a standard logistic density where y follows the mixture (Ho et al., *Flow++*, 2019, section 3.2),
and :math:`n = \Phi^{-1}(\sigma(z))` a standard normal one.
"""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_ROUNDS = 100
FAR = 60.0  # a logistic variable whose tail still is a normal float32
ROUNDS = 3
VARIANCE = 3 / math.pi**2  # one over that of a standard logistic variable


def mixture_forward(y: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor) -> tuple[Tensor, Tensor]:
    """Return z and log dz/dy, in the shape of ``y``; the other arguments have a second axis more, for k."""
    log_weights = logits.log_softmax(1)
    t = (y[:, None] - means) * (-log_scales).exp()
    below = F.logsigmoid(t)
    above = below - t  # log sigma(-t)
    log_below = torch.logsumexp(log_weights + below, 1)
    log_above = torch.logsumexp(log_weights + above, 1)
    log_density = torch.logsumexp(log_weights + below + above - log_scales, 1)
    return log_below - log_above, log_density - log_below - log_above


@torch.no_grad()
def mixture_inverse(z: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return y and log dy/dz, to the precision of the dtype.

    Each component alone would send :math:`\mu_k + s_k z` to z, so the solution is between the least and the
    greatest of these. Newton's steps, which end at what is known to lie beyond the solution; where one is
    not half as long as the one before (they may go to and fro), a bisection.
    """
    exact = partial(mixture_forward, logits=logits, means=means, log_scales=log_scales)
    evaluate = exact
    # sums over k, and all else, are fastest where k comes first
    logits, means, log_scales = (part.transpose(0, 1).contiguous() for part in (logits, means, log_scales))
    weights, scales = logits.softmax(0), log_scales.exp()
    ends = means + scales * z
    low, high = ends.amin(0), ends.amax(0)
    # the logistic of their mean and variance is near
    middle = (weights * means).sum(0)
    variance = (weights * (scales.square() + VARIANCE * (means - middle).square())).sum(0)
    y, longest = torch.clamp(middle + variance.sqrt() * z, low, high), 0.5 * (high - low)
    if float(z.abs().max()) <= FAR:
        evaluate = partial(_by_probabilities, weights=weights, means=means, rates=1 / scales)
    precision = 2 * torch.finfo(y.dtype).eps
    near = precision * z.abs().clamp_min(1.0)
    flattest = torch.finfo(y.dtype).max
    done = torch.zeros_like(y)
    # weights of 0 and 1 choose exactly, in a third of the time that `where` takes
    for _ in range(MAX_ROUNDS):
        found, log_slope = evaluate(y)
        missing = z - found
        done = done.maximum((missing.abs() <= near).to(y))
        below = (missing >= 0).to(y)
        low, high = low.lerp(y, below), y.lerp(high, below)
        # between narrow components far apart the slope is zero, and what is missing may be, too
        step = missing * (-log_slope).exp().clamp_max(flattest)
        newton = torch.clamp(y + step, low, high)
        new = low.lerp(high, 0.5).lerp(newton, (step.abs() <= longest).to(y)).lerp(y, done)
        moved = (new - y).abs()
        y, longest = new, 0.5 * moved
        done = done.maximum((moved <= precision * y.abs().clamp_min(1.0)).to(y))
        if bool(done.all()):
            break
    log_slope = evaluate(y)[1]
    return y, -log_slope if bool(log_slope.isfinite().all()) else -exact(y)[1]


def _by_probabilities(y: Tensor, weights: Tensor, means: Tensor, rates: Tensor) -> tuple[Tensor, Tensor]:
    """As `mixture_forward`, with fewer logarithms, where neither F nor 1 - F is too small for the dtype."""
    t = (y - means) * rates
    low, high = t.sigmoid(), (-t).sigmoid()
    below, above = (weights * low).sum(0), (weights * high).sum(0)
    density = (weights * rates * low * high).sum(0)
    return (below / above).log(), (density / (below * above)).log()


def logistic_to_normal(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return n and log dn/dz for z of a standard logistic density, in the tails as exact as in the middle.

    One side of each is as good as the other, so the tail that is small is inverted; beyond the range of the
    dtype Newton's steps start from its leading term, :math:`-n^2 / 2`.
    """
    with torch.no_grad():
        far = z.abs()
        n = torch.where(far < FAR, -torch.special.ndtri(torch.sigmoid(-far)), (2 * far).sqrt())
        for _ in range(ROUNDS):
            odds = _log_odds(n)
            n += (far - odds) * (_log_logistic(odds) - _log_normal(n)).exp()
        n *= z.sign()
        slope = (_log_logistic(z) - _log_normal(n)).exp()
    n = n + slope * (z - z.detach())  # whose gradient is known, where that of the steps is none
    return n, _log_logistic(z) - _log_normal(n)


def normal_to_logistic(n: Tensor) -> tuple[Tensor, Tensor]:
    """Return z and log dz/dn, the inverse of `logistic_to_normal`."""
    z = _log_odds(n)
    return z, _log_normal(n) - _log_logistic(z)


def _log_odds(n: Tensor) -> Tensor:
    return torch.special.log_ndtr(n) - torch.special.log_ndtr(-n)


def _log_normal(n: Tensor) -> Tensor:
    return -0.5 * n.square() - 0.5 * math.log(2 * math.pi)


def _log_logistic(z: Tensor) -> Tensor:
    return -z.abs() - 2 * F.softplus(-z.abs())
