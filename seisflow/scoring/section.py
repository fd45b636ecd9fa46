"""Anomaly maps: the exact log-density of a section, sample by sample, against held-out data."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from seisflow.errors import DataError
from seisflow.io.workers import run_in_order
from seisflow.models import Model
from seisflow.models.base import judging_card
from seisflow.models.section_density import batch_size
from seisflow.patches import layout, part_of_panel, read_panel, section_name
from seisflow.patches.panels import MASKS
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.scores import default_score
from seisflow.scoring.calibrated import CalibratedScore
from seisflow.scoring.maps import VARIABLES, Scored, score_attrs, variable_attrs
from seisflow.scoring.survey_match import SurveyMatch, for_survey
from seisflow.scoring.tiles import Tile, WindowGrid, read_slab, slabs, widened
from seisflow.scoring.windows import (
    Part,
    TileWindows,
    batches,
    evaluate,
    one_ahead,
    put_together,
    spacing,
)

UNDER_WAY = 2
"""Batches that may wait for being put together while the next is evaluated."""


def score(
    section: xr.Dataset,
    model: Model,
    *,
    score: str | None = None,
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
        What ``anomaly`` is: one of `seisflow.scores.SCORES`; by default the first that the model offers.
    alpha : float
        False alarms allowed per panel; sets the attribute ``threshold`` of ``anomaly``.
    seed : int
        Seed of the dither.

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
    >>> section = seisflow.open_section("f3-sample").isel(inline=[9])
    >>> result = seisflow.score(section, seisflow.load_model("f3-small"))
    >>> unusual = abs(result.anomaly) > result.anomaly.threshold
    >>> bool(unusual.any())
    True
    """
    score = score or default_score(model)
    dims = section["amplitude"].dims
    shape = section["amplitude"].shape
    dim = layout(section)
    judging_card(model)
    refuse_small(section, model)
    model, match = for_survey(section, model, score)
    panel = (section.sizes[dim.vertical], section.sizes[dim.lateral])
    attrs = variable_attrs(model, alpha, score, panel, match.differences)
    maps: dict[str, tuple[Any, NDArray[Any], dict[str, Any]]] = {
        name: (dims, np.full(shape, False if dtype == "bool" else np.nan, dtype), attrs[name])
        for name, (dtype, _) in VARIABLES.items()
    }
    for scored in score_panels(section, model, score=score, seed=seed, match=match):
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
    score: str | None = None,
    seed: int = 0,
    scheduler: str | None = None,
    workers: int = 1,
    match: SurveyMatch | None = None,
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
        What ``anomaly`` is: one of `seisflow.scores.SCORES`; by default the first that the model offers.
    seed : int
        Seed of the dither and the fill of masked samples; block b (256 traces) of panel i has
        ``(seed, i, b)``.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers see the section's file
        and score slabs of panels, each file chunk being read by one worker.
    workers : int
        Without a scheduler, how many to start on this machine; one is this process.
    match : SurveyMatch, optional
        What `seisflow.scoring.survey_match.for_survey` has found, together with ``model``; else it is asked.

    Raises
    ------
    ModelError
        If the model does not offer the score, has no calibration for it, or is not one of seismic patches.
    DataError
        If the model's patch does not fit the section, or no panel holds any data.
    ConfigError
        If there is no such scheduler.
    MissingPackageError
        If Dask is needed for it and not installed.
    OutputError
        If a worker died.
    """
    judging_card(model)
    refuse_small(section, model)
    score = score or default_score(model)
    if match is None:
        model, match = for_survey(section, model, score)
    work = _SlabScorer(section, CalibratedScore(model, score), match.scaling, seed)
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


def refuse_small(section: xr.Dataset, model: Model) -> None:
    """Refuse a section that hardly anything of a patch fits in.

    Raises
    ------
    DataError
    """
    dims = layout(section)
    samples, traces = section.sizes[dims.vertical], section.sizes[dims.lateral]
    if samples < model.shape[1] // 4 or traces < 2:
        raise DataError(
            f"{section_name(section)}: {samples} samples x {traces} traces. "
            f"Too small for the model's patch of {model.shape[1]} x {model.shape[2]}: "
            f"train one with --set data.patch=[SAMPLES,TRACES]"
        )


class _SlabScorer:
    """Scores slabs of a section, here or, pickled, on a worker."""

    def __init__(
        self, section: xr.Dataset, calibrated: CalibratedScore, scaling: AmplitudeScaling, seed: int
    ) -> None:
        dims = layout(section)
        names = [name for name in MASKS if name in section.variables]
        self.section = section[names].reset_coords(drop=True)
        self.calibrated = calibrated
        self.scaling = scaling
        self.seed = seed
        self.depth = section[dims.vertical].values.astype(np.float64)
        model = calibrated.model
        size = (model.shape[1], model.shape[2])
        shape = (section.sizes[dims.vertical], section.sizes[dims.lateral])
        self.grid = WindowGrid(shape, size, spacing(size), batch_size(model.device))

    def __call__(self, slab: list[Tile]) -> list[Scored]:
        return list(self.stream([slab]))

    def stream(self, shares: list[list[Tile]]) -> Iterator[Scored]:
        """Score slabs tile by tile, in order."""

        def finish(parts: list[Part], maps: Tensor, mask: NDArray[np.bool_]) -> list[Scored]:
            put_together(parts, maps, mask)
            return [part.task.scored(self.calibrated, self.depth) for part in parts if part.is_last]

        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as finisher:
            waiting: deque[Future[list[Scored]]] = deque()
            for parts in batches(one_ahead(reader, self._tasks(shares)), self.grid.batch):
                waiting.append(
                    finisher.submit(
                        finish, parts, *evaluate(parts, self.calibrated.model, self.calibrated.maps)
                    )
                )
                while len(waiting) > UNDER_WAY:
                    yield from waiting.popleft().result()
            for future in waiting:
                yield from future.result()

    def _tasks(self, shares: list[list[Tile]]) -> Iterator[TileWindows]:
        halo = self.calibrated.reach
        for slab in shares:
            held, leads = read_slab(self.section, slab)
            for tile, lead in zip(slab, leads, strict=True):
                known = widened(tile.columns, halo, self.grid.shape[1])
                around = self.grid.around(known)
                yield TileWindows(
                    tile,
                    known,
                    around,
                    read_panel(held, lead, around, whole=True),
                    self.grid,
                    self.scaling,
                    (self.seed, tile.number),
                    part=part_of_panel(held, lead, tile.columns),
                )
