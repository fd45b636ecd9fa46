"""The time a run may take, calibration and all."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from seisflow import progress
from seisflow.models import Model
from seisflow.training.calibration import LEAST_PANELS, PANELS, calibration_seconds
from seisflow.training.data import PatchData

log = logging.getLogger("seisflow")
SHARE = 0.4
"""Most of the time that is kept for calibration; below it, fewer panels do."""
INITIALISING = 0.1
"""Part of the time for setting whitening and scales."""
PICTURES = 4.0
"""Seconds kept for pictures and files."""
MOST_OVER = 0.1
"""Part of the time that a run may take on top without saying so."""


@dataclass
class Budget:
    """Clock of a run: its time so far, and the time left for steps.

    Attributes
    ----------
    max_time : timedelta, optional
        For all of the run; None for no limit.
    began : float
        When it began, by `time.monotonic`.
    panels : int
        Panels to calibrate on.
    """

    max_time: timedelta | None = None
    began: float = field(default_factory=time.monotonic)
    panels: int = PANELS

    @property
    def for_initialising(self) -> float | None:
        """Seconds that setting whitening and scales may take."""
        return None if self.max_time is None else INITIALISING * self.max_time.total_seconds()

    def for_steps(
        self, model: Model, data: PatchData, survey_of: Sequence[int], earlier: float = 0.0
    ) -> timedelta | None:
        """Time for steps, with that of earlier runs of the same training; says what comes on top.

        What is kept for calibration follows from a measured rate; where it is much, fewer panels are taken.
        """
        if self.max_time is None:
            return None
        seconds = self.max_time.total_seconds()
        if seconds <= 0:  # nothing but to finish
            return timedelta(seconds=earlier)
        full = calibration_seconds(model, data, survey_of)
        if full > SHARE * seconds:
            self.panels = max(int(PANELS * SHARE * seconds / full), LEAST_PANELS)
            full *= self.panels / PANELS
        spent = time.monotonic() - self.began
        left = seconds - spent - full - PICTURES
        least = max(0.3 * seconds, 1.0)
        if left < least:
            over = spent + least + full + PICTURES - seconds
            if over > MOST_OVER * seconds:
                log.warning(
                    "calibration takes about %s, and reading took %s: the run ends about %s after --max-time",
                    progress.clock(full),
                    progress.clock(spent),
                    progress.clock(over),
                )
            left = least
        if full > 1:
            log.info("%s for steps, about %s for calibration", progress.clock(left), progress.clock(full))
        return timedelta(seconds=earlier + left)
