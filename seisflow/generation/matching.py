"""Fit of the matching of generated patches to training patches."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from torch import Tensor

from seisflow import progress
from seisflow.generation.batches import BATCH, draw
from seisflow.generation.continuity import fit_incoherent, make_continuous, seconds_to_fit
from seisflow.generation.refining import refine
from seisflow.generation.spectra import match_spectra
from seisflow.generation.variety import can_vary, fit_variety
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.models.sample_matching import Refinement, SampleMatching, root_mean_square

log = logging.getLogger("seisflow")
MATCHED, MATCHED_SAMPLES = 256, 2**24
"""Most training patches, and draws that are kept, whose spectra are matched, and their samples."""
REFINED, LEAST_REFINED, FEWEST_REFINED = 256, 96, 64
"""Draws that are refined, at most, where time is short, and where it is very short: too few for variety."""
LEAST_ALIKE = 0.8
"""Correlation of neighbouring traces of refined draws, at least, over that of training patches."""
LEAST = 64
"""Least of these draws that a filter is fitted to."""
MOST_BATCHES = 8
SEED = 2**31 - 2
"""Seed of these draws; not one that users give."""
SLOW = 3.0
"""Seconds of one draw above which a model is not matched."""
STRONGER, HIGHER = 1.5, 3.0
"""Factors by which root mean square and peak of a patch may exceed those of all training patches."""
PARTS = 16
"""Parts of a patch, in time, over each of which amplitudes are averaged for their levels."""
MOST_LEVEL = 3.0
"""Largest factor of a sample for its level."""
NEAR = 3
"""Traces over which amplitudes are averaged, to tell whether those at an end are too strong."""


def matched_patches(model: Model) -> int:
    """Patches of a model's size that are matched at most."""
    return max(min(MATCHED, MATCHED_SAMPLES // model.size), 1)


def seconds_of_a_sample(model: Model) -> float:
    """Time that one draw takes."""
    began = time.monotonic()
    with torch.inference_mode():
        model.sample(1, generator=torch.Generator(model.device))
    return time.monotonic() - began


def match_samples(
    model: Model, training: NDArray[np.float32], seconds: float | None = None
) -> SampleMatching:
    """Match draws of a model of sections to training patches (N, 1, H, W).

    Parameters
    ----------
    model : Model
    training : ndarray, (N, 1, H, W)
        In scaled units.
    seconds : float, optional
        Time that draws may take, beside that of `seconds_to_match`; a batch is drawn in any case.

    Returns
    -------
    SampleMatching
        Without a filter where too few draws are as strong as training patches.
    """
    began, wanted = time.monotonic(), matched_patches(model)
    drawn = np.empty((0, *training.shape[1:]), np.float32)
    for number in range(MOST_BATCHES):
        x = draw(model, BATCH, topic=None, temperature=1.0, seed=(SEED, number))
        drawn = np.concatenate((drawn, x))
        matching = lowered(training_range(training), drawn, training)
        kept = drawn[matching.keeps(drawn)]
        used = time.monotonic() - began
        late = seconds is not None and used * (number + 2) / (number + 1) > seconds
        if len(kept) >= wanted or late:
            break
    if len(kept) < LEAST:
        return matching
    matching = matching.model_copy(update={"level": levels(kept), "time_level": time_levels(kept, training)})
    kept = matching.levelled(kept[:wanted])
    incoherent = fit_incoherent(kept, training)
    if incoherent is not None:
        kept = make_continuous(kept, incoherent, (SEED,))
    matching = matching.model_copy(update={"incoherent": incoherent})
    return match_powers(matching, kept, training, section_card(model).scaling.step)


def match_refined(
    model: Model,
    training: NDArray[np.float32],
    depths: Sequence[Tensor],
    report: progress.Report = progress.silent,
    count: int = REFINED,
) -> None:
    """Match draws that the denoiser of a model refines to training patches, and note it on its card.

    A denoiser that has learned so little that it makes noise is left out, and that is said.

    Parameters
    ----------
    model : Model
        With a denoiser and a card.
    training : ndarray, (N, 1, H, W)
        In scaled units.
    depths : sequence of Tensor, (2,)
        Where they begin and end in their sections.
    report : callable
        Takes draws refined, and of how many.
    count : int
        Draws to refine.
    """
    assert model.denoiser is not None
    assert model.card is not None
    places = [(round(float(first), 4), round(float(last), 4)) for first, last in depths]
    refinement = Refinement(depths=places, matching=training_range(training))
    drawn = np.concatenate(
        [
            draw(model, BATCH, topic=None, temperature=1.0, seed=(SEED, MOST_BATCHES + number))
            for number in range(-(-count // BATCH))
        ]
    )
    drawn = refinement.matching.scaled(drawn)[:count]
    refined = np.empty((0, *drawn.shape[1:]), np.float32)
    for part in refine(drawn, model.denoiser, refinement, (SEED,)):
        refined = np.concatenate((refined, part))
        report(len(refined), len(drawn))
    found, wanted = trace_correlation(refined), trace_correlation(training)
    if found < LEAST_ALIKE * wanted:
        model.denoiser = model.card.refinement = None
        log.warning(
            "samples are not refined: neighbouring traces would correlate by %.2f, those of training patches "
            "do by %.2f, so learning was too short. Give it more time: seisflow train --resume --refine",
            found,
            wanted,
        )
        return
    matching = match_powers(refinement.matching, refined, training, section_card(model).scaling.step)
    model.card.refinement = refinement.model_copy(update={"matching": matching})


def trace_correlation(patches: NDArray[np.float32]) -> float:
    """Mean correlation of neighbouring traces of patches (N, 1, H, W)."""
    x = patches.astype(np.float64)
    products, power = (x[..., 1:] * x[..., :-1]).sum((1, 2, 3)), np.square(x).sum((1, 2, 3))
    return float(np.mean(products / power.clip(min=1e-30)))


def seconds_to_match(model: Model) -> float:
    """Estimate the time that `match_samples` takes beside that of the draws."""
    return seconds_to_fit(*model.shape[1:], matched_patches(model))


def levels(drawn: NDArray[np.float32]) -> list[float]:
    """Factor of each trace by which draws (N, 1, H, W) are as strong there as elsewhere."""
    strength = np.abs(drawn[:, 0]).mean(1, dtype=np.float64)
    strength = (strength / strength.mean(1, keepdims=True)).mean(0)
    near = uniform_filter1d(strength, NEAR, mode="nearest")
    return [round(float(x), 4) for x in np.median(near) / near]


def time_levels(drawn: NDArray[np.float32], training: NDArray[np.float32]) -> list[float]:
    """Factor of each sample by which draws (N, 1, H, W) vary in strength with time as training patches do."""
    height = drawn.shape[2]
    found, wanted = (
        uniform_filter1d(_strength(x), max(height // PARTS, 1), mode="nearest") for x in (drawn, training)
    )
    known = (found > 0) & (wanted > 0)
    ratio = np.divide(wanted, found, out=np.ones(height), where=known).clip(1 / MOST_LEVEL, MOST_LEVEL)
    return [round(float(x), 4) for x in ratio]


def _strength(patches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean size of each sample's amplitudes, over that of its patch, (H,)."""
    strength = np.abs(patches[:, 0]).mean(2, dtype=np.float64)
    whole = strength.mean(1, keepdims=True)
    return np.asarray(np.divide(strength, whole, out=np.zeros_like(strength), where=whole > 0).mean(0))


def training_range(training: NDArray[np.float32]) -> SampleMatching:
    """Return a matching without a filter that keeps what is as strong as training patches (N, 1, H, W)."""
    rms = root_mean_square(training)
    rms = rms[rms > 0]  # mutes hold nothing
    least, largest = (rms.min(), rms.max()) if rms.size else (1.0, 1.0)
    peak = float(np.abs(training).max(initial=0.0)) or 1.0
    return SampleMatching(
        rms=(float(least) / STRONGER, float(largest) * STRONGER),
        peak=peak * HIGHER,
        time_gain=[1.0] * training.shape[2],
        trace_gain=[1.0] * training.shape[3],
    )


def lowered(
    matching: SampleMatching, drawn: NDArray[np.float32], training: NDArray[np.float32]
) -> SampleMatching:
    """Lower the least root mean square by as much as draws are weaker than training patches on the whole.

    The filter makes them as strong; without that, most draws of a model that is weak would be left out.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rms = root_mean_square(drawn)
    rms = rms[(rms > 0) & (rms <= matching.rms[1])]
    known = root_mean_square(training)
    if not rms.size or not known.any():
        return matching
    weaker = min(float(np.median(rms) / np.median(known[known > 0])), 1.0)
    return matching.model_copy(update={"rms": (matching.rms[0] * weaker, matching.rms[1])})


def match_powers(
    matching: SampleMatching,
    drawn: NDArray[np.float32],
    training: NDArray[np.float32],
    dither: float,
) -> SampleMatching:
    """Return a matching that gives drawn patches the spectra of training patches, and their variety.

    Parameters
    ----------
    matching, drawn, training, dither
        As for `seisflow.generation.spectra.match_spectra`.
    """
    if not can_vary(drawn, training):
        return match_spectra(matching, drawn, training)
    matching = match_spectra(matching, drawn, training, dither)
    variety = fit_variety(matching.filter(drawn), training, dither)
    return matching.model_copy(update={"variety": variety})
