"""Inputs that a model or run names: opened unasked only if the user of this machine has named them.

A model may come from a stranger, and its card names files. Training signs the names that its user gave, with
a key that only this user has; names without such a signature are not opened unasked.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from seisflow.errors import DataError
from seisflow.io import catalog
from seisflow.io.files import is_url

_KEY_BYTES = 32


def sign(paths: Sequence[str]) -> str:
    """Vouch for paths that the user has named; empty where no key can be kept."""
    key = _key(make=True)
    return "" if key is None else _signature(key, paths)


def check_named(paths: Sequence[str], signature: str, by: str | Path, trusted: bool = False) -> None:
    """Refuse paths that a model or run names, and that nobody here has.

    Data sets that ship, and files in the folder of the model itself, need no signature.

    Parameters
    ----------
    paths : sequence of str
        What would be opened.
    signature : str
        What `sign` gave for them.
    by : str or Path
        Model or run that names them.
    trusted : bool
        The user has said that all may be opened.

    Raises
    ------
    DataError
        With the first path that nobody vouches for.
    """
    key = _key(make=False)
    if trusted or (key is not None and hmac.compare_digest(_signature(key, paths), signature)):
        return
    for path in paths:
        ships = path in catalog.names() and not Path(path).exists()
        inside = not is_url(path) and Path(by).resolve() in Path(path).resolve().parents
        if not ships and not inside:
            raise DataError(
                f"{by}: names the input {path}, which was not trained on here. It is not opened unasked: "
                "name the INPUT yourself, or pass --trust if you know where the model comes from"
            )


def _signature(key: bytes, paths: Sequence[str]) -> str:
    return hmac.new(key, json.dumps(list(paths)).encode(), hashlib.sha256).hexdigest()


def _key(*, make: bool) -> bytes | None:
    """Return this user's key, made when it is first needed."""
    place = platformdirs.user_state_path("seisflow") / "key"
    try:
        if make and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_name(f"{place.name}-{os.getpid()}")
            beside.touch(mode=0o600)
            beside.write_bytes(secrets.token_bytes(_KEY_BYTES))
            beside.replace(place)
        key = place.read_bytes()
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None
