"""The rooms of the house: imports run down, in no circle, and no file is too long to read at a sitting."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each room may import those before it. What is on one line knows nothing of the others on it.
ROOMS = [
    {"shown", "regular"},
    {"errors"},
    {"config", "progress", "writable"},
    {"io"},
    {"patches"},
    {"subnets", "calibration"},
    {"flows", "priors"},
    {"models"},
    {"runs", "scores", "generation"},
    {"scoring"},
    {"plotting"},
    {"facies", "posterior", "detector"},
    {"training"},
    {"output", "api"},
    {"evaluation"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
LONGEST = 350


def imported(file: Path) -> Iterator[str]:
    """Full names of all that a file imports, at its top or within a function.

    What is imported under ``TYPE_CHECKING`` is not: nothing waits for it, and no annotation moves data.
    """
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    todo: list[ast.AST] = [ast.parse(file.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join((*home, *([node.module] if node.module else [])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


FILES = sorted(path for home in ("seisflow", "cli") for path in (ROOT / home).rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_run_down(file):
    path = file.relative_to(ROOT).with_suffix("").parts
    room = path[0] if path[0] == "cli" else path[1]
    if room == "__init__":  # the public names of the package, from all rooms
        return
    assert room in LEVEL, f"{room}: a new room. Give it its place in ROOMS, and in docs/architecture.md"
    for name in imported(file):
        package, _, inner = name.partition(".")
        other = inner.split(".")[0]
        if package == "seisflow" and other in LEVEL and other != room:
            assert LEVEL[other] < LEVEL[room], f"{file.relative_to(ROOT)} imports {name}"


def test_imports_within_functions_count(tmp_path, monkeypatch):
    file = tmp_path / "seisflow" / "io" / "new.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import os\ndef f():\n    from seisflow.scoring import score\n    from ..models import a\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert set(imported(file)) == {"os", "seisflow.scoring.score", "seisflow.models.a"}


def test_no_module_waits_for_one_that_waits_for_it():
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in FILES}
    waits: dict[str, set[str]] = {}
    for name, file in modules.items():
        used = {part for full in imported(file) for part in (full, full.rpartition(".")[0])}
        used |= {f"{package}.__init__" for package in used}
        # a package is there before what is in it
        own = {part for part in used if name.startswith(part.removesuffix("__init__"))}
        waits[name] = (used & set(modules)) - own
    free: set[str] = set()
    while ready := {name for name, others in waits.items() if name not in free and others <= free}:
        free |= ready
    assert not set(waits) - free, "a circle of imports among these"


@pytest.mark.parametrize("home", ["seisflow", "cli", "tests", "examples"])
def test_no_file_is_too_long(home):
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for file in (ROOT / home).rglob("*.py")
    }
    assert not {name: count for name, count in lengths.items() if count > LONGEST}


RIDDLES = ("What", "Where", "Which", "How", "Of", "By")


@pytest.mark.parametrize("home", ["seisflow", "cli", "examples"])
def test_a_docstring_says_what_a_thing_is(home):
    """A first line such as "What single traces are beside their neighbours", or a question, is a riddle."""
    found = []
    for file in sorted((ROOT / home).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                text = str(node.value.value).split()
                asks = "?" in str(node.value.value).split("\n")[0]
                if text and (text[0] in RIDDLES or asks):
                    found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {' '.join(text[:6])}")
    assert not found
