"""Result objects on disk: one list a file, added to as results come."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seisflow.errors import DataError, OutputError
from seisflow.io.atomic import replace_text

KEY = ("experiment", "dataset", "resize", "model")
"""Keys that tell one result from another; a second one of the same key takes the place of the first."""
SEEDED = "table1"
"""Experiment whose rows are run by several seeds, which stand beside each other."""


def load(folder: Path, name: str) -> list[dict[str, Any]]:
    """Result objects of ``folder/results/<name>.json``; none if there is no such file.

    Raises
    ------
    DataError
        If the file is not a list of result objects.
    """
    path = _path(folder, name)
    if not path.is_file():
        return []
    try:
        results = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not JSON ({error}). Expected a list of result objects") from error
    if not isinstance(results, list) or not all(isinstance(one, dict) and "model" in one for one in results):
        raise DataError(f"{path}: expected a list of result objects. Name another folder")
    return results


def keep(one: dict[str, Any], folder: Path, name: str) -> None:
    """Add a result to ``folder/results/<name>.json``, or put it in the place of the one with its key.

    The file is replaced in one step: it is whole at any time.
    """
    results = load(folder, name)
    places = [i for i, other in enumerate(results) if key(other) == key(one)]
    if places:
        results[places[0]] = one
    else:
        results.append(one)
    path = _path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, _text(results))


def key(one: dict[str, Any]) -> tuple[Any, ...]:
    """Values of `KEY`, and the seed of a row of `SEEDED`."""
    seed = one.get("seed") if one.get("experiment") == SEEDED else None
    return (*(one.get(name) for name in KEY), seed)


def check_new(folder: Path, name: str, wanted: dict[str, Any], *, overwrite: bool) -> None:
    """Refuse, before hours are spent, a result that is there already.

    Raises
    ------
    OutputError
        If it is and ``overwrite`` is False.
    """
    if not overwrite and any(key(other) == key(wanted) for other in load(folder, name)):
        raise OutputError(
            f"{_path(folder, name)}: holds {wanted['model']} on {wanted['dataset']} already. "
            f"Pass --overwrite to replace it, or another -o"
        )


def _text(results: Sequence[dict[str, Any]]) -> str:
    """JSON with a line a key; learning curves, which are long, in one line."""
    objects = []
    for one in results:
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in one.items()]
        objects.append(" {\n" + ",\n".join(lines) + "\n }")
    return "[\n" + ",\n".join(objects) + "\n]\n"


def _path(folder: Path, name: str) -> Path:
    return folder / "results" / f"{name}.json"
