"""From the inputs that a user names to what is trained: sections or an image data set, by which config."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seisflow import progress
from seisflow.config import Config, load_config
from seisflow.errors import ConfigError
from seisflow.io import find_files, images
from seisflow.runs.hardware import Hardware
from seisflow.runs.sources import ImageSource, Source, join_lines
from seisflow.training.images import default_preset
from seisflow.training.plan import Plan, make_plan
from seisflow.training.sections import check_fits_sections

log = logging.getLogger("seisflow")


def image_source(inputs: Sequence[str | Path], folder: str | Path | None = None) -> ImageSource | None:
    """Return the image data set that inputs name; None if these are sections.

    Parameters
    ----------
    inputs : sequence of path
    folder : path, optional
        Folder that holds the data set; without one it is downloaded.

    Raises
    ------
    ConfigError
        If it is named beside others.
    """
    named = [str(path) for path in inputs if str(path) in images.names() and not Path(path).exists()]
    if not named:
        return None
    if len(inputs) > 1:
        raise ConfigError(f"{named[0]} is an image data set, which is learned alone. Name no other input")
    return ImageSource(path=named[0], folder=None if folder is None else str(Path(folder).resolve()))


def choose_training(
    inputs: Sequence[str | Path] | ImageSource,
    config: str | Path | Config | None = None,
    overrides: Sequence[str] = (),
    *,
    select: Sequence[str] = (),
    geometry: dict[str, Any] | None = None,
    keep_zeros: bool = False,
    device: str | None = None,
) -> tuple[Plan | ImageSource, Config]:
    """Find the files, choose a config where none is named, and plan a training.

    Parameters
    ----------
    inputs : sequence of path, or ImageSource
        Files and folders of sections; or an image data set.
    config : str, Path or Config, optional
        Preset by name, a YAML file, or a configuration; by default the preset for the images, or for the
        hardware, with a patch that fits the sections.
    overrides : sequence of str
        ``"training.steps=500"`` and the like.
    select, geometry, keep_zeros
        See `seisflow.runs.sources.Source`.
    device : str, optional
        See `Hardware.choose`.

    Returns
    -------
    Plan or ImageSource
        What `seisflow.training.train` takes.
    Config

    Raises
    ------
    ConfigError
        If a key, or the config for these inputs, is wrong.
    DataError
        If nothing is left to learn from.
    """
    if config is None:
        if isinstance(inputs, ImageSource):
            preset, why = default_preset(inputs.path), inputs.path
        else:
            why = Hardware.choose(device).accelerator
            preset = "seismic-small" if why == "cpu" else "seismic"
        log.info("config %s, chosen for %s (another: -c)", preset, why)
        settings = load_config(preset, overrides)
    else:
        settings = load_config(config, overrides) if isinstance(config, str | Path) else config
    if isinstance(inputs, ImageSource):
        return inputs, settings
    check_fits_sections(settings)
    sources = [
        Source(
            path=str(path.resolve() if path.exists() else path),
            select=tuple(select),
            geometry=geometry or {},
            zeros_are_data=keep_zeros,
        )
        for path in find_files(inputs)
    ]
    fit_patch = config is None and not any(one.startswith("data.patch=") for one in overrides)
    with progress.bar(f"Reading {len(sources)} file{'s' * (len(sources) > 1)}"):
        plan = make_plan(join_lines(sources), settings, fit_patch=fit_patch)
    return plan, plan.config
