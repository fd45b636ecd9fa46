"""Dry run: data, time and memory of a training, by three steps of it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch.utils.data import default_collate

from seisflow import progress
from seisflow.models import build_model
from seisflow.runs.hardware import Hardware
from seisflow.training.data import TrainingData
from seisflow.training.finish import finishing_seconds
from seisflow.training.refining import estimated_seconds, refining_seconds
from seisflow.training.start import initialise
from seisflow.training.timing import LEAST_SHARE, MOST_OVER, PICTURES, Budget, kept_for_calibration

STEPS = 3


@dataclass(frozen=True)
class DryRun:
    """Measurements of three steps.

    Attributes
    ----------
    parameters : int
    rate : float
        Steps a second, without the first.
    setup, calibration, refining : float
        Seconds before the first step, after the last, and for learning to refine samples after these.
    memory : int
        Most bytes in use: of the device, or of this process.
    """

    parameters: int
    rate: float
    setup: float
    calibration: float
    refining: float
    memory: int


def measure(data: TrainingData, device: str | None = None, max_time: timedelta | None = None) -> DryRun:
    """Set up a run and train three steps, leaving nothing on the disk.

    Parameters
    ----------
    data : TrainingData
        Not read yet.
    device : str, optional
        See `Hardware.choose`.
    max_time : timedelta, optional
        Limit of the run, which leaves less time for calibration.
    """
    hardware, training = Hardware.choose(device), data.config.training
    began = time.monotonic()
    data.read()
    model = build_model(data.config)
    with progress.bar("Setting whitening and scales from patches"):
        initialise(model, data, Budget(max_time).for_initialising)
    model = model.to(hardware.device)
    model.compute_in(hardware.subnet_dtype(training.precision))
    optimiser = torch.optim.AdamW(model.parameters(), lr=training.learning_rate)
    setup, marks = time.monotonic() - began, []
    with progress.bar("Three steps"):
        for step in range(STEPS + 1):
            marks.append(time.monotonic())
            if step < STEPS:
                items = [data.patches[step * training.batch + i] for i in range(training.batch)]
                batch = default_collate(items)
                x, mask = (batch[name].to(hardware.device) for name in ("x", "mask"))
                optimiser.zero_grad()
                model.loss(x, mask, training.l2, training.transport)[0].backward()
                optimiser.step()
                if hardware.accelerator == "cuda":
                    torch.cuda.synchronize()
        full, least = data.evaluation_seconds(model)
        calibration = (
            full if max_time is None else kept_for_calibration(max_time.total_seconds(), full, least)
        )
    if max_time is None:
        with progress.bar("Two steps of learning to refine"):
            refining = estimated_seconds(data, hardware)
    else:
        refining = refining_seconds(data, max_time.total_seconds())
    return DryRun(
        model.parameter_count,
        (STEPS - 1) / max(marks[-1] - marks[1], 1e-9),
        setup,
        calibration + PICTURES + finishing_seconds(model, data),
        refining,
        _memory(hardware),
    )


def describe(data: TrainingData, found: DryRun, max_time: timedelta | None = None) -> Iterator[str]:
    """Say what is trained, how fast, for how long, and in how much memory: lines of at most 60 columns.

    File names may be longer.
    """
    yield from data.overview()
    training = data.config.training
    yield f"model        {data.config.model}, {found.parameters:,} parameters"
    yield f"speed        {found.rate:.2f} steps/s (batch {training.batch})"
    steps = training.steps / found.rate
    whole = found.setup + steps + found.calibration + found.refining
    limit = None if max_time is None else max_time.total_seconds()
    if limit is not None and limit < whole:
        seconds = max(limit - (whole - steps), LEAST_SHARE * limit)
        count = max(int(seconds * found.rate), 1)
        yield f"time         {progress.clock(limit)} by --max-time: {count} of {training.steps} steps"
        over = whole - steps + seconds - limit
        if over > MOST_OVER * limit:
            yield f"             and about {progress.clock(over)} on top: it is too short"
    else:
        yield f"time         {progress.clock(whole)} for {training.steps} steps"
    yield f"             {progress.clock(found.calibration)} of it for calibration and samples"
    if found.refining:
        yield f"             {progress.clock(found.refining)} of it for learning to refine samples"
    yield f"memory       {found.memory / 1e9:.1f} GB"


def _memory(hardware: Hardware) -> int:
    if hardware.accelerator == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
