"""Log-densities of the patches of a section."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike

from seisflow.models import Model
from seisflow.patches import cut, layout, panel_index, prepare, read_panel, window_grid
from seisflow.scoring.survey_match import for_survey
from seisflow.scoring.windows import batch_size


def log_prob_of(section: xr.Dataset, model: Model, seed: int = 0) -> xr.DataArray:
    """Log-density of each patch of a section, side by side, in nats.

    Amplitudes are scaled as the survey's are; masked samples have no share.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
    seed : int
        Seed of the dither.

    Returns
    -------
    xr.DataArray
        Over ``patch``, with the labels of each patch's first sample as coordinates, and ``samples``, how many
        of it carry data.
    """
    model, match = for_survey(section, model)
    dims = layout(section)
    size = (model.shape[1], model.shape[2])
    tops, lefts = window_grid((section.sizes[dims.vertical], section.sizes[dims.lateral]), size, size)
    values, counts, leads = [], [], []
    for number, lead in enumerate(panel_index(section)):
        x, mask = cut(read_panel(section, lead), tops, lefts, size)
        x = prepare(x, mask, match.scaling, np.random.default_rng([seed, number]))
        for start in range(0, len(x), batch_size(model)):
            some = slice(start, start + batch_size(model))
            with torch.inference_mode():
                parts = (torch.from_numpy(np.ascontiguousarray(one[some])) for one in (x, mask))
                values.append(model.log_prob(*(one.to(model.device) for one in parts)).cpu().numpy())
        counts.append(mask.sum((1, 2, 3)))
        leads += [lead] * len(tops)
    coords: dict[str, tuple[str, np.ndarray]] = {"samples": ("patch", np.concatenate(counts))}
    places: dict[str, ArrayLike] = {dim: [lead[k] for lead in leads] for k, dim in enumerate(dims.lead)}
    panels = len(leads) // len(tops)
    places |= {dims.lateral: np.tile(lefts, panels), dims.vertical: np.tile(tops, panels)}
    for dim, index in places.items():
        coords[dim] = ("patch", section[dim].values[np.asarray(index)])
    return xr.DataArray(
        np.concatenate(values), dims="patch", coords=coords, name="log_prob", attrs={"units": "nat"}
    )
