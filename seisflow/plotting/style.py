"""Colour maps, labels and style shared by all figures.

Amplitudes are drawn with Crameri's perceptually uniform colour maps (``cmcrameri``): equal steps look equal,
in print and to colour-blind readers.
"""

from difflib import get_close_matches
from typing import Any

import numpy as np
from cmcrameri import cm
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from seisflow.errors import ConfigError

AMPLITUDE_MAP: Colormap = cm.vik
GREY_MAP: Colormap = cm.grayC_r
# the middles of lajolla and oslo: their ends are too pale and too dark to tell from the grey beneath
UNUSUAL_MAP: Colormap = ListedColormap(cm.lajolla_r(np.linspace(0.12, 0.66, 256)), name="seisflow.unusual")
DIM_MAP: Colormap = ListedColormap(cm.oslo_r(np.linspace(0.2, 0.65, 256)), name="seisflow.dim")
LABELS = {
    "time": "Two-way time (ms)",
    "depth": "Depth (m)",
    "inline": "Inline",
    "crossline": "Crossline",
    "trace": "Trace",
    "cdp": "CDP",
    "shot_point": "Shot point",
    "ffid": "Field record",
    "offset": "Offset (m)",
    "channel": "Channel",
    "shot": "Shot",
    "patch": "Patch",
}
NO_TRACE = "0.88"  # light grey, in no amplitude map
_FRAME = "0.35"
CONTOUR = "#4a1010"
STYLE: dict[Any, Any] = {
    "axes.edgecolor": _FRAME,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "text.parse_math": False,  # a $ in a file's name is a $
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "xtick.color": _FRAME,
    "xtick.labelcolor": "black",
    "xtick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.color": _FRAME,
    "ytick.labelcolor": "black",
    "ytick.labelsize": 8,
    "ytick.major.width": 0.6,
}


def find_colour_map(name: str) -> Colormap:
    """Colour map of matplotlib or of Crameri by its name.

    Raises
    ------
    ConfigError
        If there is none; the message lists some.
    """
    if name in colormaps:
        return colormaps[name]
    if isinstance(found := getattr(cm, name, None), Colormap):
        return found
    near = get_close_matches(name, [*colormaps, *vars(cm)], n=3) or ["vik", "grayC_r", "seismic", "RdGy"]
    raise ConfigError(
        f"{name}: no such colour map. Expected one of matplotlib or cmcrameri: {', '.join(near)}"
    )


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
