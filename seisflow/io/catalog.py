"""Data set cards: what a data set is, where it comes from, and how to open it by name."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from seisflow.errors import DataError

_FOLDER = "seisflow.datasets"


class Card(BaseModel):
    """Card of a data set, ``datasets/<name>.yaml``.

    Attributes
    ----------
    name, title, description : str
    file : str
        File beside the card.
    bytes, sha256 : int, str
        Size and checksum of the file.
    source, credit, licence, licence_url, citation : str
    geometry : dict
        Dimensions, labels and sampling, for people; the file itself says the same.
    notes : list of str
        What a user has to know before drawing conclusions.
    split : dict, optional
        Ranges of dimensions to learn from (``train``) and to calibrate on (``validation``), in index
        space; for data where a cut by size alone would calibrate on what there is to find.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    description: str
    file: str
    bytes: int
    sha256: str
    source: str
    credit: str
    licence: str
    licence_url: str
    citation: str
    geometry: dict[str, Any]
    notes: list[str] = []
    split: dict[str, dict[str, tuple[int, int]]] | None = None


def names() -> list[str]:
    """Return the names of all cards."""
    found = (Path(item.name) for item in resources.files(_FOLDER).iterdir())
    return sorted(path.stem for path in found if path.suffix == ".yaml")


def card(name: str) -> Card:
    """Read one card.

    Raises
    ------
    DataError
        If there is none of that name.
    """
    if name not in names():
        raise DataError(f"{name}: no such data set. There are: {', '.join(names())}")
    return Card.model_validate(yaml.safe_load((resources.files(_FOLDER) / f"{name}.yaml").read_text("utf-8")))


def locate(name: str) -> Path:
    """Return the path of the file that a card describes.

    Raises
    ------
    DataError
        If there is no such card, or its file is missing.
    """
    path = Path(str(resources.files(_FOLDER) / card(name).file))
    if not path.is_file():
        raise DataError(f"{path}: the data set {name} is not here. Install seisflow again")
    return path
