"""One self-contained page on what was found: a map to pan and zoom, and the list of anomalies."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from cmcrameri import cm
from numpy.typing import ArrayLike, NDArray

from seisflow.errors import ConfigError

MOST = 1200
"""Samples and traces that are drawn along an axis; more are thinned out."""
COLUMNS = ("rank", "type", "kind", "peak", "p_value", "discovery", "samples", "panels", "level")

HOVER = (
    "%{x}, %{y}: %{customdata[0]:.2f}<br>as far out: %{customdata[1]:.2g} of held-out samples<extra></extra>"
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 1200px; color: #222; }}
h1 {{ font-size: 1.3rem; }}
table {{ border-collapse: collapse; font-size: 13px; }}
td, th {{ padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: left; }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
tbody tr:hover {{ background: #f4f4f4; }}
</style></head><body>
<h1>{title}</h1>
<p>{sentence}</p>
{figure}
<p>Grey: amplitude. Colour: {score}, in standard deviations of held-out data, where it exceeds the threshold
of {threshold:.3g}. Frames are numbered as in the list. Drag to zoom, double-click to go back.</p>
{table}
</body></html>
"""


def report_page(
    amplitude: ArrayLike,
    anomaly: ArrayLike,
    lateral: ArrayLike,
    vertical: ArrayLike,
    *,
    p_value: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    threshold: float,
    two_sided: bool,
    frames: Sequence[dict[str, Any]],
    anomalies: Sequence[dict[str, Any]],
    title: str,
    sentence: str,
    score: str,
    lateral_label: str,
    vertical_label: str,
) -> str:
    """HTML of a scored panel and of the list of anomalies; needs no network.

    Parameters
    ----------
    amplitude, anomaly : array_like, shape (X, T)
        NaN where there is none.
    lateral, vertical : array_like, shapes (X,) and (T,)
        Labels of the traces; two-way time or depth.
    p_value : callable
        Takes scores to the shares of held-out samples that are as far out, to be shown beside them.
    threshold : float
        Score from which a sample is anomalous.
    two_sided : bool
        Whether negative scores are anomalous too.
    frames : sequence of dict
        ``lateral`` and ``vertical`` (first, last) labels, and ``label``.
    anomalies : sequence of dict
        As described for JSON, the strongest first.
    title, sentence, score, lateral_label, vertical_label : str
        Words.

    Raises
    ------
    ConfigError
        If plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ModuleNotFoundError as error:
        raise ConfigError(
            "plotly: not installed. The report needs it: pip install 'seisflow[report]'"
        ) from error
    values, marks = np.asarray(amplitude, np.float32).T, np.asarray(anomaly, np.float32).T
    steps = tuple(-(-size // MOST) for size in values.shape)
    values, x = values[:: steps[0], :: steps[1]], np.asarray(lateral)[:: steps[1]]
    marks, y = _strongest(marks, steps), np.asarray(vertical)[:: steps[0]]
    size = np.abs(marks) if two_sided else marks
    shown = np.where(np.nan_to_num(size, nan=-np.inf) > threshold, marks, np.nan)
    limit = float(np.nanpercentile(np.abs(values), 99)) or 1.0
    most = max(float(np.nanmax(np.abs(marks))), threshold * 1.01)
    figure = go.Figure(
        [
            go.Heatmap(z=values, x=x, y=y, colorscale=_colours(cm.grayC_r), zmin=-limit, zmax=limit,
                       showscale=False, name="amplitude", hoverinfo="skip"),
            go.Heatmap(z=shown, x=x, y=y, colorscale=_colours(cm.vik), zmin=-most, zmax=most, opacity=0.55,
                       customdata=np.stack([marks, p_value(marks)], axis=-1), name=score,
                       colorbar={"title": "deviation"},
                       hovertemplate=HOVER, hoverongaps=False),
        ]
    )  # fmt: skip
    for frame in frames:
        (left, right), (top, bottom) = frame["lateral"], frame["vertical"]
        figure.add_shape(
            type="rect", x0=left, x1=right, y0=top, y1=bottom, line={"color": "black", "width": 1}
        )
        figure.add_annotation(x=right, y=top, text=str(frame["label"]), showarrow=False, xanchor="left",
                              bgcolor="black", font={"color": "white", "size": 11})  # fmt: skip
    figure.update_xaxes(title=lateral_label, showgrid=False)
    figure.update_yaxes(title=vertical_label, autorange="reversed", showgrid=False)
    figure.update_layout(height=640, margin={"l": 60, "r": 20, "t": 10, "b": 50}, dragmode="zoom")
    return _PAGE.format(
        title=html.escape(title),
        sentence=html.escape(sentence),
        figure=figure.to_html(full_html=False, include_plotlyjs=True, config={"scrollZoom": True}),
        score=html.escape(score),
        threshold=threshold,
        table=_table(anomalies),
    )


def _strongest(marks: NDArray[np.float32], steps: tuple[int, ...]) -> NDArray[np.float32]:
    """Thin out a map so that no anomaly is lost: of each cell, the value of largest size."""
    if steps == (1, 1):
        return marks
    rows, columns = (-(-n // step) for n, step in zip(marks.shape, steps, strict=True))
    pads = [(0, count * step - n) for count, step, n in zip((rows, columns), steps, marks.shape, strict=True)]
    cells = np.pad(marks, pads, constant_values=np.nan).reshape(rows, steps[0], columns, steps[1])
    flat = cells.swapaxes(1, 2).reshape(rows, columns, -1)
    which = np.abs(np.nan_to_num(flat)).argmax(-1)
    chosen: NDArray[np.float32] = np.take_along_axis(flat, which[..., None], -1)[..., 0]
    return chosen


def _colours(colour_map: Any) -> list[list[Any]]:
    """Colour scale of plotly from one of matplotlib."""
    positions = np.linspace(0, 1, 33)
    return [
        [float(p), "rgb({:.0f},{:.0f},{:.0f})".format(*(255 * np.array(colour_map(p)[:3])))]
        for p in positions
    ]


def _table(anomalies: Sequence[dict[str, Any]]) -> str:
    rows = []
    for rank, one in enumerate(anomalies, start=1):
        place = ", ".join(f"{name} {value:.10g}" for name, value in one["at"].items() if value is not None)
        cells = [_cell({"rank": rank, **one}.get(name, "")) for name in COLUMNS]
        rows.append(f"<tr>{''.join(cells)}<td>{html.escape(place)}</td></tr>")
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in (*COLUMNS, "at"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | float):
        return (
            f'<td class="n">{value:.3g}</td>' if isinstance(value, float) else f'<td class="n">{value}</td>'
        )
    return f"<td>{html.escape(str(value))}</td>"
