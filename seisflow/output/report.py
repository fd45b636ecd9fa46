"""One self-contained page on what was found: linked sections to look through, and the list of anomalies."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from cmcrameri import cm

from seisflow.plotting.style import DIM_MAP, UNUSUAL_MAP

COLUMNS = ("rank", "type", "kind", "peak", "p_value", "discovery", "samples", "panels", "level")


def report_page(
    packed: dict[str, Any],
    labels: Sequence[Sequence[float]],
    names: Sequence[str],
    *,
    start: Sequence[int],
    boxes: Sequence[dict[str, Any]],
    anomalies: Sequence[dict[str, Any]],
    shares: Sequence[float],
    title: str,
    sentence: str,
    caveat: str,
    score: str,
    surprise: bool = False,
) -> str:
    """HTML of a scored survey and of the list of anomalies; needs no network and no library.

    Parameters
    ----------
    packed : dict
        As `seisflow.output.overview.Overview.packed` gives it.
    labels : three sequences of float
        Labels of lines, traces and samples, on the thinned grid.
    names : three str
        What they are; the first is empty for a 2D line.
    start : three int
        Positions on the thinned grid that are shown first.
    boxes : sequence of dict
        ``label``, ``at`` (line, trace, sample), and ``first``, ``last`` of each, on the thinned grid.
    anomalies : sequence of dict
        As described for JSON, the strongest first.
    shares : sequence of float
        Share of held-out samples that are as far out as each of the levels of deviation; NaN if not known.
    title, sentence, caveat, score : str
        Words; a caveat stands out.
    surprise : bool
        Whether the score is one in nats, not a deviation in standard deviations of held-out data.
    """
    word, unit = ("surprise", "nats") if surprise else ("deviation", "standard deviations of held-out data")
    data = packed | {
        "labels": [[float(f"{value:.10g}") for value in axis] for axis in labels],
        "names": list(names),
        "start": list(start),
        "boxes": list(boxes),
        "word": word,
        "shares": [None if not np.isfinite(share) else float(f"{share:.2g}") for share in shares],
        "grey": _colours(cm.grayC_r),
        "warm": _colours(UNUSUAL_MAP),
        "cool": _colours(DIM_MAP),
    }
    page = (resources.files("seisflow.output") / "report.html").read_text("utf-8")
    words = {
        "TITLE": html.escape(title),
        "SENTENCE": html.escape(sentence),
        "CAVEAT": f'<p class="caveat">{html.escape(caveat[:1].upper() + caveat[1:])}.</p>' if caveat else "",
        "SCORE": html.escape(f"{score}, in {unit}"),
        "WORD": word,
        "THRESHOLD": f"{packed['threshold']:.3g}",
        "TABLE": _table(anomalies),
        # "</" would end the script element, whatever it stands in
        "DATA": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    for name, value in words.items():
        page = page.replace(f"@{name}@", value)
    return page


def _colours(colour_map: Any) -> list[list[int]]:
    """64 colours of a map, as bytes."""
    return [[int(255 * c) for c in colour_map(p)[:3]] for p in np.linspace(0, 1, 64)]


def _table(anomalies: Sequence[dict[str, Any]]) -> str:
    rows = []
    for rank, one in enumerate(anomalies, start=1):
        place = ", ".join(f"{name} {value:.10g}" for name, value in one["at"].items() if value is not None)
        cells = "".join(_cell({"rank": rank, **one}.get(name)) for name in COLUMNS)
        rows.append(f'<tr data-rank="{rank}">{cells}<td>{html.escape(place)}</td></tr>')
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in (*COLUMNS, "at"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return "<td>-</td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | float):
        return f'<td class="n">{f"{value:.3g}" if isinstance(value, float) else value}</td>'
    return f"<td>{html.escape(str(value))}</td>"
