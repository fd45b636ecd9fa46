"""Width of intervals by the distance of known traces, so that they hold what they promise in every gap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from seisflow.posterior.examples import Mask

COVERAGE = 0.9
"""Share of the samples that an interval of this probability shall hold."""
HALF_WIDTH = float(norm.ppf(0.5 + COVERAGE / 2))
"""Half its width, in standard deviations of a Gaussian."""
RIDGE = 1.0
"""Spread of log-distances, summed over traces, from which on they tell about growth rather than that there
is none."""

Errors = NDArray[np.float32]


@dataclass(frozen=True)
class Widths:
    r"""Factors of predicted standard deviations, :math:`f d^g` at a distance d of known traces.

    Interpolation sharpens a prediction by most where known traces are near, of which its standard deviation
    knows nothing.

    Attributes
    ----------
    factor : float
        At a trace between two known ones.
    growth : float
    """

    factor: float
    growth: float = 0.0

    def at(self, distance: NDArray[np.float64]) -> NDArray[np.float32]:
        """Factors (X,) at `distance_to_known`."""
        return (self.factor * distance**self.growth).astype(np.float32)


def distance_to_known(there: Mask) -> NDArray[np.float64]:
    r"""Distance (X,) of other known traces: :math:`2 / (1/a + 1/b)`, a and b traces to either side.

    It is 1 beside two known traces, and grows to twice the distance of the last one where there are none on
    the other side. Traces without any known one on either side are as far away as all traces are wide.

    Parameters
    ----------
    there : ndarray of bool, (X,)
        Traces that are known.
    """
    near = 1 / _since_known(there) + 1 / _since_known(there[::-1])[::-1]
    return np.divide(2, near, out=np.full(len(there), float(len(there))), where=near > 0)


def _since_known(there: Mask) -> NDArray[np.float64]:
    """Traces (X,) since the last known one before; infinite where there is none."""
    place = np.arange(len(there), dtype=np.float64)
    last = np.maximum.accumulate(np.where(there, place, -np.inf))
    return place - np.concatenate([[-np.inf], last])[:-1]


def fit_widths(errors: Sequence[Errors], distances: Sequence[float]) -> Widths:
    """Fit factors to errors of kept traces, in their predicted standard deviations.

    Their size at a distance is the quantile that `COVERAGE` asks for. Its growth is a regression of
    logarithms, trace by trace, by a ridge from none; the factor then makes all intervals together hold their
    share (split conformal).

    Parameters
    ----------
    errors : sequence of ndarray
        Samples of each trace.
    distances : sequence of float
        Of each trace.

    References
    ----------
    Vovk et al., *Algorithmic learning in a random world*, 2005.
    """
    sizes = np.array([np.quantile(np.abs(one), COVERAGE) for one in errors])
    size, distance = np.log(sizes + 1e-12), np.log(np.asarray(distances, np.float64))
    size, distance = size - size.mean(), distance - distance.mean()
    growth = float(np.clip((size * distance).sum() / (np.square(distance).sum() + RIDGE), 0, 1))
    even = np.concatenate(
        [np.abs(one) / np.float32(d**growth) for one, d in zip(errors, distances, strict=True)]
    )
    return Widths(float(np.quantile(even, COVERAGE)) / HALF_WIDTH, growth)
