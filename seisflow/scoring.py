"""Anomaly maps: the exact log-density of a section, sample by sample, against held-out data."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from seisflow.calibration import Extremes
from seisflow.errors import DataError, ModelError
from seisflow.io import catalog
from seisflow.io.workers import run_in_order
from seisflow.models import Model, ModelCard
from seisflow.patches import Block, OverlapAdd, Panel, cut, layout, read_panel, section_name
from seisflow.scaling import AmplitudeScaling
from seisflow.scores import Evaluation, find_score
from seisflow.scores.judge import Judge, calibration_of
from seisflow.tiles import Seed, Tile, WindowGrid, noisy, read_slab, slabs, widened

log = logging.getLogger("seisflow")

BATCH_CPU, BATCH_GPU = 16, 128
"""Windows evaluated together."""
UNDER_WAY = 2
"""Batches that may wait for being put together while the next is evaluated."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Scored:
    """Maps of one panel, or of some traces of a long one, all (T, X).

    Attributes
    ----------
    lead : tuple of int
        Position of the panel over the leading dims.
    columns : slice
        Traces of the panel.
    amplitude : ndarray of float32
        As read; NaN where masked.
    nll : ndarray of float32
        Negative log-density of each sample, in nats; NaN where masked.
    anomaly : ndarray of float32
        Deviation of the score from held-out data, in their standard deviations. Of two-sided typicality, the
        default, positive where the section is less probable than normal, negative where it is more probable
        (dim, wiped out).
    mask : ndarray of bool
        Samples that carry data.
    """

    lead: tuple[int, ...]
    columns: slice
    amplitude: NDArray[np.float32]
    nll: NDArray[np.float32]
    anomaly: NDArray[np.float32]
    mask: NDArray[np.bool_]


VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": ("float32", {"long_name": "seismic amplitude"}),
    "nll": ("float32", {"long_name": "negative log-density of each sample", "units": "nat"}),
    "anomaly": (
        "float32",
        {
            "units": "1",
            "comment": "deviation from held-out data, by depth, in standard deviations of these; where "
            "two-sided, positive: less probable than normal; negative: more probable (dim or wiped out)",
        },
    ),
    "mask": ("bool", {"long_name": "sample carries data and was scored"}),
}
"""Maps that scoring makes: type and attributes of each, by its name in `Scored` and in files."""


def score(
    section: xr.Dataset,
    model: Model,
    *,
    score: str = "typicality",
    alpha: float = 0.05,
    seed: int = 0,
) -> xr.Dataset:
    """Score a whole section in memory.

    For what exceeds memory use ``seisflow score``, or `score_panels`; all three give the same maps.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        As `seisflow.load_model` gives it.
    score : str
        What ``anomaly`` is: one of `seisflow.scores.SCORES`.
    alpha : float
        False alarms allowed per panel; sets the attribute ``threshold`` of ``anomaly``.
    seed : int
        Of the dither.

    Returns
    -------
    xr.Dataset
        The section's coordinates with ``amplitude``, ``nll`` (nats a sample), ``anomaly`` (held-out
        standard deviations, two-sided) and ``mask``, in the section's dims.

    Raises
    ------
    ModelError, DataError
        As `score_panels`.

    Examples
    --------
    >>> import seisflow
    >>> section = seisflow.open_section("f3-sample")
    >>> result = seisflow.score(section, seisflow.load_model("runs/latest"))  # doctest: +SKIP
    >>> unusual = abs(result.anomaly) > result.anomaly.threshold  # doctest: +SKIP
    """
    dims = section["amplitude"].dims
    shape = section["amplitude"].shape
    dim = layout(section)
    attrs = variable_attrs(model, alpha, score, (section.sizes[dim.vertical], section.sizes[dim.lateral]))
    maps: dict[str, tuple[Any, NDArray[Any], dict[str, Any]]] = {
        name: (dims, np.full(shape, False if dtype == "bool" else np.nan, dtype), attrs[name])
        for name, (dtype, _) in VARIABLES.items()
    }
    for scored in score_panels(section, model, score=score, seed=seed):
        place: tuple[int | slice, ...] = (*scored.lead, scored.columns)
        for name in VARIABLES:
            maps[name][1][place] = getattr(scored, name).T
    result = section.drop_vars("amplitude").assign(maps)
    result.attrs = {**section.attrs, **score_attrs(model, score)}
    return result


def score_panels(
    section: xr.Dataset,
    model: Model,
    *,
    score: str = "typicality",
    seed: int = 0,
    scheduler: str | None = None,
    workers: int = 1,
) -> Iterator[Scored]:
    """Score a section panel by panel, in order; only a few panels are in memory at a time.

    Panels of more than 4 million samples come in tiles of some traces. While the model evaluates one batch of
    windows, the next panel is read, and the maps of the last batch are put together, each in a thread of its
    own. The maps do not depend on who computes them.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        On the device to compute on.
    score : str
        What ``anomaly`` is: one of `seisflow.scores.SCORES`. Others than the first two cost more time.
    seed : int
        Of the dither and the fill of masked samples; block b of 256 traces of panel i has ``(seed, i, b)``.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers see the section's file
        and score slabs of panels, each file chunk being read by one worker.
    workers : int
        Without a scheduler, how many to start on this machine; one is this process.

    Raises
    ------
    ModelError
        If the model does not offer the score, has no calibration for it, or is not one of seismic patches.
    DataError
        If the model's patch does not fit the section, or no panel holds any data.
    ConfigError
        If Dask is needed and not installed, or there is no such scheduler.
    OutputError
        If a worker died.
    """
    card = judging_card(model)
    dims = layout(section)
    samples, traces = section.sizes[dims.vertical], section.sizes[dims.lateral]
    if samples < model.shape[1] // 4 or traces < 2:
        raise DataError(
            f"{section_name(section)}: {samples} samples x {traces} traces. "
            f"Too small for the model's patch of {model.shape[1]} x {model.shape[2]}: "
            f"train one with --set data.patch=[SAMPLES,TRACES]"
        )
    warn_of_other_sampling(section, card)
    work = _SlabScorer(section, Judge(model, score), fitting_scale(section, card), seed)
    shares = slabs(section, work.grid)
    if scheduler is None and workers <= 1:
        stream = work.stream(shares)
    else:
        done = run_in_order(work, shares, scheduler, workers)
        stream = (scored for some in done for scored in some)
    found = False
    for scored in stream:
        found |= bool(scored.mask.any())
        yield scored
    if not found:
        raise DataError(
            f"{section_name(section)}: every sample is zero, dead or missing. Expected amplitudes: "
            f"look at it with `seisflow scan`"
        )


class _SlabScorer:
    """Scores slabs of a section, here or, pickled, on a worker."""

    def __init__(self, section: xr.Dataset, judge: Judge, scaling: AmplitudeScaling, seed: int) -> None:
        dims = layout(section)
        names = [name for name in ("amplitude", "trace_mask") if name in section.variables]
        self.section = section[names].reset_coords(drop=True)
        self.judge = judge
        self.scaling = scaling
        self.seed = seed
        self.depth = section[dims.vertical].values.astype(np.float64)
        model = judge.model
        size = (model.shape[1], model.shape[2])
        shape = (section.sizes[dims.vertical], section.sizes[dims.lateral])
        self.grid = WindowGrid(shape, size, half(size), _batch_size(model))

    def __call__(self, slab: list[Tile]) -> list[Scored]:
        return list(self.stream([slab]))

    def stream(self, shares: list[list[Tile]]) -> Iterator[Scored]:
        """Score slabs tile by tile, in order."""

        def finish(parts: list[_Part], maps: Tensor, mask: NDArray[np.bool_]) -> list[Scored]:
            _put_together(parts, maps, mask)
            return [part.task.scored(self.judge, self.depth) for part in parts if part.is_last]

        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as finisher:
            waiting: deque[Future[list[Scored]]] = deque()
            for parts in _batches(_ahead(reader, self._tasks(shares)), self.grid.batch):
                waiting.append(
                    finisher.submit(finish, parts, *_evaluate(parts, self.judge.model, self.judge.maps))
                )
                while len(waiting) > UNDER_WAY:
                    yield from waiting.popleft().result()
            for future in waiting:
                yield from future.result()

    def _tasks(self, shares: list[list[Tile]]) -> Iterator[_Task]:
        halo = self.judge.reach
        for slab in shares:
            held, leads = read_slab(self.section, slab)
            for tile, lead in zip(slab, leads, strict=True):
                known = widened(tile.columns, halo, self.grid.shape[1])
                around = self.grid.around(known)
                panel = read_panel(held, lead, around)
                yield _Task(tile, known, around, panel, self.grid, self.scaling, (self.seed, tile.number))


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
        Samples and traces between windows; by default half a patch.
    seed : int or tuple of int
        Of the dither and of the fill of masked samples; that of panel i of a section is ``(seed, i)``.
    """
    return measure_panel(panel, model, scaling, lambda seen: seen.nll, stride=stride, seed=seed)[0]


def measure_panel(
    panel: Panel,
    model: Model,
    scaling: AmplitudeScaling,
    maps: Callable[[Evaluation], Tensor],
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

    def take(x: Tensor, mask: Tensor) -> Tensor:
        with torch.inference_mode():
            return maps(Evaluation(model, x, mask))

    size = (model.shape[1], model.shape[2])
    grid = WindowGrid(panel.shape, size, stride or half(size), _batch_size(model))
    whole = slice(0, panel.shape[1])
    words = (seed,) if isinstance(seed, int) else seed
    task = _Task(Tile(0, (), whole, closes=True), whole, whole, panel, grid, scaling, words)
    for parts in _batches([task], grid.batch):
        _put_together(parts, *_evaluate(parts, model, take))
    return task.result()


def half(size: tuple[int, int]) -> tuple[int, int]:
    """Stride at which windows overlap by half."""
    return max(size[0] // 2, 1), max(size[1] // 2, 1)


def section_card(model: Model) -> ModelCard:
    """Return the card of a model of sections.

    Raises
    ------
    ModelError
        If it has none, or is a model of images.
    """
    if model.card is None:
        raise ModelError(
            "the model has no card, so its scale is not known. Expected one made by `seisflow train`"
        )
    if model.card.images is not None:
        raise ModelError(
            f"the model is one of images ({model.card.images}). A section needs one trained on sections"
        )
    if model.shape[0] != 1:
        raise ModelError(
            f"the model's patches have {model.shape[0]} channels. A section needs one of one channel"
        )
    return model.card


def judging_card(model: Model) -> ModelCard:
    """Return the card of a model that can score sections.

    Raises
    ------
    ModelError
        If it has no calibration, or is no model of sections.
    """
    card = section_card(model)
    if card.calibration is None:
        raise ModelError("the model has no calibration. Expected one made by `seisflow train`")
    return card


def fitting_scale(section: xr.Dataset, card: ModelCard) -> AmplitudeScaling:
    """Return the model's scaling, or the section's own if it is unseen and of another size of amplitudes."""
    if _was_trained_on(section, card):
        return card.scaling
    own = AmplitudeScaling.fit([section], [[Block()]], card.scaling.step)
    ratio = own.std / card.scaling.std
    if 0.5 < ratio < 2:
        return card.scaling
    log.warning(
        "%s: amplitudes are %.3g times those the model has seen (std %.4g against %.4g); scaled by their "
        "own. Train on this survey for a score that means more",
        section_name(section),
        ratio,
        own.std,
        card.scaling.std,
    )
    return own


def warn_of_other_sampling(section: xr.Dataset, card: ModelCard) -> None:
    """Tell when a section is sampled otherwise than what the model has seen, so that its patterns differ."""
    seen = card.provenance.get("geometry")
    vertical = layout(section).vertical
    values = section[vertical].values
    if not seen or len(values) < 2:
        return
    interval = float(values[1] - values[0])
    if vertical != seen["domain"] or not np.isclose(interval, seen["interval"], rtol=0.01):
        log.warning(
            "%s: %s samples every %g %s; the model has seen %s samples every %g %s, and finds all else "
            "unusual. Train on this survey for a score that means more",
            section_name(section),
            vertical,
            interval,
            section[vertical].attrs.get("units", ""),
            seen["domain"],
            seen["interval"],
            seen["unit"],
        )


def variable_attrs(
    model: Model, alpha: float, score: str = "typicality", shape: tuple[int, int] | None = None
) -> dict[str, dict[str, Any]]:
    """Attributes of each map; those of ``anomaly`` tell the threshold and what it promises.

    ``shape`` (T, X) is that of the panels to judge, for their threshold; by default, of held-out ones.
    """
    card, title = judging_card(model), find_score(model, score).title
    calibration: Extremes = calibration_of(card, score)
    attrs = {name: dict(known) for name, (_, known) in VARIABLES.items()}
    attrs["anomaly"] |= {
        "long_name": title,
        "threshold": calibration.threshold(alpha, shape),
        "alpha": alpha,
        "alpha_is_supported": bool(calibration.supports(alpha, shape)),
        "alpha_rests_on": calibration.promise(alpha, shape),
    }
    return attrs


def score_attrs(model: Model, score: str = "typicality") -> dict[str, Any]:
    """Global attributes that tell how a score came about."""
    card = judging_card(model)
    return {
        "score": score,
        "model_inputs": [Path(item["path"]).name for item in card.inputs],
        "model_commit": str(card.provenance.get("commit")),
        "model_finished": str(card.provenance.get("finished")),
    }


class _Task:
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
        Of the panel.
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
    ) -> None:
        self.tile = tile
        self.panel = panel
        self.size = grid.size
        self.sums: list[OverlapAdd] = []
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
        if not self.sums:
            self.sums = [OverlapAdd(self.panel.shape, self.size) for _ in range(maps.shape[1])]
        tops, lefts = self.tops[some], self.lefts[some]
        full = mask.all((1, 2, 3))  # most windows, which are added faster than those with a mask
        for sums, values in zip(self.sums, maps.swapaxes(0, 1), strict=True):
            sums.add(tops[full], lefts[full], values[full])
            sums.add(tops[~full], lefts[~full], values[~full], mask[~full, 0])

    def result(self) -> NDArray[np.float32]:
        """Maps (K, T, X) of all windows together; NaN where masked."""
        if not self.sums:  # nothing but mask
            return np.full((1, *self.panel.shape), np.nan, np.float32)
        return np.stack([sums.result() for sums in self.sums])

    def scored(self, judge: Judge, depth: NDArray[np.float64]) -> Scored:
        known = slice(self._known.start - self._around.start, self._known.stop - self._around.start)
        maps, panel = self.result()[..., known], self.panel.crop(slice(None), known)
        anomaly = judge.deviation(maps, panel.mask, depth) if self.sums else maps[0]
        amplitude = np.where(panel.mask, panel.amplitude, np.float32(np.nan))
        columns = self.tile.columns
        own = slice(columns.start - self._known.start, columns.stop - self._known.start)
        return Scored(
            self.tile.lead, columns, amplitude[:, own], maps[0, :, own], anomaly[:, own], panel.mask[:, own]
        )


@dataclass(frozen=True)
class _Part:
    """Some windows of a tile, and whether they are its last."""

    task: _Task
    some: slice
    is_last: bool

    @property
    def count(self) -> int:
        return self.some.stop - self.some.start


def _batches(tasks: Iterable[_Task], size: int) -> Iterator[list[_Part]]:
    """Gather the windows of tiles, in order, ``size`` at a time; none go together across the end of a run."""
    parts: list[_Part] = []
    room = size
    for task in tasks:
        for run in task.runs:
            is_last_run = run is task.runs[-1]
            start = run.start
            while True:
                stop = min(start + room, run.stop)
                parts.append(_Part(task, slice(start, stop), is_last=is_last_run and stop == run.stop))
                room -= stop - start
                start = stop
                ends_here = start == run.stop
                if room == 0 or (ends_here and (task.tile.closes or not is_last_run)):
                    yield parts
                    parts, room = [], size
                if ends_here:
                    break


def _evaluate(
    parts: list[_Part], model: Model, maps: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, NDArray[np.bool_]]:
    """Maps (B, K, h, w) of the parts' windows, on the model's device, and their masks (B, 1, h, w)."""
    windows = [part.task.windows(part.some) for part in parts if part.count]
    if not windows:
        return torch.empty(0, *model.shape), np.empty((0, *model.shape), bool)
    x, mask = (np.concatenate(arrays) for arrays in zip(*windows, strict=True))
    return maps(*(torch.from_numpy(array).to(model.device) for array in (x, mask))), mask


def _put_together(parts: list[_Part], maps: Tensor, mask: NDArray[np.bool_]) -> None:
    """Add the maps of a batch to the sums of their panels."""
    values = maps.cpu().numpy()
    start = 0
    for part in parts:
        window = slice(start, start + part.count)
        if part.count:
            part.task.add(part.some, values[window], mask[window])
        start = window.stop


def _batch_size(model: Model) -> int:
    return BATCH_CPU if model.device.type == "cpu" else BATCH_GPU


def _ahead(pool: ThreadPoolExecutor, items: Iterator[_Item]) -> Iterator[_Item]:
    """Make items in a thread, one ahead of what is asked for."""
    coming = pool.submit(next, items, None)
    while (made := coming.result()) is not None:
        coming = pool.submit(next, items, None)
        yield made


def _was_trained_on(section: xr.Dataset, card: ModelCard) -> bool:
    source = section.attrs.get("source_file")
    if source is None:
        return False
    paths = (str(item["path"]) for item in card.inputs)
    files = (catalog.locate(path) if path in catalog.names() else Path(path) for path in paths)
    return any(file.resolve() == Path(source).resolve() for file in files)
