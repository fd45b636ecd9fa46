"""Anomaly maps: the exact log-density of a section, sample by sample, against held-out data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from seisflow.calibration import smooth
from seisflow.errors import DataError, ModelError
from seisflow.models import Model
from seisflow.patches import (
    OverlapAdd,
    Panel,
    cut,
    layout,
    panel_index,
    prepare,
    read_panel,
    section_name,
    window_grid,
)
from seisflow.scaling import AmplitudeScaling

log = logging.getLogger("seisflow")

BATCH = 16
SMOOTHING = (8.0, 4.0)
"""Samples and traces over which log-densities are averaged before they are judged (standard deviations)."""


@dataclass(frozen=True)
class Scored:
    """Maps of one panel, all (T, X).

    Attributes
    ----------
    lead : tuple of int
        Position of the panel over the leading dims.
    amplitude : ndarray of float32
        As read; NaN where masked.
    nll : ndarray of float32
        Negative log-density of each sample, in nats; NaN where masked.
    anomaly : ndarray of float32
        Deviation of the smoothed ``nll`` from held-out data, in their standard deviations; positive where
        the section is less probable than normal, negative where it is more probable (dim, wiped out).
    mask : ndarray of bool
        Samples that carry data.
    """

    lead: tuple[int, ...]
    amplitude: NDArray[np.float32]
    nll: NDArray[np.float32]
    anomaly: NDArray[np.float32]
    mask: NDArray[np.bool_]


def score_panel(
    panel: Panel,
    model: Model,
    scaling: AmplitudeScaling,
    *,
    stride: tuple[int, int] | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Negative log-density in nats of every sample of a panel, (T, X); NaN where masked.

    Contributions of overlapping windows are averaged with a taper, so no window border shows. A map of
    windows that do not overlap would sum to their exact joint log-density; the average does not.

    Parameters
    ----------
    panel : Panel
        Amplitudes and mask.
    model : Model
        On the device to compute on.
    scaling : AmplitudeScaling
        Usually that of the model's card.
    stride : (int, int), optional
        Samples and traces between windows; by default half a patch.
    seed : int
        Of the dither and of the fill of masked samples.
    """
    size = (model.shape[1], model.shape[2])
    tops, lefts = window_grid(panel.shape, size, stride or (size[0] // 2, size[1] // 2))
    rng = np.random.default_rng(seed)
    whole = Panel(prepare(panel.amplitude, panel.mask, scaling, rng), panel.mask)
    sums = OverlapAdd(panel.shape, size)
    for first in range(0, len(tops), BATCH):
        some = slice(first, first + BATCH)
        x, mask = cut(whole, tops[some], lefts[some], size)
        if not mask.any():
            continue
        with torch.inference_mode():
            log_prob = model.log_prob_map(
                torch.from_numpy(x).to(model.device), torch.from_numpy(mask).to(model.device)
            )
        sums.add(tops[some], lefts[some], -log_prob[:, 0].cpu().numpy(), mask[:, 0])
    return sums.result()


def score_panels(section: xr.Dataset, model: Model, *, seed: int = 0) -> Iterator[Scored]:
    """Score a section panel by panel; the next one is read meanwhile, and no more than two are held.

    Raises
    ------
    ModelError
        If the model has no calibration, or its patch does not fit the section.
    DataError
        If no panel holds any data.
    """
    card = model.card
    if card is None or card.calibration is None:
        raise ModelError("the model has no calibration. Expected one made by `seisflow train`")
    dims = layout(section)
    vertical = dims.vertical
    if section.sizes[vertical] < model.shape[1] // 4 or section.sizes[dims.lateral] < 2:
        raise DataError(
            f"{section_name(section)}: {section.sizes[vertical]} samples x {section.sizes[dims.lateral]} traces. "
            f"Too small for the model's patch of {model.shape[1]} x {model.shape[2]}: "
            f"train one with --set data.patch=[SAMPLES,TRACES]"
        )
    scaling = fitting_scale(section, card.scaling)
    depth = section[vertical].values.astype(np.float64)
    leads = panel_index(section)
    found = False
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read_panel, section, leads[0])
        for number, lead in enumerate(leads):
            panel = ahead.result()
            if number + 1 < len(leads):
                ahead = reader.submit(read_panel, section, leads[number + 1])
            nll = score_panel(panel, model, scaling, seed=seed + number)
            anomaly = card.calibration.deviation(smooth(nll, panel.mask, card.calibration.smoothing), depth)
            found = found or bool(panel.mask.any())
            yield Scored(lead, np.where(panel.mask, panel.amplitude, np.nan), nll, anomaly, panel.mask)
    if not found:
        raise DataError(
            f"{section_name(section)}: every sample is zero, dead or missing. Expected amplitudes: "
            f"look at it with `seisflow scan`"
        )


def fitting_scale(section: xr.Dataset, scaling: AmplitudeScaling) -> AmplitudeScaling:
    """Return the model's scaling, or the section's own where amplitudes are of another size altogether."""
    from seisflow.patches import Block

    own = AmplitudeScaling.fit([section], [[Block()]], scaling.step)
    ratio = own.std / scaling.std
    if 0.5 < ratio < 2:
        return scaling
    log.warning(
        "%s: amplitudes are %.3g times those the model has seen (std %.4g against %.4g); scaled by their own. "
        "Train on this survey for a score that means more",
        section_name(section),
        ratio,
        own.std,
        scaling.std,
    )
    return own


def score(section: xr.Dataset, model: Model, *, seed: int = 0) -> xr.Dataset:
    """Score a whole section in memory.

    For what exceeds memory use ``seisflow score``, or `score_panels`.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        As `seisflow.load_model` gives it.
    seed : int
        Of the dither.

    Returns
    -------
    xr.Dataset
        The section's coordinates with ``amplitude``, ``nll`` (nats a sample), ``anomaly`` (held-out
        standard deviations, two-sided) and ``mask``, in the section's dims.
    """
    maps: dict[str, Any] = {}
    dims = tuple(str(dim) for dim in section["amplitude"].dims)
    shape = section["amplitude"].shape
    for name, (dtype, attrs) in VARIABLES.items():
        maps[name] = (dims, np.full(shape, False if dtype == "bool" else np.nan, dtype), attrs)
    for scored in score_panels(section, model, seed=seed):
        for name in VARIABLES:
            maps[name][1][scored.lead] = getattr(scored, name).T
    result = section.drop_vars("amplitude").assign(maps)
    result.attrs = {**section.attrs, **score_attrs(model)}
    return result


VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": ("float32", {"long_name": "seismic amplitude"}),
    "nll": ("float32", {"long_name": "negative log-density of each sample", "units": "nat"}),
    "anomaly": (
        "float32",
        {
            "long_name": "two-sided typicality",
            "units": "1",
            "comment": "deviation of the smoothed nll from held-out data, by depth, in their standard deviations; "
            "positive: less probable than normal; negative: more probable (dim or wiped out)",
        },
    ),
    "mask": ("bool", {"long_name": "sample carries data and was scored"}),
}


def score_attrs(model: Model) -> dict[str, Any]:
    """Global attributes that tell how a score came about."""
    card = model.card
    assert card is not None
    return {
        "score": "typicality",
        "model_inputs": [Path(item["path"]).name for item in card.inputs],
        "model_commit": str(card.provenance.get("commit")),
        "model_finished": str(card.provenance.get("finished")),
    }
