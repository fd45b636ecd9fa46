"""Notebooks of the tutorials: their prose and commands, on data that ship or are made on the spot.

``python docs/_ext/notebooks.py`` writes them into examples/notebooks; settings.yaml there says for each page
what is set up first, which words of the page stand for which here, and which commands are left out.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGES, NOTEBOOKS = ROOT / "docs" / "tutorials", ROOT / "examples" / "notebooks"
FENCE = re.compile(r"^```(\S*)\n(.*?)^```\n", re.M | re.S)


def settings() -> dict[str, Any]:
    """Settings of the notebooks by the names of their pages."""
    return yaml.safe_load((NOTEBOOKS / "settings.yaml").read_text())


def notebook(name: str, setting: dict[str, Any]) -> str:
    """JSON of the notebook of a page."""
    text = (PAGES / f"{name}.md").read_text()
    for here, there in setting.get("replace", {}).items():
        text = text.replace(here, there)
    title, _, text = text.partition("\n")
    cells = [_prose(title)]
    if "note" in setting:
        cells.append(_prose(setting["note"]))
    if "setup" in setting:
        cells.append(_code(setting["setup"]))
    cells += _cells(text, setting.get("drop", []))
    for number, cell in enumerate(cells):
        cell["id"] = f"{name}-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cells(text: str, drop: list[str]) -> Iterator[dict[str, Any]]:
    """Prose and code in their order; what commands print is left to them."""
    end = 0
    for block in FENCE.finditer(text):
        if words := _linked(text[end : block.start()]):
            yield _prose(words)
        end = block.end()
        language, body = block.groups()
        if language == "python":
            yield _code(body)
        elif lines := [f"!{one}" for one in _commands(language, body) if not any(d in one for d in drop)]:
            yield _code("\n".join(lines))
    if words := _linked(text[end:]):
        yield _prose(words)


def _commands(language: str, body: str) -> list[str]:
    """Commands of a block of shell, or of a transcript, where they follow a dollar sign."""
    lines = body.replace("\\\n", " ").splitlines()
    if language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip()] if language == "sh" else []


def _linked(text: str) -> str:
    """Prose with links that hold from where notebooks lie, and without what only Sphinx reads."""
    text = re.sub(r"\{doc\}`([^<`]*?) ?<[^`]*>`", r"\1", text)
    text = re.sub(r"(!\[[^]]*\]\()\.\./", r"\1../../docs/", text)
    text = re.sub(r"(?<!!)(\[[^]]*\]\()(\w[\w-]*\.md)", r"\1../../docs/tutorials/\2", text)
    return re.sub(r"(?<!!)(\[[^]]*\]\()\.\./(?!\.\.)", r"\1../../docs/", text).strip()


def _prose(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip().splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    source = text.strip().splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


if __name__ == "__main__":
    for page, setting in settings().items():
        (NOTEBOOKS / f"{page}.ipynb").write_text(notebook(page, setting), encoding="utf-8")
