"""The directive ``config-keys``: every key of a run's configuration, read off its pydantic models."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from seisflow.config import Config


class ConfigKeys(SphinxDirective):
    """A section for each group of keys, with a definition for each key."""

    def run(self) -> list[nodes.Node]:
        lines = ["## model", "", *definition("model", "Kind of model.", kinds())]
        for prefix, model in dict.fromkeys(group for run in models_in(Config) for group in groups("", run)):
            if prefix:
                lines += [f"## {prefix}", "", (model.__doc__ or "").strip().split("\n\n")[0], ""]
                for name, field in model.model_fields.items():
                    if not models_in(field.annotation):
                        lines += definition(f"{prefix}.{name}", field.description or "", facts(field))
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def definition(key: str, text: str, said: str) -> list[str]:
    """Return the lines of one key in Markdown."""
    return [f"`{key}`", f": {' '.join(text.split())}", f"  *{said}*", ""]


def kinds() -> str:
    """Return the values of the key ``model``."""
    choices = [kind for run in models_in(Config) for kind in get_args(run.model_fields["model"].annotation)]
    return " or ".join(f"`{kind}`" for kind in dict.fromkeys(choices)) + "; default `'fractal-flow'`"


def groups(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every group of keys with the path that leads to it, outer ones first."""
    yield prefix, model
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            yield from groups(f"{prefix}.{name}" if prefix else name, inner)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models of an annotation such as ``A``, ``A | B`` or ``Annotated[A | B, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def facts(field: FieldInfo) -> str:
    """Return type, limits and default of a key as one phrase."""
    limits = [
        f"{sign} {value}"
        for item in field.metadata
        for sign, name in ((">", "gt"), ("≥", "ge"), ("<", "lt"), ("≤", "le"))
        if (value := getattr(item, name, None)) is not None
    ]
    default = field.get_default(call_default_factory=True)
    said = "required" if default is PydanticUndefined else f"default `{default!r}`"
    return ", ".join([spelled(field.annotation), *limits]) + f"; {said}"


def spelled(annotation: Any) -> str:
    """Return an annotation as a user would say it."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inside)
    if origin in (Union, UnionType):
        return " or ".join("nothing" if part is type(None) else spelled(part) for part in inside)
    if origin is tuple:
        return "(" + ", ".join(spelled(part) for part in inside) + ")"
    if origin is list:
        return f"list of {spelled(inside[0])}"
    if origin is not None:  # Annotated
        return spelled(inside[0])
    return {"str": "text", "bool": "true or false"}.get(annotation.__name__, annotation.__name__)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_directive("config-keys", ConfigKeys)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
