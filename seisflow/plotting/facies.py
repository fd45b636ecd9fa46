"""Figures of facies: their map over a panel, and windows typical of each."""

from collections.abc import Sequence

import numpy as np
from cmcrameri import cm
from matplotlib import rc_context
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from seisflow.plotting.axes import amplitude_limit, show, symmetric
from seisflow.plotting.style import GREY_MAP, LABELS, NO_TRACE, STYLE, fitted_title, new_figure


def facies_colours(topics: int) -> ListedColormap:
    """One colour a facies, from quiet to loud."""
    return ListedColormap(cm.batlow(np.linspace(0.05, 0.95, max(topics, 2)))[:topics], name="seisflow.facies")


@rc_context(STYLE)
def draw_facies_map(
    amplitude: ArrayLike,
    facies: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    labels: Sequence[str],
    *,
    title: str = "",
    lateral_label: str = LABELS["crossline"],
    vertical_label: str = LABELS["time"],
    clip: float = 99.0,
) -> Figure:
    """Draw a panel in grey, and beside it the same under the colours of its facies.

    Parameters
    ----------
    amplitude, facies : array_like, shape (X, T)
        Traces first; facies are numbered from 1, 0 is none.
    lateral : array_like, shape (X,)
    vertical : array_like, shape (T,)
    labels : sequence of str
        Words for each facies.
    title, lateral_label, vertical_label : str
        Words around the picture.
    clip : float
        Percentile of the absolute amplitude at which the greys end.
    """
    numbers, amplitude = np.asarray(facies), np.asarray(amplitude, np.float64)
    figure = new_figure(float(np.clip(18.0 * numbers.shape[0] / numbers.shape[1], 8.0, 14.0)), 5.8)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    norm = symmetric(amplitude, clip)
    show(left, amplitude, lateral, vertical, GREY_MAP, norm)
    colours = facies_colours(len(labels))
    grey = GREY_MAP(norm(np.nan_to_num(amplitude)))[..., :3]
    paint = colours(np.clip(numbers - 1, 0, None))[..., :3]
    mixed = np.where(numbers[..., None] > 0, 0.35 * grey + 0.65 * paint, float(NO_TRACE))
    show(right, mixed, lateral, vertical)
    left.set_title(fitted_title(figure, title, beside=2))
    right.set_title("Facies")
    left.set_ylabel(vertical_label)
    for axes in (left, right):
        axes.set_xlabel(lateral_label)
    handles = [Patch(color=colours(i), label=f"{i + 1}: {words}") for i, words in enumerate(labels)]
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if len(labels) > 3 else len(labels))
    return figure


@rc_context(STYLE)
def draw_typical(
    real: Sequence[Sequence[NDArray[np.float32]]],
    drawn: Sequence[Sequence[NDArray[np.float32]]],
    labels: Sequence[str],
    columns: int,
    clip: float = 99.0,
) -> Figure:
    """Draw windows of each facies, a row each: of the section at the left, drawn from the model at the right.

    Parameters
    ----------
    real, drawn : sequence of sequence of ndarray (T, X)
        Windows of each facies, at most ``columns``; amplitudes of either have limits of their own.
    labels : sequence of str
    columns : int
        Room for windows of either kind.
    """
    figure = new_figure(1.15 * 2 * columns + 0.6, 1.75 * len(labels) + 0.4)
    parts = figure.subfigures(1, 2, squeeze=False)[0]
    for part, windows, words in zip(parts, (real, drawn), ("Section", "Drawn from the model"), strict=True):
        part.suptitle(words, fontsize=10)
        every = [window for row in windows for window in row]
        limit = amplitude_limit(np.stack(every), clip) if every else 1.0
        grid = part.subplots(len(labels), columns, squeeze=False)
        for number, (axes_row, row) in enumerate(zip(grid, windows, strict=True), start=1):
            for axes in axes_row:
                axes.set_axis_off()
            for axes, window in zip(axes_row, row, strict=False):
                axes.imshow(window, GREY_MAP, Normalize(-limit, limit), aspect="auto")
            axes_row[0].set_title(f"{number}: {labels[number - 1]}", fontsize=7)
    return figure
