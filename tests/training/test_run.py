"""What a run does, and what it leaves."""

import csv
import math
from datetime import timedelta

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Timer

from seisflow import training
from seisflow.config import FlowModelConfig, load_config
from seisflow.errors import ConfigError, DataError, OutputError, TrainingError
from seisflow.flows import LearnedMaskCoupling
from seisflow.models import FractalFlowModel, load_model
from seisflow.patches import Block, Split
from seisflow.training import module, run
from seisflow.training.callbacks import Averaging
from seisflow.training.kinds import stored_data
from seisflow.training.module import FINAL_RATE, FlowModule
from seisflow.training.record import read_record, summary
from seisflow.training.timing import Budget

from .conftest import same, state, tiny_config, weights


def rows(folder):
    with (folder / "logs" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_folder_holds_model_state_logs_and_pictures(finished):
    files = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*") if path.is_file()}
    events = {name for name in files if name.startswith("logs/events.out.tfevents.")}
    assert len(events) == 1
    assert files - events == {
        "checkpoint.ckpt",
        "config.json",
        "config.yaml",
        "logs/hparams.yaml",
        "logs/metrics.csv",
        "loss.png",
        "model.safetensors",
        "run.json",
        "samples.png",
    }
    for name in ("loss.png", "samples.png"):
        assert (finished.folder / name).read_bytes().startswith(b"\x89PNG")
    assert load_config(finished.folder / "config.yaml") == tiny_config()


def test_the_model_of_a_run_tells_where_it_comes_from(finished, source):
    card = load_model(finished.folder).card
    assert card.config == tiny_config()
    assert card.scaling.quantised  # the sample is 8-bit
    assert [item["path"] for item in card.inputs] == [source.path]
    assert Split.model_validate(card.inputs[0]["split"]).validation
    assert card.calibration.held_out
    assert {"seed": 0, "steps": 12, "skipped_steps": 0}.items() <= card.provenance.items()
    assert math.isfinite(card.provenance["held_out_nats_per_dim"])
    assert {"machine", "finished", "commit", "versions", "seconds"} <= card.provenance.keys()


def held_out_nats_per_dim(done):
    """Mean over the windows of the held-out grid, each sample as often as windows cover it."""
    data = stored_data(read_record(done.folder), tiny_config())
    data.read()
    windows = data.held_out
    items = [windows[i] for i in range(len(windows))]
    x, mask = (torch.stack([item[key] for item in items]) for key in ("x", "mask"))
    with torch.no_grad():
        return -float(done.model.log_prob(x, mask).sum() / mask.sum())


def test_held_out_likelihood_of_the_card_is_near_that_of_the_windows(finished):
    """It weights each sample once and draws another dither."""
    value = finished.model.card.provenance["held_out_nats_per_dim"]
    assert value == pytest.approx(held_out_nats_per_dim(finished), abs=0.05)


def test_metrics_have_training_and_held_out_likelihood(finished):
    table = rows(finished.folder)
    assert set(table[0]) == {
        "epoch",
        "step",
        "train/nats_per_dim",
        "train/bits_per_dim",
        "train/learning_rate",
        "held_out/nats_per_dim",
        "held_out/bits_per_dim",
    }
    held_out = [row for row in table if row["held_out/nats_per_dim"]]
    assert [int(row["step"]) for row in held_out] == [3, 7, 11]
    for row in held_out:
        bits = float(row["held_out/nats_per_dim"]) / math.log(2)
        assert float(row["held_out/bits_per_dim"]) == pytest.approx(bits, rel=1e-5)
    assert [int(row["step"]) for row in table if row["train/nats_per_dim"]] == [9]


def test_a_run_of_fewer_steps_than_are_logged_has_a_loss_too(source, tmp_path):
    done = training.train([source], tiny_config(2, validate_every=250), tmp_path / "run", device="cpu")
    assert (done.folder / "loss.png").is_file()
    assert rows(done.folder)


def test_learning_rate_warms_up_and_decays(fit, monkeypatch):
    seen = []
    start = FlowModule.on_train_batch_start

    def note(self, batch, batch_idx):
        start(self, batch, batch_idx)
        seen.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    monkeypatch.setattr(FlowModule, "on_train_batch_start", note)
    fit(learning_rate=0.01, warmup=3)
    step = np.arange(12)
    cosine = FINAL_RATE + (1 - FINAL_RATE) * (1 + np.cos(np.pi * step / 12)) / 2
    np.testing.assert_allclose(seen, 0.01 * np.minimum(1, (step + 1) / 4) * cosine)


def test_learned_masks_follow_their_logits_for_a_fifth_of_the_training(source, tmp_path, plain, monkeypatch):
    config = tiny_config(10, learning_rate=0.5)
    config = config.model_copy(update={"flow": config.flow.model_copy(update={"mask": "learned"})})
    chosen = []
    choose = LearnedMaskCoupling.choose

    def note(self):
        choose(self)
        chosen.append(self)

    monkeypatch.setattr(LearnedMaskCoupling, "choose", note)
    done = training.train([source], config, tmp_path / "run", device="cpu")
    couplings = [part for part in done.model.modules() if isinstance(part, LearnedMaskCoupling)]
    # once when made, then before steps 0 and 1 of 10
    assert [chosen.count(coupling) for coupling in couplings] == [3, 3]
    kept = load_model(done.folder)
    again = [part for part in kept.modules() if isinstance(part, LearnedMaskCoupling)]
    assert all(torch.equal(a.mask, b.mask) for a, b in zip(couplings, again, strict=True))
    x = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(kept.log_prob(x), done.model.log_prob(x))


def test_the_model_is_the_moving_average_of_the_weights(fit, monkeypatch):
    seen = []
    end = Averaging.on_train_batch_end

    def note(self, trainer, pl_module, *rest):
        seen.append(pl_module.model.flow.step.inner.bijections[0].bias.detach().clone())
        end(self, trainer, pl_module, *rest)

    monkeypatch.setattr(Averaging, "on_train_batch_end", note)
    done = fit(ema=0.3)
    mean = seen[0]
    for n, value in enumerate(seen[1:], start=1):
        decay = min(0.3, (n + 1) / (n + 10))
        mean = decay * mean + (1 - decay) * value
    name = "flow.step.inner.bijections.0.bias"
    torch.testing.assert_close(weights(done.folder)[name], mean)
    assert torch.equal(state(done.folder)["current_model_state"][f"model.{name}"], seen[-1])
    assert not torch.equal(mean, seen[-1])


def test_held_out_likelihood_is_that_of_the_average(finished):
    values = [r["held_out/nats_per_dim"] for r in rows(finished.folder) if r["held_out/nats_per_dim"]]
    assert float(values[-1]) == pytest.approx(held_out_nats_per_dim(finished), abs=1e-4)


def test_without_averaging_the_model_is_the_last_weights(fit):
    done = fit(ema=0)
    last = {key.removeprefix("model."): value for key, value in state(done.folder)["state_dict"].items()}
    # concentrations do not touch the density, and are fitted when training is over
    saved = {key: value for key, value in weights(done.folder).items() if "concentration" not in key}
    assert same({key: last[key] for key in saved}, saved)


def test_a_seed_fixes_the_result(fit, finished):
    assert same(weights(fit("same").folder), weights(finished.folder))
    assert not same(weights(fit("other", seed=1).folder), weights(finished.folder))


def test_a_section_too_small_is_left_out_if_another_is_not(source, tmp_path, plain, caplog):
    small = source.model_copy(update={"select": ("inline=1", "crossline=1:8", "time=0:100")})
    done = training.train([small, source], tiny_config(2), tmp_path / "run", device="cpu")
    assert len(run.Record.model_validate_json((done.folder / "run.json").read_text()).sources) == 1
    told = [record.message for record in caplog.records if "left out" in record.message]
    assert len(told) == 1
    assert told[0].startswith("left out: f3-sample.sgy: 1 inline x 8 crossline x 26 time are too few")
    with pytest.raises(DataError, match="has no room for separate training and validation"):
        training.train([small, small], tiny_config(2), tmp_path / "none", device="cpu")
    assert not (tmp_path / "none").exists()


def test_workers_change_nothing(fit, finished):
    assert same(weights(fit(workers=2).folder), weights(finished.folder))


def test_training_learns(fit):
    """More steps, a better likelihood of the same held-out windows."""
    done = fit(steps=60, validate_every=20, learning_rate=1e-2)
    values = [float(r["held_out/nats_per_dim"]) for r in rows(done.folder) if r["held_out/nats_per_dim"]]
    assert values[-1] < values[0] - 0.005


def test_nothing_held_out(source, tmp_path):
    done = training.train([source], tiny_config(4, validation=0), tmp_path / "run", device="cpu")
    assert "held_out/nats_per_dim" not in rows(done.folder)[0]
    card = load_model(done.folder).card
    assert not card.calibration.held_out
    assert math.isfinite(card.provenance["training_nats_per_dim"])
    assert "nats/dim in training" in summary(done)


def test_given_splits_are_kept(fit):
    train, validation = (Block(ranges={"crossline": part}) for part in ((0, 60), (80, 128)))
    splits = [Split(train=[train], validation=[validation])]
    done = fit(splits=splits)
    assert run.Record.model_validate_json((done.folder / "run.json").read_text()).splits == splits


def test_several_sections_train_one_model(source, tmp_path):
    other = source.model_copy(update={"select": ("inline=3:4", "crossline=100:230", "time=400:1200")})
    done = training.train([source, other], tiny_config(3), tmp_path / "run", device="cpu")
    assert len(load_model(done.folder).card.inputs) == 2


def test_a_time_limit_ends_training_with_a_small_learning_rate(fit, monkeypatch):
    """On a clock by which every step takes a tenth of a second."""
    rates = []
    start = FlowModule.on_train_batch_start

    def note(self, batch, batch_idx):
        start(self, batch, batch_idx)
        rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    monkeypatch.setattr(FlowModule, "on_train_batch_start", note)
    monkeypatch.setattr(Timer, "time_elapsed", lambda *_: 0.1 * len(rates))
    monkeypatch.setattr(Budget, "for_steps", lambda budget, *_: budget.max_time)
    done = fit(steps=100_000, max_time=timedelta(seconds=2), learning_rate=1e-3)
    assert done.steps == 20
    assert (done.folder / "model.safetensors").is_file()
    assert max(rates) > 0.8e-3
    assert rates[-1] < 0.03e-3


@pytest.fixture
def losses_of(monkeypatch):
    """Make the loss of given steps (counted from 0) not finite."""

    def install(bad, value=math.nan):
        loss, calls = FractalFlowModel.loss, iter(range(10**6))

        def wrapped(self, x, mask, *weights):
            total, nll = loss(self, x, mask, *weights)
            return (total * value if next(calls) in bad else total), nll

        monkeypatch.setattr(FractalFlowModel, "loss", wrapped)

    return install


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_non_finite_step_is_left_out_and_counted(fit, losses_of, value):
    losses_of({0, 5, 6}, value)
    done = fit()
    assert (done.steps, done.bad_steps) == (12, 3)
    assert all(torch.isfinite(tensor).all() for tensor in weights(done.folder).values())
    assert load_model(done.folder).card.provenance["skipped_steps"] == 3
    assert "3 non-finite steps left out" in summary(done)


def test_a_non_finite_step_changes_no_weight(fit, losses_of):
    losses_of({1, 2})
    long = fit("long", 3)
    moments = state(long.folder)["optimizer_states"][0]["state"]
    assert {int(moment["step"]) for moment in moments.values()} == {1}


def test_many_non_finite_steps_in_a_row_end_training(fit, losses_of, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "BAD_STEPS", 3)
    losses_of({0, 1, 3, 4, 6, 7, 8, 9})
    with pytest.raises(TrainingError, match=r"3 steps in a row .* lower training.learning_rate") as failed:
        fit(batch=4)
    assert str(failed.value).startswith("step 8: ")
    assert "\n" not in str(failed.value)
    assert state(tmp_path / "run")["global_step"] == 8


def test_a_run_is_not_replaced_unless_asked(fit, finished, tmp_path):
    fit("run", 2)
    before = weights(tmp_path / "run")
    with pytest.raises(OutputError, match=r"exists. Pass --resume to go on, --overwrite"):
        fit()
    assert same(weights(tmp_path / "run"), before)
    assert same(weights(fit(overwrite=True).folder), weights(finished.folder))


def test_what_is_not_a_run_is_never_replaced(fit, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="holds something else than a run"):
        fit(overwrite=True)
    assert (tmp_path / "run" / "thesis.tex").is_file()


def test_an_empty_folder_is_used(fit, tmp_path):
    (tmp_path / "run").mkdir()
    assert fit(steps=1).folder == tmp_path / "run"


REFUSED = {
    "patch too large": ({"data": {"patch": (512, 512)}}, DataError),
    "patch that cannot be cut": ({"data": {"patch": (18, 16)}}, ConfigError),
}


@pytest.mark.parametrize(("change", "error"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_leaves_no_folder(source, tmp_path, change, error):
    config = FlowModelConfig.model_validate(tiny_config().model_dump() | change)
    with pytest.raises(error, match="--set") as refused:
        training.train([source], config, tmp_path / "run", device="cpu")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_a_batch_that_devices_cannot_share_leaves_no_folder(fit, tmp_path):
    with pytest.raises(TrainingError, match=r"not a multiple of the 3 devices. Pass --set training.batch=3"):
        fit(device="cpu:3")
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_be_calibrated_is_saved_and_that_is_said(source, tmp_path, monkeypatch, caplog):
    from seisflow.training import calibration

    monkeypatch.setattr(calibration, "calibrate_run", lambda *_, **__: max([]))
    run = training.train([source], tiny_config(), tmp_path / "run", device="cpu")
    assert run.model.card.calibration is None
    assert "not calibrated" in caplog.text
    assert load_model(tmp_path / "run").card.calibration is None
