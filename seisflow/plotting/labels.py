"""Figure of hits, misses and false alarms of a map."""

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike
from scipy.ndimage import binary_dilation

from seisflow.plotting.axes import canvas, show, symmetric
from seisflow.plotting.style import GREY_MAP, LABELS, STYLE

HIT, MISS, FALSE = "#2a9d4e", "#d1495b", "#e9a03b"


@rc_context(STYLE)
def draw_labels(
    amplitude: ArrayLike,
    found: ArrayLike,
    labels: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    *,
    within: int = 2,
    title: str = "",
    lateral_label: str = "trace",
    vertical_label: str = "time",
    clip: float = 99.0,
) -> Figure:
    """Draw a section in grey with the picks that a map finds, those it misses, and its false alarms.

    Parameters
    ----------
    amplitude : array_like, shape (X, T)
    found, labels : array_like of bool, shape (X, T)
        Samples beyond the map's threshold, and picks.
    lateral, vertical : array_like, shapes (X,) and (T,)
        Labels of traces and samples.
    within : int
        Traces to each side by which a pick may be missed.
    title, lateral_label, vertical_label : str
        Words around the picture.
    clip : float
        Percentile of the absolute amplitude at which black and white are reached.
    """
    hits_of, picks = np.asarray(found, bool), np.asarray(labels, bool)
    beside = np.ones((2 * within + 1, 1))
    reached = picks & binary_dilation(hits_of, beside)
    near = binary_dilation(picks, beside)
    layers = {
        "false alarm": (hits_of & ~near, FALSE, 0.75),
        "hit": ((hits_of & near) | binary_dilation(reached, np.ones((3, 1))), HIT, 0.85),
        "missed": (binary_dilation(picks & ~reached, np.ones((3, 1))), MISS, 0.95),
    }
    figure, axes = canvas(
        hits_of.shape,
        title,
        LABELS.get(lateral_label, lateral_label),
        LABELS.get(vertical_label, vertical_label),
    )
    show(axes, amplitude, lateral, vertical, GREY_MAP, symmetric(amplitude, clip))
    colours = np.zeros((*hits_of.shape, 4))
    for where, colour, alpha in layers.values():
        colours[where] = to_rgba(colour, alpha)
    show(axes, colours, lateral, vertical)
    handles = [Patch(color=colour, alpha=alpha, label=name) for name, (_, colour, alpha) in layers.items()]
    axes.legend(handles=handles, loc="lower right", ncols=3, fontsize="small", framealpha=0.9)
    return figure
