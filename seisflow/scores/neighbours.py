"""Amplitude ratio to, and correlation with, neighbouring traces."""

import numpy as np

from seisflow.scores.base import Feature, Maps
from seisflow.scores.spectrum import BALANCED

TRACE_WINDOW = (64.0, 1.0)
"""Samples and traces that they are averaged over (standard deviations)."""
TRACE_WEIGHT = 4.0
"""Weight of each of the two beside the other features of `combined`."""


def balanced_power(maps: Maps) -> Maps:
    """Square of the balanced section (`seisflow.scores.spectrum`): about 1 where a trace is like the next."""
    square: Maps = maps[BALANCED] ** 2
    return square


def neighbour_correlation(maps: Maps) -> Maps:
    """Product of the balanced section with the mean of the traces on either side.

    Averaged over a window, the local correlation with them: low where a trace is late, turned or noise. At
    the first and the last trace, half the product with the one there is.
    """
    balanced = maps[BALANCED]
    beside = np.zeros_like(balanced)
    beside[:, 1:] += balanced[:, :-1]
    beside[:, :-1] += balanced[:, 1:]
    product: Maps = 0.5 * balanced * beside
    return product


TRACE_FEATURES = (
    Feature("power beside the neighbours'", balanced_power, TRACE_WINDOW, log=True, weight=TRACE_WEIGHT),
    Feature("correlation with the neighbours", neighbour_correlation, TRACE_WINDOW, weight=TRACE_WEIGHT),
)
