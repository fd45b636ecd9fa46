"""Groups of config keys: frozen, without unknown keys, without keys that change nothing."""

from collections.abc import Iterator
from typing import Any, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

LENIENT = {"lenient": True}
"""Validation context in which keys without effect are taken, as older versions did."""


class Group(BaseModel):
    """A group of config keys.

    A subclass documents each key by a docstring below it, which is what `seisflow config show` prints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def without_effect(self) -> dict[str, str]:
        """Keys, dotted if in a group of this one, that change nothing beside the others, each with why."""
        return {}

    @model_validator(mode="after")
    def _no_key_without_effect(self, info: ValidationInfo) -> Self:
        if info.context == LENIENT:
            return self
        for key, why in self.without_effect().items():
            if _is_set(self, key.split(".")):
                raise ValueError(f"{key} has no effect {why}: leave it out")
        return self

    @model_serializer(mode="wrap")
    def _only_what_has_effect(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = handler(self)
        for key in self.without_effect():
            *groups, last = key.split(".")
            inner = values
            for group in groups:
                inner = inner.get(group, {})
            inner.pop(last, None)
        return values


def renamed(default: Any, *old: str, **bounds: Any) -> Any:
    """Field of a key that had other names before, which are still read. The first of ``old`` is today's."""
    return Field(default=default, validation_alias=AliasChoices(*old), **bounds)


def subgroup(group: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Class of the group of keys that ``key`` is in ``group``; None for a single value or an unknown key."""
    field = group.model_fields.get(key)
    kind = None if field is None else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def current_names(values: dict[str, Any], group: type[BaseModel]) -> dict[str, Any]:
    """Values of a group with the keys of older versions under their names of today."""
    found = {}
    for key, value in values.items():
        name = current_name(group, key)
        if name in values:  # under both names: the old one is left for the validation to refuse
            name = key
        inner = subgroup(group, name)
        found[name] = current_names(value, inner) if inner and isinstance(value, dict) else value
    return found


def current_name(group: type[BaseModel], key: str) -> str:
    """Name of a key today."""
    for name, field in group.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices) and key in alias.choices:
            return name
    return key


def keys_without_effect(group: Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all keys in a group, and in those within it, that change nothing."""
    for key in group.without_effect():
        yield (*above, *key.split("."))
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, Group):
            yield from keys_without_effect(value, (*above, name))


def _is_set(group: BaseModel, keys: list[str]) -> bool:
    first, *rest = keys
    return first in group.model_fields_set and (not rest or _is_set(getattr(group, first), rest))
