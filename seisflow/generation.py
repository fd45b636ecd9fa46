"""New sections: patches drawn from a model, in the units and the sampling of what it has seen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel

from seisflow import plotting, progress
from seisflow.io import create_segy, create_zarr
from seisflow.models import Model, ModelCard
from seisflow.results import SEGY, check_format
from seisflow.scoring import section_card
from seisflow.together import together

log = logging.getLogger("seisflow")

BATCH = 128
"""Patches drawn together. Each batch has a seed of its own, so the first patches of many are those of few."""
GALLERY = 100
"""Most patches in the gallery."""
ASSUMED: dict[str, Any] = {"domain": "time", "interval": 4.0, "unit": "ms"}
"""Sampling where a model does not tell that of its training data."""


class GenerationSummary(BaseModel):
    """What was generated.

    Attributes
    ----------
    n : int
        Patches.
    not_finite : int
        Patches with samples that are not finite: the flow's inverse has overflowed there. They are kept.
    outputs : list of str
        Files written.
    kind : str
        What was drawn.
    """

    n: int
    not_finite: int
    outputs: list[str]
    kind: str = "patch"

    def sentence(self) -> str:
        """Say it in a line."""
        bad = f" ({self.not_finite} of them with samples that are not finite)" if self.not_finite else ""
        plural = "" if self.n == 1 else "es" if self.kind.endswith("ch") else "s"
        return f"{self.n} {self.kind}{plural}{bad}; gallery {self.outputs[1]}"


def generate(
    model: Model,
    n: int,
    *,
    topic: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    batch: int = BATCH,
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
    temperature : float
        Below 1 for more typical patches.
    seed : int
        The same seed gives the same patches, and the first of many are those of few.
    batch : int
        Patches drawn together; another number gives other patches.

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
        If the model has no card.
    ConfigError
        If there is no such topic.

    Examples
    --------
    >>> import seisflow
    >>> patches = seisflow.generate(seisflow.load_model("runs/latest"), 100)  # doctest: +SKIP
    """
    if model.card is not None and model.card.images is not None:
        from seisflow.image_generation import generate_images  # which builds on this module

        return generate_images(model, n, topic=topic, temperature=temperature, seed=seed, batch=batch)
    frame = empty_section(model, n, topic=topic, temperature=temperature, seed=seed)
    amplitude = np.empty(frame["amplitude"].shape, np.float32)
    first = 0
    for patches in generate_batches(model, n, topic=topic, temperature=temperature, seed=seed, batch=batch):
        amplitude[first : first + len(patches)] = to_amplitude(patches[:, 0], section_card(model))
        first += len(patches)
    return frame.assign(amplitude=(frame["amplitude"].dims, amplitude, frame["amplitude"].attrs))


def generate_batches(
    model: Model,
    n: int,
    *,
    topic: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    batch: int = BATCH,
) -> Iterator[NDArray[np.float32]]:
    """Draw n patches a batch at a time: arrays (b, C, H, W) in scaled units. Parameters as for `generate`."""
    for number in range(-(-n // batch)):
        words = np.random.SeedSequence([seed, number]).generate_state(2)
        generator = torch.Generator(model.device).manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
        # Always a full batch: the last one of few patches is then a full one of many
        with torch.inference_mode():
            x = model.sample(batch, topic=topic, temperature=temperature, generator=generator)
        yield x[: n - number * batch].cpu().numpy()


def write_generated(
    model: Model,
    n: int,
    output: str | Path,
    *,
    topic: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    overwrite: bool = False,
    model_name: str = "",
    report: progress.Report = progress.silent,
) -> GenerationSummary:
    """Draw n patches into a file, a batch at a time; memory does not grow with n.

    Beside it, and named after it, stands a gallery of the first 100 (``.png``).

    Parameters
    ----------
    model, n, topic, temperature, seed
        As for `generate`.
    output : path
        ``.zarr`` or ``.sgy``; patch i is inline i.
    overwrite : bool
        Replace what is there.
    model_name : str
        For the records.
    report : callable
        Takes patches done and patches in all.

    Raises
    ------
    ModelError, ConfigError
        As `generate`.
    OutputError
        If the output cannot be written.
    """
    path = Path(output)
    check_format(path)
    gallery = path.with_suffix(".png")
    card = section_card(model)
    section = empty_section(model, n, topic=topic, temperature=temperature, seed=seed, model_name=model_name)
    shown: list[NDArray[np.float32]] = []
    done = not_finite = 0
    with together([path, gallery], overwrite=overwrite) as folder:
        with _writer(folder / path.name, section) as write:
            for patches in generate_batches(model, n, topic=topic, temperature=temperature, seed=seed):
                if done < GALLERY:
                    shown.append(patches[: GALLERY - done])
                not_finite += int((~np.isfinite(patches)).any((1, 2, 3)).sum())
                for number, amplitude in enumerate(to_amplitude(patches[:, 0], card), start=done):
                    write((number,), amplitude)
                done += len(patches)
                report(done, n)
        figure = plotting.draw_gallery(np.concatenate(shown), title=section.attrs["title"])
        plotting.save(figure, folder / gallery.name)
    if not_finite:
        log.warning("%s: %d of %d patches hold samples that are not finite", path, not_finite, n)
    return GenerationSummary(n=n, not_finite=not_finite, outputs=[str(path), str(gallery)])


def empty_section(
    model: Model,
    n: int,
    *,
    topic: int | None,
    temperature: float,
    seed: int,
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
        "temperature": temperature,
        "topic": "each its own" if topic is None else topic,
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


def to_amplitude(patches: NDArray[np.float32], card: ModelCard) -> NDArray[np.float32]:
    """Turn patches (b, H, W) in scaled units into panels (b, W, H) of amplitudes."""
    return np.ascontiguousarray(card.scaling.unscale(patches).transpose(0, 2, 1), dtype=np.float32)


@contextmanager
def _writer(path: Path, section: xr.Dataset) -> Iterator[Any]:
    """Open a file for patches, and yield what writes one of them."""
    if path.suffix.lower() in SEGY:
        about = section.attrs
        note = (
            f"Generated by seisflow: model {about['model']}, trained on {about['model_inputs']}; "
            f"seed {about['seed']}, temperature {about['temperature']:g}, topic {about['topic']}. "
            f"{about['comment']}"
        )
        with create_segy(path, section, note=note) as file:
            yield file.write
        return
    with create_zarr(path, section, {"amplitude": section["amplitude"].attrs}) as store:
        yield lambda lead, values: store.write("amplitude", lead, values)
