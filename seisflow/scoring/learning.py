"""Disturbed copies of held-out panels, from which the default score learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisflow.calibration.by_depth import JointCalibration
from seisflow.calibration.learned import BATCH, Learned, learn
from seisflow.patches import Panel
from seisflow.scores.base import Maps, Mask
from seisflow.scores.thin import group_means
from seisflow.scoring.disturbances import disturbed

COPIES, LEAST_COPIES = 192, 24
"""Disturbed copies of held-out panels, and how many however short the time."""
SIZE = (8, 4)
"""Patches, down and across, that a copy is as large as at most."""
SAMPLES = 800
"""Samples of a copy, disturbed ones and others, that are learned from."""
SEED = 7

Inputs = Callable[[JointCalibration, Panel, NDArray[np.float64], tuple[int, ...]], Sequence[Maps]]
"""Makes maps (T / step, X) to learn from of a panel at depths (T,), by a calibration of their features and a
seed."""


@dataclass(frozen=True)
class Copied:
    """A part of a held-out panel that copies are made of, with its depth (T,)."""

    panel: Panel
    depth: NDArray[np.float64]


def learn_from_copies(
    calibration: JointCalibration,
    panels: Sequence[Copied],
    std: float,
    inputs: Inputs,
    until: float | None,
    report: Callable[[int], None],
) -> Learned:
    """Network that has learned from disturbed copies of panels.

    Parameters
    ----------
    calibration : JointCalibration
        Judges the features of the copies.
    panels : sequence of Copied
    std : float
        Amplitude of the survey.
    inputs : callable
    until : float, optional
        Time, of `time.monotonic`, at which all should be learned: for fewer copies, if need be, down to
        `LEAST_COPIES`.
    report : callable
        Takes the number of copies made.
    """
    rng, scale = np.random.default_rng(SEED), np.float32(std)
    sections = [np.where(one.panel.mask, one.panel.amplitude / scale, 0) for one in panels]
    examples: list[NDArray[np.float16]] = []
    labels, made = [], 0
    left = 0.0
    for number in range(COPIES):
        if until is not None and number >= LEAST_COPIES:
            left = left or fit_seconds(examples[0].shape[1])
            if time.monotonic() + left * number > until:
                break
        report(number)
        place = number % len(sections)
        panel, depth = panels[place].panel, panels[place].depth
        changed, where = disturbed(rng, sections[place], panel.mask, sections)
        copy = replace(panel, amplitude=scale * changed)
        maps = inputs(calibration, copy, depth, (SEED, number))
        for some, label in _chosen(rng, np.isfinite(maps[0]), where):
            examples.append(np.stack([values[some] for values in maps], 1).astype(np.float16))
            labels.append(np.full(len(some[0]), label))
        made += 1
    return learn(np.concatenate(examples), np.concatenate(labels), made)


def fit_seconds(features: int) -> float:
    """Estimate the time of learning from one copy."""
    drawn = np.random.default_rng(0).normal(size=(BATCH, features))
    times = []
    for _ in range(2):  # the first allocates
        began = time.monotonic()
        learn(drawn, drawn[:, 0] > 0)
        times.append(time.monotonic() - began)
    return min(times) * 2 * SAMPLES / BATCH


def part_of(panel: Panel, depth: NDArray[np.float64], patch: tuple[int, int], number: int) -> Copied:
    """Part of a panel, at a random place, that is not too large to be copied."""
    rng, parts = np.random.default_rng([SEED, number]), []
    for size, part in zip(panel.shape, part_shape(panel.shape, patch), strict=True):
        first = int(rng.integers(size - part + 1))
        parts.append(slice(first, first + part))
    return Copied(panel.crop(*parts), depth[parts[0]])


def part_shape(shape: tuple[int, int], patch: tuple[int, int]) -> tuple[int, int]:
    """Samples and traces of the part of a panel that copies are made of."""
    return min(shape[0], SIZE[0] * patch[0]), min(shape[1], SIZE[1] * patch[1])


def _chosen(
    rng: np.random.Generator, known: Mask, changed: Mask
) -> list[tuple[tuple[NDArray[np.int64], ...], bool]]:
    """Places of some rows that are mostly disturbed, and of some others."""
    step = -(-len(changed) // len(known))
    mostly = group_means(changed.astype(np.float32), step) >= 0.5
    found = []
    for label in (True, False):
        places = np.argwhere(known & (mostly == label))
        if len(places):
            some = places[rng.integers(len(places), size=min(SAMPLES, len(places)))]
            found.append((tuple(some.T), label))
    return found
