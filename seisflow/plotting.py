"""Figures of seismic sections, anomaly maps, generated patches and training curves.

Every function returns a matplotlib ``Figure`` made without pyplot, so nothing needs a display and no
global state is left behind; ``save`` writes one to a file, whole or not at all. Amplitudes are drawn with
Crameri's perceptually uniform colour maps (``cmcrameri``): equal steps look equal, in print and to
colour-blind readers.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from cmcrameri import cm
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from .errors import DataError, OutputError
from .io.aside import discard, publish, reserve, told_as_output_error

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
    "channel": "Channel",
    "shot": "Shot",
    "patch": "Patch",
}
_VERTICAL = ("time", "depth")
_NO_TRACE = "0.88"  # light grey, in no amplitude map
_FRAME = "0.35"
_CONTOUR = "#4a1010"
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _FRAME,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
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


def draw(section: xr.Dataset, *, clip: float = 99.0) -> Figure:
    """Draw one panel of a section, with its anomaly map laid over it where it has one.

    Dimensions of length one are dropped. Of what is left, the last two dimensions are drawn and the
    middle of any other is taken; the title says which. So a cube gives its middle inline, a cube of one
    crossline gives that crossline, and a cube of one time sample gives a time slice.

    Parameters
    ----------
    section : xarray.Dataset
        As ``seisflow.open_section`` and ``seisflow.score`` return it: ``amplitude``, and ``anomaly`` if
        it was scored (its attribute ``threshold``: the score from which a sample is unusual).
    clip : float
        Percentile of the absolute amplitude at which the colours end.

    Raises
    ------
    DataError
        If less than a plane of samples is left to draw, or if it has no finite sample.
    """
    name = Path(str(section.attrs.get("source_file", "section"))).name
    panel = section.squeeze(drop=False)
    amplitude = panel["amplitude"]
    if amplitude.ndim < 2:
        raise DataError(
            f"{name}: {' x '.join(map(str, section['amplitude'].shape))} samples are no plane. "
            "A section needs two dimensions longer than one: select more of it"
        )
    panel = panel.isel({dim: amplitude.sizes[dim] // 2 for dim in amplitude.dims[:-2]})
    amplitude = panel["amplitude"].load()
    if not np.isfinite(amplitude).any():
        raise DataError(f"{name}: no finite sample in {_where(panel)}. Select a part that has traces")

    lateral, vertical = (str(dim) for dim in amplitude.dims)
    axes = amplitude[lateral].values, amplitude[vertical].values
    title = ", ".join(filter(None, (name, _where(panel))))
    words = LABELS.get(lateral, lateral), LABELS.get(vertical, vertical)
    if "anomaly" not in panel:
        return draw_section(
            amplitude.values, *axes, title=title, lateral_label=words[0], vertical_label=words[1], clip=clip
        )
    anomaly = panel["anomaly"].transpose(lateral, vertical)
    return draw_anomaly_overlay(
        amplitude.values,
        anomaly.values,
        *axes,
        threshold=anomaly.attrs.get("threshold"),
        title=title,
        lateral_label=words[0],
        vertical_label=words[1],
        clip=clip,
    )


def _where(panel: xr.Dataset) -> str:
    """Say at which labels of the dropped dimensions a panel lies, e.g. ``inline 10117``."""
    scalars = (panel[dim] for dim in LABELS if dim in panel.coords and panel[dim].ndim == 0)
    return ", ".join(f"{scalar.name} {scalar.item():g}" for scalar in scalars)


@rc_context(_STYLE)
def draw_section(
    amplitude: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    *,
    title: str = "",
    lateral_label: str = LABELS["crossline"],
    vertical_label: str = LABELS["time"],
    clip: float = 99.0,
) -> Figure:
    """Draw amplitudes, blue for troughs and red for peaks.

    Parameters
    ----------
    amplitude : array_like, shape (X, T)
        Traces first; NaN where there is no trace.
    lateral : array_like, shape (X,)
        Labels of the traces, e.g. crossline numbers.
    vertical : array_like, shape (T,)
        Two-way time in ms, or depth in m.
    title, lateral_label, vertical_label : str
        Words around the picture.
    clip : float
        Percentile of the absolute amplitude at which the colours end.
    """
    figure, axes = _canvas(np.shape(amplitude), title, lateral_label, vertical_label)
    image = _show(axes, amplitude, lateral, vertical, AMPLITUDE_MAP, _symmetric(amplitude, clip))
    _colour_bar(figure, axes, image, "Amplitude", extend="both")
    return figure


@rc_context(_STYLE)
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
    lateral_label: str = LABELS["crossline"],
    vertical_label: str = LABELS["time"],
    score_label: str = "Anomaly score",
    clip: float = 99.0,
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
        Places to frame and number, strongest first. ``lateral`` and ``vertical`` are their (first,
        last) labels; ``label`` is what to write beside the frame, by default 1, 2, 3, ...
    title, lateral_label, vertical_label, score_label : str
        Words around the picture.
    clip : float
        Percentile of the absolute amplitude at which black and white are reached.
    """
    scores = np.asarray(anomaly, dtype=np.float64)
    known = scores[np.isfinite(scores)]
    size = np.abs(known) if two_sided else known
    low = float(np.percentile(size, 95)) if threshold is None and size.size else threshold or 0.0
    beyond = size[size > low]
    scale = Normalize(low, np.percentile(beyond, 99) if beyond.size else low + 1.0, clip=True)

    figure, axes = _canvas(scores.shape, title, lateral_label, vertical_label)
    _show(axes, amplitude, lateral, vertical, GREY_MAP, _symmetric(amplitude, clip))
    colours = _score_colours(scores, scale, two_sided)
    image = _show(axes, colours, lateral, vertical)
    if threshold is not None:
        levels = [threshold, *([-threshold] if two_sided and threshold > 0 else [])]
        crossed = [level for level in sorted(levels) if size.size and known.min() < level <= known.max()]
        if crossed:
            axes.contour(
                np.ma.masked_invalid(scores).T,
                levels=crossed,
                extent=image.get_extent(),
                origin="upper",
                colors=_CONTOUR,
                linestyles="solid",
                linewidths=0.7,
            )
    _score_bar(figure, axes, scale, bool(two_sided and (known <= -low).any()), score_label)
    for number, place in enumerate(anomalies, start=1):
        _frame(axes, place, str(place.get("label", number)))
    return figure


@rc_context(_STYLE)
def draw_gallery(
    patches: ArrayLike,
    *,
    columns: int | None = None,
    title: str = "Generated",
    real: ArrayLike | None = None,
    clip: float = 99.0,
) -> Figure:
    """Draw patches side by side on one amplitude scale, beside real ones if they are given.

    Parameters
    ----------
    patches : array_like, shape (N, 1, H, W)
        Patches as the model gives them: (channel, time, trace).
    columns : int, optional
        Patches in a row. Default: as many as make the gallery about square.
    title : str
        What the patches are.
    real : array_like, shape (M, 1, H, W), optional
        Patches of the data, drawn on the left with the same colours, which then follow their range.
    clip : float
        Percentile of the absolute amplitude at which the colours end.
    """
    made = np.asarray(patches)[:, 0]
    galleries = [(title, made)] if real is None else [("Real", np.asarray(real)[:, 0]), (title, made)]
    norm = _symmetric(galleries[0][1], clip)
    mosaics = [_mosaic(panels, columns) for _, panels in galleries]
    height, width = np.max([mosaic.shape for mosaic in mosaics], axis=0) / 200  # inches
    zoom = max(1.0, 6.0 / height)
    figure = _figure(zoom * width * len(mosaics) + 0.8, zoom * height + 0.4)
    all_axes = figure.subplots(1, len(mosaics), squeeze=False)[0]
    for axes, mosaic, (name, panels) in zip(all_axes, mosaics, galleries, strict=True):
        image = axes.imshow(mosaic, AMPLITUDE_MAP, norm, interpolation_stage="data")
        count, samples, traces = panels.shape
        axes.set_title(f"{name} ({count} patches of {samples} x {traces})")
        axes.set_axis_off()
    _colour_bar(figure, all_axes, image, "Scaled amplitude", extend="both")
    return figure


@rc_context(_STYLE)
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
    figure = _figure(zoom * width * len(mosaics) + 0.2, zoom * height + 0.4)
    all_axes = figure.subplots(1, len(mosaics), squeeze=False)[0]
    for axes, (name, mosaic) in zip(all_axes, mosaics.items(), strict=True):
        shown = np.nan_to_num((mosaic - limits[0]) / (limits[1] - limits[0]), nan=1.0).clip(0, 1)
        axes.imshow(shown.repeat(3, -1) if shown.shape[-1] == 1 else shown, interpolation="nearest")
        axes.set_title(name)
        axes.set_axis_off()
    return figure


@rc_context(_STYLE)
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
    figure = _figure(7.0, 4.2)
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


@rc_context(_STYLE)
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
    figure = _figure(9.6, 3.8)
    spectra, histogram = figure.subplots(1, 2)
    limit = 1.1 * _limit(real, 99.9)
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


@rc_context(_STYLE)
def save(figure: Figure, path: str | Path, *, overwrite: bool = False, dpi: int = 160) -> Path:
    """Write a figure, whole or not at all, and return where.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : str or Path
        Ending in png, pdf, svg, or another format that matplotlib knows.
    overwrite : bool
        Replace what is there already.
    dpi : int
        Pixels per inch.

    Raises
    ------
    OutputError
        If the file exists and may not be overwritten, its ending names no picture format, its folder is
        missing, or the disk does not take it.
    """
    path = Path(path)
    if path.suffix[1:].lower() not in FigureCanvasAgg.get_supported_filetypes():
        ending = path.suffix or "no ending"
        raise OutputError(f"{path}: {ending} is no picture format. Use .png, .pdf or .svg")
    folder = reserve(path, overwrite, size=0)
    try:
        with told_as_output_error(path):
            figure.savefig(folder / path.name, dpi=dpi, facecolor="white")
        publish(folder, path, overwrite)
    finally:
        discard(folder)
    return path


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _canvas(
    shape: tuple[int, ...], title: str, lateral_label: str, vertical_label: str
) -> tuple[Figure, Axes]:
    """Make a figure whose width follows the number of traces against that of samples, within reason."""
    figure = _figure(float(np.clip(13.0 * shape[0] / shape[1], 4.5, 11.0)) + 1.2, 5.8)
    axes = figure.add_subplot()
    axes.set_xlabel(lateral_label)
    axes.set_ylabel(vertical_label)
    axes.set_title(title)
    return figure, axes


def _show(
    axes: Axes,
    values: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    colour_map: Colormap | None = None,
    norm: Normalize | None = None,
) -> AxesImage:
    """Draw values, shape (X, T) or as RGBA (X, T, 4), with the axis labels at the middle of each sample."""
    values = np.asarray(values)
    left, right = _span(axes.xaxis, np.asarray(lateral, dtype=np.float64))
    top, bottom = _span(axes.yaxis, np.asarray(vertical, dtype=np.float64))
    axes.set_facecolor(_NO_TRACE)
    return axes.imshow(
        np.swapaxes(values, 0, 1),
        cmap=colour_map,
        norm=norm,
        aspect="auto",
        interpolation_stage="data",
        extent=(left, right, bottom, top),
    )


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


def _symmetric(amplitude: ArrayLike, clip: float) -> Normalize:
    limit = _limit(amplitude, clip)
    return Normalize(-limit, limit)


def _limit(amplitude: ArrayLike, clip: float) -> float:
    """Return a percentile of the finite absolute amplitudes other than zero, which are mute or padding."""
    size = np.abs(np.asarray(amplitude, dtype=np.float64))
    size = size[np.isfinite(size) & (size > 0)]
    return float(np.percentile(size, clip)) if size.size else 1.0


def _colour_bar(
    figure: Figure, axes: Axes | NDArray[np.object_], image: ScalarMappable, label: str, extend: str
) -> None:
    bar = figure.colorbar(image, ax=axes, extend=extend, shrink=0.6, aspect=28, pad=0.015)
    bar.set_label(label)
    bar.outline.set_visible(False)


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
        _colour_bar(figure, axes, ScalarMappable(scale, UNUSUAL_MAP), label, extend="max")
        return
    limits = Normalize(-(scale.vmax or 0.0), scale.vmax)
    colours = _score_colours(np.linspace(-(scale.vmax or 0.0), scale.vmax or 0.0, 512), scale, two_sided=True)
    colours[colours[:, 3] == 0] = to_rgba(_NO_TRACE)
    colours[:, 3] = 1.0
    words = f"more probable  \N{LEFTWARDS ARROW}  {label}  \N{RIGHTWARDS ARROW}  less probable"
    _colour_bar(figure, axes, ScalarMappable(limits, ListedColormap(colours)), words, extend="both")


def _frame(axes: Axes, place: Mapping[str, Any], label: str) -> None:
    """Frame a place given by its labels, with a number at its upper corner."""
    (left, right), (top, bottom) = place["lateral"], place["vertical"]
    axes.add_patch(
        Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="black", linewidth=1.1)
    )
    axes.annotate(
        label,
        (right, top),
        xytext=(2, 2),
        textcoords="offset points",
        fontsize=8,
        fontweight="bold",
        color="white",
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "black", "edgecolor": "none"},
        annotation_clip=True,
    )


def _mosaic(panels: NDArray[np.floating], columns: int | None) -> NDArray[np.floating]:
    """Set patches (N, H, W) into one picture, row by row, with white gaps of NaN between them."""
    count, height, width = panels.shape
    columns = min(count, columns or max(1, round(math.sqrt(count * height / width))))
    rows = -(-count // columns)
    gap = max(2, round(0.02 * max(height, width)))
    mosaic = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan, np.float32)
    for i, panel in enumerate(panels):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        mosaic[top : top + height, left : left + width] = panel
    return mosaic


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
