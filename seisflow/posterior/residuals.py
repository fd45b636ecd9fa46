"""Errors of predictions: their size, and the correlation of neighbouring samples' errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisflow import progress
from seisflow.models.infill import Infill
from seisflow.patches.areas import evenly
from seisflow.posterior.examples import Piece, Values, traces_of
from seisflow.posterior.intervals import HALF_WIDTH, Errors, Widths, distance_to_known, fit_widths
from seisflow.posterior.kriging import Covariance, krige
from seisflow.posterior.predict import predict
from seisflow.posterior.stacking import Stacking, stacked
from seisflow.posterior.weighted_norm import MOST_ROUNDS, interpolate, noise_of

SPECTRUM_SAMPLES = 128
"""Samples of the windows that the spectrum of the errors is estimated from."""
INTERPOLATED, INTERPOLATED_TRACES = 4, 1024
"""Pieces, evenly taken, on which rounds of interpolation are tried; of narrow ones more, so many traces."""
BLOCK_TRACES = 256
"""Traces that draw their noise together."""


@dataclass(frozen=True)
class Residuals:
    r"""Errors of predictions in their own standard deviations, :math:`z = (x - \mu) / \sigma`.

    Attributes
    ----------
    widths : Widths
        What standard deviations must be multiplied with for 90 % intervals to hold 90 % of the traces that
        were kept.
    covered : float
        Share they held before.
    samples : int
        Samples this rests on.
    response : tuple of float
        Amplitude spectrum of z, of unit power, at frequencies from 0 to Nyquist.
    lateral : float
        Correlation of z on neighbouring missing traces.
    kriging : tuple of float
        Weight of kriging in the mean, by frequency; the network has the rest.
    rounds : int
        Rounds of interpolation by local spectra that leave least error on these traces.
    noise : ndarray, (J, F), or None
        Spectrum of the noise that this takes; None without rounds.
    """

    widths: Widths
    covered: float
    samples: int
    response: tuple[float, ...]
    lateral: float
    kriging: tuple[float, ...] = ()
    rounds: int = 0
    noise: NDArray[np.float64] | None = None

    def draw(self, shape: tuple[int, int], first: int, seed: Sequence[int]) -> Values:
        """Draw z with these correlations for traces ``first`` on of a panel, (T, X).

        Every block of 256 traces has a seed of its own, so that a part of a panel is the same alone.
        """
        samples, traces = shape
        start, stop = first - 1, first + traces + 1  # a trace more on both sides, for the lateral correlation
        blocks = range(start // BLOCK_TRACES, (stop - 1) // BLOCK_TRACES + 1)
        white = np.concatenate(
            [
                np.random.default_rng([*seed, block + 1]).standard_normal(
                    (BLOCK_TRACES, samples), dtype=np.float32
                )
                for block in blocks
            ]
        )
        begin = start - blocks[0] * BLOCK_TRACES
        white = white[begin : begin + stop - start]
        spectrum = np.fft.rfft(white, axis=1)
        places = np.linspace(0, 1, spectrum.shape[1])
        spectrum *= np.interp(places, np.linspace(0, 1, len(self.response)), self.response)
        coloured = np.fft.irfft(spectrum, samples, axis=1)
        side = lateral_weight(self.lateral)
        mixed = coloured[1:-1] + side * (coloured[:-2] + coloured[2:])
        return np.ascontiguousarray(mixed.T / np.sqrt(1 + 2 * side**2), dtype=np.float32)


def lateral_weight(correlation: float) -> float:
    r"""Weight :math:`a` of both neighbours that gives :math:`2a / (1 + 2a^2)`, 0.7 at most."""
    wanted = min(max(correlation, 0.0), 0.7)
    return 0.0 if wanted == 0 else (1 - np.sqrt(1 - 2 * wanted**2)) / (2 * wanted)


def measure(
    network: Infill,
    model: Covariance,
    pieces: Sequence[Piece],
    *,
    report: progress.Report = progress.silent,
) -> Residuals:
    """Predict the traces that were kept from learning as the filler does, and compare.

    ``report`` takes predictions and rounds of interpolation done, and most in all.
    """
    stacking = Stacking()
    predicted = []
    widest = max(piece.values.shape[1] for piece in pieces)
    chosen = evenly(len(pieces), max(INTERPOLATED, INTERPOLATED_TRACES // widest)).tolist()
    total = len(pieces) + MOST_ROUNDS * len(chosen)
    for number, piece in enumerate(pieces, start=1):
        kept = piece.known & ~piece.target
        absent = ~traces_of(piece.target)
        mean, std = predict(network, piece.values, piece.target, absent)
        mean = np.nan_to_num(mean)
        other = krige(model, piece.values, piece.target, absent)
        truth, first, second = (np.where(kept, x, np.float32(0)) for x in (piece.values, mean, other))
        columns = traces_of(kept)
        stacking.add(truth[:, columns], first[:, columns], second[:, columns])
        predicted.append((mean, other, np.where(kept, std, np.float32(1))))
        report(number, total)
    weights = stacking.weights()
    means = [stacked(mean, other, weights) for mean, other, _ in predicted]
    spreads = [std for _, _, std in predicted]
    noise, rounds, interpolated = _rounds(
        [pieces[k] for k in chosen],
        [means[k] for k in chosen],
        lambda done: report(len(pieces) + done, total),
    )
    report(total, total)
    if rounds:
        pieces, spreads, means = [pieces[k] for k in chosen], [spreads[k] for k in chosen], interpolated
    errors: list[Errors] = []
    distances: list[float] = []
    for piece, mean, std in zip(pieces, means, spreads, strict=True):
        kept = piece.known & ~piece.target
        places = np.flatnonzero(traces_of(kept))
        errors += [((piece.values - mean) / std)[kept[:, x], x] for x in places]
        distances += distance_to_known(traces_of(piece.target))[places].tolist()
    widths = fit_widths(errors, distances)
    units = [
        std * widths.at(distance_to_known(traces_of(piece.target)))
        for piece, std in zip(pieces, spreads, strict=True)
    ]
    response, lateral = _correlations(pieces, means, units)
    return Residuals(
        widths=widths,
        covered=float((np.abs(np.concatenate(errors)) <= HALF_WIDTH).mean()),
        samples=sum(map(len, errors)),
        response=response,
        lateral=lateral,
        kriging=weights,
        rounds=rounds,
        noise=noise if rounds else None,
    )


def _correlations(
    pieces: Sequence[Piece], means: Sequence[Values], units: Sequence[Values]
) -> tuple[tuple[float, ...], float]:
    """Amplitude spectrum of kept traces' errors in their units, and their correlation side by side."""
    squares, count, products, pairs = 0.0, 0, 0.0, 0
    power = np.zeros(SPECTRUM_SAMPLES // 2 + 1)
    for piece, mean, unit in zip(pieces, means, units, strict=True):
        kept = piece.known & ~piece.target
        z = np.where(kept, (piece.values - mean) / unit, 0)
        squares += float(np.square(z).sum())
        count += int(kept.sum())
        power += _power(z[:, traces_of(kept)])
        both = kept[:, 1:] & kept[:, :-1]
        products += float((z[:, 1:] * z[:, :-1])[both].sum())
        pairs += int(both.sum())
    response = np.sqrt(power / max(power[1:-1].mean(), 1e-12)) if power.any() else np.ones(len(power))
    lateral = products / pairs / (squares / count) if pairs else 0.0
    return tuple(float(f"{r:.5g}") for r in response), lateral


def _rounds(
    pieces: Sequence[Piece], means: Sequence[Values], report: Callable[[int], None]
) -> tuple[NDArray[np.float64], int, list[Values]]:
    """Noise, rounds of interpolation that leave least error on kept traces, and what they give.

    Errors count by their logarithm, trace by trace: a few traces in the widest gaps, which no round helps,
    would decide for all others. Nor may their sum become larger than that of the prediction.
    """
    known = [traces_of(piece.target) for piece in pieces]
    found = [
        np.where(there, piece.values, mean) for piece, there, mean in zip(pieces, known, means, strict=True)
    ]
    noise = noise_of(pieces, found)
    errors = _squared_errors(pieces, found)
    most, least = errors.sum(), _mean_log(errors)
    rounds, best = 0, found
    for number in range(1, MOST_ROUNDS + 1):
        sharper = []
        for piece, guide, there in zip(pieces, found, known, strict=True):
            sharper.append(interpolate(piece.values, guide, there, noise))
            report((number - 1) * len(pieces) + len(sharper))
        found = sharper
        errors = _squared_errors(pieces, found)
        if _mean_log(errors) >= least or errors.sum() > most:
            break
        rounds, least, best = number, _mean_log(errors), found
    return noise, rounds, best


def _squared_errors(pieces: Sequence[Piece], means: Sequence[Values]) -> NDArray[np.float64]:
    """Sum of squared errors of each trace that was kept."""
    found = []
    for piece, mean in zip(pieces, means, strict=True):
        kept = piece.known & ~piece.target
        errors = np.where(kept, piece.values - mean, 0).astype(np.float64)
        found.append(np.square(errors).sum(0)[traces_of(kept)])
    return np.concatenate(found)


def _mean_log(errors: NDArray[np.float64]) -> float:
    return float(np.log(errors + 1e-12).mean())


def _power(z: NDArray[np.float32]) -> NDArray[np.float64]:
    """Summed power spectrum of windows of the traces (T, X), zero-padded where they are shorter."""
    size = SPECTRUM_SAMPLES
    z = np.pad(z, ((0, max(size - len(z), 0)), (0, 0)))
    taper = np.hanning(size + 2)[1:-1, None]
    starts = range(0, len(z) - size + 1, size // 2)
    return sum(
        (np.square(np.abs(np.fft.rfft(taper * z[s : s + size], axis=0))).sum(1) for s in starts),
        start=np.zeros(size // 2 + 1),
    )
