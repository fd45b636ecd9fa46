"""Axes of a section: extent, labels, amplitude limits, colour bar."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from seisflow.plotting.style import NO_TRACE, fitted_title, new_figure


def canvas(
    shape: tuple[int, ...],
    title: str,
    lateral_label: str,
    vertical_label: str,
    aspect: float | None = None,
) -> tuple[Figure, Axes]:
    """Make a figure whose width follows the number of traces against that of samples, within reason."""
    width = float(np.clip(13.0 * shape[0] / shape[1], 4.5, 11.0)) if aspect is None else 5.8 * aspect
    figure = new_figure(width + 1.2, 5.8)
    axes = figure.add_subplot()
    axes.set_xlabel(lateral_label)
    axes.set_ylabel(vertical_label)
    axes.set_title(fitted_title(figure, title))
    return figure, axes


def show(
    axes: Axes,
    values: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    colour_map: Colormap | None = None,
    norm: Normalize | None = None,
    interpolation: str | None = None,
) -> AxesImage:
    """Draw values, shape (X, T) or as RGBA (X, T, 4), with the axis labels at the middle of each sample."""
    values = np.asarray(values)
    left, right = _span(axes.xaxis, np.asarray(lateral, dtype=np.float64))
    top, bottom = _span(axes.yaxis, np.asarray(vertical, dtype=np.float64))
    axes.set_facecolor(NO_TRACE)
    return axes.imshow(
        np.swapaxes(values, 0, 1),
        cmap=colour_map,
        norm=norm,
        aspect="auto",
        interpolation=interpolation,
        interpolation_stage="data",
        extent=(left, right, bottom, top),
    )


def mute_legend(axes: Axes, values: ArrayLike) -> None:
    """Say what the grey without amplitudes is, where there is any."""
    missing = ~np.isfinite(np.asarray(values, dtype=np.float64))
    if missing.any():
        patch = Rectangle((0, 0), 1, 1, facecolor=NO_TRACE, edgecolor="0.5", linewidth=0.5)
        axes.legend(
            [patch],
            ["muted, dead or no trace"],
            loc="upper right",
            bbox_to_anchor=(1, -0.05),
            borderaxespad=0.2,
        )
        axes.set_xlabel(axes.get_xlabel(), loc="left")  # narrow pictures have no room for both in the middle


def _span(axis: Axis, labels: NDArray[np.float64]) -> tuple[float, float]:
    """Return the outer edges of evenly spaced labels; draw others by position and name the ticks."""
    steps = np.diff(labels)
    if len(labels) > 1 and np.allclose(steps, steps[0], rtol=1e-3) and steps[0] != 0:
        return labels[0] - steps[0] / 2, labels[-1] + steps[0] / 2
    if len(labels) > 1:

        def name(position: float, _: int | None) -> str:
            index = round(position)
            return f"{labels[index]:g}" if 0 <= index < len(labels) else ""

        axis.set_major_locator(MaxNLocator(integer=True))
        axis.set_major_formatter(FuncFormatter(name))
        return -0.5, len(labels) - 0.5
    return labels[0] - 0.5, labels[0] + 0.5


def symmetric(amplitude: ArrayLike, clip: float) -> Normalize:
    limit = amplitude_limit(amplitude, clip)
    return Normalize(-limit, limit)


def amplitude_limit(amplitude: ArrayLike, clip: float) -> float:
    """Return a percentile of the finite absolute amplitudes other than zero, which are mute or padding."""
    size = np.abs(np.asarray(amplitude, dtype=np.float64))
    size = size[np.isfinite(size) & (size > 0)]
    return float(np.percentile(size, clip)) if size.size else 1.0


def colour_bar(
    figure: Figure, axes: Axes | NDArray[np.object_], image: ScalarMappable, label: str, extend: str
) -> None:
    bar = figure.colorbar(image, ax=axes, extend=extend, shrink=0.6, aspect=28, pad=0.015)
    bar.set_label(label)
    bar.outline.set_visible(False)
