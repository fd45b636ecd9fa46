"""Commands that README and docs tell a user to type are ones that exist, with options that they have."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from seisflow.cli.main import cli
from seisflow.evaluation.reporting.pages import write_pages

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def commands(page: Path) -> list[str]:
    """Return the lines of the shell blocks of a page that call seisflow, without comments."""
    text = "\n".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    words = (shlex.split(line, comments=True) for line in text.splitlines())
    return [shlex.join(some[1:]) for some in words if some[:1] == ["seisflow"]]


def examples(name: str) -> list[str]:
    """Return the lines of a command's help that call seisflow."""
    lines = ((cli.get_command(None, name) or cli).help or "").splitlines()
    return [line.strip().removeprefix("seisflow ") for line in lines if re.match(" +seisflow ", line)]


HELP = {name: examples(name) for name in cli.list_commands(None)}
SHOWN = [(page.relative_to(ROOT), command) for page in PAGES for command in commands(page)]
SHOWN += [(f"{name} --help", command) for name, found in HELP.items() for command in found]


@pytest.mark.parametrize(("page", "command"), SHOWN, ids=[f"{page}: {command}" for page, command in SHOWN])
def test_a_command_in_the_docs_is_understood(page, command):
    group: click.Command = cli
    context, words = click.Context(cli), shlex.split(command)
    while isinstance(group, click.Group):
        name, found, words = group.resolve_command(context, words)
        assert found is not None, f"{page}: no command {name}"
        group = found
        context = click.Context(group, info_name=name, parent=context)
    group.make_context(group.name, words, parent=context.parent)


def test_tables_in_the_docs_are_those_of_the_results(tmp_path):
    folder = tmp_path / "docs"
    shutil.copytree(ROOT / "docs" / "results", folder / "results")
    for page in (ROOT / "docs").glob("*.md"):
        shutil.copy(page, folder)
    made = write_pages(folder)
    assert len(made) >= 5
    assert {page.name: page.read_text() for page in made} == {
        page.name: (ROOT / "docs" / page.name).read_text() for page in made
    }


def test_docs_and_helps_show_commands():
    assert len(SHOWN) > 80
    assert all(HELP[name] for name in ("scan", "train", "score", "generate", "fill", "facies"))


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx_gallery", reason="needs the extra docs")
    made = shutil.ignore_patterns("gallery", "generated")
    for folder in ("docs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=made)
    options = ["-b", "html", "-q", "-W", "--keep-going", "-D", "plot_gallery=0"]  # scripts do not run here
    command = [sys.executable, "-m", "sphinx", *options, "docs", "built"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
