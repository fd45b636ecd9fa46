"""A configuration as YAML, each key under a comment that says what it is."""

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from seisflow.config.base import Group

WIDTH = 100


def as_commented_yaml(config: Group) -> str:
    """Every key that has an effect, with its value and its documentation; `load_config` reads it again."""
    return "\n".join(_lines(config, config.model_dump(mode="json"), "")) + "\n"


def _lines(group: Group, values: dict[str, Any], indent: str) -> Iterator[str]:
    for name, field in type(group).model_fields.items():
        if name not in values:
            continue
        text = " ".join((field.description or "").split())
        yield from textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        inner = getattr(group, name)
        if isinstance(inner, Group):
            yield f"{indent}{name}:"
            yield from _lines(inner, values[name], indent + "  ")
        else:
            yield f"{indent}{name}: {_on_one_line(values[name])}"


def _on_one_line(value: Any) -> str:
    return yaml.safe_dump([value], default_flow_style=True, width=10**6).strip()[1:-1]
