"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real development data (``segy/``, ``arrays/``, ``images/``); skips where it is absent."""
    folder = Path(os.environ.get("SEISFLOW_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"development data not at {folder} (set SEISFLOW_DATA)")
    return folder
