"""Limit of a learning curve, as a power law extrapolates it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

FIRST = 0.1
"""Part of the steps, at the start, that is left out."""
PARTS = (0.6, 0.8, 1.0)
"""Parts of the curve that are fitted, whose limits differ by the error."""
LEAST = 6
"""Points that a fit needs."""


def limit(curve: Sequence[tuple[int, float]]) -> tuple[float, float] | None:
    r"""Limit of held-out bits/dim for ever more steps at such a rate, and its error.

    :math:`a + b\,s^{-c}` is fitted to the curve from a tenth of its steps on, to 60, 80 and 100 % of it; a
    of the whole is the limit, the largest difference of the others from it the error. Noise of the curve is
    not in it, nor what another decay of the rate would change.

    Parameters
    ----------
    curve : sequence of (int, float)
        Steps and held-out bits/dim.

    Returns
    -------
    (float, float) or None
        None where the curve has too few points, or no such fit is found.
    """
    points = np.array([(s, v) for s, v in curve if s >= FIRST * curve[-1][0]], np.float64)
    if len(points) < LEAST / min(PARTS):
        return None
    limits = [_asymptote(points[: round(part * len(points))]) for part in PARTS]
    known = [one for one in limits if one is not None]
    if len(known) < len(PARTS):
        return None
    return known[-1], max(abs(one - known[-1]) for one in known)


def _asymptote(points: NDArray[np.float64]) -> float | None:
    steps, values = points[:, 0] / points[-1, 0], points[:, 1]
    start = (values[-1] - 0.1, 0.1, 0.5)
    try:
        (a, _, _), _ = curve_fit(
            lambda s, a, b, c: a + b * s**-c,
            steps,
            values,
            start,
            bounds=((0, 0, 0.05), (np.inf, np.inf, 3)),
        )
    except (RuntimeError, ValueError):
        return None
    return float(a)
