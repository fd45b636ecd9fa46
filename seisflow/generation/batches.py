"""Patches drawn from a model, a batch at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray

from seisflow.generation.continuity import make_continuous, whole_parts
from seisflow.generation.refining import refine
from seisflow.generation.spectra import dither_noise
from seisflow.generation.variety import varied
from seisflow.models import Model
from seisflow.models.sample_matching import Refinement, SampleMatching

log = logging.getLogger("seisflow")
BATCH = 128
"""Patches drawn together. Each batch has a seed of its own, so the first patches of many are those of few."""
IDLE = 8
"""Batches in a row, none of whose patches is kept, after which all are."""


def generate_batches(
    model: Model,
    n: int,
    *,
    topic: int | None = None,
    temperature: float | None = None,
    seed: int = 0,
    batch: int = BATCH,
    exact: bool = False,
) -> Iterator[NDArray[np.float32]]:
    """Draw n patches a batch at a time: arrays (b, C, H, W) in scaled units. Parameters as for `generate`."""
    temperature = default_temperature(model, exact=exact) if temperature is None else temperature
    matching = None if exact or model.card is None else model.card.sample_matching
    refinement = None
    if model.card is not None and refines(model, topic, temperature, exact=exact):
        refinement = model.card.refinement
    # colder draws are meant to be weaker than training patches, hotter ones stronger
    if matching is not None and temperature != 1:
        matching = matching.model_copy(update={"variety": None})
    select = matching if temperature == 1 and refinement is None else None
    done = left_out = idle = 0
    for number in count():
        x = draw(model, batch, topic=topic, temperature=temperature, seed=(seed, number))
        if select is not None:
            kept = select.keeps(x)
            left_out += int((~kept).sum())
            idle = 0 if kept.any() else idle + 1
            x = x[kept]
            if idle == IDLE:
                log.warning("no draw is as strong or as weak as training patches: all are kept from here on")
                select = None
        if not len(x):
            continue
        for part in _parts(model, matching, refinement, x, n - done, (seed, number)):
            some = part[: n - done]
            done += len(some)
            yield some
            if done == n:
                break
        if done == n:
            break
    if left_out:
        drawn = (number + 1) * batch
        log.info("%d of %d draws left out, stronger or weaker than training patches", left_out, drawn)


def _parts(
    model: Model,
    matching: SampleMatching | None,
    refinement: Refinement | None,
    x: NDArray[np.float32],
    wanted: int,
    seed: tuple[int, int],
) -> Iterator[NDArray[np.float32]]:
    """Draws of one batch, as they are, matched, or refined some at a time; at least as many as wanted."""
    if refinement is not None and model.denoiser is not None:
        refined = refine(refinement.matching.scaled(x), model.denoiser, refinement, seed)
        for number, some in enumerate(refined):
            yield with_powers(refinement.matching, some, (*seed, number))
    elif matching is not None:
        yield matched(matching, x, wanted, seed)
    else:
        yield x


def matched(
    matching: SampleMatching, x: NDArray[np.float32], wanted: int, seed: tuple[int, int]
) -> NDArray[np.float32]:
    """Give draws (b, 1, H, W) of one batch the continuity, spectra and variety of training patches.

    As many as wanted, which are the same whether more are.
    """
    x = matching.levelled(x)
    if matching.incoherent is not None:
        x = make_continuous(x[: whole_parts(wanted, *x.shape[2:])], matching.incoherent, seed)
    return with_powers(matching, x[:wanted], seed)


def with_powers(
    matching: SampleMatching, x: NDArray[np.float32], seed: tuple[int, ...]
) -> NDArray[np.float32]:
    """Filter draws (b, 1, H, W), let levels and spectra vary from one to the next, and add their dither."""
    x = matching.filter(x)
    if matching.variety is None:
        return x
    noise = dither_noise(x.shape, matching.variety.dither, seed)
    return varied(x, matching.variety, noise) + noise


def refines(model: Model, topic: int | None, temperature: float | None, *, exact: bool) -> bool:
    """Whether draws are refined: not those of a topic or a temperature, which would not be seen any more."""
    if model.denoiser is None or model.card is None or model.card.refinement is None:
        return False
    return not exact and topic is None and temperature in (None, 1.0)


def default_temperature(model: Model, *, exact: bool = False) -> float:
    """Temperature of draws where none is asked for: 1 for exact ones."""
    return 1.0 if exact or model.card is None else model.card.temperature


def draw(
    model: Model, batch: int, *, topic: int | None, temperature: float, seed: tuple[int, int]
) -> NDArray[np.float32]:
    """Draw a batch of patches (b, C, H, W) as the model has them, in scaled units, by a seed of its own."""
    words = np.random.SeedSequence(seed).generate_state(2)
    generator = torch.Generator(model.device).manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
    # Always a full batch: the last one of few patches is then a full one of many
    with torch.inference_mode():
        x = model.sample(batch, topic=topic, temperature=temperature, generator=generator)
    drawn: NDArray[np.float32] = x.cpu().numpy()
    return drawn
