"""Prediction of missing traces as a stationary Gaussian, frequency by frequency (simple kriging in f-x)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisflow.patches import window_starts
from seisflow.posterior.examples import Mask, Piece, Values, traces_of
from seisflow.posterior.predict import WINDOW

SAMPLES = 64
"""Samples of a window; windows overlap by half in time and along traces."""
NUGGET = 0.003
"""Share of the power taken for incoherent."""
RANGE = 10.0
"""Traces over which estimated covariances are trusted: standard deviation of their Gaussian taper."""

Covariance = NDArray[np.complex128]


def covariance(pieces: Sequence[Piece]) -> Covariance:
    """Covariance of each frequency at lags of 0 to 63 traces, (F, 64), from the traces that may be learned.

    Every lag has its own pairs of traces, so what is estimated need not be one of a stationary process; its
    nearest that is has the negative parts of the wavenumber spectrum cut off.
    """
    taper = np.hanning(SAMPLES + 2)[1:-1, None]
    sums = np.zeros((SAMPLES + 1, WINDOW), np.complex128)
    counts = np.zeros(WINDOW)
    for piece in pieces:
        there = traces_of(piece.target)
        values = np.where(there, piece.values, 0)
        values = np.pad(values, ((0, max(SAMPLES - len(values), 0)), (0, 0)))
        lags = range(min(WINDOW, values.shape[1]))
        tops = window_starts(len(values), SAMPLES, SAMPLES // 2)
        for top in tops:
            spectrum = np.fft.rfft(values[top : top + SAMPLES] * taper, 2 * SAMPLES, axis=0)
            for k in lags:
                sums[:, k] += (spectrum[:, k:] * spectrum[:, : spectrum.shape[1] - k].conj()).sum(1)
        for k in lags:
            counts[k] += len(tops) * np.count_nonzero(there[k:] & there[: len(there) - k])
    half = sums / np.maximum(counts, 1) * np.exp(-0.5 * (np.arange(WINDOW) / RANGE) ** 2)
    whole = np.zeros((SAMPLES + 1, 2 * WINDOW), np.complex128)
    whole[:, :WINDOW] = half
    whole[:, WINDOW + 1 :] = half[:, :0:-1].conj()
    spectrum = np.fft.fft(whole, axis=1).real.clip(min=0)
    return np.fft.ifft(spectrum, axis=1)[:, :WINDOW]


def krige(
    model: Covariance,
    values: Values,
    known: Mask,
    wanted: Mask,
    *,
    first: int = 0,
    traces: int | None = None,
) -> Values:
    """Predict the wanted traces from those that are known.

    Parameters
    ----------
    model : ndarray, (F, 64)
        As of `covariance`.
    values, known, wanted, first, traces
        As for `seisflow.posterior.predict.predict`.

    Returns
    -------
    ndarray of float32, (T, X)
        0 elsewhere.
    """
    there = traces_of(known)
    whole = traces if traces is not None else values.shape[1]
    sums, weight = np.zeros(values.shape), np.zeros(values.shape)
    tops = window_starts(len(values), SAMPLES, SAMPLES // 2)
    bell = np.sin(np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES)[:, None] ** 2
    for start in window_starts(whole, WINDOW, WINDOW // 2):
        columns = slice(int(start) - first, min(int(start) + WINDOW, whole) - first)
        inside = columns.start >= 0 and columns.stop <= values.shape[1]
        if not inside or not wanted[columns].any() or not there[columns].any():
            continue
        weights = _weights(model, there[columns], wanted[columns])
        side = np.sin(np.pi * (np.arange(columns.stop - columns.start) + 0.5) / WINDOW) ** 2
        chosen = columns.start + np.flatnonzero(wanted[columns])
        taper = bell * side[wanted[columns]]
        for top in tops:
            rows = slice(top, top + SAMPLES)
            part = values[rows, columns][:, there[columns]]
            spectrum = np.fft.rfft(part, 2 * SAMPLES, axis=0)
            found = np.fft.irfft((weights @ spectrum[:, :, None])[:, :, 0], 2 * SAMPLES, axis=0)
            size = len(part)
            sums[rows, chosen] += (taper * found[:SAMPLES])[:size]
            weight[rows, chosen] += taper[:size]
    return np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0).astype(np.float32)


def _weights(model: Covariance, there: Mask, wanted: Mask) -> Covariance:
    """Weights (F, M, N) of the N traces that are there in each of the M that are wanted."""
    place = np.arange(len(there))
    lag = place[:, None] - place
    matrix = model[:, np.abs(lag)]
    matrix = np.where(lag >= 0, matrix, matrix.conj())
    own = matrix[:, there][:, :, there]
    own = own + NUGGET * (model[:, :1, None].real + 1e-12) * np.eye(own.shape[1])
    across = matrix[:, wanted][:, :, there]
    solved = np.asarray(np.linalg.solve(own, across.conj().transpose(0, 2, 1)), np.complex128)
    return solved.conj().transpose(0, 2, 1)
