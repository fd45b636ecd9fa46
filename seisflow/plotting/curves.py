"""Training curves, spectra and histograms."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike, NDArray

from seisflow.plotting.axes import amplitude_limit
from seisflow.plotting.style import AMPLITUDE_MAP, STYLE, new_figure


@rc_context(STYLE)
def draw_loss(history: Mapping[str, ArrayLike], *, title: str = "") -> Figure:
    """Draw the negative log-likelihood of training and validation against the step.

    Parameters
    ----------
    history : mapping of str to array_like, shape (K,)
        Columns ``step``, ``train`` and ``validation``, the last two in nats per dimension, NaN where a
        row has no value (validation is rarer than training).
    title : str
        Title of the figure.
    """
    step = np.asarray(history["step"], dtype=np.float64)
    train, validation = (np.asarray(history[name], dtype=np.float64) for name in ("train", "validation"))
    figure = new_figure(7.0, 4.2)
    axes = figure.add_subplot()
    known = np.isfinite(train)
    blue, red = AMPLITUDE_MAP(0.2), AMPLITUDE_MAP(0.8)
    axes.plot(step[known], train[known], color=blue, alpha=0.25, linewidth=0.8)
    axes.plot(step[known], _smooth(train[known]), color=blue, label="Training")
    known = np.isfinite(validation)
    axes.plot(step[known], validation[known], color=red, marker="o", markersize=3.5)
    axes.plot([], [], color=red, marker="o", markersize=3.5, label="Validation (held out)")
    axes.set_ylim(_loss_limits(train, validation))
    axes.set_xlabel("Step")
    axes.set_ylabel("Negative log-likelihood (nats per dimension)")
    bits = axes.secondary_yaxis("right", functions=(_nats_to_bits, _bits_to_nats))
    bits.set_ylabel("bits per dimension")
    axes.grid()
    axes.legend()
    axes.set_title(title)
    return figure


@rc_context(STYLE)
def draw_spectra(real: ArrayLike, generated: ArrayLike, *, interval: float, depth: bool = False) -> Figure:
    """Draw the mean amplitude spectrum and the amplitude histogram of generated patches beside real ones.

    Parameters
    ----------
    real, generated : array_like, shapes (M, 1, H, W) and (N, 1, H, W)
        Patches in the same units.
    interval : float
        Sample interval, in ms, or in m where ``depth``.
    depth : bool
        Whether the vertical axis is depth: the spectrum is then over cycles per km.
    """
    figure = new_figure(9.6, 3.8)
    spectra, histogram = figure.subplots(1, 2)
    limit = 1.1 * amplitude_limit(real, 99.9)
    peak = None
    for name, patches, colour in (
        ("Real", np.asarray(real, dtype=np.float64)[:, 0], "0.2"),
        ("Generated", np.asarray(generated, dtype=np.float64)[:, 0], AMPLITUDE_MAP(0.8)),
    ):
        height = patches.shape[1]
        taper = np.hanning(height)[:, None]
        each = np.abs(np.fft.rfft(patches * taper, axis=1)).mean(2)  # (N, frequency): mean over the traces
        frequency = np.fft.rfftfreq(height, interval / 1000)
        peak = each.mean(0).max() if peak is None else peak
        lower, upper = np.percentile(each, [10, 90], axis=0) / peak
        spectra.fill_between(frequency, lower, upper, color=colour, alpha=0.15, linewidth=0)
        spectra.plot(frequency, each.mean(0) / peak, color=colour, label=name)
        density, edges = np.histogram(patches, bins=51, range=(-limit, limit), density=True)
        histogram.stairs(density, edges, color=colour, label=name)
    spectra.set_xlabel("Wavenumber (cycles per km)" if depth else "Frequency (Hz)")
    spectra.set_ylabel("Mean amplitude (peak of real = 1)")
    spectra.set_xlim(0, frequency[-1])
    spectra.set_ylim(bottom=0)
    histogram.set_xlabel("Amplitude")
    histogram.set_ylabel("Density")
    histogram.set_yscale("log")
    histogram.yaxis.set_minor_formatter(NullFormatter())
    histogram.set_xlim(-limit, limit)
    for axes, title in ((spectra, "Spectrum (band: 10 to 90 % of patches)"), (histogram, "Histogram")):
        axes.grid()
        axes.legend()
        axes.set_title(title)
    return figure


def _nats_to_bits(nats: ArrayLike) -> ArrayLike:
    return np.asarray(nats) / math.log(2)


def _bits_to_nats(bits: ArrayLike) -> ArrayLike:
    return np.asarray(bits) * math.log(2)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the running mean over a fiftieth of the curve, with shorter windows at its ends."""
    half = len(values) // 100
    total = np.concatenate([[0.0], np.cumsum(values)])
    i = np.arange(len(values))
    first, last = np.maximum(i - half, 0), np.minimum(i + half + 1, len(values))
    return (total[last] - total[first]) / (last - first)


def _loss_limits(*curves: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits that show where the curves end up, not the cliff that they start from."""
    known = [curve[np.isfinite(curve)] for curve in curves]
    late = np.concatenate([curve[len(curve) // 20 :] for curve in known])
    if not late.size:
        return 0.0, 1.0
    low, high = float(late.min()), float(np.percentile(late, 98))
    margin = 0.08 * (high - low) or 0.1
    return low - margin, high + margin
