"""Windows of a panel, evaluated in batches, and their maps put together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seisflow.models import Model
from seisflow.models.section_density import batch_size
from seisflow.patches import OverlapAdd, Panel, cut
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import ForwardPass
from seisflow.scoring.calibrated import CalibratedScore
from seisflow.scoring.maps import Scored
from seisflow.scoring.tiles import Seed, Tile, WindowGrid, noisy

OVERLAP = 3 / 16
"""Part of a window that it shares with the next, at least. With a half, maps take twice as long and are no
better: what more windows say of a sample, on average, is less sharp."""

log = logging.getLogger("seisflow")
_Item = TypeVar("_Item")


def score_panel(
    panel: Panel,
    model: Model,
    scaling: AmplitudeScaling,
    *,
    stride: tuple[int, int] | None = None,
    seed: int | Seed = 0,
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
        Most samples and traces between windows; by default `spacing`.
    seed : int or tuple of int
        Seed of the dither and of the fill of masked samples; that of panel i of a section is ``(seed, i)``.
    """
    return measure_panel(panel, model, scaling, lambda seen: seen.nll, stride=stride, seed=seed)[0]


def measure_panel(
    panel: Panel,
    model: Model,
    scaling: AmplitudeScaling,
    maps: Callable[[ForwardPass], Tensor],
    *,
    stride: tuple[int, int] | None = None,
    seed: int | Seed = 0,
) -> NDArray[np.float32]:
    """Any maps (K, T, X) of a panel that a score may take; as `score_panel`, which is for the nll.

    Parameters
    ----------
    maps : callable
        Takes a batch of windows, seen through the model, to maps (B, K, H, W).
    """
    (measured,) = measure_panels([panel], model, scaling, maps, stride=stride, seed=seed)
    return measured


def measure_panels(
    panels: Sequence[Panel],
    model: Model,
    scaling: AmplitudeScaling,
    maps: Callable[[ForwardPass], Tensor],
    *,
    stride: tuple[int, int] | None = None,
    seed: int | Seed = 0,
) -> list[NDArray[np.float32]]:
    """Maps of small panels, as `measure_panel` has them; windows of several go together."""

    def take(x: Tensor, mask: Tensor) -> Tensor:
        with torch.inference_mode():
            return maps(ForwardPass(model, x, mask))

    size, batch = (model.shape[1], model.shape[2]), batch_size(model.device)
    words = (seed,) if isinstance(seed, int) else seed
    tasks = []
    for number, panel in enumerate(panels, start=1):
        grid = WindowGrid(panel.shape, size, stride or spacing(size), batch)
        whole = slice(0, panel.shape[1])
        tile = Tile(0, (), whole, closes=number == len(panels))
        tasks.append(TileWindows(tile, whole, whole, panel, grid, scaling, words))
    for parts in batches(tasks, batch):
        put_together(parts, *evaluate(parts, model, take))
    return [task.result() for task in tasks]


def spacing(size: tuple[int, int]) -> tuple[int, int]:
    """Most samples and traces from one window to the next."""
    height, width = (max(int((1 - OVERLAP) * length), 1) for length in size)
    return height, width


class TileWindows:
    """A tile on its way: its windows, and the sums of their maps.

    Parameters
    ----------
    tile : Tile
    known : slice
        Traces whose scores are needed: those of the tile, and what smoothing takes from around it.
    around : slice
        Traces of ``panel``: those of all windows that reach into ``known``.
    panel : Panel
    grid : WindowGrid
    scaling : AmplitudeScaling
    seed : tuple of int
        Seed of the panel.
    part : ndarray of bool (T, X), optional
        Samples of the tile whose scores are wanted; those around are seen.
    """

    def __init__(
        self,
        tile: Tile,
        known: slice,
        around: slice,
        panel: Panel,
        grid: WindowGrid,
        scaling: AmplitudeScaling,
        seed: Seed,
        part: NDArray[np.bool_] | None = None,
    ) -> None:
        self.tile = tile
        self._part = part
        self.panel = panel
        self.size = grid.size
        self.sums: OverlapAdd | None = None
        self._known, self._around = known, around
        self._whole = noisy(panel, around.start, scaling, seed)
        runs = [np.meshgrid(grid.tops, lefts - around.start, indexing="ij") for lefts in grid.runs(known)]
        places = [(tops.T.ravel(), lefts.T.ravel()) for tops, lefts in runs]
        used = [[self._is_used(*place) for place in zip(*run, strict=True)] for run in places]
        self.tops, self.lefts = (
            np.concatenate([run[axis][some] for run, some in zip(places, used, strict=True)])
            for axis in (0, 1)
        )
        ends = np.cumsum([sum(some) for some in used]).tolist()
        self.runs = [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]

    def _is_used(self, top: int, left: int) -> bool:
        return bool(self.panel.mask[top : top + self.size[0], left : left + self.size[1]].any())

    def windows(self, some: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return cut(self._whole, self.tops[some], self.lefts[some], self.size)

    def add(
        self,
        some: slice,
        maps: NDArray[np.float32],
        mask: NDArray[np.bool_],
    ) -> None:
        """Add maps (N, K, h, w) of some windows, with their masks (N, 1, h, w)."""
        if self.sums is None:
            self.sums = OverlapAdd(self.panel.shape, self.size, maps.shape[1:2])
        tops, lefts = self.tops[some], self.lefts[some]
        full = mask.all((1, 2, 3))  # most windows, which are added faster than those with a mask
        self.sums.add(tops[full], lefts[full], maps[full])
        self.sums.add(tops[~full], lefts[~full], maps[~full], mask[~full, 0])

    def result(self) -> NDArray[np.float32]:
        """Maps (K, T, X) of all windows together; NaN where masked."""
        if self.sums is None:  # nothing but mask
            return np.full((1, *self.panel.shape), np.nan, np.float32)
        return self.sums.result()

    def scored(self, calibrated: CalibratedScore, depth: NDArray[np.float64]) -> Scored:
        known = slice(self._known.start - self._around.start, self._known.stop - self._around.start)
        maps, panel = self.result()[..., known], self.panel.crop(slice(None), known)
        anomaly = calibrated.deviation(maps, panel.mask, depth) if self.sums else maps[0]
        amplitude = np.where(panel.mask, panel.amplitude, np.float32(np.nan))
        columns = self.tile.columns
        own = slice(columns.start - self._known.start, columns.stop - self._known.start)
        found = amplitude[:, own], maps[0, :, own], anomaly[:, own]
        mask = panel.mask[:, own]
        if self._part is not None:
            mask = mask & self._part
            amplitude, nll, anomaly = (np.where(mask, one, np.float32(np.nan)) for one in found)
            found = amplitude, nll, anomaly
        return Scored(self.tile.lead, columns, *found, mask)


@dataclass(frozen=True)
class Part:
    """Some windows of a tile, and whether they are its last."""

    task: TileWindows
    some: slice
    is_last: bool

    @property
    def count(self) -> int:
        return self.some.stop - self.some.start


def batches(tasks: Iterable[TileWindows], size: int) -> Iterator[list[Part]]:
    """Gather the windows of tiles, in order, ``size`` at a time; none go together across the end of a run."""
    parts: list[Part] = []
    room = size
    for task in tasks:
        for run in task.runs:
            is_last_run = run is task.runs[-1]
            start = run.start
            while True:
                stop = min(start + room, run.stop)
                parts.append(Part(task, slice(start, stop), is_last=is_last_run and stop == run.stop))
                room -= stop - start
                start = stop
                ends_here = start == run.stop
                if room == 0 or (ends_here and (task.tile.closes or not is_last_run)):
                    yield parts
                    parts, room = [], size
                if ends_here:
                    break


def evaluate(
    parts: list[Part], model: Model, maps: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, NDArray[np.bool_]]:
    """Maps (B, K, h, w) of the parts' windows, on the model's device, and their masks (B, 1, h, w)."""
    windows = [part.task.windows(part.some) for part in parts if part.count]
    if not windows:
        return torch.empty(0, *model.shape), np.empty((0, *model.shape), bool)
    x, mask = (np.concatenate(arrays) for arrays in zip(*windows, strict=True))
    return maps(*(torch.from_numpy(array).to(model.device) for array in (x, mask))), mask


def put_together(parts: list[Part], maps: Tensor, mask: NDArray[np.bool_]) -> None:
    """Add the maps of a batch to the sums of their panels."""
    values = maps.cpu().numpy()
    start = 0
    for part in parts:
        window = slice(start, start + part.count)
        if part.count:
            part.task.add(part.some, values[window], mask[window])
        start = window.stop


def one_ahead(pool: ThreadPoolExecutor, items: Iterator[_Item]) -> Iterator[_Item]:
    """Make items in a thread, one ahead of what is asked for."""
    coming = pool.submit(next, items, None)
    while (made := coming.result()) is not None:
        coming = pool.submit(next, items, None)
        yield made
