"""Scores over the levels of the fractal flow."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from seisflow.scores.base import Feature, Score, Trend, channel
from seisflow.scores.forward_pass import ForwardPass
from seisflow.scores.neighbours import TRACE_FEATURES
from seisflow.scores.spectrum import BAND_FEATURES, ECHO_FEATURES, Gains, with_spectrum
from seisflow.scores.thin import step_for


def level_names(count: int) -> list[str]:
    """Names of the parts of `ForwardPass.parts`, coarsest first."""
    return ["spectrum", *(f"level {number}" for number in range(1, count - 1)), "latent"]


def level_features(count: int) -> tuple[Feature, ...]:
    """Parts of the log-density, which stand after the whole."""
    return tuple(Feature(name, channel(number)) for number, name in enumerate(level_names(count), start=1))


def levels(count: int) -> Score:
    """Most deviating of the levels' contributions to the negative log-density.

    Parameters
    ----------
    count : int
        Parts of the log-density: the levels of the flow and two.

    References
    ----------
    Schirrmeister et al., *Understanding anomaly detection with deep invertible networks through hierarchies
    of distributions and features*, 2020.
    """
    return Score(
        "levels", _parts, level_features(count), "largest", two_sided=True, title="most deviating level"
    )


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
    return Score("density-of-states", _parts, level_features(count), "density", two_sided=False, title=title)


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


def _parts(seen: ForwardPass) -> Tensor:
    return torch.cat([seen.total, seen.parts], 1)


def _beyond_spectrum(seen: ForwardPass) -> Tensor:
    return torch.cat([seen.total, seen.total - seen.parts[:, :1]], 1)


SCALES = {"small": (4.0, 2.0), "middle": (8.0, 4.0), "wide": (4.0, 16.0), "trace": (64.0, 1.0),
          "column": (64.0, 6.0), "body": (16.0, 24.0)}  # fmt: skip
"""Windows of `combined`: for spikes, small bodies, events, single traces, what runs down the section, and
large bodies that change little."""
WEIGHTS = {"trace": 2.0}
"""Weights of windows in `combined`, if not 1: few see a single trace."""
DENSITY_LINEAR, OTHERS_LINEAR = 1.5, 6.0
"""Deviation up to which a part of the density, and each other feature, counts as it is in `combined`: windows
are large, and what deviates much would stand for all around it."""
TREND = Trend((16.0, 64.0), share=0.8, most=3.0)
"""Trend taken off `combined`'s deviations: a survey drifts from its calibration lines."""
BLUR = (8.0, 2.0)
"""Window over which `combined` is averaged in the end."""


def combined(count: int, gains: Gains | None = None) -> Score:
    r"""Parts of the density, the section's spectrum and its traces beside each other: a root mean square.

    The parts, in windows of six shapes, are the whole negative log-density, that of every level after the
    first, and that of the latent. To these come the log of the power in 8 bands of frequency and the whitened
    section's autocorrelation at 12 lags and at the periods of a hum (`seisflow.scores.spectrum`): to the
    flow, what comes back, as multiples and ringing do, is as probable as other events. Amplitude ratio to,
    and correlation with, neighbouring traces (`seisflow.scores.neighbours`) are what a flow of few traces
    cannot learn.
    All count on both sides, less most of what their surroundings, some 50 samples by 200 traces, deviate
    by: lines that lie far from the calibration lines deviate as a whole. Of what is wider than that,
    `typicality` and `levels` tell. This was chosen on lines of Volve and traces of NPRA 31-81 that are not
    test data.

    Parameters
    ----------
    count : int
        Parts of the log-density: the levels of the flow and two.
    gains : ndarray (H,), optional
        Gains that whiten a trace: `seisflow.flows.SpectralWhitening.along_time`.
    """
    parts = {"nll": channel(0)}
    parts |= {name: channel(number) for number, name in enumerate(level_names(count)[2:-1], start=3)}
    parts["latent"] = channel(count + 1)
    features = (
        *(
            Feature(f"{name}, {scale}", part, window, weight=WEIGHTS.get(scale, 1.0), linear=DENSITY_LINEAR)
            for scale, window in SCALES.items()
            for name, part in parts.items()
        ),
        *(
            replace(feature, linear=OTHERS_LINEAR)
            for feature in (*BAND_FEATURES, *ECHO_FEATURES, *TRACE_FEATURES)
        ),
    )

    def maps(seen: ForwardPass) -> Tensor:
        return torch.cat([seen.total, seen.parts, -seen.prior, seen.x], 1)

    title = "root mean square deviation of the density's parts, the spectrum and the traces"
    return Score(
        "combined",
        maps,
        tuple(replace(feature, step=step_for(feature.window)) for feature in features),
        "rms",
        two_sided=False,
        title=title,
        derive=partial(with_spectrum, gains=gains),
        trend=TREND,
        blur=BLUR,
    )
