r"""Lateral continuity of generated patches: reflectors go on from trace to trace as in training patches.

A flow is told how probable a trace is given those before it, hardly whether the reflectors of a whole patch
hang together: those of its draws break up after ten or twenty traces, in all draws alike. The network that
ships to fill gaps knows how reflectors go on. One trace of 8 of a draw is kept and the others are predicted
from these, then all from one of 4 between them; that gives the continuous part s of a draw x, and

.. math:: x \to s + G_q(f)\,(x - s)

keeps some of the rest. G is fitted to the power, by frequency, of what is not predicted of a patch from one
trace of 4 or of 8, over the power of the patch: each quantile q of its distribution over draws is lowered to
that of training patches at either spacing, so that the most continuous draws become as continuous as the most
continuous patches. A draw's q is its place among draws, by that power over all frequencies. Noise of single
traces, which training patches have as well, stays.
"""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, pad

from seisflow.models.infill import MULTIPLE, Infill, shipped_infill
from seisflow.models.sample_matching import QUANTILES, Incoherent

SPACINGS = (8, 4)
"""Spacings of the traces that predict the others."""
FITTED = 64
"""Patches of either kind that gains are fitted to."""
BINS = 17
"""Frequencies over which powers are averaged."""
ENOUGH = 0.95
"""Mean gain above which draws are left as they are."""
LEAST_TRACES = 16
TOGETHER = 2**18
"""Samples evaluated together."""

Patches = NDArray[np.float32]


def make_continuous(patches: Patches, incoherent: Incoherent, seed: tuple[int, ...]) -> Patches:
    """Weaken what does not go on from trace to trace.

    Parameters
    ----------
    patches : ndarray, (N, 1, H, W)
        In scaled units.
    incoherent : Incoherent
        As `fit_incoherent` gives it.
    seed : tuple of int
        Of the traces that are kept. Patch k is the same, however many follow it.
    """
    x = torch.from_numpy(patches)
    made = _weakened(x, *smoothed(x, seed), incoherent)
    level = np.asarray(incoherent.level, np.float32)[_phases(x, seed)]
    return np.asarray(made.numpy() * level[:, None, None], np.float32)


def fit_incoherent(drawn: Patches, training: Patches) -> Incoherent | None:
    """Gains of what does not go on from trace to trace, by frequency; None if all of it is to stay.

    Parameters
    ----------
    drawn, training : ndarray, (N, 1, H, W)
        The first of them are compared.
    """
    if drawn.shape[1] != 1 or drawn.shape[3] < LEAST_TRACES or not training.any():
        return None
    x, known = (torch.from_numpy(some[:FITTED]) for some in (drawn, training))
    smooth, share = smoothed(x)
    gain = torch.ones(len(QUANTILES), x.shape[2] // 2 + 1)
    for spacing in SPACINGS:
        wanted, now, least = (unpredicted(some, spacing) for some in (known, x, smooth))
        too_much = (now > wanted) & (now > least)
        kept = ((wanted - least) / (now - least)).clamp(0, 1).sqrt()
        gain = torch.where(too_much, torch.minimum(gain, kept), gain)
    if float(gain.mean()) > ENOUGH:
        return None
    found = Incoherent(
        share=np.maximum.accumulate(np.quantile(share.numpy(), QUANTILES)).round(6).tolist(),
        gain=gain.double().numpy().round(3).tolist(),
        level=[1.0] * max(SPACINGS),
    )
    made = _weakened(x, smooth, share, found)
    # traces that were kept, and those beside them, are stronger than others: stripes, otherwise
    power = (made.square().mean((1, 2)) / made.square().mean((1, 2, 3)).clamp(min=1e-12)[:, None]).numpy()
    phases = _phases(x)
    strength = [float(power[phases == phase].mean()) for phase in range(max(SPACINGS))]
    return found.model_copy(update={"level": [round(one**-0.5, 4) for one in strength]})


def _weakened(x: Tensor, smooth: Tensor, share: Tensor, incoherent: Incoherent) -> Tensor:
    """Continuous part of patches, and of the rest what gains leave."""
    place = np.interp(share.log().numpy(), np.log(incoherent.share), QUANTILES)
    gains = [np.interp(place, QUANTILES, one) for one in np.transpose(incoherent.gain)]
    gain = torch.from_numpy(np.stack(gains, 1).astype(np.float32))[:, None, :, None]
    return smooth + torch.fft.irfft(gain * torch.fft.rfft(x - smooth, dim=2), n=x.shape[2], dim=2)


def seconds_to_fit(height: int, width: int, count: int) -> float:
    """Estimate the time of `fit_incoherent`, and of making so many patches continuous."""
    x = torch.zeros(4, 1, height, width)
    began = time.monotonic()
    predicted(x, every(min(SPACINGS), x))
    passes = len(SPACINGS) * (4 * FITTED + count)
    return passes * (time.monotonic() - began) / len(x)


def smoothed(x: Tensor, seed: tuple[int, ...] = (0,)) -> tuple[Tensor, Tensor]:
    """Continuous part of patches (N, 1, H, W), and the share of power that one trace of 8 leaves, (N,)."""
    wide, narrow = SPACINGS
    known = every(wide, x, seed)
    made = torch.where(known, x, predicted(x, known))
    lost = (x - made).square().sum((1, 2, 3)) / (~known).sum((1, 2, 3))
    share = lost / x.square().mean(3).sum((1, 2)).clamp(min=1e-12)
    # other traces than before, which stand out where they contradict each other
    known = every(narrow, x, seed, shift=narrow // 2)
    return torch.where(known, made, predicted(made, known)), share.clamp(min=1e-9)


def unpredicted(x: Tensor, spacing: int) -> Tensor:
    """Power that traces at a spacing do not predict of the others, over that of all, by frequency.

    Quantiles over patches (N, 1, H, W) without mutes, (Q, H // 2 + 1).
    """
    known = every(spacing, x, shift=4)  # not those that `smoothed` has kept last
    rest = torch.where(known, 0.0, x - predicted(x, known))
    lost, power = _power(rest) / (~known).sum((1, 2, 3))[:, None], _power(x) / x.shape[3]
    share = (lost / power.clamp(min=1e-12))[power.sum(1) > 0]
    return share.quantile(torch.tensor(QUANTILES), 0)


def every(spacing: int, x: Tensor, seed: tuple[int, ...] = (0,), shift: int = 0) -> Tensor:
    """Tell of the traces of patches (N, 1, H, W) one of so many, so far from a random one, (N, 1, 1, W)."""
    known = torch.from_numpy((_phases(x, seed) - shift) % spacing == 0)
    return known[:, None, None]


def _phases(x: Tensor, seed: tuple[int, ...] = (0,)) -> NDArray[np.int_]:
    """Place of each trace of patches (N, 1, H, W) after a random one, modulo the widest spacing, (N, W)."""
    first = np.random.default_rng(seed).integers(max(SPACINGS), size=len(x))
    return np.asarray((np.arange(x.shape[3]) - first[:, None]) % max(SPACINGS))


def predicted(x: Tensor, known: Tensor) -> Tensor:
    """Mean of the traces of patches (N, 1, H, W) given those that are known, (N, 1, 1, W)."""
    height, width = x.shape[2:]
    short = (0, -width % MULTIPLE[1], 0, -height % MULTIPLE[0])
    x, known = pad(x, short), pad(known.expand(x.shape), short)
    with torch.inference_mode():
        parts = (one.split(together(height, width)) for one in (x, known))
        found = [_network()(*some)[0] for some in zip(*parts, strict=True)]
    return torch.cat(found)[:, :, :height, :width].clone()


def together(height: int, width: int) -> int:
    """Patches of a size that are evaluated together; more or fewer would round otherwise."""
    return max(TOGETHER // (height * width), 1)


def whole_parts(count: int, height: int, width: int) -> int:
    """Least number of patches, of those evaluated together, that holds so many."""
    part = together(height, width)
    return -(-count // part) * part


@cache
def _network() -> Infill:
    return shipped_infill()


def _power(x: Tensor) -> Tensor:
    """Power of patches (N, 1, H, W) by frequency, averaged over some, (N, H // 2 + 1)."""
    power = torch.fft.rfft(x, dim=2).abs().square().sum((1, 3))
    ends = pad(power[:, None], (BINS // 2, BINS // 2), mode="replicate")
    return conv1d(ends, torch.full((1, 1, BINS), 1 / BINS))[:, 0]
