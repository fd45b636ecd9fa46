"""Figure of a section with its anomaly map laid over it."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from seisflow.plotting.axes import canvas, colour_bar, mute_legend, show, symmetric
from seisflow.plotting.style import (
    CONTOUR,
    DIM_MAP,
    GREY_MAP,
    LABELS,
    NO_TRACE,
    STYLE,
    UNUSUAL_MAP,
    boxes_for_unknown_signs,
    fitted_title,
    title_letters,
)

LETTER, PAD = (6.0, 8.0), 2.0
"""Width and height of a digit of a number beside a frame, and what is about it, in points."""

Corners = tuple[float, float, float, float]


@rc_context(STYLE)
def draw_anomaly_overlay(
    amplitude: ArrayLike,
    anomaly: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    *,
    threshold: float | None = None,
    two_sided: bool = True,
    anomalies: Sequence[Mapping[str, Any]] = (),
    title: str = "",
    caveat: str = "",
    lateral_label: str = LABELS["crossline"],
    vertical_label: str = LABELS["time"],
    score_label: str = "Deviation from held-out data (std)",
    clip: float = 99.0,
    colour_map: Colormap | None = None,
    aspect: float | None = None,
) -> Figure:
    """Draw amplitudes in grey, peaks black, and lay the anomaly score over them in translucent colours.

    What lies within the threshold stays grey. Beyond it, colour grows opaque towards the strongest
    scores: warm where the section is less probable than normal, cool where it is more probable (dim or
    wiped out).

    Parameters
    ----------
    amplitude, anomaly : array_like, shape (X, T)
        Amplitude and score of each sample; NaN where there is none.
    lateral, vertical : array_like, shapes (X,) and (T,)
        Labels of the traces; two-way time in ms, or depth in m.
    threshold : float, optional
        Score from which a sample is unusual; drawn as a contour. Default: the 95th percentile, which
        only serves the eye and is not drawn.
    two_sided : bool
        Whether scores below ``-threshold`` are unusual too. False for a negative log-density.
    anomalies : sequence of mappings
        Places to frame and number, strongest first. ``box`` is their half-open extent in the arrays: top,
        bottom, left, right; ``label`` is what to write beside the frame, by default 1, 2, 3, ...
    title, lateral_label, vertical_label, score_label : str
        Words around the picture.
    caveat : str
        What a reader has to know before believing it; stands below the title.
    clip : float
        Percentile of the absolute amplitude at which black and white are reached.
    colour_map : Colormap, optional
        Colour map of the amplitudes, instead of grey.
    aspect : float, optional
        Width of the picture over its height.
    """
    scores = np.asarray(anomaly, dtype=np.float64)
    known = scores[np.isfinite(scores)]
    size = np.abs(known) if two_sided else known
    low = float(np.percentile(size, 95)) if threshold is None and size.size else threshold or 0.0
    beyond = size[size > low]
    scale = Normalize(low, np.percentile(beyond, 99) if beyond.size else low + 1.0, clip=True)

    figure, axes = canvas(scores.shape, title, lateral_label, vertical_label, aspect)
    if caveat:
        lines = wrap(caveat[0].upper() + caveat[1:], title_letters(figure))
        axes.set_title("\n".join([fitted_title(figure, title), *lines]), color=CONTOUR)
    show(axes, amplitude, lateral, vertical, colour_map or GREY_MAP, symmetric(amplitude, clip))
    mute_legend(axes, amplitude)
    colours = _score_colours(scores, scale, two_sided)
    image = show(axes, colours, lateral, vertical)
    if threshold is not None:
        levels = [threshold, *([-threshold] if two_sided and threshold > 0 else [])]
        crossed = [level for level in sorted(levels) if size.size and known.min() < level <= known.max()]
        if crossed:
            axes.contour(
                np.ma.masked_invalid(scores).T,
                levels=crossed,
                extent=image.get_extent(),
                origin="upper",
                colors=CONTOUR,
                linestyles="solid",
                linewidths=0.7,
            )
    _score_bar(figure, axes, scale, bool(two_sided and (known <= -low).any()), score_label)
    frames = [
        (_frame(axes, image, place["box"]), str(place.get("label", number)))
        for number, place in enumerate(anomalies, start=1)
    ]
    _number(figure, axes, frames)
    return figure


def _score_colours(scores: NDArray[np.float64], scale: Normalize, two_sided: bool) -> NDArray[np.float64]:
    """Return scores as RGBA, transparent within the lower end of ``scale`` and where there is no score."""
    size = np.nan_to_num(np.abs(scores) if two_sided else scores, nan=-np.inf)
    strength = np.asarray(scale(size))
    dim = (two_sided & (scores < 0))[..., None]
    colours = np.where(dim, DIM_MAP(strength), UNUSUAL_MAP(strength))
    colours[..., 3] = np.where(size >= scale.vmin, 0.45 + 0.35 * strength, 0.0)
    return colours


def _score_bar(figure: Figure, axes: Axes, scale: Normalize, two_sided: bool, label: str) -> None:
    """Add the colour bar of a score: of the unusual side, or of both with a gap between them."""
    if not two_sided:
        colour_bar(figure, axes, ScalarMappable(scale, UNUSUAL_MAP), label, extend="max")
        return
    limits = Normalize(-(scale.vmax or 0.0), scale.vmax)
    colours = _score_colours(np.linspace(-(scale.vmax or 0.0), scale.vmax or 0.0, 512), scale, two_sided=True)
    colours[colours[:, 3] == 0] = to_rgba(NO_TRACE)
    colours[:, 3] = 1.0
    words = f"more probable  \N{LEFTWARDS ARROW}  {label}  \N{RIGHTWARDS ARROW}  less probable"
    colour_bar(figure, axes, ScalarMappable(limits, ListedColormap(colours)), words, extend="both")


def _frame(axes: Axes, image: AxesImage, box: Sequence[int]) -> Corners:
    """Frame a place along the outer edges of its samples; return the frame's left, right, top and bottom."""
    left, right, bottom, top = image.get_extent()
    samples, traces = image.get_size()
    x = left + (right - left) * np.array(box[2:]) / traces
    y = top + (bottom - top) * np.array(box[:2]) / samples
    axes.add_patch(
        Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], fill=False, edgecolor="black", linewidth=1.1)
    )
    return float(x[0]), float(x[1]), float(y[0]), float(y[1])


def _number(figure: Figure, axes: Axes, frames: Sequence[tuple[Corners, str]]) -> None:
    """Write each number outside a corner of its frame, the first of the four that no other number takes."""
    if not frames:
        return
    with boxes_for_unknown_signs():
        figure.draw_without_rendering()  # from here on it is known where on the page a sample lies
    points = axes.transData.transform
    taken: list[tuple[float, float, float, float]] = []
    for (left, right, top, bottom), label in frames:
        size = LETTER[0] * len(label) + 2 * PAD, LETTER[1] + 2 * PAD
        places = []
        for x, y, right_of, above in (
            (right, top, True, True),
            (left, top, False, True),
            (right, bottom, True, False),
            (left, bottom, False, False),
        ):
            at = points((x, y)) * 72 / figure.dpi
            x0 = at[0] if right_of else at[0] - size[0]
            y0 = at[1] if above else at[1] - size[1]
            places.append(((x, y), right_of, above, (x0, x0 + size[0], y0, y0 + size[1])))
        free = [place for place in places if not any(_overlap(place[3], other) for other in taken)]
        corner, right_of, above, extent = (free or places)[0]
        taken.append(extent)
        axes.annotate(
            label,
            corner,
            xytext=(PAD if right_of else -PAD, PAD if above else -PAD),
            textcoords="offset points",
            ha="left" if right_of else "right",
            va="bottom" if above else "top",
            fontsize=8,
            fontweight="bold",
            color="white",
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "black", "edgecolor": "none"},
            annotation_clip=True,
        )


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    """Tell whether two rectangles (left, right, bottom, top) share a point."""
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
