"""Noise level of a section: the part that cannot be predicted even from the nearest traces."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seisflow.posterior.examples import Mask, Piece, Values
from seisflow.posterior.fx import fx_prediction
from seisflow.posterior.network import Infill
from seisflow.posterior.predict import predict
from seisflow.posterior.spectra import power_of, split, usable_share
from seisflow.posterior.stacking import Stacking, stacked

APART = {1: 8, 2: 9}
"""Traces from one hidden trace to the next, where the nearest known trace is 1 or 2 away."""
SETS = 3
"""Sets of hidden traces that errors are averaged over."""


class Noise(NamedTuple):
    """Incoherent noise of a section, and how its traces are best predicted from one another.

    Attributes
    ----------
    spectrum : ndarray, (J, F)
        Power spectrum in each window of 128 samples, in variances of the section.
    fx_weights : tuple of float
        Weight of the f-x prediction beside that of the network in each band of frequencies.
    """

    spectrum: NDArray[np.float64]
    fx_weights: tuple[float, ...]


class _Predicted(NamedTuple):
    """Traces (T, N) of a piece, predicted in two ways from those at some distance and beyond."""

    truth: Values
    usable: Mask
    by_network: Values
    by_fx: Values


def leave_one_out(
    network: Infill,
    fx_weights: tuple[float, ...],
    values: Values,
    known: Mask,
    *,
    first: int = 0,
    traces: int | None = None,
) -> Values:
    """Mean of every trace (T, X) given all others, itself hidden.

    Parameters
    ----------
    network : Infill
    fx_weights : tuple of float
        Of the f-x prediction beside that of the network (`Noise`).
    values : ndarray of float32, (T, X)
        In standard deviations of the section.
    known : ndarray of bool, (T, X)
    first, traces : int
        As for `seisflow.posterior.predict.predict`.

    Returns
    -------
    ndarray of float32, (T, X)
        In the same unit.
    """
    mean = np.zeros(values.shape, np.float32)
    for part in range(APART[1]):
        hidden = (np.arange(values.shape[1]) + first) % APART[1] == part
        found, _ = predict(network, values, known & ~hidden, hidden, first=first, traces=traces)
        mean[:, hidden] = found[:, hidden]
    if not any(fx_weights):
        return mean
    other, usable = fx_prediction(values, known, first=first, traces=traces)
    return stacked(mean, np.where(usable, other, mean), fx_weights)


def measure_noise(network: Infill, pieces: Sequence[Piece]) -> Noise:
    r"""Spectrum of the incoherent noise, and the weights of the two predictions that it is measured by.

    The error of predicting a trace from those around it is noise, and what changes from trace to trace. The
    latter grows with the distance :math:`d` of the nearest known trace, the former does not:

    .. math:: S_d(f) = N(f) + d\,C(f), \qquad N = 2 S_1 - S_2

    as geostatistics takes the nugget from a linear variogram. The noise of a trace is in neither prediction
    of it, so that weights of least error against the noisy trace are those against the clean one.

    Parameters
    ----------
    network : Infill
    pieces : sequence of Piece
        Parts of the section, all of as many samples.

    References
    ----------
    Journel & Huijbregts, *Mining Geostatistics*, 1978, section III; Batson & Royer, *Noise2Self*, 2019.
    """
    means, weights = {}, {}
    for distance in (1, 2):
        found = list(_predictions(network, pieces, distance))
        stacking = Stacking()
        for one in found:
            stacking.add(np.where(one.usable, one.truth, one.by_network), one.by_network, one.by_fx)
        weights[distance] = stacking.weights()
        means[distance] = _mean_error(found, weights[distance])
    near, far = (gaussian_filter1d(means[distance], 1.0, axis=1, mode="nearest") for distance in (1, 2))
    near, far = (gaussian_filter1d(x, 1.0, axis=0, mode="nearest") for x in (near, far))
    return Noise(np.clip(2 * near - far, 0, near), weights[1])


def _predictions(network: Infill, pieces: Sequence[Piece], distance: int) -> Iterator[_Predicted]:
    apart = APART[distance]
    for piece in pieces:
        place = np.arange(piece.values.shape[1])
        by_fx, fx_usable = fx_prediction(piece.values, piece.known, distance=distance)
        for part in range(0, apart, apart // SETS):
            offset = (place - part) % apart
            wanted = (offset == 0) & (place >= distance) & (place < len(place) - distance)
            if not wanted.any():
                continue
            hidden = (offset < distance) | (offset > apart - distance)
            mean, _ = predict(network, piece.values, piece.known & ~hidden, wanted)
            by_network = mean[:, wanted]
            other = np.where(fx_usable[:, wanted], by_fx[:, wanted], by_network)
            yield _Predicted(piece.values[:, wanted], piece.known[:, wanted], by_network, other)


def _mean_error(found: Sequence[_Predicted], weights: tuple[float, ...]) -> NDArray[np.float64]:
    """Mean power spectrum (J, F) of the error of both predictions together."""
    total: NDArray[np.float64] | float = 0.0
    count: NDArray[np.float64] | float = 0.0
    for one in found:
        mean = stacked(one.by_network, one.by_fx, weights)
        error = np.where(one.usable, one.truth - mean, np.float32(0))
        total = total + power_of(split(error)).sum(2)
        count = count + usable_share(one.usable).sum(1)[:, None]
    result: NDArray[np.float64] = np.asarray(total) / np.maximum(count, 1e-9)
    return result
