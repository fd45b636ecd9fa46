"""The default score: p-values of `combined`, of breaks, of the levels and of echoes, put together."""

from dataclasses import replace

from seisflow.scores.base import Feature, Maps, Measured, Part, Score
from seisflow.scores.levels import TREND, level_features
from seisflow.scores.plane_waves import BREAKS
from seisflow.scores.spectrum import ECHO_FEATURES, LAGS
from seisflow.scores.thin import step_for

BREAKS_COUNT, BREAKS_BEYOND, BREAKS_MOST, BREAKS_TAIL, BREAKS_GATE = 6.0, 1.0, 2.0, 0.5, 3.0
"""Weight of the -ln p of breaks beside that of `combined`, the -ln p from which on they count, how far beyond
it they do by that weight, the weight of the rest, and the power of the gate that closes where `combined` is
ordinary."""
OTHERS_COUNT = 0.25
"""Weight of the -ln p of levels, of the ratio and of echoes."""


def joint(combined: Score, count: int) -> Score:
    r"""Combination of p-values, as Fisher's, but weighted.

    .. math:: a = -\ln p_c + \min(-\ln p_c, 1)^3 h(-\ln p_b - 1) - \tfrac{1}{4} (\ln p_l + \ln p_r + \ln p_e),
        \qquad h(x) = 6 \min(\max(x, 0), 2) + \tfrac{1}{2} \max(x - 2, 0)

    with the shares :math:`p` of held-out samples that deviate as much: of `combined`, of breaks (the
    plane-wave residual), of the most deviating level of the density, of the density over that of a Gaussian
    field, and of the highest autocorrelation at 12 lags. A root mean square of all features buries the one
    that sees a fault, a bright spot or a multiple; p-values keep what is rare by any of them. Breaks count
    from where they are rarer than 37 % of samples, and in full where `combined` is, too: their noise in
    ordinary places would rank these above a bright spot, which breaks nothing off. What makes them rarer
    than 5 % counts little more, or they would set the threshold of alarms for everything else. Levels and
    ratio are taken less the trend of `combined`. The numbers were chosen on labelled sections of the Great
    South Basin, development lines of Volve and development traces of NPRA 31-81.

    Parameters
    ----------
    combined : Score
    count : int
        Parts of the log-density: the levels of the flow and two.

    References
    ----------
    Fisher, *Statistical methods for research workers*, 1925, section 21.1.
    """
    maps = combined.maps
    breaks, *levels = (_thinned(one) for one in (BREAKS, *level_features(count)))
    echoes = tuple(_thinned(one) for one in ECHO_FEATURES[: len(LAGS)])
    parts = (
        Part(combined),
        Part(
            Score("breaks", maps, (breaks,), "single", two_sided=False, title=BREAKS.name),
            BREAKS_COUNT,
            BREAKS_BEYOND,
            BREAKS_MOST,
            BREAKS_TAIL,
            BREAKS_GATE,
        ),
        Part(
            Score(
                "levels less trend",
                maps,
                tuple(levels),
                "largest",
                two_sided=True,
                title="most deviating level",
                trend=TREND,
            ),
            OTHERS_COUNT,
        ),
        Part(
            Score(
                "ratio less trend",
                maps,
                (_thinned(RATIO),),
                "single",
                two_sided=True,
                title=RATIO.name,
                trend=TREND,
            ),
            OTHERS_COUNT,
        ),
        Part(
            Score("echoes", maps, echoes, "highest", two_sided=False, title="highest autocorrelation"),
            OTHERS_COUNT,
        ),
    )
    distinct: dict[Measured, Feature] = {}
    for part in parts:
        for feature in part.score.features:
            distinct.setdefault(feature.measured, feature)
    return Score(
        "joint",
        maps,
        tuple(distinct.values()),
        "p-values",
        two_sided=False,
        title="joint surprise of density, spectrum, traces, breaks, levels and echoes (-ln p)",
        derive=combined.derive,
        parts=parts,
    )


def _thinned(feature: Feature) -> Feature:
    return replace(feature, step=step_for(feature.window))


def _beyond_gaussian(maps: Maps) -> Maps:
    return maps[0] - maps[1]


RATIO = Feature("ratio", _beyond_gaussian)
"""Log-density over that of a Gaussian field, of the maps that `combined` takes."""
