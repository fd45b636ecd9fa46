"""YAML of a configuration, of bounded size, depth and expansion."""

from typing import Any

import yaml

from seisflow.errors import ConfigError
from seisflow.shown import shown

MOST_TEXT, _MOST_VALUES, _MOST_DEPTH = 10**6, 10_000, 20


def read_yaml(text: str, source: str) -> Any:
    """Read a YAML document of plain values.

    Anchors count as often as they are used, so that a few lines cannot stand for more than memory holds.

    Parameters
    ----------
    text : str
    source : str
        Where it is from, for errors.

    Raises
    ------
    ConfigError
        If it is no YAML, or too large, too deep, or holds what is no plain value.
    """
    if len(text) > MOST_TEXT:
        raise ConfigError(f"{source}: {len(text)} characters. A config of {MOST_TEXT} at most was expected")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}, 0) > _MOST_VALUES:
            raise ConfigError(f"{source}: more than {_MOST_VALUES} values. A config was expected")
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # a tag such as !!int or !!timestamp before what is none raises what its parser does
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{source}: not valid YAML ({shown(said)[:200]})") from error


def shortened(text: object) -> str:
    """Return what a user gave, in 80 printable signs."""
    said = shown(text)
    return said if len(said) <= 80 else f"{said[:77]}..."


def _size(node: Any, known: dict[int, int], depth: int) -> int:
    """Values of a node, those of anchors counted wherever they are used."""
    if depth > _MOST_DEPTH:
        raise ValueError(f"nested more than {_MOST_DEPTH} deep")
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1  # while it is looked at: a node within itself has no end
        pairs = isinstance(node, yaml.MappingNode)
        inner = [part for pair in node.value for part in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_size(part, known, depth + 1) for part in inner)
    return known[id(node)]
