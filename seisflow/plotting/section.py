"""Figure of one panel of a section."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from seisflow.errors import DataError
from seisflow.plotting.anomalies import draw_anomaly_overlay
from seisflow.plotting.axes import canvas, colour_bar, show, symmetric
from seisflow.plotting.style import AMPLITUDE_MAP, LABELS, STYLE

_VERTICAL = ("time", "depth")


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

    Examples
    --------
    >>> from seisflow import open_section, plotting
    >>> figure = plotting.draw(open_section("f3-sample").isel(inline=[0]))
    >>> figure.axes[0].get_xlabel()
    'Crossline'
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


@rc_context(STYLE)
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
    figure, axes = canvas(np.shape(amplitude), title, lateral_label, vertical_label)
    image = show(axes, amplitude, lateral, vertical, AMPLITUDE_MAP, symmetric(amplitude, clip))
    colour_bar(figure, axes, image, "Amplitude", extend="both")
    return figure
