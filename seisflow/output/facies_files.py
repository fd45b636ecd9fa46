"""Facies as files: a map as Zarr or SEG-Y, pictures, and a legend."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import BaseModel

from seisflow import plotting, progress
from seisflow.errors import OutputError
from seisflow.facies.attributes import attributes
from seisflow.facies.find import (
    LEARNED,
    TOPICS,
    WINDOW,
    Facies,
    FaciesPanel,
    SectionFeatures,
    find_facies,
    map_panels,
)
from seisflow.facies.legend import FaciesLegend, LegendMaker, as_table
from seisflow.facies.typical import drawn_panels, typical_windows
from seisflow.facies.vocabulary import BLOCK
from seisflow.io import create_segy, create_zarr
from seisflow.io.atomic import check_target, together, told_as_output_error
from seisflow.models import Model
from seisflow.output.paths import ZARR, check_format
from seisflow.output.pictures import draw_after
from seisflow.patches import layout, section_name

DRAWN, COLUMNS = 32, 4
"""Patches drawn from the model; typical windows shown of each facies."""
KEPT = 8
"""Panels from which typical windows are taken."""
NAMES = "facies, from 1 (most predictable) to {topics}, 0 none"


class FaciesSummary(BaseModel):
    """Summary of a section's facies (the ``.json`` beside a map).

    Attributes
    ----------
    input, model : str
        Section, and the model whose states tell facies.
    topics : int
        Number of facies.
    agreement : float
        Adjusted Rand index between seeds: 1 the same facies, 0 chance.
    agreement_of_chance : float
        The same where words were dealt to other windows.
    information : float
        Nats a word that facies gain over words dealt to other windows.
    windows : int
        Windows that facies were learned from.
    legend : list of FaciesLegend
        The survey, then each facies.
    domain : str
        "time" or "depth".
    outputs : list of str
        Files written.
    """

    input: str
    model: str
    topics: int
    agreement: float
    agreement_of_chance: float
    information: float
    windows: int
    legend: list[FaciesLegend]
    domain: str
    outputs: list[str]

    def sentence(self) -> str:
        """Say it in a line."""
        return f"{self.topics} facies; agreement of other seeds {self.agreement:.2f} (adjusted Rand index)"

    def table(self) -> str:
        """Legend as lines of text."""
        return as_table(self.legend, self.domain)


def write_facies(
    section: xr.Dataset,
    model: Model,
    output: str | Path,
    *,
    topics: int = TOPICS,
    seed: int = 0,
    overwrite: bool = False,
    model_name: str = "",
    report: progress.Report = progress.silent,
) -> FaciesSummary:
    """Find the facies of a section and map them, panel by panel, into files.

    Beside the map, and named after it, stand a picture of the middle panel (``.png``), one of windows typical
    of each facies (``-windows.png``), and a summary (``.json``). Map and summary appear together, or neither
    does; then the pictures are drawn.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        A flow of sections, on the device to compute on.
    output : path
        ``.zarr`` (amplitude, facies, probability) or ``.sgy`` (facies numbers, with the headers of the
        source).
    topics : int
        Number of facies.
    seed : int
        Seed of words, topics and dither.
    overwrite : bool
        Replace what is there.
    model_name : str
        For the records.
    report : callable
        Takes panels done and panels in all, of both passes together.

    Raises
    ------
    DataError, ModelError
        As `seisflow.facies.find_facies`.
    OutputError
        If the output cannot be written.
    """
    path = Path(output)
    check_format(path)
    if path.resolve() == Path(section.attrs.get("source_file", "")).resolve():
        raise OutputError(f"{path}: is what is mapped. Write elsewhere")
    beside = {
        "map": path.with_suffix(".png"),
        "windows": path.with_name(f"{path.stem}-windows.png"),
        "json": path.with_suffix(".json"),
    }
    dims = layout(section)
    for target in (path, *beside.values()):
        check_target(target, overwrite)
    features = SectionFeatures(section, model, seed=seed)
    with together([path, beside["json"]], overwrite=overwrite) as folder:
        total = len(features.index)
        learned = min(LEARNED, total)
        facies = find_facies(features, topics, report=lambda done, _: report(done, learned + total))
        vertical = section[dims.vertical].values
        interval = float(vertical[1] - vertical[0]) if len(vertical) > 1 else 1.0
        legend = LegendMaker(topics, interval)
        kept: list[FaciesPanel] = []
        every, described = (np.unique(np.linspace(0, total - 1, n).astype(int)) for n in (KEPT, LEARNED))
        size = (BLOCK[0] * WINDOW[0], BLOCK[1] * WINDOW[1])
        with _writer(folder / path.name, section, facies, model_name) as write:
            for done, one in enumerate(map_panels(features, facies), start=1):
                write(one)
                if done - 1 in described:
                    seen = attributes(one.panel, BLOCK, size)
                    legend.add(one.blocks, np.concatenate([seen, one.features[..., -1:]], -1))
                if done - 1 in every:
                    kept.append(one)
                report(learned + done, learned + total)
        rows = legend.legend()
        words = [row.words for row in rows[1:]]
        result = FaciesSummary(
            input=str(section.attrs.get("source_file", "section")),
            model=model_name,
            topics=topics,
            agreement=round(facies.agreement, 4),
            agreement_of_chance=round(facies.agreement_of_chance, 4),
            information=round(facies.information, 4),
            windows=facies.windows,
            legend=rows,
            domain=dims.vertical,
            outputs=[str(path), *map(str, beside.values())],
        )
        with told_as_output_error(beside["json"]):
            text = json.dumps(result.model_dump(mode="json"), indent=1) + "\n"
            (folder / beside["json"].name).write_text(text, encoding="utf-8")

    def draw_map(place: Path) -> None:
        plotting.save(draw_panel_map(section, kept[len(kept) // 2], words), place)

    def draw_windows(place: Path) -> None:
        drawn = drawn_panels(model, facies, DRAWN, seed=seed)
        real, own = (
            [typical_windows(panels, topic, COLUMNS) for topic in range(topics)] for panels in (kept, drawn)
        )
        plotting.save(plotting.draw_typical(real, own, words, COLUMNS), place)

    draw_after(beside["map"], draw_map)
    draw_after(beside["windows"], draw_windows)
    return result


def draw_panel_map(section: xr.Dataset, one: FaciesPanel, words: list[str]) -> Figure:
    """Draw a panel of a section beside the map of its facies, with words for each."""
    dims = layout(section)
    where = [f"{dim} {section[dim].values[i]:g}" for dim, i in zip(dims.lead, one.lead, strict=True)]
    amplitude = np.where(one.panel.mask, one.panel.amplitude, np.nan)
    return plotting.draw_facies_map(
        amplitude.T,
        one.samples(one.blocks, 0).T,
        section[dims.lateral].values,
        section[dims.vertical].values,
        words,
        title=", ".join([section_name(section), *where]),
        lateral_label=plotting.LABELS.get(dims.lateral, dims.lateral),
        vertical_label=plotting.LABELS[dims.vertical],
    )


@contextmanager
def _writer(
    path: Path, section: xr.Dataset, facies: Facies, model_name: str
) -> Iterator[Callable[[FaciesPanel], None]]:
    """Open a file for the map, and yield what writes a panel of it."""
    names = NAMES.format(topics=len(facies.mixture.weights))
    if path.suffix.lower() in ZARR:
        variables: dict[str, dict[str, Any]] = {
            "amplitude": {"long_name": "seismic amplitude"},
            "facies": {"long_name": names, "agreement_between_seeds": facies.agreement},
            "probability": {"long_name": "posterior probability of the facies", "units": "1"},
        }
        kinds = {"amplitude": "float32", "facies": "int8", "probability": "float32"}
        with create_zarr(path, section, variables, attrs={"model": model_name}, dtypes=kinds) as store:

            def write_maps(one: FaciesPanel) -> None:
                amplitude = np.where(one.panel.mask, one.panel.amplitude, np.float32(np.nan))
                best = one.posterior.max(-1).astype(np.float32)
                store.write("amplitude", one.lead, amplitude.T)
                store.write("facies", one.lead, one.samples(one.blocks, 0).T)
                store.write("probability", one.lead, one.samples(best, np.nan).T)

            yield write_maps
        return
    with create_segy(path, section, note=f"{names}; by seisflow, model {model_name}") as file:
        yield lambda one: file.write(one.lead, one.samples(one.blocks, 0).T.astype(np.float32))
