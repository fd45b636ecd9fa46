"""Provenance of a model: its training, and the data that it was trained on, as its card tells them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

Text = Annotated[str, Field(max_length=4096)]


class Geometry(TypedDict):
    """Vertical sampling of the training data."""

    domain: Literal["time", "depth"]
    interval: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Sample interval, in ``unit``."""
    unit: Annotated[str, Field(max_length=64)]


class Provenance(TypedDict, total=False):
    """Facts on a training. Every one may be absent: older versions, and other ways to a model, tell fewer."""

    seed: int
    steps: int
    """Optimiser steps done."""
    skipped_steps: int
    """Steps left out because their gradient was not finite."""
    seconds: float
    """Time of the training."""
    machine: str
    finished: str
    """End of the training, ISO 8601 in UTC."""
    commit: str | None
    """Git commit of the source, with "+" if it was changed since; None for an installed package."""
    versions: dict[str, str]
    """Versions of seisflow, torch and numpy."""
    named: Annotated[str, Field(max_length=256)]
    """Signature of the input paths that the user of this machine has named (`seisflow.runs.trust`)."""
    mark: str
    """Mark that weights and card share, so that those of two models are told apart."""
    held_out_nats_per_dim: float
    """Mean negative log-density of held-out data, nats for each sample."""
    training_nats_per_dim: float
    """The same of training data, where nothing was held out."""
    judged_images: int
    """Images that this is the mean of, where the time did for a part of them only."""
    patch_rms: tuple[float, float]
    """Least and largest root mean square of some training patches, in scaled units."""
    calibration_panels: int
    """Panels that the calibration rests on."""
    geometry: Geometry
    straightness: float
    """Straightness of the way through the levels, at least 1 (`FractalFlowModel.straightness`)."""


class TrainingInput(TypedDict, total=False):
    """File of a training, as `seisflow.runs.sources.Source` opens it, or an image data set."""

    path: Required[Text]
    """File, Zarr folder, or name of a data set."""
    more: list[Text]
    """Further files that are joined with it to one volume."""
    select: list[str]
    """Parts of the file, such as ``"inline=10090:10135"``."""
    geometry: dict[str, str | int | float | bool | None]
    """Options of `seisflow.open_section`."""
    zeros_are_data: bool
    """Mutes and dead traces taken for measurements."""
    split: dict[str, Any]
    """Training and held-out blocks (`seisflow.patches.Split`)."""
    survey: int
    """Number of its survey in the card."""
    folder: str | None
    """Folder of an image data set."""


# Cards of later versions may tell more.
for _kind in (Provenance, TrainingInput):
    setattr(_kind, "__pydantic_config__", ConfigDict(extra="allow"))  # noqa: B010 - unknown to type checkers


def density_key(*, held_out: bool) -> Literal["held_out_nats_per_dim", "training_nats_per_dim"]:
    """Key of the mean negative log-density of held-out or of training data."""
    return "held_out_nats_per_dim" if held_out else "training_nats_per_dim"
