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

from seisflow.calibration import Calibration, smooth
from seisflow.errors import DataError, ModelError
from seisflow.io import catalog
from seisflow.models import Model, ModelCard
from seisflow.patches import (
    Block,
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

BATCH_CPU, BATCH_GPU = 16, 128
"""Windows evaluated together."""
SMOOTHING = (8.0, 4.0)
"""Samples and traces over which log-densities are averaged before they are judged (standard deviations)."""
UNDER_WAY = 2
"""Batches that may wait for being put together while the next is evaluated."""

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


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


VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "amplitude": ("float32", {"long_name": "seismic amplitude"}),
    "nll": ("float32", {"long_name": "negative log-density of each sample", "units": "nat"}),
    "anomaly": (
        "float32",
        {
            "long_name": "two-sided typicality",
            "units": "1",
            "comment": "deviation of the smoothed nll from held-out data, by depth, in standard deviations "
            "of these; positive: less probable than normal; negative: more probable (dim or wiped out)",
        },
    ),
    "mask": ("bool", {"long_name": "sample carries data and was scored"}),
}
"""Maps that scoring makes: type and attributes of each, by its name in `Scored` and in files."""


def score(section: xr.Dataset, model: Model, *, alpha: float = 0.05, seed: int = 0) -> xr.Dataset:
    """Score a whole section in memory.

    For what exceeds memory use ``seisflow score``, or `score_panels`; all three give the same maps.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        As `seisflow.load_model` gives it.
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
    attrs = variable_attrs(model, alpha)
    maps = {
        name: (dims, np.full(shape, False if dtype == "bool" else np.nan, dtype), attrs[name])
        for name, (dtype, _) in VARIABLES.items()
    }
    for scored in score_panels(section, model, seed=seed):
        for name in VARIABLES:
            maps[name][1][scored.lead] = getattr(scored, name).T
    result = section.drop_vars("amplitude").assign(maps)
    result.attrs = {**section.attrs, **score_attrs(model)}
    return result


def score_panels(section: xr.Dataset, model: Model, *, seed: int = 0) -> Iterator[Scored]:
    """Score a section panel by panel, in order; only a few panels are in memory at a time.

    While the model evaluates one batch of windows, the next panel is read, and the maps of the last batch
    are put together, each in a thread of its own. Batches span panels.

    Parameters
    ----------
    section : xr.Dataset
        As `seisflow.open_section` gives it.
    model : Model
        On the device to compute on.
    seed : int
        Of the dither and of the fill of masked samples; panel i uses ``(seed, i)``.

    Raises
    ------
    ModelError
        If the model has no calibration, or is not one of seismic patches.
    DataError
        If the model's patch does not fit the section, or no panel holds any data.
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
    scaling = fitting_scale(section, card)
    depth = section[dims.vertical].values.astype(np.float64)
    size = (model.shape[1], model.shape[2])

    def open_task(item: tuple[int, tuple[int, ...]]) -> _Task:
        number, lead = item
        rng = np.random.default_rng([seed, number])
        return _Task(lead, read_panel(section, lead), size, half(size), scaling, rng)

    def finish(parts: list[_Part], log_prob: Tensor, mask: NDArray[np.bool_]) -> list[Scored]:
        _put_together(parts, log_prob, mask)
        return [part.task.scored(_calibration(card), depth) for part in parts if part.is_last]

    found = False
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as finisher:
        waiting: deque[Future[list[Scored]]] = deque()
        tasks = _ahead(reader, open_task, list(enumerate(panel_index(section))))
        for parts in _batches(tasks, _batch_size(model)):
            waiting.append(finisher.submit(finish, parts, *_evaluate(parts, model)))
            while len(waiting) > UNDER_WAY:
                for scored in waiting.popleft().result():
                    found |= bool(scored.mask.any())
                    yield scored
        for future in waiting:
            for scored in future.result():
                found |= bool(scored.mask.any())
                yield scored
    if not found:
        raise DataError(
            f"{section_name(section)}: every sample is zero, dead or missing. Expected amplitudes: "
            f"look at it with `seisflow scan`"
        )


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
    task = _Task((), panel, size, stride or half(size), scaling, np.random.default_rng(seed))
    for parts in _batches([task], _batch_size(model)):
        _put_together(parts, *_evaluate(parts, model))
    return task.sums.result()


def half(size: tuple[int, int]) -> tuple[int, int]:
    """Stride at which windows overlap by half."""
    return max(size[0] // 2, 1), max(size[1] // 2, 1)


def section_card(model: Model) -> ModelCard:
    """Return the card of a model of sections.

    Raises
    ------
    ModelError
        If it has none, or its patches have several channels.
    """
    if model.card is None:
        raise ModelError(
            "the model has no card, so its scale is not known. Expected one made by `seisflow train`"
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


def variable_attrs(model: Model, alpha: float) -> dict[str, dict[str, Any]]:
    """Attributes of each map; those of ``anomaly`` tell the threshold and what it promises."""
    calibration = _calibration(judging_card(model))
    attrs = {name: dict(known) for name, (_, known) in VARIABLES.items()}
    attrs["anomaly"] |= {
        "threshold": calibration.threshold(alpha),
        "alpha": alpha,
        "alpha_is_supported": bool(calibration.supports(alpha)),
    }
    return attrs


def score_attrs(model: Model) -> dict[str, Any]:
    """Global attributes that tell how a score came about."""
    card = judging_card(model)
    return {
        "score": "typicality",
        "model_inputs": [Path(item["path"]).name for item in card.inputs],
        "model_commit": str(card.provenance.get("commit")),
        "model_finished": str(card.provenance.get("finished")),
    }


class _Task:
    """A panel on its way: its windows, and the sums of their maps."""

    def __init__(
        self,
        lead: tuple[int, ...],
        panel: Panel,
        size: tuple[int, int],
        stride: tuple[int, int],
        scaling: AmplitudeScaling,
        rng: np.random.Generator,
    ) -> None:
        self.lead = lead
        self.panel = panel
        self.size = size
        self.sums = OverlapAdd(panel.shape, size)
        self._whole = Panel(prepare(panel.amplitude, panel.mask, scaling, rng), panel.mask)
        tops, lefts = window_grid(panel.shape, size, stride)
        places = zip(tops, lefts, strict=True)
        used = [panel.mask[top : top + size[0], left : left + size[1]].any() for top, left in places]
        self.tops, self.lefts = tops[used], lefts[used]

    def windows(self, some: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return cut(self._whole, self.tops[some], self.lefts[some], self.size)

    def scored(self, calibration: Calibration, depth: NDArray[np.float64]) -> Scored:
        nll, mask = self.sums.result(), self.panel.mask
        anomaly = calibration.deviation(smooth(nll, mask, calibration.smoothing), depth)
        amplitude = np.where(mask, self.panel.amplitude, np.float32(np.nan))
        return Scored(self.lead, amplitude, nll, anomaly, mask)


@dataclass(frozen=True)
class _Part:
    """Some windows of a panel, and whether they are its last."""

    task: _Task
    some: slice
    is_last: bool

    @property
    def count(self) -> int:
        return self.some.stop - self.some.start


def _batches(tasks: Iterable[_Task], size: int) -> Iterator[list[_Part]]:
    """Gather the windows of panels, in order, ``size`` at a time."""
    parts: list[_Part] = []
    room = size
    for task in tasks:
        count, start = len(task.tops), 0
        while True:
            stop = min(start + room, count)
            parts.append(_Part(task, slice(start, stop), is_last=stop == count))
            room -= stop - start
            start = stop
            if room == 0:
                yield parts
                parts, room = [], size
            if start == count:
                break
    if parts:
        yield parts


def _evaluate(parts: list[_Part], model: Model) -> tuple[Tensor, NDArray[np.bool_]]:
    """Shares (B, 1, h, w) of the windows' samples in their log-density, on the model's device; the mask."""
    windows = [part.task.windows(part.some) for part in parts if part.count]
    if not windows:
        return torch.empty(0, *model.shape), np.empty((0, *model.shape), bool)
    x, mask = (np.concatenate(arrays) for arrays in zip(*windows, strict=True))
    with torch.inference_mode():
        log_prob = model.log_prob_map(*(torch.from_numpy(array).to(model.device) for array in (x, mask)))
    return log_prob, mask


def _put_together(parts: list[_Part], log_prob: Tensor, mask: NDArray[np.bool_]) -> None:
    """Add the maps of a batch to the sums of their panels."""
    values = -log_prob[:, 0].cpu().numpy()
    start = 0
    for part in parts:
        window = slice(start, start + part.count)
        tops, lefts = part.task.tops[part.some], part.task.lefts[part.some]
        full = mask[window].all((1, 2, 3))  # most windows, which are added faster than those with a mask
        part.task.sums.add(tops[full], lefts[full], values[window][full])
        part.task.sums.add(tops[~full], lefts[~full], values[window][~full], mask[window, 0][~full])
        start = window.stop


def _batch_size(model: Model) -> int:
    return BATCH_CPU if model.device.type == "cpu" else BATCH_GPU


def _ahead(pool: ThreadPoolExecutor, make: Callable[[_Item], _Made], items: list[_Item]) -> Iterator[_Made]:
    """Make one thing of each item, in a thread, one ahead of what is asked for."""
    coming = pool.submit(make, items[0])
    for item in items[1:]:
        made = coming.result()
        coming = pool.submit(make, item)
        yield made
    yield coming.result()


def _calibration(card: ModelCard) -> Calibration:
    assert card.calibration is not None  # `judging_card` has seen to it
    return card.calibration


def _was_trained_on(section: xr.Dataset, card: ModelCard) -> bool:
    source = section.attrs.get("source_file")
    if source is None:
        return False
    paths = (str(item["path"]) for item in card.inputs)
    files = (catalog.locate(path) if path in catalog.names() else Path(path) for path in paths)
    return any(file.resolve() == Path(source).resolve() for file in files)
