"""A map against an interpreter's labels, beside the attributes in use today."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seisflow.errors import DataError
from seisflow.evaluation.labels.agreement import Agreement, agreement, side_by_side, widened
from seisflow.evaluation.labels.attributes import ATTRIBUTES
from seisflow.evaluation.labels.read import read_labels
from seisflow.io import open_section
from seisflow.patches import layout, panel_index, section_name
from seisflow.plotting.labels import draw_labels

MAP = "anomaly"


@dataclass(frozen=True)
class LabelReport:
    """Agreement of a map, and of attributes of its section, with labels.

    Attributes
    ----------
    found : dict of Agreement
        By name, the map first.
    panels : int
        Panels that hold labels; others are not compared.
    labelled : float
        Share of their samples that is labelled, once widened.
    figure : Figure
        Hits, misses and false alarms on the panel with most labels.
    """

    found: dict[str, Agreement]
    panels: int
    labelled: float
    figure: Figure

    def table(self) -> str:
        """Return the agreement of all as a table in Markdown."""
        lines = [
            "| | AUROC | average precision | AUPRO | precision | recall |",
            "| --- | --: | --: | --: | --: | --: |",
        ]
        for name, one in self.found.items():
            areas = f"{one.auroc:.3f} | {one.average_precision:.3f} | {one.aupro:.3f}"
            lines.append(f"| {name} | {areas} | {one.precision:.0%} | {one.recall:.0%} |")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, ready for JSON."""
        return {
            "panels": self.panels,
            "labelled": round(self.labelled, 5),
            "found": {
                name: {key: round(float(value), 4) for key, value in asdict(one).items()}
                for name, one in self.found.items()
            },
        }


def evaluate_labels(
    path: str | Path,
    labels: str | Path,
    *,
    section: xr.Dataset | None = None,
    within: int = 2,
    threshold: float | None = None,
    **geometry: Any,
) -> LabelReport:
    """Compare a map with labels, panel by panel that holds any.

    Parameters
    ----------
    path : str or Path
        Map that ``seisflow score`` has made, or a volume of any attribute that grows with what is looked for.
    labels : str or Path
        See `seisflow.evaluation.labels.read.read_labels`.
    section : xr.Dataset, optional
        What the map is of, for the attributes; by default the amplitudes in the map, if it holds them.
    within : int
        Traces by which labels are widened to each side, and by which precision and recall forgive.
    threshold : float, optional
        For precision and recall of the map; by default, for all, what as many samples reach as are labelled.

    Raises
    ------
    DataError
        If map, labels and section do not fit.
    """
    made = open_section(path, **geometry)
    picked = read_labels(labels, made, **geometry)
    name = MAP if MAP in made.data_vars else "amplitude"
    of = section if section is not None else made if name == MAP else None
    if of is not None and of["amplitude"].shape != made[name].shape:
        raise DataError(
            f"{section_name(of)}: samples of shape {of['amplitude'].shape}, the map {path} has "
            f"{made[name].shape}. Pass the section that the map is of"
        )
    leads = [lead for lead in panel_index(made) if picked[lead].any()]
    values, marked, masks = [], [], []
    columns: dict[str, list[Any]] = {attribute: [] for attribute in ATTRIBUTES if of is not None}
    amplitudes = []
    for lead in leads:
        one = made[name].variable[lead].values.T.astype(np.float32)
        values.append(np.abs(one) if made[name].attrs.get("two_sided") else one)
        marked.append(picked[lead].T)
        mask = np.isfinite(one)
        if of is not None:
            panel = of["amplitude"].variable[lead].values.T.astype(np.float32)
            mask &= np.isfinite(panel)
            panel = np.where(mask, panel, 0)
            scaled = panel / max(float(panel[mask].std()), 1e-30)
            for attribute, made_of in columns.items():
                made_of.append(ATTRIBUTES[attribute](scaled))
            amplitudes.append(scaled)
        masks.append(mask)
    gap = within + 1
    truth, known = (side_by_side(parts, gap, False).astype(bool) for parts in (marked, masks))
    if not (truth & known).any():
        raise DataError(f"{labels}: no label lies on a sample that {path} has a value for")
    found = {
        _title(path, made, name): agreement(
            side_by_side(values, gap, np.nan), truth, known, within=within, threshold=threshold
        )
    }
    for attribute, parts in columns.items():
        found[attribute] = agreement(side_by_side(parts, gap, np.nan), truth, known, within=within)
    first = next(iter(found.values()))
    most = int(np.argmax([part.sum() for part in marked]))
    figure = _picture(
        made, name, leads[most], amplitudes[most] if amplitudes else values[most],
        (values[most] >= first.threshold) & masks[most], marked[most], within,
    )  # fmt: skip
    return LabelReport(found, len(leads), float((widened(truth, within) & known).sum() / known.sum()), figure)


def _title(path: str | Path, made: xr.Dataset, name: str) -> str:
    score = made.attrs.get("score")
    return f"seisflow, {score}" if name == MAP and score else Path(path).stem


def _picture(
    made: xr.Dataset,
    name: str,
    lead: tuple[int, ...],
    amplitude: NDArray[np.float32],
    found: NDArray[np.bool_],
    marked: NDArray[np.bool_],
    within: int,
) -> Figure:
    dims = layout(made)
    where = ", ".join(f"{dim} {made[dim].values[i]:g}" for dim, i in zip(dims.lead, lead, strict=True))
    title = f"{section_name(made)}{', ' + where if where else ''}"
    return draw_labels(
        amplitude.T, found.T, marked.T, made[dims.lateral].values, made[dims.vertical].values,
        within=within, title=title, lateral_label=dims.lateral, vertical_label=dims.vertical,
    )  # fmt: skip
