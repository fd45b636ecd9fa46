"""Log-densities of the patches of a section."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from seisflow.patches import cut, layout, panel_index, prepare, read_panel, window_grid
from seisflow.patches.scaling import AmplitudeScaling

BATCH_CPU, BATCH_GPU = 16, 128
"""Patches evaluated together."""


def batch_size(device: torch.device) -> int:
    """Patches that are evaluated together on a device."""
    return BATCH_CPU if device.type == "cpu" else BATCH_GPU


def section_log_prob(
    section: xr.Dataset,
    size: tuple[int, int],
    scaling: AmplitudeScaling,
    log_prob: Callable[[Tensor, Tensor], Tensor],
    *,
    device: torch.device,
    seed: int = 0,
) -> xr.DataArray:
    """Log-density of each patch of a section, side by side, in nats.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    size : (int, int)
        Samples and traces of a patch.
    scaling : AmplitudeScaling
    log_prob : callable
        Takes scaled patches (B, 1, H, W) and their mask; masked samples have no part in the density.
    device : torch.device
        Where it computes.
    seed : int
        Seed of the dither.

    Returns
    -------
    xr.DataArray
        Over ``patch``, with the labels of each patch's first sample as coordinates, and ``samples``, how many
        of it carry data.
    """
    dims, batch = layout(section), batch_size(device)
    tops, lefts = window_grid((section.sizes[dims.vertical], section.sizes[dims.lateral]), size, size)
    values, counts, leads = [], [], []
    for number, lead in enumerate(panel_index(section)):
        x, mask = cut(read_panel(section, lead), tops, lefts, size)
        x = prepare(x, mask, scaling, np.random.default_rng([seed, number]))
        for start in range(0, len(x), batch):
            some = slice(start, start + batch)
            with torch.inference_mode():
                parts = [torch.from_numpy(np.ascontiguousarray(one[some])).to(device) for one in (x, mask)]
                values.append(log_prob(*parts).cpu().numpy())
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
