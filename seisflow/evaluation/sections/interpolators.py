"""Interpolators without a model, for missing traces: linear, f-k POCS, f-x Gaussian, rank reduction.

All take a panel (T, X), of which the missing traces may hold anything, and which traces are missing, and
return it with these filled. Windows overlap by half and are blended with a raised cosine.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seisflow.patches import OverlapAdd, window_starts

Panel: TypeAlias = NDArray[np.float64]
Traces: TypeAlias = NDArray[np.bool_]


def linear(panel: Panel, missing: Traces) -> Panel:
    """Interpolate every time slice linearly between known traces; constant beyond the outermost."""
    place = np.arange(panel.shape[1])
    out = panel.copy()
    known = ~missing
    for row in out:
        row[missing] = np.interp(place[missing], place[known], row[known])
    return out


def pocs(
    panel: Panel, missing: Traces, *, size: tuple[int, int] = (64, 64), lowest: float = 0.05, steps: int = 40
) -> Panel:
    """Project onto sparse f-k spectra and onto the known traces in turn (Abma & Kabir, 2006).

    The threshold falls from the largest coefficient to a share ``lowest`` of it, exponentially.
    """

    def fill(window: Panel, hidden: Traces) -> Panel:
        shape = (2 * window.shape[0], 2 * window.shape[1])
        start = np.where(hidden, 0, window)
        largest = np.abs(np.fft.fft2(start, shape)).max()
        x = start
        for step in range(steps):
            spectrum = np.fft.fft2(x, shape)
            spectrum[np.abs(spectrum) < largest * lowest ** (step / (steps - 1))] = 0
            back = np.fft.ifft2(spectrum).real[: window.shape[0], : window.shape[1]]
            x = np.where(hidden, back, start)
        return x

    return _in_windows(panel, missing, size, fill)


def rank_reduction(
    panel: Panel, missing: Traces, *, size: tuple[int, int] = (64, 32), rank: int = 2, steps: int = 6
) -> Panel:
    """Reduce the rank of the Hankel matrix of every frequency, and put the known traces back, in turn.

    References
    ----------
    Oropeza & Sacchi, *Simultaneous seismic data denoising and reconstruction via MSSA*, 2011.
    """

    def fill(window: Panel, hidden: Traces) -> Panel:
        samples, traces = window.shape
        start = np.fft.rfft(np.where(hidden, 0, window), 2 * samples, axis=0)
        rows = traces // 2 + 1
        place = np.arange(rows)[:, None] + np.arange(traces - rows + 1)
        often = np.bincount(place.ravel(), minlength=traces)
        x = start
        for _ in range(steps):
            left, values, right = np.linalg.svd(x[:, place], full_matrices=False)
            values[:, rank:] = 0
            hankel = (left * values[:, None, :]) @ right
            sums = np.zeros_like(x)
            for row in range(rows):
                sums[:, row : row + traces - rows + 1] += hankel[:, row]
            x = np.where(hidden, sums / often, start)
        return np.fft.irfft(x, 2 * samples, axis=0)[:samples]

    return _in_windows(panel, missing, size, fill)


class FxGaussian:
    """Predict each frequency as a stationary complex Gaussian along traces, whose covariance was fitted.

    Parameters
    ----------
    lines : list of ndarray (T, X)
        Whole lines to fit to.
    size : (int, int)
        Samples and traces of a window.
    nugget : float
        Share of the power taken for incoherent.
    """

    def __init__(self, lines: list[Panel], *, size: tuple[int, int] = (64, 64), nugget: float = 0.01) -> None:
        self.size, self.nugget = size, nugget
        samples, traces = size
        taper = np.hanning(samples + 2)[1:-1, None]
        sums = np.zeros((samples + 1, traces), np.complex128)
        counts = np.zeros(traces)
        for line in lines:
            for top in window_starts(line.shape[0], samples, samples // 2):
                spectrum = np.fft.rfft(line[top : top + samples] * taper, 2 * samples, axis=0)
                lags = range(min(traces, line.shape[1]))
                products = [
                    (spectrum[:, k:] * spectrum[:, : spectrum.shape[1] - k].conj()).sum(1) for k in lags
                ]
                sums[:, : len(products)] += np.stack(products, axis=1)
                counts[: len(products)] += [line.shape[1] - k for k in lags]
        self.covariance = sums / np.maximum(counts, 1)
        place = np.arange(traces)
        lag = place[:, None] - place
        whole = self.covariance[:, np.abs(lag)]
        self._matrix = np.where(lag >= 0, whole, whole.conj())

    def __call__(self, panel: Panel, missing: Traces) -> Panel:
        def fill(window: Panel, hidden: Traces) -> Panel:
            samples, traces = window.shape
            known = ~hidden
            matrix = self._matrix[:, :traces, :traces]
            own = matrix[:, known][:, :, known]
            power = self.nugget * self.covariance[:, :1, None].real
            own = own + power * np.eye(own.shape[1])
            spectrum = np.fft.rfft(window[:, known], 2 * samples, axis=0)
            weights = np.linalg.solve(own, spectrum[:, :, None])
            found = (matrix[:, hidden][:, :, known] @ weights)[:, :, 0]
            out = window.copy()
            out[:, hidden] = np.fft.irfft(found, 2 * samples, axis=0)[:samples]
            return out

        return _in_windows(panel, missing, self.size, fill)


def _in_windows(
    panel: Panel, missing: Traces, size: tuple[int, int], fill: Callable[[Panel, Traces], Panel]
) -> Panel:
    size = min(size[0], panel.shape[0]), min(size[1], panel.shape[1])
    sums = OverlapAdd(panel.shape, size)
    for left in window_starts(panel.shape[1], size[1], size[1] // 2):
        columns = slice(left, left + size[1])
        if not missing[columns].any():
            continue
        for top in window_starts(panel.shape[0], size[0], size[0] // 2):
            window = np.where(missing[columns], 0.0, panel[top : top + size[0], columns])
            found = fill(window, missing[columns])
            sums.add([top], [left], found[None].astype(np.float32))
    return np.where(missing, sums.result(), panel)
