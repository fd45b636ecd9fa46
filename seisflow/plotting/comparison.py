"""Figure of several maps of one panel, side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from seisflow.plotting.axes import amplitude_limit, colour_bar, show, symmetric
from seisflow.plotting.style import AMPLITUDE_MAP, LABELS, STYLE, UNUSUAL_MAP, new_figure


@rc_context(STYLE)
def draw_comparison(
    maps: Sequence[tuple[str, ArrayLike]],
    lateral: ArrayLike,
    vertical: ArrayLike,
    *,
    spread: tuple[str, ArrayLike] | None = None,
    title: str = "",
    lateral_label: str = LABELS["crossline"],
    vertical_label: str = LABELS["time"],
    clip: float = 99.0,
) -> Figure:
    """Draw amplitudes side by side, in the colours of the first that has any.

    Parameters
    ----------
    maps : sequence of (str, array_like (X, T))
        Amplitudes, each with its name; traces first, NaN where there is no trace.
    lateral, vertical : array_like, (X,) and (T,)
        Labels of traces and samples.
    spread : (str, array_like (X, T)), optional
        What is not negative, such as a standard deviation, drawn last.
    title, lateral_label, vertical_label : str
        Words around the picture.
    clip : float
        Percentile of the absolute amplitude at which the colours end.
    """
    count = len(maps) + (spread is not None)
    traces, samples = np.shape(maps[0][1])
    width = float(np.clip(9.0 * traces / samples, 2.6, 6.5))
    figure = new_figure(width * count + 1.4, 5.6)
    panes = np.atleast_1d(figure.subplots(1, count, sharey=True))
    scale = next((values for _, values in maps if np.isfinite(np.asarray(values)).any()), maps[0][1])
    norm = symmetric(scale, clip)
    for axes, (name, values) in zip(panes, maps, strict=False):
        image = show(axes, values, lateral, vertical, AMPLITUDE_MAP, norm)
        axes.set_title(name)
    colour_bar(figure, panes[len(maps) - 1], image, "Amplitude", extend="both")
    if spread is not None:
        values = np.asarray(spread[1])
        limit = amplitude_limit(values, clip)
        # Made smooth, a single trace between others without a value would be lost.
        shade = show(
            panes[-1], values, lateral, vertical, UNUSUAL_MAP, Normalize(0, limit), interpolation="nearest"
        )
        panes[-1].set_title(spread[0])
        colour_bar(figure, panes[-1], shade, spread[0], extend="max")
    for axes in panes:
        axes.set_xlabel(lateral_label)
    panes[0].set_ylabel(vertical_label)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure
