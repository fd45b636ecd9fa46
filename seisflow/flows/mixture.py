r"""The distribution function of a mixture of logistics, as a bijection of the real line.

.. math::
    z = \operatorname{logit} F(y), \qquad F(y) = \sum_k \pi_k\, \sigma\Big(\frac{y - \mu_k}{s_k}\Big), \qquad
    \frac{dz}{dy} = \frac{F'(y)}{F(y)\,(1 - F(y))}

z follows a standard logistic density where y follows the mixture (Ho et al., *Flow++*, 2019, section 3.2).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_ROUNDS = 100


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
    greatest of these. Newton's steps; where one leaves the bracket, or is not half as long as the one
    before (they may go to and fro), a bisection.
    """
    alone = means + log_scales.exp() * z[:, None]
    low, high = alone.amin(1), alone.amax(1)
    y, last = (low + high) / 2, high - low
    for _ in range(MAX_ROUNDS):
        found, log_slope = mixture_forward(y, logits, means, log_scales)
        low, high = torch.where(found <= z, y, low), torch.where(found >= z, y, high)
        newton, middle = y + (z - found) * (-log_slope).exp(), (low + high) / 2
        good = (low <= newton) & (newton <= high) & ((newton - y).abs() <= last / 2)
        new = torch.where(good, newton, middle)
        last = (new - y).abs()
        done = last <= 2 * torch.finfo(y.dtype).eps * y.abs().clamp_min(1)
        y = new
        if bool(done.all()):
            break
    return y, -mixture_forward(y, logits, means, log_scales)[1]
