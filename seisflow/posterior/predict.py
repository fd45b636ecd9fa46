"""Predictions over whole panels, put together from overlapping windows."""

import numpy as np
import torch

from seisflow.models.infill import MULTIPLE, Infill
from seisflow.patches import window_starts
from seisflow.posterior.examples import Mask, Values

WINDOW = 64
"""Traces of a window; it holds all samples of its traces."""
TOGETHER = 4
"""Windows evaluated together."""


def groups(traces: int) -> list[slice]:
    """Stretches of a panel whose windows are evaluated together; they overlap by half a window."""
    starts = window_starts(traces, WINDOW, WINDOW // 2)
    batches = [starts[i : i + TOGETHER] for i in range(0, len(starts), TOGETHER)]
    return [slice(int(one[0]), min(int(one[-1]) + WINDOW, traces)) for one in batches]


def around(columns: slice, traces: int, halo: int = 0) -> slice:
    """Traces that must be known to predict some: those of all groups that reach into them, and a halo."""
    reach = [one for one in groups(traces) if one.stop > columns.start and one.start < columns.stop]
    return slice(max(reach[0].start - halo, 0), min(reach[-1].stop + halo, traces))


def predict(
    network: Infill, values: Values, known: Mask, wanted: Mask, *, first: int = 0, traces: int | None = None
) -> tuple[Values, Values]:
    """Mean and standard deviation of every sample given the known ones.

    The windows lie where they lie on the whole panel, so that a part of it has the same predictions.

    Parameters
    ----------
    network : Infill
    values : ndarray of float32, (T, X)
        In standard deviations of the section; the part of a panel that starts at trace ``first``.
    known : ndarray of bool, (T, X)
    wanted : ndarray of bool, (X,)
        Traces to predict; windows without any are left out, and NaN.
    first, traces : int
        First trace of the part, and traces of the whole panel.

    Returns
    -------
    mean, std : ndarray of float32, (T, X)
    """
    shape = values.shape
    whole = traces if traces is not None else shape[1]
    sums = np.zeros((2, *shape), np.float32)
    weight = np.zeros(shape[1], np.float32)
    taper = (np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW) ** 2).astype(np.float32)
    starts = window_starts(whole, WINDOW, WINDOW // 2)
    for i in range(0, len(starts), TOGETHER):
        lefts = [int(left) - first for left in starts[i : i + TOGETHER]]
        inside = lefts[0] >= 0 and min(lefts[-1] + WINDOW, whole - first) <= shape[1]
        if not inside or not wanted[lefts[0] : lefts[-1] + WINDOW].any():
            continue
        found = _evaluate(network, values, known, lefts)
        for left, maps in zip(lefts, found, strict=True):
            columns = slice(left, min(left + WINDOW, shape[1]))
            width = columns.stop - columns.start
            sums[:, :, columns] += taper[:width] * maps[:, : shape[0], :width]
            weight[columns] += taper[:width]
    with np.errstate(invalid="ignore"):
        mean, std = sums / weight
    return mean, std


@torch.inference_mode()
def _evaluate(network: Infill, values: Values, known: Mask, lefts: list[int]) -> Values:
    """Mean and standard deviation of some windows, (B, 2, T or a little more, X)."""
    samples = -(-values.shape[0] // MULTIPLE[0]) * MULTIPLE[0]
    x = np.zeros((len(lefts), 1, samples, WINDOW), np.float32)
    mask = np.zeros(x.shape, bool)
    for i, left in enumerate(lefts):
        part = slice(left, left + WINDOW)
        width = values[:, part].shape[1]
        x[i, 0, : values.shape[0], :width] = values[:, part]
        mask[i, 0, : values.shape[0], :width] = known[:, part]
    device = next(network.parameters()).device
    values_seen, known_seen = torch.from_numpy(x).to(device), torch.from_numpy(mask).to(device)
    mean, std = network(values_seen, known_seen)
    # Turned round and with the other polarity a section is as probable: the mean of both errs less.
    other, spread = network(-values_seen.flip(3), known_seen.flip(3))
    both = torch.cat([(mean - other.flip(3)) / 2, (std + spread.flip(3)) / 2], 1)
    found: Values = both.cpu().numpy()
    return found
