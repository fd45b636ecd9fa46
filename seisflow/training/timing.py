"""The time a run may take, calibration and all."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer

from seisflow import progress
from seisflow.models import Model
from seisflow.training.data import TrainingData
from seisflow.training.finish import finishing_seconds
from seisflow.training.refining import refining_seconds

log = logging.getLogger("seisflow")
SHARE = 0.4
"""Most of the time that is kept for calibration, if fewer panels do for it."""
LEAST_SHARE = 0.3
"""Least of the time that is left for steps, whatever the rest takes."""
INITIALISING = 0.1
"""Part of the time for setting whitening and scales."""
PICTURES = 4.0
"""Seconds kept for pictures and files."""
MOST_OVER = 0.1
"""Part of the time that a run may take on top without saying so."""
FIRST_STEPS, LAST_STEPS = 5, 10
"""Steps by which the speed at the start, and that of the moment, are told."""


@dataclass
class Budget:
    """Clock of a run: its time so far, and the time left for steps and for calibration.

    Attributes
    ----------
    max_time : timedelta, optional
        For all of the run; None for no limit.
    began : float
        When it began, by `time.monotonic`.
    reserve : float
        Seconds kept for calibration, at the speed of the first steps.
    finishing : float
        Seconds kept for what follows it: samples, pictures, files.
    refining : float
        Seconds kept for learning to refine patches.
    least : float
        Seconds that steps get at least.
    """

    max_time: timedelta | None = None
    began: float = field(default_factory=time.monotonic)
    reserve: float = 0.0
    finishing: float = PICTURES
    refining: float = 0.0
    least: float = 0.0

    @property
    def for_initialising(self) -> float | None:
        """Seconds that setting whitening and scales may take."""
        return None if self.max_time is None else INITIALISING * self.max_time.total_seconds()

    @property
    def left(self) -> float | None:
        """Seconds left of the time limit, without those for refining and finishing; None for no limit."""
        if self.max_time is None:
            return None
        kept = self.refining + self.finishing
        return self.max_time.total_seconds() - (time.monotonic() - self.began) - kept

    @property
    def for_refining(self) -> float | None:
        """Seconds that learning to refine, which comes last, may take; None for no limit."""
        if not self.max_time:  # a finished run that is resumed has 0
            return None
        left = self.max_time.total_seconds() - (time.monotonic() - self.began) - PICTURES
        return max(self.refining, left)

    def for_steps(self, model: Model, data: TrainingData, earlier: float = 0.0) -> timedelta | None:
        """Time for steps, with that of earlier runs of the same training; says what comes on top.

        What is kept for calibration follows from a measured rate; where it is much, fewer panels do.
        """
        if self.max_time is None:
            return None
        seconds = self.max_time.total_seconds()
        if seconds <= 0:  # nothing but to finish
            return timedelta(seconds=earlier)
        full, least = data.evaluation_seconds(model)
        self.reserve = kept_for_calibration(seconds, full, least)
        self.finishing = PICTURES + finishing_seconds(model, data)
        self.refining = refining_seconds(data, seconds)
        self.least = max(LEAST_SHARE * seconds, 1.0)
        left = self.left - self.reserve if self.left is not None else 0.0
        if left < self.least:
            over = self.least - left
            if over > MOST_OVER * seconds:
                log.warning(
                    "calibration and samples take about %s, and reading took %s: the run ends about %s after "
                    "--max-time",
                    progress.clock(self.reserve + self.finishing),
                    progress.clock(time.monotonic() - self.began),
                    progress.clock(over),
                )
            left = self.least
        if self.reserve > 1:
            log.info(
                "%s for steps, about %s for calibration, %s for samples and pictures",
                *map(progress.clock, (left, self.reserve, self.refining + self.finishing)),
            )
        return timedelta(seconds=earlier + left)


def kept_for_calibration(seconds: float, full: float, least: float) -> float:
    """Seconds of so many that are kept for a calibration which takes ``full``, or ``least`` if need be."""
    return min(full, max(SHARE * seconds, least))


class Pace(Callback):
    """Moves the end of the steps as the machine becomes slower or faster, as calibration will, too.

    Parameters
    ----------
    budget : Budget
    timer : Timer
        Lightning's, which ends the steps; its limit is moved.
    """

    def __init__(self, budget: Budget, timer: Timer) -> None:
        self.budget = budget
        self.timer = timer
        self._began = 0.0
        self._last = 0.0
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=LAST_STEPS)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = time.monotonic()

    def on_train_batch_start(self, *_: object) -> None:
        self._last = time.monotonic()

    def on_train_batch_end(self, *_: object) -> None:
        now = time.monotonic()
        self._recent.append(now - self._last)
        if len(self._first) <= FIRST_STEPS:  # the very first one compiles and allocates
            self._first.append(now - self._last)
            return
        left = self.budget.left
        if left is None or not self.budget.reserve:
            return
        # medians: one step during which the machine slept, or the process was stopped, tells no speed
        slower = median(self._recent) / median(self._first[1:])
        more = (slower - 1) * (self.budget.reserve + self.budget.finishing)
        rest = max(left - self.budget.reserve - more, self.budget.least - (now - self._began))
        self.timer._duration = self.timer.time_elapsed() + max(rest, 0.0)
