"""The default score: p-values of `combined` and of breaks, put together."""

from dataclasses import replace

from seisflow.scores.base import Part, Score
from seisflow.scores.plane_waves import BREAKS
from seisflow.scores.thin import step_for

BREAKS_COUNT, BREAKS_BEYOND = 1.5, 1.0
"""Weight of the -ln p of breaks beside that of `combined`, and the -ln p from which on they count."""


def joint(combined: Score) -> Score:
    r"""Combination of the p-values of `combined` and of the plane-wave residual, as Fisher's, but weighted.

    .. math:: a = -\ln p_c + 1.5 \max(-\ln p_b - 1, 0)

    with the shares :math:`p` of held-out samples that deviate as much. A root mean square of all features
    buries the one that sees a fault; p-values keep what is rare by either. Breaks count from where they are
    rarer than 37 % of samples: the noise of ordinary places would rank them above a bright spot, which
    breaks nothing off. The numbers were chosen on labelled sections of the Great South Basin and development
    lines of Volve.

    Parameters
    ----------
    combined : Score

    References
    ----------
    Fisher, *Statistical methods for research workers*, 1925, section 21.1.
    """
    residual = replace(BREAKS, step=step_for(BREAKS.window))
    breaks = Score("breaks", combined.maps, (residual,), "single", two_sided=False, title=BREAKS.name)
    parts = (Part(combined), Part(breaks, BREAKS_COUNT, BREAKS_BEYOND))
    return Score(
        "joint",
        combined.maps,
        tuple(feature for part in parts for feature in part.score.features),
        "p-values",
        two_sided=False,
        title="joint surprise of density, spectrum, traces and breaks (-ln p)",
        derive=combined.derive,
        parts=parts,
    )
