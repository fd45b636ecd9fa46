"""Training on files that hold more, or other things, than they say: what is told before time is spent."""

import logging

import numpy as np
import pytest

from seisflow.config import load_config
from seisflow.io import open_section
from seisflow.runs.sources import Source, join_lines
from seisflow.training.plan import make_plan

from ..io.odd_files import earth, grid, write

SMALL = ["data.patch=[32,16]"]


@pytest.fixture
def cube(tmp_path):
    """Function that writes a cube of 4 x 70 traces and returns it as a source."""

    def make(name, *, change=None, rows=slice(None), seed=1, samples=150, amplitude=1000.0, **options):
        values = earth(280, samples, seed=seed, amplitude=amplitude)
        if change is not None:
            change(values)
        fields = grid(np.arange(100, 104) + 10 * seed, np.arange(300, 370))
        part = {b: (k, v if np.ndim(v) == 0 else v[rows]) for b, (k, v) in fields.items()}
        return Source(path=str(write(tmp_path / name, values[rows], part, **options)))

    return make


def plan(caplog, *sources):
    with caplog.at_level(logging.WARNING, "seisflow"):
        return make_plan(list(sources), load_config("seismic-small", SMALL))


def test_what_the_reader_says_is_said_in_training(cube, caplog):
    def holes(values):
        values[33, 100] = values[70, 99] = 1e30

    made = plan(caplog, cube("nulls.sgy", change=holes, interval=4000, trace_interval=2000))
    assert "nulls.sgy: null value 1e+30: 2 of 42000 samples" in caplog.text
    assert "nulls.sgy: sample interval 4000 us" in caplog.text
    assert 1000 < made.surveys[0].scaling.std < 2000


def test_files_that_do_not_belong_in_one_training_are_told(cube, caplog):
    sources = (
        cube("a.sgy"),
        cube("b.sgy", seed=3, samples=100, interval=2000),
        cube("c.sgy", seed=4, samples=120, text="C 1 DOMAIN: DEPTH"),
        cube("d.sgy", seed=5, amplitude=1e6),
    )
    made = plan(caplog, *sources)
    reasons = {one.name: one.reason for one in made.left_out}
    assert "every 2 ms" in reasons["b.sgy"]
    assert "depth" in reasons["c.sgy"]
    assert "d: amplitudes are" in caplog.text or "a: amplitudes are" in caplog.text
    assert len(made.surveys) == 2


def test_lines_of_one_volume_are_one_source(cube, caplog):
    lines = [cube(f"il_{110 + k}.sgy", rows=slice(70 * k, 70 * k + 70)) for k in range(4)]
    other = cube("other.sgy", seed=7)
    first, second = join_lines([*lines, other])
    assert first.paths == [line.path for line in lines]
    assert second == other
    assert first.name == "il_110-il_113"
    section = first.open()
    assert dict(section.sizes) == {"inline": 4, "crossline": 70, "time": 150}
    np.testing.assert_array_equal(section["amplitude"][2], open_section(lines[2].path)["amplitude"])
    made = plan(caplog, first)
    assert made.surveys[0].paths == first.paths
    assert Source.model_validate_json(first.model_dump_json()) == first
