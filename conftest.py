"""Fixture of the examples in docstrings, which pytest runs as doctests."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _empty_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Run an example where it may leave files."""
    if isinstance(request.node, pytest.DoctestItem):
        folder: Path = tmp_path_factory.mktemp("example")
        request.getfixturevalue("monkeypatch").chdir(folder)
