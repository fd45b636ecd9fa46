"""New sections: patches drawn from a model, in the units and the sampling of its training data."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from seisflow.errors import ModelError
from seisflow.generation.batches import BATCH, default_temperature, generate_batches, refines
from seisflow.io.nulls import NULL_FROM
from seisflow.models import Model, ModelCard
from seisflow.models.base import section_card
from seisflow.models.provenance import Geometry

log = logging.getLogger("seisflow")
ASSUMED: Geometry = {"domain": "time", "interval": 4.0, "unit": "ms"}
"""Sampling where a model does not tell that of its training data."""


def generate(
    model: Model,
    n: int,
    *,
    topic: int | None = None,
    temperature: float | None = None,
    seed: int = 0,
    batch: int = BATCH,
    exact: bool = False,
) -> xr.Dataset:
    """Draw n patches from a model, in memory.

    For many use ``seisflow generate``, or `generate_batches`; all three draw the same patches.

    Parameters
    ----------
    model : Model
        As `seisflow.load_model` gives it.
    n : int
        Number of patches.
    topic : int, optional
        Variance topic of every patch (0-based); by default each draws its own.
    temperature : float, optional
        Below 1 for more typical patches. By default 1, but for models of images, whose card has the one at
        which draws are as probable as training images.
    seed : int
        The same seed gives the same patches, and the first of many are those of few.
    batch : int
        Patches drawn together; another number gives other patches.
    exact : bool
        Draws of the density itself. By default those stronger or weaker than training patches are left out,
        and the others matched to them in continuity, spectra and variety
        (`seisflow.models.sample_matching`); images have the temperature of the card.

    Returns
    -------
    xr.Dataset
        A section: ``amplitude`` over (inline, crossline, time), or depth. Inline i is patch i, from 1, and
        has nothing to do with its neighbours; crosslines are the patch's traces. Amplitudes are in the
        units of the training data. A model of images gives ``pixels`` over (image, channel, row, column),
        uint8.

    Raises
    ------
    ModelError
        If the model has no card, or no patch is finite.
    ConfigError
        If there is no such topic.

    Examples
    --------
    >>> import seisflow
    >>> patches = seisflow.generate(seisflow.load_model("f3-small"), 2)
    >>> dict(patches.sizes)
    {'inline': 2, 'crossline': 64, 'time': 256}
    """
    if model.card is not None and model.card.images is not None:
        from seisflow.generation.images import generate_images  # which builds on this module

        return generate_images(
            model, n, topic=topic, temperature=temperature, seed=seed, batch=batch, exact=exact
        )
    frame = empty_section(model, n, topic=topic, temperature=temperature, seed=seed, exact=exact)
    amplitude = np.empty(frame["amplitude"].shape, np.float32)
    first = 0
    options: dict[str, Any] = {"topic": topic, "temperature": temperature, "seed": seed, "exact": exact}
    for patches in generate_batches(model, n, batch=batch, **options):
        amplitude[first : first + len(patches)] = to_amplitude(patches[:, 0], section_card(model))
        first += len(patches)
    say_if_not_finite("generate", int(np.isnan(amplitude).any((1, 2)).sum()), n)
    return frame.assign(amplitude=(frame["amplitude"].dims, amplitude, frame["amplitude"].attrs))


def empty_section(
    model: Model,
    n: int,
    *,
    topic: int | None,
    temperature: float | None,
    seed: int,
    exact: bool = False,
    model_name: str = "",
) -> xr.Dataset:
    """Return a section of n patches, with its coordinates, that is zero everywhere and takes no memory."""
    card = section_card(model)
    sampling = card.provenance.get("geometry")
    if sampling is None:
        sampling = ASSUMED
        log.warning("the model does not tell its sample interval: %(interval)g %(unit)s is assumed", ASSUMED)
    samples, traces = model.shape[1:]
    domain = sampling["domain"]
    seen = ", ".join(Path(item["path"]).name for item in card.inputs)
    comment = "Patches have nothing to do with their neighbours, nor with any place: inline is their number."
    if card.scaling.quantised:
        levels = card.scaling.step * card.scaling.std
        comment += f" The training data are in steps of {levels:.4g}; these are not, and spread within them."
    attrs: dict[str, Any] = {
        "title": "Generated" + (f", topic {topic}" if topic is not None else ""),
        "comment": comment,
        "source_format": "generated",
        "quantisation_step": 0.0,
        "warnings": [],
        "model": model_name,
        "model_inputs": seen,
        "model_finished": str(card.provenance.get("finished")),
        "seed": seed,
        "temperature": default_temperature(model, exact=exact) if temperature is None else temperature,
        "topic": "each its own" if topic is None else topic,
        "matched": "no" if exact or card.sample_matching is None else "to training patches",
        "refined": "yes" if refines(model, topic, temperature, exact=exact) else "no",
    }
    zero = np.broadcast_to(np.float32(0), (n, traces, samples))
    return xr.Dataset(
        {"amplitude": (("inline", "crossline", domain), zero, {"long_name": "generated seismic amplitude"})},
        coords={
            "inline": ("inline", np.arange(1, n + 1), {"long_name": "number of the patch"}),
            "crossline": ("crossline", np.arange(1, traces + 1), {"long_name": "trace of the patch"}),
            domain: (domain, sampling["interval"] * np.arange(samples), {"units": sampling["unit"]}),
        },
        attrs=attrs,
    )


def placed(section: xr.Dataset, at: tuple[float, float, float]) -> xr.Dataset:
    """Give generated patches coordinates: traces go east, patches north, so much apart."""
    x, y, spacing = at
    dims = ("inline", "crossline")
    lines, traces = np.meshgrid(*(np.arange(section.sizes[dim]) for dim in dims), indexing="ij")
    metres = {"units": "m"}
    return section.assign_coords(
        cdp_x=(dims, x + spacing * traces, metres), cdp_y=(dims, y + spacing * lines, metres)
    )


def to_amplitude(patches: NDArray[np.float32], card: ModelCard) -> NDArray[np.float32]:
    """Turn patches (b, H, W) in scaled units into panels (b, W, H) of amplitudes.

    NaN where a number is none that a reader would take for an amplitude: there, the flow's inverse or the
    scale has overflowed.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        amplitude = np.array(card.scaling.unscale(patches).transpose(0, 2, 1), dtype=np.float32, order="C")
    amplitude[~(np.abs(amplitude) < NULL_FROM)] = np.nan
    return amplitude


def say_if_not_finite(name: str, not_finite: int, n: int) -> None:
    """Warn where some of n patches hold samples that are no amplitudes.

    Raises
    ------
    ModelError
        If all do.
    """
    if not_finite == n:
        raise ModelError(
            f"{name}: none of {n} patches is finite. Amplitudes below {NULL_FROM:g} were expected: lower the "
            "temperature, or train anew"
        )
    if not_finite:
        log.warning("%s: %d of %d patches hold samples that are not finite: masked", name, not_finite, n)
