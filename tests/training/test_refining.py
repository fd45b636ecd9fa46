"""A run learns to refine what it generates, if it is long enough."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from seisflow import api, training
from seisflow.models import load_model
from seisflow.training import refining
from seisflow.training.timing import Budget

from .conftest import tiny_config


@pytest.mark.usefixtures("plain")
def test_a_long_run_learns_to_refine_and_its_model_generates(source, tmp_path, monkeypatch):
    monkeypatch.setattr(refining, "LEAST_STEPS", 6)
    run = training.train([source], tiny_config(8, denoiser_steps=6), tmp_path / "run", device="cpu")
    model = load_model(run.folder)
    assert model.denoiser is not None
    refinement = model.card.refinement
    assert all(0 <= first < last <= 1 for first, last in refinement.depths)
    patches = api.generate(model, 3)
    assert patches.attrs["refined"] == "yes"
    assert np.isfinite(patches["amplitude"]).all()
    np.testing.assert_array_equal(patches["amplitude"], api.generate(load_model(run.folder), 3)["amplitude"])


@pytest.mark.usefixtures("plain")
def test_a_short_run_does_not(source, tmp_path):
    run = training.train([source], tiny_config(8, denoiser_steps=6), tmp_path / "run", device="cpu")
    assert run.model.denoiser is None
    assert run.model.card.refinement is None


@pytest.mark.parametrize(("minutes", "steps", "kept"), [(5, 3000, 0), (20, 3000, 360), (20, 0, 0)])
def test_a_time_limit_keeps_a_part_for_it_if_that_is_enough(minutes, steps, kept):
    config = tiny_config(denoiser_steps=steps)
    data = SimpleNamespace(config=config, record=SimpleNamespace(images=None))
    assert refining.refining_seconds(data, 60.0 * minutes) == kept
    budget = Budget(timedelta(minutes=minutes), refining=float(kept))
    assert budget.for_refining == pytest.approx(60 * minutes - budget.finishing if kept else 0, abs=1)
