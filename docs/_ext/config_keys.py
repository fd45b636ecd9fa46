"""The directive ``config-keys``: every key of a run's configuration, read off its pydantic models."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from docutils import nodes
from numpydoc.docscrape import ClassDoc
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
        lines: list[str] = []
        for prefix, model in groups("", Config):
            lines += [f"## {prefix or 'top level'}", "", ClassDoc(model)["Summary"][0], ""]
            described = descriptions(model)
            for name, field in model.model_fields.items():
                if not models_in(field.annotation):
                    key = f"{prefix}.{name}" if prefix else name
                    lines += [f"`{key}`", f": {described.get(name, '')}", f"  {facts(field)}", ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


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


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return what each key means: ``Field(description=)``, else the Attributes of the class docstring."""
    found = {
        name.strip(): " ".join(line.strip() for line in entry.desc)
        for base in reversed(model.__mro__)
        if issubclass(base, BaseModel) and base.__doc__
        for entry in ClassDoc(base)["Attributes"]
        for name in entry.name.split(",")
    }
    own = {name: field.description for name, field in model.model_fields.items() if field.description}
    return found | own


def facts(field: FieldInfo) -> str:
    """Return type, limits and default of a key as one phrase."""
    limits = [
        f"{sign} {value}"
        for item in field.metadata
        for sign, name in ((">", "gt"), ("≥", "ge"), ("<", "lt"), ("≤", "le"))
        if (value := getattr(item, name, None)) is not None
    ]
    default = field.get_default(call_default_factory=True)
    default = "required" if default is PydanticUndefined else f"default `{default!r}`"
    return "*" + ", ".join([spelled(field.annotation), *limits]) + f"; {default}*"


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
