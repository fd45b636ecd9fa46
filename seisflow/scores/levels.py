"""Scores over the levels of the fractal flow."""

import torch
from torch import Tensor

from seisflow.scores.base import Feature, Score, channel
from seisflow.scores.evaluation import Evaluation
from seisflow.scores.spectrum import BAND_FEATURES, ECHO_FEATURES, with_balanced


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
WEIGHTS = {"trace": 2.0}
"""What windows count in `combined` if not 1: few see a single trace."""
BLUR = (8.0, 2.0)
"""Window over which `combined` is averaged in the end."""


def combined(count: int) -> Score:
    r"""Parts of the density in windows of five shapes, and the section's spectrum: a root mean square.

    The parts are the whole negative log-density, that of every level after the first, and that of the
    latent. To these come the log of the power in 8 bands of frequency and the section's likeness to itself
    at 14 lags (`seisflow.scores.spectrum`): to the flow, what comes back, as multiples and ringing do, is as
    probable as other events. All count on both sides. This was chosen on development lines of Volve.

    Parameters
    ----------
    count : int
        Parts of the log-density: the levels of the flow and two.
    """
    parts = ["nll", *level_names(count)[2:-1], "latent"]
    features = (
        *(
            Feature(f"{name}, {scale}", channel(number), window, weight=WEIGHTS.get(scale, 1.0))
            for number, name in enumerate(parts)
            for scale, window in SCALES.items()
        ),
        *BAND_FEATURES,
        *ECHO_FEATURES,
    )

    def maps(seen: Evaluation) -> Tensor:
        return torch.cat([seen.total, seen.parts[:, 2 : count - 1], -seen.prior, seen.x], 1)

    title = "root mean square deviation of the density's parts and of the spectrum"
    return Score(
        "combined", maps, features, "rms", two_sided=False, title=title, derive=with_balanced, blur=BLUR
    )
