"""Noise of a section, and the best prediction of its traces from one another."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from seisflow import progress
from seisflow.models.infill import Infill
from seisflow.posterior.cosines import incoherent_spectrum
from seisflow.posterior.examples import Mask, Piece, Values
from seisflow.posterior.fx import fx_prediction
from seisflow.posterior.predict import predict
from seisflow.posterior.spectra import mean_power
from seisflow.posterior.stacking import Stacking, stacked

APART = 8
"""Traces from one hidden trace to the next."""
SETS = 3
"""Sets of hidden traces that the weights of predictions are found by."""
FLAT = 0.75
"""Share of a given level below the estimated one in which the peaks of its spectrum are cut off."""


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
    for part in range(APART):
        hidden = (np.arange(values.shape[1]) + first) % APART == part
        found, _ = predict(network, values, known & ~hidden, hidden, first=first, traces=traces)
        mean[:, hidden] = found[:, hidden]
    if not any(fx_weights):
        return mean
    other, usable = fx_prediction(values, known, first=first, traces=traces)
    return stacked(mean, np.where(usable, other, mean), fx_weights)


def measure_noise(
    network: Infill, pieces: Sequence[Piece], *, report: progress.Report = progress.silent
) -> Noise:
    """Spectrum of the incoherent noise, and the weights of the two predictions of a trace from the others.

    The noise of a trace is in neither prediction of it, so that weights of least error against the noisy
    trace are those against the clean one.

    Parameters
    ----------
    network : Infill
    pieces : sequence of Piece
        Parts of the section, all of as many samples.
    report : callable
        Takes pieces done and pieces in all.

    References
    ----------
    Batson & Royer, *Noise2Self*, 2019.
    """
    stacking = Stacking()
    for number, piece in enumerate(pieces, start=1):
        place = np.arange(piece.values.shape[1])
        by_fx, fx_usable = fx_prediction(piece.values, piece.known)
        for part in range(0, APART, APART // SETS):
            hidden = (place - part) % APART == 0
            wanted = hidden & (place >= 1) & (place < len(place) - 1)
            if not wanted.any():
                continue
            mean, _ = predict(network, piece.values, piece.known & ~hidden, wanted)
            by_network = mean[:, wanted]
            other = np.where(fx_usable[:, wanted], by_fx[:, wanted], by_network)
            truth = np.where(piece.known[:, wanted], piece.values[:, wanted], by_network)
            stacking.add(truth, by_network, other)
        report(number, len(pieces))
    return Noise(incoherent_spectrum(pieces), stacking.weights())


def at_level(spectrum: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    r"""Spectrum (J, F) of the noise, of a mean ``power`` that is given.

    .. math:: N' = \tfrac{3}{4} \min(N, \theta) + \tfrac{1}{4} c N

    where less is given than estimated, with :math:`\theta` and c such that both terms have their share of the
    power: what stands out of the incoherent power, at a frequency or a depth, is rather of the earth than
    what is everywhere. Where more is given, N is scaled.
    """

    def mean(one: NDArray[np.float64]) -> float:
        return float(mean_power(one, axis=1).mean())

    estimated = mean(spectrum)
    if estimated == 0:
        return np.full_like(spectrum, power)
    scaled = spectrum * (power / estimated)
    if power >= estimated:
        return scaled
    top = brentq(lambda most: mean(np.minimum(spectrum, most)) - power, 0, spectrum.max())
    return FLAT * np.minimum(spectrum, top) + (1 - FLAT) * scaled
