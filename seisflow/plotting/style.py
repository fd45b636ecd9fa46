"""Colour maps, labels and style shared by all figures.

Amplitudes are drawn with Crameri's perceptually uniform colour maps (``cmcrameri``): equal steps look equal,
in print and to colour-blind readers.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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
LETTERS, MARGIN = 12.5, 0.7
"""Letters of a title in an inch, and inches left of it."""
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


@contextmanager
def boxes_for_unknown_signs() -> Iterator[None]:
    """Draw signs that the font lacks, as those of a Chinese name, as boxes, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def title_letters(figure: Figure) -> int:
    """Letters that a line over a figure has room for."""
    return int(LETTERS * (figure.get_size_inches()[0] - MARGIN))


def fitted_title(figure: Figure, title: str, beside: int = 1) -> str:
    """Title without its middle where ``beside`` of them have no room, as for the name of a long file."""
    most = title_letters(figure) // beside
    if len(title) <= most:
        return title
    return f"{title[: most // 2]} ... {title[-(most // 2 - 5) :]}"
