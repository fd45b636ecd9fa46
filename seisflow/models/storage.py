"""Models on disk: ``model.safetensors`` for the weights, ``config.json`` for everything else."""

import secrets
from importlib import resources
from math import prod
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from seisflow.config.model import FAMILIES
from seisflow.errors import ConfigError, ModelError, OutputError
from seisflow.io.atomic import replace_text, replaced_file, sync_folder
from seisflow.models.base import Model
from seisflow.models.build import build_model
from seisflow.models.card import ModelCard
from seisflow.models.card_check import check_card
from seisflow.models.denoiser import Denoiser
from seisflow.models.memory import check_memory, parameters
from seisflow.regular import is_special, read_text
from seisflow.shown import shown

WEIGHTS = "model.safetensors"
CARD = "config.json"
DEFAULT_MODEL = "f3-small"
"""Name of the model that ships and is used where no other is given."""
DENOISER_WIDTH = "denoiser.network.subnet.gather.weight"
"""Stored tensor that has as many rows as a denoiser has channels."""
LEAST_DENOISER = 500
"""Weights of a denoiser, at least, over the square of its channels."""
_NEXT_CARD = ".config.json.next"
_MOST_CARD = 2**26  # bytes
_REMEDY = "Use the version of seisflow that made it, or train again"


def save_model(model: Model, folder: str | Path) -> None:
    """Write a model into ``folder`` (made if absent), whole or not at all.

    Raises
    ------
    OutputError
        If the disk does not take it.
    ModelError
        If the model has no card: weights alone cannot be used again.
    """
    if model.card is None:
        raise ModelError(f"{folder}: a model without a card cannot be saved. Set model.card to a ModelCard")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Two names cannot change in one step: weights and card carry one mark, and a card that is whole but not
    # yet in its place is found by it (see `read_card`).
    mark = secrets.token_hex(8)
    model.card.provenance["mark"] = mark
    weights = save({name: value.contiguous() for name, value in model.state_dict().items()}, {"mark": mark})
    next_card = folder / _NEXT_CARD
    replace_text(next_card, model.card.model_dump_json(indent=1) + "\n")
    try:
        with replaced_file(folder / WEIGHTS) as file:
            file.write(weights)
    except OutputError:
        next_card.unlink()
        raise
    next_card.replace(folder / CARD)
    sync_folder(folder)


def shipped_models() -> list[str]:
    """Names of the models that come with seisflow."""
    folder = resources.files("seisflow.models") / "shipped"
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def find_model(path_or_name: str | Path) -> Path:
    """Folder of a run, of a saved model, or of the shipped model of that name.

    Raises
    ------
    ModelError
        If there is none; the message lists the shipped ones.
    """
    given = Path(path_or_name)
    if given.name == WEIGHTS:
        given = given.parent
    if (given / WEIGHTS).is_file() and (given / CARD).is_file():
        return given
    if str(path_or_name) in shipped_models():
        return Path(str(resources.files("seisflow.models") / "shipped" / str(path_or_name)))
    if given.is_dir():
        raise ModelError(f"{given}: holds no {WEIGHTS} and {CARD}. Expected a finished run or a saved model")
    raise ModelError(f"{given}: no such model. Pass a run folder or one of: {', '.join(shipped_models())}")


def load_model(path_or_name: str | Path) -> Model:
    """Load a model, ready to evaluate on the CPU.

    Parameters
    ----------
    path_or_name : str or Path
        A run folder, a folder written by `save_model`, or the name of a shipped model.

    Raises
    ------
    ModelError
        If it is missing or damaged.
    """
    folder = find_model(path_or_name)
    card = read_card(folder / CARD)
    try:
        if is_special(folder / WEIGHTS):
            raise ModelError(f"{folder / WEIGHTS}: a pipe or device. A file of weights was expected")
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            card = _card_of(file.metadata(), card, folder)
            stored = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        if parameters(card.config) > 4 * sum(map(prod, stored.values())):
            raise ModelError(f"{folder / WEIGHTS}: too small for the model of its {CARD}. {_REMEDY}")
        check_memory(card.config)
        model = build_model(card.config)
        model.denoiser = _denoiser_of(stored, folder)
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError, OSError, ConfigError, ValueError) as error:
        raise ModelError(
            f"{folder / WEIGHTS}: damaged, or not the weights of its {CARD} ({_first_line(error)}). {_REMEDY}"
        ) from error
    if not all(bool(value.isfinite().all()) for value in model.state_dict().values()):
        raise ModelError(f"{folder / WEIGHTS}: some weights are no finite numbers. {_REMEDY}")
    model.card = card
    return model.eval()


def _denoiser_of(stored: dict[str, list[int]], folder: Path) -> Denoiser | None:
    """Denoiser of the size of the stored one, if there is one, without its weights."""
    width = stored.get(DENOISER_WIDTH)
    if not width:
        return None
    if LEAST_DENOISER * width[0] ** 2 > sum(map(prod, stored.values())):
        raise ModelError(f"{folder / WEIGHTS}: too small for a denoiser of {width[0]} channels. {_REMEDY}")
    return Denoiser(width[0])


def _card_of(metadata: dict[str, str] | None, card: ModelCard, folder: Path) -> ModelCard:
    """Return the card of the weights, which after a kill between the two is not yet in its place."""
    mark = (metadata or {}).get("mark")
    if mark is None or card.provenance.get("mark") == mark:
        return card
    if (folder / _NEXT_CARD).is_file():
        other = read_card(folder / _NEXT_CARD)
        if other.provenance.get("mark") == mark:
            return other
    if "mark" not in card.provenance:  # of an older version, or taken out by hand
        return card
    raise ModelError(f"{folder}: {WEIGHTS} and {CARD} are of two models. {_REMEDY}")


def read_card(path: Path) -> ModelCard:
    """Read a model card, and check it.

    Raises
    ------
    ModelError
        If it is missing or damaged.
    """
    try:
        if path.stat().st_size > _MOST_CARD:
            raise ModelError(f"{path}: {path.stat().st_size} bytes. A model card was expected. {_REMEDY}")
        card = ModelCard.model_validate_json(read_text(path))
        check_card(card)
    except (OSError, ValueError, RecursionError) as error:
        why = _first_fault(error) if isinstance(error, ValidationError) else _first_line(error)
        raise ModelError(f"{path}: not a model card of this version ({why}). {_REMEDY}") from error
    return card


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if part not in FAMILIES)
    return f"{key}: {first['msg']}" if key else first["msg"]


def _first_line(error: Exception) -> str:
    return shown(" ".join(str(error).split()))[:120]
