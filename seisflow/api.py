"""The public functions that take paths and names as well as what these stand for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisflow.errors import DataError
from seisflow.io import create_segy, open_section
from seisflow.models import Model, load_model
from seisflow.models.storage import shipped_models
from seisflow.patches import layout, panel_index

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from seisflow.config import Config
    from seisflow.training import Run

SectionLike = xr.Dataset | xr.DataArray | str | Path
"""A section, its amplitudes alone, or the path or name of one."""


def as_section(section: SectionLike) -> xr.Dataset:
    """Return a section: as it is, opened from its path, or made of a DataArray of amplitudes.

    Parameters
    ----------
    section : xr.Dataset, xr.DataArray, str or Path
        A DataArray needs dims that end in a lateral one and time or depth.

    Raises
    ------
    DataError
        If it is nothing of these, or its dims do not tell traces and samples.
    """
    if isinstance(section, str | Path):
        return open_section(section)
    if isinstance(section, xr.DataArray):
        section = section.rename("amplitude").to_dataset()
        section.attrs = {"source_file": "DataArray", **section["amplitude"].attrs}
    if not isinstance(section, xr.Dataset):
        raise DataError(
            f"{type(section).__name__}: no section. Expected a path, an xarray Dataset as "
            "seisflow.open_section gives it, or a DataArray of amplitudes with dims (..., trace, time)"
        )
    dims = layout(section)
    missing = [dim for dim in (*dims.lead, dims.lateral, dims.vertical) if dim not in section.coords]
    if dims.vertical in missing:
        raise DataError(
            f"the amplitudes have no coordinate {dims.vertical!r}, so their sample interval is not known. "
            f"Assign one: .assign_coords({dims.vertical}=...), in ms for time, in m for depth"
        )
    return section.assign_coords({dim: np.arange(section.sizes[dim]) for dim in missing})


def as_model(model: Model | str | Path) -> Model:
    """Return a model: as it is, or loaded from a run folder or by its name."""
    return load_model(model) if isinstance(model, str | Path) else model


def score(
    section: SectionLike,
    model: Model | str | Path = "runs/latest",
    *,
    score: str | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> xr.Dataset:
    """Score a section in memory; see `seisflow.scoring.section.score`, which takes the same.

    Parameters
    ----------
    section : xr.Dataset, xr.DataArray, str or Path
    model : Model, str or Path
        A model, a run folder, or the name of a model that ships.
    score : str
        One of `seisflow.scores.SCORES`; by default the first that the model offers.
    alpha : float
        False alarms allowed per panel.
    seed : int
        Seed of the dither.

    Returns
    -------
    xr.Dataset
        ``amplitude``, ``nll``, ``anomaly`` and ``mask``.

    Raises
    ------
    DataError, ModelError
        If section or model cannot be used.
    """
    from seisflow.scoring.section import score as score_section

    return score_section(as_section(section), as_model(model), score=score, alpha=alpha, seed=seed)


def fill(section: SectionLike, model: Model | str | Path | None = None, **options: Any) -> xr.Dataset:
    """Fill the missing traces of a section; options are those of `seisflow.posterior.filling.fill`.

    Parameters
    ----------
    section : xr.Dataset, xr.DataArray, str or Path
    model : Model, str or Path, optional
    **options
        ``flagged``, ``samples``, ``max_gap``, ``others``, ``steps``, ``seed``, ``report``.

    Returns
    -------
    xr.Dataset
        ``amplitude``, ``std``, ``filled``, and ``draws`` if any were asked for.

    Raises
    ------
    DataError, ModelError
        If no trace is missing, or section or model cannot be used.
    """
    from seisflow.posterior.filling import fill as fill_section

    return fill_section(as_section(section), None if model is None else as_model(model), **options)


def denoise(section: SectionLike, model: Model | str | Path | None = None, **options: Any) -> xr.Dataset:
    """Attenuate incoherent noise; options are those of `seisflow.posterior.denoising.denoise`.

    Parameters
    ----------
    section : xr.Dataset, xr.DataArray, str or Path
    model : Model, str or Path, optional
    **options
        ``level``, ``others``, ``steps``, ``seed``, ``report``.

    Returns
    -------
    xr.Dataset
        ``amplitude``, ``removed`` and ``std``.

    Raises
    ------
    DataError, ModelError
        If section or model cannot be used.
    """
    from seisflow.posterior.denoising import denoise as denoise_section

    return denoise_section(as_section(section), None if model is None else as_model(model), **options)


def train(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    config: str | Path | Config | None = None,
    overrides: Sequence[str] = (),
    select: Sequence[str] = (),
    data: str | Path | None = None,
    max_time: timedelta | float | None = None,
    seed: int = 0,
    device: str | None = None,
    overwrite: bool = False,
    **geometry: Any,
) -> Run:
    """Learn the density of sections, or of an image data set, as ``seisflow train`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, or folders of them; they are grouped into surveys. Or the name of an image data set.
    output : path, optional
        Run folder; by default ``runs/<input>-<n>``. It becomes ``runs/latest``.
    config : str, Path or Config, optional
        Preset by name, a YAML file, or a configuration; by default the preset for the hardware, with a patch
        that fits, or that for the images.
    overrides : sequence of str
        ``"training.steps=500"`` and the like.
    select : sequence of str
        Parts such as ``"inline=1:50"``.
    data : path, optional
        Folder that holds the image data set, in ``images/``; without one it is downloaded.
    max_time : timedelta or float, optional
        Limit for the whole training, calibration included; seconds if a number.
    seed, device, overwrite
        As for `seisflow.training.train`.
    **geometry
        As for `seisflow.open_section`.

    Returns
    -------
    Run
        Its ``folder`` and ``model``.

    Raises
    ------
    ConfigError, DataError, OutputError
        If an option, the inputs or the place cannot be used.
    """
    from seisflow import training
    from seisflow.errors import ConfigError
    from seisflow.io.options import checked_options
    from seisflow.runs import folders
    from seisflow.training.choose import choose_training, image_source

    try:
        checked_options(geometry)
    except ValueError as error:
        raise ConfigError(
            f"seisflow.train: {error}. Options of seisflow.open_section were expected"
        ) from error
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    planned, settings = choose_training(
        image_source(given, data) or given, config, overrides, select=select, geometry=geometry, device=device
    )
    folder = folders.new(planned.name) if output is None else Path(output)
    limit = timedelta(seconds=max_time) if isinstance(max_time, int | float) else max_time
    run = training.train(
        planned, settings, folder, seed=seed, device=device, max_time=limit, overwrite=overwrite
    )
    folders.set_latest(folder)
    return run


def plot(section: SectionLike, **options: Any) -> Figure:
    """Draw a section, with its anomaly map over it where it has one; see `seisflow.plotting.draw`."""
    from seisflow.plotting import draw

    return draw(as_section(section), **options)


def write_segy(
    section: SectionLike, path: str | Path, *, variable: str = "amplitude", overwrite: bool = False
) -> None:
    """Write a section, or a map of it, as SEG-Y with the headers of its source.

    Parameters
    ----------
    section : xr.Dataset, xr.DataArray, str or Path
    path : str or Path
    variable : str
        "amplitude", or of a scored section "anomaly" or "nll"; NaN becomes 0.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    DataError
        If there is no such variable.
    OutputError
        If the file cannot be written.
    """
    whole = as_section(section)
    if variable not in whole.data_vars:
        raise DataError(f"{variable}: no such map. There are {', '.join(map(str, whole.data_vars))}")
    with create_segy(path, whole, overwrite=overwrite) as file:
        for lead in panel_index(whole):
            file.write(lead, np.nan_to_num(whole[variable][lead].values).astype(np.float32))


def list_models() -> list[str]:
    """Names of the models that ship; runs are folders, which `load_model` takes too."""
    return shipped_models()
