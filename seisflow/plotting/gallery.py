"""Galleries of patches and of images."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from seisflow.plotting.axes import colour_bar, symmetric
from seisflow.plotting.style import AMPLITUDE_MAP, STYLE, new_figure

LEAST_WIDTH = 3.2
"""Inches that a title and the labels of an axis need, however narrow its patches are."""


@rc_context(STYLE)
def draw_gallery(
    patches: ArrayLike,
    *,
    columns: int | None = None,
    title: str = "Generated",
    real: ArrayLike | None = None,
    clip: float = 99.0,
    interval: float | None = None,
    unit: str = "ms",
) -> Figure:
    """Draw patches side by side on one amplitude scale, beside real ones if they are given.

    Parameters
    ----------
    patches : array_like, shape (N, 1, H, W)
        Patches as the model gives them: (channel, time, trace).
    columns : int, optional
        Patches in a row. Default: as many as make the gallery about square.
    title : str
        Title of the figure.
    real : array_like, shape (M, 1, H, W), optional
        Patches of the data, drawn on the left with the same colours, which then follow their range.
    clip : float
        Percentile of the absolute amplitude at which the colours end.
    interval : float, optional
        Sample interval; without it, samples are counted.
    unit : str
        Unit of the interval.
    """
    made = np.asarray(patches)[:, 0]
    galleries = [(title, made)] if real is None else [("Real", np.asarray(real)[:, 0]), (title, made)]
    norm = symmetric(galleries[0][1], clip)
    mosaics = [_mosaic(panels, columns) for _, panels in galleries]
    height, width = np.max([mosaic.shape for mosaic in mosaics], axis=0) / 200  # inches
    zoom = max(1.0, 6.0 / height)
    figure = new_figure(max(zoom * width, LEAST_WIDTH) * len(mosaics) + 0.8, zoom * height + 0.4)
    all_axes = figure.subplots(1, len(mosaics), squeeze=False)[0]
    for axes, mosaic, (name, panels) in zip(all_axes, mosaics, galleries, strict=True):
        image = axes.imshow(mosaic, AMPLITUDE_MAP, norm, interpolation_stage="data")
        count, samples, traces = panels.shape
        between, place = ("\n", "center") if zoom * width < LEAST_WIDTH else (" ", "left")
        patches_of = "patch of" if count == 1 else "patches of"
        axes.set_title(f"{name}{between}({count} {patches_of} {samples} x {traces})", loc=place)
        _patch_axes(axes, mosaic.shape, (samples, traces), interval, unit)
    colour_bar(figure, all_axes, image, "Scaled amplitude", extend="both")
    return figure


@rc_context(STYLE)
def draw_images(
    galleries: Mapping[str, ArrayLike], *, columns: int | None = None, limits: tuple[float, float] = (0, 256)
) -> Figure:
    """Draw galleries of images beside each other.

    Parameters
    ----------
    galleries : mapping of str to array_like, shape (N, C, H, W)
        Images by what they are, grey (C = 1) or in colour (C = 3).
    columns : int, optional
        Images in a row. Default: as many as make a gallery about square.
    limits : (float, float)
        Values that are black and white, or without and full of a colour.
    """
    mosaics = {
        name: np.stack([_mosaic(channel, columns) for channel in np.moveaxis(np.asarray(images), 1, 0)], -1)
        for name, images in galleries.items()
    }
    height, width = np.max([mosaic.shape[:2] for mosaic in mosaics.values()], axis=0) / 100  # inches
    zoom = float(np.clip(4.0 / height, 1.0, 4.0))
    figure = new_figure(zoom * width * len(mosaics) + 0.2, zoom * height + 0.4)
    all_axes = figure.subplots(1, len(mosaics), squeeze=False)[0]
    for axes, (name, mosaic) in zip(all_axes, mosaics.items(), strict=True):
        shown = np.nan_to_num((mosaic - limits[0]) / (limits[1] - limits[0]), nan=1.0).clip(0, 1)
        axes.imshow(shown.repeat(3, -1) if shown.shape[-1] == 1 else shown, interpolation="nearest")
        axes.set_title(name)
        axes.set_axis_off()
    return figure


def _patch_axes(
    axes: Axes, shape: tuple[int, ...], patch: tuple[int, int], interval: float | None, unit: str
) -> None:
    """Tick the ends of each patch, and name those of the first: traces across, time or samples down."""
    height, width = patch
    gap = _gap(patch)
    for axis, size, length, last in (
        (axes.xaxis, width, shape[1], f"{width}"),
        (axes.yaxis, height, shape[0], f"{height}" if interval is None else f"{(height - 1) * interval:g}"),
    ):
        starts = range(0, length, size + gap)
        axis.set_ticks(
            [place for start in starts for place in (start, start + size - 1)],
            ["1" if axis is axes.xaxis or interval is None else "0", last] + ["", ""] * (len(starts) - 1),
        )
    axes.tick_params(labelsize=6, length=2, pad=1)
    axes.set_xlabel("Trace of the patch")
    axes.set_ylabel("Sample of the patch" if interval is None else f"From the top of the patch ({unit})")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _gap(patch: tuple[int, int]) -> int:
    return max(2, round(0.02 * max(patch)))


def _mosaic(panels: NDArray[np.floating], columns: int | None) -> NDArray[np.floating]:
    """Set patches (N, H, W) into one picture, row by row, with white gaps of NaN between them."""
    count, height, width = panels.shape
    columns = min(count, columns or max(1, round(math.sqrt(count * height / width))))
    rows = -(-count // columns)
    gap = _gap((height, width))
    mosaic = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan, np.float32)
    for i, panel in enumerate(panels):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        mosaic[top : top + height, left : left + width] = panel
    return mosaic
