"""Generated patches and images as files, with a gallery."""

from __future__ import annotations

import csv
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel

from seisflow import plotting, progress
from seisflow.errors import ConfigError, OutputError
from seisflow.generation.batches import generate_batches
from seisflow.generation.density import LEAST, describe_patches, topic_effect
from seisflow.generation.images import generate_images
from seisflow.generation.sections import empty_section, placed, say_if_not_finite, to_amplitude
from seisflow.io import create_segy, create_zarr
from seisflow.io.atomic import check_target, together, told_as_output_error
from seisflow.models import Model
from seisflow.models.base import section_card
from seisflow.output.paths import SEGY, check_format
from seisflow.output.pictures import draw_after

log = logging.getLogger("seisflow")
GALLERY = 100
"""Most patches in the gallery."""


class GenerationSummary(BaseModel):
    """Summary of generated patches or images.

    Attributes
    ----------
    n : int
        Patches.
    not_finite : int
        Patches with samples that are not finite: the flow's inverse has overflowed there. These samples are
        masked.
    outputs : list of str
        Files written.
    kind : str
        Patches or images.
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


def write_generated(
    model: Model,
    n: int,
    output: str | Path,
    *,
    topic: int | None = None,
    temperature: float | None = None,
    seed: int = 0,
    exact: bool = False,
    overwrite: bool = False,
    model_name: str = "",
    at: tuple[float, float, float] | None = None,
    report: progress.Report = progress.silent,
) -> GenerationSummary:
    """Draw n patches of sections, or images, into a file, a batch at a time.

    Memory does not grow with the number of patches of sections.

    Beside it, and named after it, stand a gallery of the first 100 (``.png``), and a table (``.csv``) of the
    log-density and the most probable topic of each.

    Parameters
    ----------
    model, n, topic, temperature, seed, exact
        As for `generate`.
    output : path
        ``.zarr`` or ``.sgy``; patch i is inline i.
    overwrite : bool
        Replace what is there.
    model_name : str
        For the records.
    at : (float, float, float), optional
        Easting and northing of the first trace, and spacing of traces and patches, in m.
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
    options: dict[str, Any] = {"topic": topic, "temperature": temperature, "seed": seed, "exact": exact}
    if model.card is not None and model.card.images is not None:
        if at is not None:
            raise ConfigError("images have no coordinates: leave out --at")
        return _write_images(
            model, n, path, overwrite=overwrite, model_name=model_name, report=report, **options
        )
    check_format(path)
    gallery, table = path.with_suffix(".png"), path.with_suffix(".csv")
    card = section_card(model)
    if topic is not None:
        _say_if_idle(model, topic)
    section = empty_section(model, n, model_name=model_name, **options)
    if at is not None:
        section = placed(section, at)
    rows: list[dict[str, Any]] = []
    shown: list[NDArray[np.float32]] = []
    done = not_finite = 0
    for one in (path, gallery, table):
        check_target(one, overwrite)
    with together([path, table], overwrite=overwrite) as folder:
        with _writer(folder / path.name, section) as write:
            for patches in generate_batches(model, n, **options):
                if done < GALLERY:
                    shown.append(patches[: GALLERY - done])
                amplitudes = to_amplitude(patches[:, 0], card)
                not_finite += int(np.isnan(amplitudes).any((1, 2)).sum())
                for number, amplitude in enumerate(amplitudes, start=done):
                    write((number,), amplitude)
                rows += describe_patches(model, patches, done + 1)
                done += len(patches)
                report(done, n)
        with (
            told_as_output_error(table),
            (folder / table.name).open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        say_if_not_finite(str(path), not_finite, n)
    vertical = section[section["amplitude"].dims[-1]]

    def draw(place: Path) -> None:
        figure = plotting.draw_gallery(
            np.concatenate(shown),
            title=section.attrs["title"],
            interval=float(vertical[1] - vertical[0]) if vertical.size > 1 else None,
            unit=str(vertical.attrs.get("units", "")),
        )
        plotting.save(figure, place)

    draw_after(gallery, draw)
    outputs = [str(one) for one in (path, gallery, table)]
    return GenerationSummary(n=n, not_finite=not_finite, outputs=outputs)


def _say_if_idle(model: Model, topic: int) -> None:
    """Warn where a topic that was asked for changes next to nothing."""
    effect = topic_effect(model, topic)
    if effect is not None and effect[0] < effect[1] + LEAST:
        log.warning(
            "topic %d changes next to nothing: %.0f %% of its patches are taken for it, %.0f %% of others",
            topic,
            100 * effect[0],
            100 * effect[1],
        )


@contextmanager
def _writer(path: Path, section: xr.Dataset) -> Iterator[Any]:
    """Open a file for patches, and yield what writes one of them."""
    if path.suffix.lower() in SEGY:
        about = section.attrs
        note = (
            f"Generated by seisflow: model {about['model']} of {about['model_finished']}, trained on "
            f"{about['model_inputs']}; "
            f"seed {about['seed']}, temperature {about['temperature']:g}, topic {about['topic']}, "
            f"matched {about['matched']}. {about['comment']}"
        )
        with create_segy(path, section, note=note) as file:
            yield file.write
        return
    with create_zarr(path, section, {"amplitude": section["amplitude"].attrs}) as store:
        yield lambda lead, values: store.write("amplitude", lead, values)


def _write_images(
    model: Model,
    n: int,
    path: Path,
    *,
    overwrite: bool,
    model_name: str,
    report: progress.Report,
    **options: Any,
) -> GenerationSummary:
    """As `write_generated`, of images: a Zarr folder, and a gallery of the first 100 (``.png``)."""
    if path.suffix.lower() != ".zarr":
        raise OutputError(f"{path}: {path.suffix or 'no ending'} is no format for images. Expected .zarr")
    gallery = path.with_suffix(".png")
    for one in (path, gallery):
        check_target(one, overwrite)
    images = generate_images(model, n, report=report, **options).assign_attrs(model=model_name)
    with together([path], overwrite=overwrite) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that consolidated metadata is not in the standard yet
        images.to_zarr(folder / path.name, zarr_format=3, consolidated=True)
    shown = {images.attrs["title"]: images["pixels"].values[:GALLERY]}
    draw_after(gallery, lambda place: plotting.save(plotting.draw_images(shown), place))
    return GenerationSummary(
        n=n, not_finite=images.attrs["not_finite"], outputs=[str(path), str(gallery)], kind="image"
    )
