"""Presets and YAML files of config keys, with ``key.sub=value`` overrides."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from seisflow.config.base import LENIENT, current_name, current_names, keys_without_effect, subgroup
from seisflow.config.model import (
    DEFAULT,
    FAMILIES,
    GROUPS,
    VALIDATOR,
    Config,
    FlowModelConfig,
    as_stored,
)
from seisflow.config.yaml_text import MOST_TEXT, read_yaml, shortened
from seisflow.errors import ConfigError
from seisflow.regular import is_special, read_text

Values = dict[str, Any]


def preset_names() -> list[str]:
    """Names of the presets that ship, sorted."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in resources.files("seisflow.configs").iterdir()
        if entry.name.endswith(".yaml")
    )


def preset_title(name: str) -> str:
    """First sentence of the comment that a preset begins with."""
    comment: list[str] = []
    for line in _read(name).splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return " ".join(comment).split(". ")[0].rstrip(".")


def load_config(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a preset or a YAML file and apply ``key.sub=value`` overrides.

    A key of the file that an override leaves without effect, such as ``flow.pixels`` beside
    ``flow.input=whiten``, goes with it; one that has none by itself, or an override without effect, is
    refused.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a preset (`preset_names`) or path of a YAML file.
    overrides : sequence of str
        ``"flow.levels=3"`` and the like; values are read as YAML.

    Raises
    ------
    ConfigError
        For a missing file, a key that does not exist or has no effect, or a value out of range: one line that
        names it.
    """
    source = str(name_or_path)
    values = read_yaml(_read(source), source) or {}
    changes = [_override(item) for item in overrides]
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: holds {type(values).__name__}. Expected a mapping of config keys")
    if changes:
        parse_config(values, source)
    model = next((value for keys, value in reversed(changes) if keys == ["model"]), values.get("model"))
    family = _family(model)
    values = current_names(values, family)
    changes = [(_current_path(keys, family), value) for keys, value in changes]
    for keys, value in changes:
        _put(values, keys, value)
    if changes:
        _leave_out(values, family, source, [keys for keys, _ in changes])
    return parse_config(values, source)


def parse_config(values: Values, source: str) -> Config:
    """Validate a mapping; raises ConfigError that names the first offending key of ``source``."""
    try:
        return VALIDATOR.validate_python(current_names(values, _family(values.get("model"))))
    except ValidationError as error:
        raise _refusal(error, source, values) from error


def parse_stored_config(values: Values, source: str) -> Config:
    """Validate the config that a run has stored, of this version or an older one; raises ConfigError."""
    try:
        return as_stored(values)
    except ValidationError as error:
        raise _refusal(error, source, values) from error


def _read(source: str) -> str:
    if source in preset_names():
        return (resources.files("seisflow.configs") / f"{source}.yaml").read_text()
    try:
        return read_text(source, MOST_TEXT)
    except OSError as error:
        if is_special(source) or Path(source).is_file():
            raise ConfigError(f"{source}: cannot be read ({error.strerror}). Pass a YAML file") from error
        presets = ", ".join(preset_names())
        raise ConfigError(f"{source}: no such config. Pass a YAML file or one of: {presets}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: not valid YAML, nor text at all. Pass a config file") from error
    except ValueError as error:  # a name with a null in it
        raise ConfigError(f"{shortened(source)}: no name of a file. Pass a YAML file") from error


def _family(model: Any) -> type[BaseModel]:
    return FAMILIES.get(model if isinstance(model, str) else DEFAULT, FlowModelConfig)


def _leave_out(values: Values, family: type[BaseModel], source: str, overridden: list[list[str]]) -> None:
    """Take out the keys of a file that overrides have left without effect."""

    def is_overridden(path: tuple[str, ...]) -> bool:
        return any(list(path) == keys[: len(path)] or keys == list(path[: len(keys)]) for keys in overridden)

    for group in GROUPS - set(family.model_fields):
        if not is_overridden((group,)):
            values.pop(group, None)
    try:
        config = VALIDATOR.validate_python(values, context=LENIENT)
    except ValidationError as error:
        raise _refusal(error, source, values) from error
    for path in keys_without_effect(config):
        if not is_overridden(path):
            inner = values
            for key in path[:-1]:
                inner = inner.get(key, {})
            inner.pop(path[-1], None)


def _refusal(error: ValidationError, source: str, values: Values) -> ConfigError:
    first = error.errors()[0]
    if first["type"] == "union_tag_invalid":
        return ConfigError(f"{source}: model = {values['model']!r}: expected one of {', '.join(FAMILIES)}")
    # the family's name comes first, the alternatives of a union last
    parts = [str(part) for part in first["loc"][1:]]
    key = ".".join(part for part in parts if not part.startswith(("list[", "int")))
    unknown = first["type"] == "extra_forbidden"
    if unknown and key in GROUPS:
        return ConfigError(f"{source}: {key} has no effect with model = {values.get('model', DEFAULT)}")
    value = "" if unknown or isinstance(first["input"], dict) else f" = {shortened(repr(first['input']))}"
    remedy = "there is no such key" if unknown else first["msg"].removeprefix("Value error, ")
    today = _current_path(parts, _family(values.get("model")))
    if unknown and today != parts:
        remedy = f"given twice, as {'.'.join(today)} too"
    return ConfigError(f"{source}: {key}{value}: {remedy}".replace(": : ", ": "))


def _override(item: str) -> tuple[list[str], Any]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {shortened(item)}: expected KEY=VALUE, for instance --set flow.levels=3")
    return key.strip().split("."), read_yaml(value, f"--set {shortened(item)}")


def _current_path(keys: list[str], family: type[BaseModel]) -> list[str]:
    group: type[BaseModel] | None = family
    found = []
    for key in keys:
        found.append(key if group is None else current_name(group, key))
        group = None if group is None else subgroup(group, found[-1])
    return found


def _put(values: Values, keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {'.'.join(keys)}: {key} is a single value, not a group of keys")
        values = inner
    values[keys[-1]] = value
