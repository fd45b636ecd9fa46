"""Dry run: data, time and memory of a training, from its plan and three steps."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from textwrap import wrap

import torch
from torch.utils.data import default_collate

from seisflow import progress
from seisflow.models import build_model
from seisflow.patches import PatchDataset, window_grid
from seisflow.runs.hardware import Hardware
from seisflow.training.calibration import calibration_seconds
from seisflow.training.plan import Plan
from seisflow.training.start import initialise, patch_data, record_of
from seisflow.training.timing import PICTURES, kept_for_calibration

STEPS = 3


@dataclass(frozen=True)
class DryRun:
    """Measurements of three steps.

    Attributes
    ----------
    parameters : int
    windows : int
        Windows of the training blocks that overlap by half.
    rate : float
        Steps a second, without the first.
    setup, calibration : float
        Seconds before the first step, and after the last.
    memory : int
        Most bytes in use: of the device, or of this process.
    """

    parameters: int
    windows: int
    rate: float
    setup: float
    calibration: float
    memory: int


def measure(
    plan: Plan, seed: int = 0, device: str | None = None, max_time: timedelta | None = None
) -> DryRun:
    """Set up a run and train three steps, leaving nothing on the disk."""
    hardware, training = Hardware.choose(device), plan.config.training
    began = time.monotonic()
    record = record_of(plan, seed, None)
    with progress.bar("Counting patches"):
        data = patch_data(record, plan.config, plan.sections)
    model = build_model(plan.config)
    with progress.bar("Setting whitening and scales from patches"):
        initialise(model, data)
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
        full, least = calibration_seconds(model, data, record.survey_of)
        calibration = (
            full if max_time is None else kept_for_calibration(max_time.total_seconds(), full, least)
        )
    size, half = plan.config.data.patch, tuple(max(n // 2, 1) for n in plan.config.data.patch)
    assert isinstance(data.patches, PatchDataset)
    windows = sum(
        len(area.leads) * len(window_grid(area.shape, size, (half[0], half[1]))[0])
        for area in data.patches.areas
    )
    return DryRun(
        sum(p.numel() for p in model.parameters()),
        windows,
        (STEPS - 1) / max(marks[-1] - marks[1], 1e-9),
        setup,
        calibration + PICTURES,
        _memory(hardware),
    )


def describe(plan: Plan, found: DryRun, max_time: timedelta | None = None) -> Iterator[str]:
    """Lines of at most 60 columns, as far as names allow."""
    height, width = plan.config.data.patch
    training = plan.config.training
    yield f"trains on {plan.sampling}:"
    for number, survey in enumerate(plan.surveys):
        yield f"  survey {survey.name}, std {survey.scaling.std:.4g}"
        for source, section, of in zip(plan.sources, plan.sections, plan.survey_of, strict=True):
            if of == number:
                extent = " x ".join(str(size) for size in section["amplitude"].shape)
                yield f"    {source.path.rsplit('/', 1)[-1]}: {extent}"
    if plan.left_out:
        yield "leaves out:"
        for reason, remedy in dict.fromkeys((one.reason, one.remedy) for one in plan.left_out):
            names = [one.name for one in plan.left_out if (one.reason, one.remedy) == (reason, remedy)]
            yield from (f"  {name}" for name in names)
            yield from wrap(reason, 60, initial_indent="    ", subsequent_indent="    ")
            if remedy:
                yield f"    {remedy}"
    yield f"patches      {height} samples x {width} traces, {found.windows:,} half apart"
    yield f"model        {plan.config.model}, {found.parameters:,} parameters"
    yield f"speed        {found.rate:.2f} steps/s (batch {training.batch})"
    steps = training.steps / found.rate
    whole = found.setup + steps + found.calibration
    limit = None if max_time is None else max_time.total_seconds()
    if limit is not None and limit < whole:
        count = max(int((limit - found.setup - found.calibration) * found.rate), 0)
        yield f"time         {progress.clock(limit)} by --max-time: {count} of {training.steps} steps"
    else:
        yield f"time         {progress.clock(whole)} for {training.steps} steps"
    yield f"             {progress.clock(found.calibration)} of it for calibration"
    yield f"memory       {found.memory / 1e9:.1f} GB"


def _memory(hardware: Hardware) -> int:
    if hardware.accelerator == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
