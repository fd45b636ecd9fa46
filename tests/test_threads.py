"""Threads that wait for each other give way to other work."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, "'1000'"), ({"GOMP_SPINCOUNT": "7"}, "'7'"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_openmp_spins_shortly_unless_the_user_says_otherwise(own, expected):
    kept = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    made = subprocess.run(
        [sys.executable, "-c", "import seisflow.models"],
        env=kept | own | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line.split("=")[1].strip() for line in made.stderr.splitlines() if "GOMP_SPINCOUNT" in line]
    if not told:
        pytest.skip("not GNU OpenMP")
    assert (told[-1] == expected) if expected else (told[-1] not in ("'1000'", "'7'"))
