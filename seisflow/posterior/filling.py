"""Filling of missing traces: posterior mean, standard deviation and draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow import progress
from seisflow.errors import DataError
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.patches import layout, section_name
from seisflow.posterior.across import Across, is_cube
from seisflow.posterior.adapt import STEPS, Part
from seisflow.posterior.crossing import predict_across
from seisflow.posterior.examples import Mask, traces_of
from seisflow.posterior.fill_tiles import fill_panels, tiles
from seisflow.posterior.filler import Filler, fit
from seisflow.posterior.gaps import MAX_GAP, fillable, observe
from seisflow.posterior.predict import around

LEARNT, ACROSS = 0.5, 0.75
"""Shares of the progress after learning, and after filling across lines."""
VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": (
        "float32",
        {"long_name": "seismic amplitude", "comment": "where filled, the mean of what is probable"},
    ),
    "std": ("float32", {"long_name": "standard deviation of the amplitude; 0 where observed"}),
    "filled": ("bool", {"long_name": "sample was missing and has been filled"}),
}


def fill(
    section: xr.Dataset,
    model: Model | None = None,
    *,
    flagged: Mask | None = None,
    samples: int = 0,
    max_gap: int = MAX_GAP,
    others: Sequence[Part] = (),
    steps: int = STEPS,
    seed: int = 0,
    report: progress.Report = progress.silent,
) -> xr.Dataset:
    """Fill the missing traces of a section in memory.

    A network predicts each missing sample from the known ones as a Gaussian. It first learns from the section
    itself: known traces are hidden and predicted. On a tenth of them, kept from that, its mean is weighed
    against that of kriging, by frequency, made sharper by rounds of interpolation with its local spectra
    (`seisflow.posterior.weighted_norm`) as long as that helps, and standard deviations are set so that 90 %
    intervals hold 90 %. In a cube missing traces are predicted across its lines, too, and the two predictions
    are weighted by their inverse variances.
    For what exceeds memory use ``seisflow fill``.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it. Missing are traces without a finite sample, dead (constant) ones,
        those ``trace_mask`` leaves out, and single samples that are not finite.
    model : Model, optional
        As `seisflow.load_model` gives it; its device is computed on.
    flagged : ndarray of bool, (..., X)
        More traces to take for missing, over all dims but the vertical.
    samples : int
        Draws from the posterior.
    max_gap : int
        Gaps of more traces are left as they are; at the ends of a line, of a quarter of it. In a cube, those
        that are too wide both along and across its lines.
    others : sequence of (xr.Dataset, sequence of Block)
        More to learn from: other lines of the survey, and the parts of them to take.
    steps : int
        Steps of learning.
    seed : int
    report : callable
        Takes percent done and 100.

    Returns
    -------
    xr.Dataset
        ``amplitude``, ``std`` and ``filled`` in the section's dims, ``draws`` with a leading dim ``draw`` if
        any were asked for. Observed samples are as they were.

    Raises
    ------
    DataError
        If no trace is missing, or too few are known.
    ModelError
        If the model is not one of sections.

    Examples
    --------
    >>> import seisflow
    >>> section = seisflow.open_section("line12.sgy")  # doctest: +SKIP
    >>> whole = seisflow.fill(section, samples=8)  # doctest: +SKIP
    """
    if model is not None:
        section_card(model)
    flags = np.zeros(section["amplitude"].shape[:-1], bool) if flagged is None else np.asarray(flagged, bool)
    check_anything_missing(section, flags, max_gap)
    filler = fit(
        section,
        flags,
        others=others,
        device="cpu" if model is None else model.device,
        steps=steps,
        seed=seed,
        max_gap=max_gap,
        report=progress.part(report, 0, LEARNT),
    )
    dims, shape = section["amplitude"].dims, section["amplitude"].shape
    maps: dict[str, tuple[Any, NDArray[Any], dict[str, Any]]] = {
        name: (dims, np.zeros(shape, bool if dtype == "bool" else np.float32), attrs)
        for name, (dtype, attrs) in VARIABLES.items()
    }
    draws = np.zeros((samples, *shape), np.float32)
    with TemporaryDirectory(prefix="seisflow-") as folder:
        sideways, along = progress.part(report, LEARNT, ACROSS), progress.part(report, ACROSS, 1)
        across = predict_across(
            section, filler, flags, Path(folder), max_gap=max_gap, seed=seed, report=sideways
        )
        panels = fill_panels(
            section, filler, flags, samples=samples, max_gap=max_gap, seed=seed, across=across
        )
        for number, one in enumerate(panels, start=1):
            place: tuple[int | slice, ...] = (*one.lead, one.columns)
            for name in VARIABLES:
                maps[name][1][place] = getattr(one, name).T
            for k, drawn in enumerate(one.draws):
                draws[(k, *place)] = drawn.T
            along(number, len(tiles(section)))
    result = section.drop_vars("amplitude").assign(maps)
    if samples:
        result["draws"] = (("draw", *dims), draws, {"long_name": "draws from the posterior"})
    return result.assign_attrs(about(filler, across))


def about(filler: Filler, across: Across | None = None) -> dict[str, Any]:
    """Global attributes that tell how a section was filled."""
    known = filler.residuals
    return {
        "across_lines": int(across is not None),
        "learning_steps": filler.steps,
        "std_factor": known.widths.factor,
        "std_growth": known.widths.growth,
        "coverage_before": known.covered,
        "calibration_samples": known.samples,
        "kriging_weights": [round(weight, 3) for weight in known.kriging],
        "interpolation_rounds": known.rounds,
    }


def check_anything_missing(section: xr.Dataset, flagged: Mask, max_gap: int) -> None:
    """Look for a sample that can be filled, panel by panel, until one is found; in a cube across lines, too.

    Raises
    ------
    DataError
        If there is none.
    """
    live, wide = np.zeros((2, *flagged.shape), bool)
    for _, lead, columns in tiles(section):
        traces = section.sizes[layout(section).lateral]
        read = around(columns, traces, max_gap + 1)
        seen = observe(section, lead, read, flagged, max_gap)
        if seen.missing.any():
            return
        own = slice(columns.start - read.start, columns.stop - read.start)
        live[(*lead, columns)], wide[(*lead, columns)] = traces_of(seen.known)[own], seen.too_wide[own]
    if is_cube(section):
        exists = section["trace_mask"].to_numpy().astype(bool) if "trace_mask" in section else live | True
        for k in np.flatnonzero(wide.any(0)):
            if (fillable(live[:, k], exists[:, k], max_gap) & wide[:, k]).any():
                return
    why = (
        f"all {wide.sum()} missing or dead traces are in gaps of more than {max_gap}. Pass a larger --max-gap"
        if wide.any()
        else "no trace is missing or dead. "
        "Name the traces to fill with --traces, or a map of `seisflow score` with --from-score"
    )
    raise DataError(f"{section_name(section)}: {why}")
