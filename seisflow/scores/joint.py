"""The default score: p-values of `combined` and of breaks, put together."""

from seisflow.scores.base import Score
from seisflow.scores.plane_waves import BREAKS

BREAKS_COUNT = 1.25
"""Weight of the p-value of breaks beside that of `combined`."""


def joint(combined: Score) -> Score:
    r"""Fisher's combination of the p-values of `combined` and of the plane-wave residual.

    .. math:: a = -\ln p_c - w \ln p_b

    with the shares :math:`p` of held-out samples that deviate as much, and w = 1.25. A root mean square of
    all features buries the one that sees a fault; p-values keep what is rare by either. Both were chosen, w
    too, on labelled sections of the Great South Basin and development lines of Volve.

    Parameters
    ----------
    combined : Score

    References
    ----------
    Fisher, *Statistical methods for research workers*, 1925, section 21.1.
    """
    return Score(
        "joint",
        combined.maps,
        (*combined.features, BREAKS),
        "p-values",
        two_sided=False,
        title="joint surprise of density, spectrum, traces and breaks (-ln p)",
        derive=combined.derive,
        extends=combined,
        own_weight=BREAKS_COUNT,
    )
