"""Figure of one panel of a section."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from seisflow.errors import DataError
from seisflow.io.parts import WINDOW
from seisflow.patches.numbers import lateral_axis
from seisflow.plotting.anomalies import draw_anomaly_overlay
from seisflow.plotting.axes import canvas, colour_bar, mute_legend, show, symmetric
from seisflow.plotting.gain import agc, draw_wiggles
from seisflow.plotting.style import AMPLITUDE_MAP, LABELS, STYLE, find_colour_map, fitted_title
from seisflow.shown import shown

_VERTICAL = ("time", "depth")


def draw(
    section: xr.Dataset,
    *,
    clip: float = 99.0,
    cmap: str | None = None,
    agc_window: float | None = None,
    wiggle: bool = False,
    aspect: float | None = None,
) -> Figure:
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

    cmap : str, optional
        Colour map of the amplitudes, one of matplotlib's or of Crameri's (``cmcrameri``).
    agc_window : float, optional
        Length in ms (m) of the window of an automatic gain control.
    wiggle : bool
        Draw curves with filled peaks instead of colours.
    aspect : float, optional
        Width of the picture over its height. Default: by the numbers of traces and samples.

    Raises
    ------
    DataError
        If less than a plane of samples is left to draw, or if it has no finite sample.
    ConfigError
        If there is no such colour map.

    Examples
    --------
    >>> from seisflow import open_section, plotting
    >>> figure = plotting.draw(open_section("f3-sample").isel(inline=[0]))
    >>> figure.axes[0].get_xlabel()
    'Crossline'
    """
    file = shown(Path(str(section.attrs.get("source_file", "section"))).name)
    panel = section.squeeze(drop=False)
    amplitude = panel["amplitude"]
    if amplitude.ndim < 2:
        raise DataError(
            f"{file}: {' x '.join(map(str, section['amplitude'].shape))} samples are no plane. "
            "A section needs two dimensions longer than one: select more of it"
        )
    panel = panel.isel({dim: amplitude.sizes[dim] // 2 for dim in amplitude.dims[:-2]})
    amplitude = _masked(panel).load()
    if not np.isfinite(amplitude).any():
        raise DataError(f"{file}: no finite sample in {_where(panel)}. Select a part that has traces")

    lateral, vertical = (str(dim) for dim in amplitude.dims)
    values = amplitude.values
    labels, name = amplitude[lateral].values, lateral
    if vertical in _VERTICAL:
        labels, name = lateral_axis(panel)
    axes = labels, amplitude[vertical].values
    title = ", ".join(filter(None, (file, _where(panel))))
    words = LABELS.get(name, name), LABELS.get(vertical, vertical)
    if agc_window is not None and vertical in _VERTICAL:
        step = abs(float(axes[1][1] - axes[1][0])) if len(axes[1]) > 1 else 1.0
        values = agc(values, round(agc_window / step))
        title += f", gain over {agc_window:g} {amplitude[vertical].attrs.get('units', '')}".rstrip()
    look: dict[str, Any] = {
        "title": title,
        "lateral_label": words[0],
        "vertical_label": words[1],
        "clip": clip,
        "colour_map": None if cmap is None else find_colour_map(cmap),
        "aspect": aspect,
    }
    if "anomaly" not in panel or wiggle:
        return draw_section(
            values,
            *axes,
            **look,
            wiggle=wiggle,
            value_label=_what(section) if agc_window is None else "Amplitude over its running level",
        )
    anomaly = panel["anomaly"].transpose(lateral, vertical)
    return draw_anomaly_overlay(
        values,
        np.where(np.isfinite(amplitude.values), anomaly.values, np.nan),
        *axes,
        **look,
        threshold=anomaly.attrs.get("threshold"),
        caveat=str(anomaly.attrs.get("caveat", "")),
        two_sided=bool(anomaly.attrs.get("two_sided", True)),
        score_label="Surprise beside held-out data (nats)"
        if anomaly.attrs.get("units") == "nat"
        else "Deviation from held-out data (std)",
    )


def _masked(panel: xr.Dataset) -> xr.DataArray:
    """Amplitudes of the part that was selected: NaN in other traces, and outside a window about a horizon."""
    amplitude = panel["amplitude"]
    kept = panel.get("trace_mask", xr.DataArray(True))
    if set(WINDOW) <= set(panel.variables):
        depth = panel[next(name for name in _VERTICAL if name in panel.coords)]
        top, base = (panel[name] for name in WINDOW)
        kept = kept & (depth >= top) & (depth <= base)
    return amplitude if bool(kept.all()) else amplitude.where(kept)


def _what(section: xr.Dataset) -> str:
    """Say what the values of a section are, by its attributes or by the note of a map in its text header."""
    told = str(section["amplitude"].attrs.get("long_name", ""))
    lines = str(section.attrs.get("text_header", "")).splitlines()
    words = " ".join([told, *(re.sub(r"^C ?\d+ ?", "", line).strip() for line in lines)])
    if "negative log-density" in words:
        return "Negative log-density (nats)"
    if "by seisflow, model" in words:
        return "Deviation from held-out data (std)"
    return "Amplitude"


def _where(panel: xr.Dataset) -> str:
    """Say at which labels of the dropped dimensions a panel lies, e.g. ``inline 10117``."""
    scalars = (panel[dim] for dim in LABELS if dim in panel.coords and panel[dim].ndim == 0)
    return ", ".join(f"{scalar.name} {scalar.item():g}" for scalar in scalars)


@rc_context(STYLE)
def draw_section(
    amplitude: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    *,
    title: str = "",
    lateral_label: str = LABELS["crossline"],
    vertical_label: str = LABELS["time"],
    value_label: str = "Amplitude",
    clip: float = 99.0,
    colour_map: Colormap | None = None,
    wiggle: bool = False,
    aspect: float | None = None,
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
    title, lateral_label, vertical_label, value_label : str
        Words around the picture.
    clip : float
        Percentile of the absolute amplitude at which the colours end.
    colour_map : Colormap, optional
    wiggle : bool
        Draw curves with filled peaks instead of colours.
    aspect : float, optional
        Width of the picture over its height.
    """
    figure, axes = canvas(np.shape(amplitude), title, lateral_label, vertical_label, aspect)
    norm = symmetric(amplitude, clip)
    if wiggle:
        blank = np.full(np.shape(amplitude), np.nan)
        show(axes, blank, lateral, vertical, AMPLITUDE_MAP, norm)
        axes.set_facecolor("white")
        count = draw_wiggles(axes, amplitude, lateral, vertical, float(norm.vmax or 1.0))
        if count < len(np.asarray(amplitude)):
            thinned = f" (one trace in {-(-len(np.asarray(amplitude)) // count)})"
            axes.set_title(fitted_title(figure, title + thinned))
        return figure
    image = show(axes, amplitude, lateral, vertical, colour_map or AMPLITUDE_MAP, norm)
    colour_bar(figure, axes, image, value_label, extend="both")
    mute_legend(axes, amplitude)
    return figure
