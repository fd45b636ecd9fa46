"""Scores over the levels of the fractal flow."""

import torch
from torch import Tensor

from seisflow.scores.base import Feature, Score, channel
from seisflow.scores.evaluation import Evaluation


def level_names(count: int) -> list[str]:
    """Names of the parts of `Evaluation.parts`, coarsest first."""
    return ["spectrum", *(f"level {number}" for number in range(1, count - 1)), "latent"]


def _levels(count: int) -> tuple[Feature, ...]:
    return tuple(Feature(name, channel(number)) for number, name in enumerate(level_names(count), start=1))


def levels(count: int) -> Score:
    """What each level adds to the negative log-density, coarse against fine: the one that deviates most.

    Parameters
    ----------
    count : int
        Parts of the log-density: the levels of the flow and two.

    References
    ----------
    Schirrmeister et al., *Understanding anomaly detection with deep invertible networks through hierarchies
    of distributions and features*, 2020.
    """
    return Score("levels", _parts, _levels(count), "largest", two_sided=True, title="most deviating level")


def density_of_states(count: int) -> Score:
    """Density, as of one Gaussian, of the vector of the levels' statistics.

    Parameters
    ----------
    count : int
        Parts of the log-density: the levels of the flow and two.

    References
    ----------
    Morningstar et al., *Density of states estimation for out-of-distribution detection*, 2021.
    """
    title = "Mahalanobis distance of the levels' statistics"
    return Score("density-of-states", _parts, _levels(count), "density", two_sided=False, title=title)


def ratio() -> Score:
    """Log-density of the flow over that of a Gaussian random field with the spectrum of its whitening.

    Both whiten alike, so what is left is what the levels and the prior know beyond second moments.

    References
    ----------
    Ren et al., *Likelihood ratios for out-of-distribution detection*, 2019.
    """
    feature = Feature("ratio", channel(1))
    title = "log-density over that of a Gaussian random field"
    return Score("ratio", _beyond_spectrum, (feature,), "single", two_sided=True, title=title)


def _parts(seen: Evaluation) -> Tensor:
    return torch.cat([seen.total, seen.parts], 1)


def _beyond_spectrum(seen: Evaluation) -> Tensor:
    return torch.cat([seen.total, seen.total - seen.parts[:, :1]], 1)


SCALES = {"small": (4.0, 2.0), "middle": (8.0, 4.0), "wide": (4.0, 16.0), "trace": (64.0, 1.0),
          "column": (64.0, 6.0)}  # fmt: skip
"""Windows of `combined`: for spikes, bodies, events, single traces, and what runs down the section."""
BROAD = ("middle", "trace", "column")
"""Those in which too little is as telling as too much."""
ABOVE, EITHER, DOUBLE = (0.0, 1.0), (1.0, 1.0), (1.0, 2.0)
"""What deviations below and above normal weigh."""


def combined(count: int) -> Score:
    r"""Five statistics in windows of five shapes: a root mean square of 23 deviations.

    The statistics are the negative log-density; what of it lies beyond a Gaussian random field (`ratio`); the
    part of the middle level; that of the latent; and, in broad windows, the log of the power of the section.
    All count where they are higher than normal; in broad windows density, level and power where they are
    lower, too. This was chosen on development lines of Volve.

    Parameters
    ----------
    count : int
        Parts of the log-density: the levels of the flow and two.
    """

    def in_windows(name: str, number: int, broad: tuple[float, float]) -> list[Feature]:
        return [
            Feature(f"{name}, {scale}", channel(number), window, sides=broad if scale in BROAD else ABOVE)
            for scale, window in SCALES.items()
        ]

    features = (
        *in_windows("nll", 0, DOUBLE),
        *in_windows("ratio", 1, ABOVE),
        *in_windows("level", 2, DOUBLE),
        *in_windows("latent", 3, ABOVE),
        *(Feature(f"power, {scale}", channel(4), SCALES[scale], log=True, sides=EITHER) for scale in BROAD),
    )

    def maps(seen: Evaluation) -> Tensor:
        beyond = seen.total - seen.parts[:, :1]
        middle = seen.parts[:, count // 2 - 1 : count // 2]
        return torch.cat([seen.total, beyond, middle, -seen.prior, seen.x.square()], 1)

    title = "root mean square deviation of the density's parts at five scales"
    return Score("combined", maps, features, "rms", two_sided=False, title=title)
