"""Noise level of a section: the part that cannot be predicted even from the nearest traces."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seisflow.posterior.examples import Mask, Piece, Values
from seisflow.posterior.network import Infill
from seisflow.posterior.predict import predict
from seisflow.posterior.spectra import power_of, split, usable_share

APART = {1: 8, 2: 9}
"""Traces from one hidden trace to the next, where the nearest known trace is 1 or 2 away."""
SETS = 3
"""Sets of hidden traces that errors are averaged over."""


def leave_one_out(
    network: Infill, values: Values, known: Mask, *, first: int = 0, traces: int | None = None
) -> tuple[Values, Values]:
    """Mean and standard deviation of every trace (T, X) given all others, itself hidden.

    Parameters
    ----------
    network : Infill
    values : ndarray of float32, (T, X)
        In standard deviations of the section.
    known : ndarray of bool, (T, X)
    first, traces : int
        As for `seisflow.posterior.predict.predict`.

    Returns
    -------
    mean, std : ndarray of float32, (T, X)
        In the same unit.
    """
    mean, std = np.zeros((2, *values.shape), np.float32)
    for part in range(APART[1]):
        hidden = (np.arange(values.shape[1]) + first) % APART[1] == part
        found = predict(network, values, known & ~hidden, hidden, first=first, traces=traces)
        mean[:, hidden], std[:, hidden] = (x[:, hidden] for x in found)
    return mean, std


def noise_spectrum(network: Infill, pieces: Sequence[Piece]) -> NDArray[np.float64]:
    r"""Power spectrum of the incoherent noise of each window of 128 samples, (J, F).

    The error of predicting a trace from those around it is noise, and what changes from trace to trace. The
    latter grows with the distance :math:`d` of the nearest known trace, the former does not:

    .. math:: S_d(f) = N(f) + d\,C(f), \qquad N = 2 S_1 - S_2

    as geostatistics takes the nugget from a linear variogram.

    Parameters
    ----------
    network : Infill
    pieces : sequence of Piece
        Parts of the section, all of as many samples.

    Returns
    -------
    ndarray of float64, (J, F)
        For J windows along the vertical axis and F frequencies, in squared standard deviations.

    References
    ----------
    Journel & Huijbregts, *Mining Geostatistics*, 1978, section III.
    """
    errors = [_mean_error(network, pieces, distance) for distance in (1, 2)]
    near, far = (gaussian_filter1d(x, 1.0, axis=1, mode="nearest") for x in errors)
    near, far = (gaussian_filter1d(x, 1.0, axis=0, mode="nearest") for x in (near, far))
    return np.clip(2 * near - far, 0, near)


def _mean_error(network: Infill, pieces: Sequence[Piece], distance: int) -> NDArray[np.float64]:
    """Mean power spectrum (J, F) of the error where the nearest known traces are so far."""
    total: NDArray[np.float64] | float = 0.0
    count: NDArray[np.float64] | float = 0.0
    apart = APART[distance]
    for piece in pieces:
        place = np.arange(piece.values.shape[1])
        for part in range(0, apart, apart // SETS):
            offset = (place - part) % apart
            wanted = (offset == 0) & (place >= distance) & (place < len(place) - distance)
            if not wanted.any():
                continue
            hidden = (offset < distance) | (offset > apart - distance)
            mean, _ = predict(network, piece.values, piece.known & ~hidden, wanted)
            usable = piece.known & wanted
            error = np.where(usable, piece.values - np.where(usable, mean, 0), 0)[:, wanted]
            share = usable_share(usable[:, wanted])
            total = total + power_of(split(error)).sum(2)
            count = count + share.sum(1)[:, None]
    result: NDArray[np.float64] = np.asarray(total) / np.maximum(count, 1e-9)
    return result
