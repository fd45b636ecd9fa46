"""Cells and captions that tables share."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any


def number(value: float | None, digits: int) -> str:
    """Number in a table cell; empty where it was not measured."""
    return "" if value is None else f"{value:.{digits}f}"


def sign(one: dict[str, Any]) -> str:
    """Sign before bits/dim: those themselves, or an upper bound."""
    return "= " if one["bound"] == "exact" else "≤ "


def conditions(results: Sequence[dict[str, Any]]) -> str:
    """Machines, seeds, commits and commands of some results, each said once."""
    text = "; ".join(dict.fromkeys(one["machine"] for one in results))
    seeds = ", ".join(dict.fromkeys(str(one["seed"]) for one in results))
    commits = ", ".join(dict.fromkeys(str(one["commit"]) for one in results))
    commands = ", ".join(dict.fromkeys(f"`{one['command']}`" for one in results))
    return f"{text}; seed {seeds}, commit {commits}. Made by {commands}."


def grouped(
    results: Sequence[dict[str, Any]], *names: str
) -> list[tuple[tuple[Any, ...], list[dict[str, Any]]]]:
    """Results that share the values of these keys, in the order in which they first come."""

    def group(one: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(one[name] for name in names)

    order = {key: place for place, key in enumerate(dict.fromkeys(map(group, results)))}
    ordered = sorted(results, key=lambda one: order[group(one)])
    return [(key, list(some)) for key, some in groupby(ordered, group)]
