"""A notebook of each tutorial is that of its page, and runs."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs" / "_ext" / "notebooks.py")
notebooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(notebooks)
SETTINGS = notebooks.settings()


def test_every_tutorial_has_a_notebook():
    pages = {page.stem for page in notebooks.PAGES.glob("*.md")} - {"index"}
    assert set(SETTINGS) == pages == {path.stem for path in notebooks.NOTEBOOKS.glob("*.ipynb")}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_notebook_is_that_of_its_page(name):
    kept = (notebooks.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert kept == notebooks.notebook(name, SETTINGS[name]), "run: make notebooks"


@pytest.mark.parametrize("name", SETTINGS)
def test_words_that_a_notebook_replaces_are_in_its_page(name):
    page = (notebooks.PAGES / f"{name}.md").read_text()
    setting = SETTINGS[name]
    assert [
        word for word in [*setting.get("replace", {}), *setting.get("drop", [])] if word not in page
    ] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_a_notebook_runs(name, tmp_path, monkeypatch, request):
    nbformat = pytest.importorskip("nbformat", reason="needs the extra test")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
    if name == "images":
        monkeypatch.setenv("SEISFLOW_DATA", str(request.getfixturevalue("shared_data")))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    book = nbformat.read(tmp_path / "examples" / "notebooks" / f"{name}.ipynb", as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":  # a command that fails does not stop a notebook
            lines = cell.source.splitlines()
            cell.source = "\n".join(
                f"{line}\nassert _exit_code == 0" if line.startswith("!") else line for line in lines
            )
    client = nbclient.NotebookClient(
        book, timeout=None, resources={"metadata": {"path": str(tmp_path / "examples" / "notebooks")}}
    )
    client.execute()
    assert any(cell.get("outputs") for cell in book.cells)
