"""A run learns to refine what it generates where that is asked for, at once or later."""

import time
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seisflow import generate, training
from seisflow.errors import TrainingError
from seisflow.generation import matching
from seisflow.models import load_model
from seisflow.models.denoiser import Denoiser, shipped_denoiser
from seisflow.runs.info import info_lines, model_info
from seisflow.training import refining, run
from seisflow.training.denoiser import learn_denoiser
from seisflow.training.timing import PICTURES, Budget

from .conftest import tiny_config


@pytest.fixture(autouse=True)
def few_draws_of_whatever_it_learns(monkeypatch):
    """Keep what six steps have learned, which is nothing of these data."""
    monkeypatch.setattr(matching, "LEAST_ALIKE", -np.inf)
    monkeypatch.setattr(refining, "REFINED", 32)


def is_refined_by(folder):
    model = load_model(folder)
    assert model.denoiser is not None
    facts = model_info(folder)
    assert facts["parameters"] == sum(value.numel() for value in model.flow.state_dict().values()) + sum(
        value.numel() for part in (model.input, model.prior) for value in part.state_dict().values()
    )
    assert ("samples", "refined by a denoiser") in info_lines(facts)
    assert all(0 <= first < last <= 1 for first, last in model.card.refinement.depths)
    patches, again = (generate(one, 3) for one in (model, load_model(folder)))
    assert patches.attrs["refined"] == "yes"
    assert np.isfinite(patches["amplitude"]).all()
    np.testing.assert_array_equal(patches["amplitude"], again["amplitude"])


@pytest.mark.usefixtures("plain")
def test_a_run_that_is_to_refine_learns_it_and_its_model_generates(source, tmp_path):
    training.train([source], tiny_config(8, denoiser_steps=6), tmp_path / "run", device="cpu")
    is_refined_by(tmp_path / "run")


@pytest.mark.usefixtures("plain")
def test_it_goes_on_from_the_network_that_ships(source, tmp_path):
    training.train([source], tiny_config(8, denoiser_steps=1), tmp_path / "run", device="cpu")
    weights = load_model(tmp_path / "run").denoiser.state_dict()
    for name, value in shipped_denoiser().state_dict().items():
        assert (weights[name] - value).abs().max() < 1e-3, name  # one step at a hundredth of the rate


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("limit", [None, timedelta(minutes=2)])
def test_a_finished_run_learns_it_later_and_keeps_its_weights(fit, monkeypatch, limit):
    monkeypatch.setattr(run, "STEPS", 4)
    folder = fit("run", 8, max_time=limit).folder
    before = load_model(folder)
    assert before.denoiser is None
    training.resume(folder, refine=True, device="cpu")
    is_refined_by(folder)
    weights = load_model(folder).state_dict()
    for name, value in before.state_dict().items():
        np.testing.assert_array_equal(weights[name], value)


@pytest.mark.usefixtures("plain")
def test_what_has_been_learned_is_kept_by_more_steps_of_the_flow(source, tmp_path):
    folder = tmp_path / "run"
    training.train([source], tiny_config(8, denoiser_steps=6), folder, device="cpu")
    before = load_model(folder).denoiser.state_dict()
    training.resume(folder, steps=12, device="cpu")
    is_refined_by(folder)
    for name, value in load_model(folder).denoiser.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.usefixtures("plain")
def test_a_run_interrupted_while_it_learns_keeps_its_model(source, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(refining, "learn_denoiser", stop)
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        training.train([source], tiny_config(8, denoiser_steps=6), tmp_path / "run", device="cpu")
    assert generate(load_model(tmp_path / "run"), 1).attrs["refined"] == "no"
    monkeypatch.setattr(refining, "learn_denoiser", learn_denoiser)
    training.resume(tmp_path / "run", device="cpu")
    is_refined_by(tmp_path / "run")


@pytest.mark.usefixtures("plain")
def test_what_has_learned_too_little_is_left_out_and_that_is_said(source, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(matching, "LEAST_ALIKE", 2.0)
    training.train([source], tiny_config(8, denoiser_steps=2), tmp_path / "run", device="cpu")
    assert "samples are not refined: neighbouring traces would correlate by" in caplog.text
    model = load_model(tmp_path / "run")
    assert (model.denoiser, model.card.refinement) == (None, None)
    assert generate(model, 1).attrs["refined"] == "no"


def test_learning_from_what_is_not_finite_gives_up():
    item = {"x": torch.full((1, 16, 16), torch.nan), "mask": torch.ones(1, 16, 16, dtype=torch.bool)}
    patches = [item | {"depth": torch.tensor([0.0, 0.1])}]
    with pytest.raises(TrainingError, match="step 19: 20 steps in a row"):
        learn_denoiser(Denoiser(16), patches, batch=2, steps=30, seed=0)


@pytest.mark.parametrize(
    ("steps", "one", "kept"),
    [(10, 0.05, 25.0), (90, 0.1, 50.0), (5, 0.05, 16.8), (5, 0.1, 20.0), (5, 0.2, 0.0), (0, 0.05, 0.0)],
)
def test_a_time_limit_keeps_its_part_of_all_steps_or_the_least_or_none(monkeypatch, steps, one, kept):
    monkeypatch.setattr(refining, "_seconds_each", lambda data: one)
    data = SimpleNamespace(config=tiny_config(30, denoiser_steps=steps))
    assert refining.refining_seconds(data, 100.0) == pytest.approx(kept)
    budget = Budget(timedelta(seconds=100), refining=kept, finishing=80.0)  # what is over by then
    assert budget.for_refining == pytest.approx(100 - PICTURES, abs=1)
    late = Budget(timedelta(seconds=100), began=time.monotonic() - 90, refining=kept)
    assert late.for_refining == pytest.approx(max(kept, 10 - PICTURES), abs=1)
    assert Budget(timedelta(0)).for_refining is None  # a finished run that is resumed


@pytest.mark.usefixtures("plain")
def test_a_time_limit_that_is_too_short_for_it_is_told_and_a_resumed_run_learns_it(
    source, tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO", "seisflow")
    monkeypatch.setattr(refining, "_seconds_each", lambda data: 1e6)
    config, limit = tiny_config(8, denoiser_steps=6), timedelta(minutes=2)
    training.train([source], config, tmp_path / "run", device="cpu", max_time=limit)
    assert "samples are not refined: --max-time leaves too little to learn it" in caplog.text
    assert load_model(tmp_path / "run").denoiser is None
    training.resume(tmp_path / "run", device="cpu")
    is_refined_by(tmp_path / "run")


@pytest.mark.parametrize(
    ("seconds", "refined"),
    [(7.9, None), (8.1, 64), (10.0, 64), (14.0, 89), (20.0, 96), (60.0, 184), (500, 256)],
)
def test_draws_take_a_third_of_its_time_or_more_where_it_is_short(monkeypatch, seconds, refined):
    given = {}
    monkeypatch.setattr(refining, "REFINED", 256)
    monkeypatch.setattr(refining, "_seconds_each", lambda data: 0.1)
    monkeypatch.setattr(refining, "seconds_of_a_sample", lambda model: 0.0)
    monkeypatch.setattr(refining, "matched_patches", lambda model: 0)
    monkeypatch.setattr(
        refining, "_learn", lambda data, hardware, steps, left, report: given.update(left=left)
    )
    monkeypatch.setattr(refining, "match_refined", lambda *arguments: given.update(refined=arguments[-1]))
    data = SimpleNamespace(
        config=tiny_config(30, denoiser_steps=6), patches=[], first=lambda count: torch.zeros(0)
    )
    refining.learn_to_refine(SimpleNamespace(card=0, denoiser=None), data, None, seconds)
    assert given.get("refined") == refined
    if refined is not None:
        assert given["left"] == pytest.approx(seconds - 0.1 * (refined + refining.SHOWN))
        assert given["left"] >= (seconds / 4 if seconds > 11 else 0)
