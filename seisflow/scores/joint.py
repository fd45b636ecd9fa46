"""The default score: p-values of `combined`, of breaks, of the latent and of more, put together."""

from collections.abc import Sequence
from dataclasses import replace

from seisflow.scores.base import Feature, Maps, Measured, Part, Score, Trend
from seisflow.scores.joins import Join
from seisflow.scores.levels import TREND, level_features
from seisflow.scores.plane_waves import BREAKS
from seisflow.scores.spectrum import ECHO_FEATURES, LAGS, SMOOTH
from seisflow.scores.thin import step_for

BREAKS_COUNT, BREAKS_BEYOND, BREAKS_MOST, BREAKS_TAIL, BREAKS_GATE = 6.0, 1.0, 2.0, 0.25, 1.0
"""Weight of the -ln p of breaks beside that of `combined`, the -ln p from which on they count, how far beyond
it they do by that weight, the weight of the rest, and the power of the gate that closes where `combined` is
ordinary."""
LATENT_COUNT, SMOOTH_COUNT, ECHOES_COUNT, OTHERS_COUNT, LEARNED_COUNT = 1.0, 1.0, 0.5, 0.25, 1.25
"""Weight of the -ln p of the latent, of smoothness, of echoes, of each of levels, ratio and hum, and of what
has been learned."""
LEARNED_MOST, LEARNED_TAIL = 5.0, 0.25
"""The -ln p of what has been learned up to which it counts with that weight, and the weight of the rest."""
LATENT_WINDOWS = ("small", "middle", "wide", "trace")
"""Windows of `combined` in which the latent is judged."""


def joint(combined: Score, count: int) -> Score:
    r"""Combination of p-values, as Fisher's, but weighted.

    .. math:: a = -\ln p_c + \min(-\ln p_c, 1)\, h(-\ln p_b - 1)
        - \ln p_z - \ln p_s - \tfrac{1}{2} \ln p_e - \tfrac{1}{4} (\ln p_l + \ln p_r + \ln p_h)
        + g(-\ln p_n), \qquad h(x) = 6 \min(\max(x, 0), 2) + \tfrac{1}{4} \max(x - 2, 0), \qquad
        g(x) = \tfrac{5}{4} \min(x, 5) + \tfrac{1}{4} \max(x - 5, 0)

    with the shares :math:`p` of held-out samples that deviate as much: of `combined` (c), of breaks (b, the
    plane-wave residual), of the least probable latent in four windows (z), of smoothness (s, low power of the
    second difference in time), of the highest autocorrelation at 12 lags (e), of the most deviating level of
    the density (l), of the density over that of a Gaussian field (r), of hum (h), and of what a network finds
    disturbed (n). A root mean square of all features buries the one that sees a fault, a bright spot or a
    multiple; p-values keep what is rare by any of them. The network sees all features together, with and
    without their trend, and has learned to tell the disturbed samples of copies of held-out panels from the
    others (`seisflow.scoring.learning`): it knows which of them go together in ordinary places.

    Breaks count from where they are rarer than 37 % of samples, and in full where `combined` is, too: their
    noise in ordinary places would rank these above a bright spot, which breaks nothing off. What makes them
    rarer than 5 % counts little more, or they would set the threshold of alarms for everything else. What is
    dim or wiped out is the more probable, so that other parts see little of it; it is smooth. Levels, ratio,
    smoothness and hum are taken less the trend of `combined`; the latent is not: it tells of what is wider,
    too.
    The numbers were chosen on labelled sections of the Great South Basin, development lines of Volve and
    development traces of NPRA 31-81.

    Parameters
    ----------
    combined : Score
    count : int
        Parts of the log-density: the levels of the flow and two.

    References
    ----------
    Fisher, *Statistical methods for research workers*, 1925, section 21.1.
    """
    known = {feature.name: feature for feature in combined.features}
    latents = tuple(known[f"latent, {window}"] for window in LATENT_WINDOWS)
    echoes = tuple(known[feature.name] for feature in ECHO_FEATURES[: len(LAGS)])
    breaks, ratio, smooth, *levels = (
        _thinned(one) for one in (BREAKS, RATIO, SMOOTH, *level_features(count))
    )

    def score(
        name: str, features: Sequence[Feature], join: Join, title: str, trend: Trend | None = None
    ) -> Score:
        """Judge features by the maps of `combined`; less a trend, on both sides but for the lowest."""
        two_sided = trend is not None and join not in ("lowest", "learned")
        return Score(name, combined.maps, tuple(features), join, two_sided, title, trend=trend)

    parts = (
        Part(combined),
        Part(
            score("breaks", [breaks], "single", BREAKS.name),
            BREAKS_COUNT,
            BREAKS_BEYOND,
            BREAKS_MOST,
            BREAKS_TAIL,
            BREAKS_GATE,
        ),
        Part(score("latent in windows", latents, "highest", "least probable latent"), LATENT_COUNT),
        Part(score("levels less trend", levels, "largest", "most deviating level", TREND), OTHERS_COUNT),
        Part(score("ratio less trend", [ratio], "single", RATIO.name, TREND), OTHERS_COUNT),
        Part(score("echoes", echoes, "highest", "highest autocorrelation"), ECHOES_COUNT),
        Part(
            score("hum less trend", [known["hum"]], "single", "what comes back as a hum", TREND), OTHERS_COUNT
        ),
        Part(score("smoothness less trend", [smooth], "lowest", SMOOTH.name, TREND), SMOOTH_COUNT),
    )
    distinct: dict[Measured, Feature] = {}
    for part in parts:
        for feature in part.score.features:
            distinct.setdefault(feature.measured, feature)
    learned = score("learned", tuple(distinct.values()), "learned", "learned from disturbed copies", TREND)
    return Score(
        "joint",
        combined.maps,
        tuple(distinct.values()),
        "p-values",
        two_sided=False,
        title="joint surprise of density, latent, spectrum, traces, breaks and echoes (-ln p)",
        derive=combined.derive,
        parts=(*parts, Part(learned, LEARNED_COUNT, most=LEARNED_MOST, tail=LEARNED_TAIL)),
    )


def _thinned(feature: Feature) -> Feature:
    return replace(feature, step=step_for(feature.window))


def _beyond_gaussian(maps: Maps) -> Maps:
    return maps[0] - maps[1]


RATIO = Feature("ratio", _beyond_gaussian)
"""Log-density over that of a Gaussian field, of the maps that `combined` takes."""
