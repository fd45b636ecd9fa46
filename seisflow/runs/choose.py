"""Choice of a model, and of its data, where none is named: the latest run, else the model that ships."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisflow.errors import DataError, ModelError
from seisflow.models import Model, ModelCard, load_model
from seisflow.models.base import section_card
from seisflow.models.storage import DEFAULT_MODEL, WEIGHTS, find_model, shipped_models
from seisflow.patches import Block, Split
from seisflow.runs import folders
from seisflow.runs.hardware import Hardware
from seisflow.runs.sources import Source, join_lines
from seisflow.runs.trust import check_named

log = logging.getLogger("seisflow")


@dataclass(frozen=True)
class ChosenModel:
    """A model on its device, and where it comes from.

    Attributes
    ----------
    name : str
        Run folder, or name of a model that ships.
    model : Model
        Ready to evaluate.
    home : Path
        Where its results go by default: the run folder; here for a model that ships.
    folder : Path
        Where its files are.
    """

    name: str
    model: Model
    home: Path
    folder: Path

    @property
    def card(self) -> ModelCard:
        """Card of the model."""
        assert self.model.card is not None  # loaded models have one
        return self.model.card

    @property
    def sources(self) -> list[Source]:
        """Sections of the training, both the training and the held-out parts."""
        return [
            Source.model_validate({k: v for k, v in item.items() if k not in ("split", "survey")})
            for item in self.card.inputs
        ]

    @property
    def splits(self) -> list[Split]:
        """Training and held-out parts of each source."""
        return [Split.model_validate(item["split"]) for item in self.card.inputs]

    def describe(self) -> str:
        """Say in a line what model this is and what it has seen."""
        seen = ", ".join(Path(source.path).name for source in self.sources)
        provenance = self.card.provenance
        text = f"model {self.name}, which has seen {seen or 'data it does not name'}"
        return f"{text} for {provenance['steps']} steps" if "steps" in provenance else text

    def inputs(
        self,
        paths: Sequence[Path],
        select: tuple[str, ...] = (),
        geometry: dict[str, Any] | None = None,
        *,
        trusted: bool = False,
    ) -> list[Source]:
        """Return the sections at ``paths``, or without any, those the model was trained on.

        Mutes and dead traces are taken as in training; ``select`` and ``geometry``, where given, stand in
        for those of training. What the model names, and nobody here has trained on, is only opened if the
        model is ``trusted``.

        Raises
        ------
        ModelError
            If there are neither, or the model is one of images.
        DataError
            If the model names files that are not opened unasked.
        """
        section_card(self.model)
        if paths:
            zeros = any(source.zeros_are_data for source in self.sources)
            return join_lines(
                [
                    Source(path=str(path), select=select, geometry=geometry or {}, zeros_are_data=zeros)
                    for path in paths
                ]
            )
        if not self.sources:
            raise ModelError(f"{self.name}: does not say what it was trained on. Name an INPUT")
        paths_named = [path for source in self.sources for path in source.paths]
        check_named(paths_named, str(self.card.provenance.get("named", "")), self.folder, trusted)
        given = {name: value for name, value in (("select", select), ("geometry", geometry)) if value}
        return [source.model_copy(update=given) for source in self.sources]

    def lines_like(self, section: xr.Dataset) -> list[tuple[xr.Dataset, list[Block]]]:
        """Return what a run was trained on, and the parts of it, if sampled as a section; else nothing.

        The section itself is left out. What ships has nothing to add, and what cannot be opened, or is not
        opened unasked, is told in a warning.
        """
        if self.home != self.folder:
            return []
        found = []
        named = [path for source in self.sources for path in source.paths]
        try:
            check_named(named, str(self.card.provenance.get("named", "")), self.folder)
            for source, item in zip(self.sources, self.card.inputs, strict=True):
                other = source.open()
                same = str(other.attrs.get("source_file")) == str(section.attrs.get("source_file"))
                if not same and _sampled_alike(other, section):
                    found.append((other, Split.model_validate(item["split"]).train))
        except DataError as error:
            log.warning("nothing is learned from what %s was trained on: %s", self.name, error)
            return []
        return found


def choose_model(name: str | None = None, device: str | None = None) -> ChosenModel:
    """Load the model of that name; without one, that of ``runs/latest``, else the one that ships.

    Parameters
    ----------
    name : str, optional
        Run folder, saved model, or name of a model that ships.
    device : str, optional
        See `Hardware.choose`.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    ConfigError
        If there is no such device.
    """
    hardware = Hardware.choose(device)
    if name is None:
        name = str(folders.latest()) if folders.LATEST.exists() else DEFAULT_MODEL
    _refuse_interrupted(Path(name))
    folder = find_model(name)
    ships = name in shipped_models() and not Path(name).exists()
    return ChosenModel(name, load_model(folder).to(hardware.device), Path() if ships else folder, folder)


def _sampled_alike(one: xr.Dataset, other: xr.Dataset) -> bool:
    """Whether both are in time, or in depth, with the same sample interval."""
    (dim, step), (other_dim, other_step) = (
        (str(x["amplitude"].dims[-1]), float(np.diff(x[x["amplitude"].dims[-1]].values[:2]).sum()))
        for x in (one, other)
    )
    return dim == other_dim and bool(np.isclose(step, other_step, rtol=0.01))


def _refuse_interrupted(folder: Path) -> None:
    """Say of a run that has a state but no model yet how to go on."""
    if (folder / "checkpoint.ckpt").is_file() and not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder}: holds no {WEIGHTS}, as the run was interrupted. Finish it: "
            f"seisflow train --resume -o {folder} (with --max-steps or --max-time to end sooner)"
        )
