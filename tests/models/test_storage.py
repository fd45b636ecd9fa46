"""Models on disk: what is saved comes back the same; what is damaged is refused in one line."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file

from seisflow.calibration.by_depth import Calibration
from seisflow.errors import ModelError, OutputError
from seisflow.models import ModelCard, build_model, load_model, save_model, storage
from seisflow.patches.scaling import AmplitudeScaling

CALIBRATION = Calibration(
    smoothing=(8, 4), depth=[0.0], quantiles=[[0.0, 1.0, 2.0, 3.0, 4.0]], maxima=[1.0], held_out=True
)


@pytest.fixture
def model(make_config):
    torch.manual_seed(0)
    config = make_config()
    model = build_model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.card = ModelCard(
        config=config,
        scaling=AmplitudeScaling(std=1234.5, step=0.1, quantised=True),
        calibration=CALIBRATION,
        inputs=[{"path": "a.sgy"}],
        provenance={"seed": 3, "commit": None},
    )
    return model


@pytest.fixture
def saved(model, tmp_path):
    save_model(model, tmp_path / "model")
    return tmp_path / "model"


def test_a_loaded_model_is_the_saved_one(model, saved):
    loaded = load_model(saved)
    x = torch.randn(3, 1, 16, 8)
    assert torch.equal(loaded.log_prob(x), model.log_prob(x))
    assert torch.equal(*(m.sample(2, generator=torch.Generator().manual_seed(0)) for m in (model, loaded)))
    assert loaded.card == model.card
    assert not loaded.training


def test_a_model_is_two_files_that_need_no_pickle(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((saved / "config.json").read_text())["scaling"]["std"] == 1234.5


@pytest.mark.parametrize("name", ["", "model.safetensors"])
def test_a_model_is_found_by_its_folder_or_its_weights(saved, name):
    assert load_model(saved / name).card is not None


def test_saving_again_replaces(model, saved):
    with torch.no_grad():
        model.input.log_scale += 1
    save_model(model, saved)
    assert torch.equal(load_model(saved).input.log_scale, model.input.log_scale)


def test_a_model_without_a_card_is_not_saved(model, tmp_path):
    model.card = None
    with pytest.raises(ModelError, match="without a card"):
        save_model(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_failed_save_leaves_the_model_that_was_there(model, saved, monkeypatch):
    def fill_the_disk(handle):
        raise OSError(28, "No space left on device")

    before = load_model(saved)
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: sync(handle) if card_only(saved) else fill_the_disk(handle)
    )
    with pytest.raises(OutputError, match=r"model\.safetensors: no space left"):
        save_model(model, saved)
    monkeypatch.undo()
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "model.safetensors"]
    assert load_model(saved).card == before.card


def card_only(folder):
    return not (folder / ".model.safetensors.part").exists()


def truncate(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def replace_width(folder):
    card = folder / "config.json"
    card.write_text(card.read_text().replace('"width": 6', '"width": 7'))


def add_key(folder):
    card = folder / "config.json"
    values = json.loads(card.read_text())
    values["config"]["flow"]["gone"] = 1
    card.write_text(json.dumps(values))


DAMAGE = {
    "truncated weights": (truncate, "model.safetensors: damaged"),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "model.safetensors: damaged"),
    "weights of noise": (lambda f: (f / "model.safetensors").write_bytes(b"\x07" * 999), "damaged"),
    "weights of another model": (replace_width, "not the weights of its config.json"),
    "card that is not JSON": (lambda f: (f / "config.json").write_text("{"), "config.json: not a model card"),
    "card of something else": (lambda f: (f / "config.json").write_text('{"a": 1}'), "not a model card"),
    "card of another version": (
        add_key,
        r"\(config.flow.gone: Extra inputs .*\)\. Use the version .* made it",
    ),
    "binary card": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"), "not a model card"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors"),
    "no card": (lambda f: (f / "config.json").unlink(), "holds no model.safetensors and config.json"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_model_is_refused_in_one_line(saved, damage, message):
    damage(saved)
    with pytest.raises(ModelError, match=message) as refused:
        load_model(saved)
    assert str(refused.value).startswith(str(saved))
    assert "\n" not in str(refused.value)


def test_a_missing_model_is_refused_with_the_names_of_those_that_ship(tmp_path):
    with pytest.raises(ModelError, match=r"no such model. Pass a run folder"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize("name", storage.shipped_models())
def test_models_that_ship_load_by_name(name):
    model = load_model(name)
    assert model.card is not None
    assert torch.isfinite(model.log_prob(torch.rand(1, *model.shape))).all()


def test_weights_under_names_of_older_versions_load_and_are_saved_under_those_of_today(tmp_path):
    old = load_file(storage.find_model("f3-small") / storage.WEIGHTS)
    assert any(".known.weight" in name for name in old)
    save_model(load_model("f3-small"), tmp_path)
    new = load_file(tmp_path / storage.WEIGHTS)
    assert not any(".known.weight" in name for name in new)
    assert {name.replace(".known.", ".context."): value.shape for name, value in old.items()} == {
        name: value.shape for name, value in new.items()
    }
    for name, value in old.items():
        assert torch.equal(new[name.replace(".known.", ".context.")], value)


def test_a_kill_between_weights_and_card_leaves_a_whole_model(tiny_run, tmp_path, monkeypatch):
    """Whatever was written last, weights are used with the card that was saved with them."""
    folder = tmp_path / "model"
    model = load_model(tiny_run)
    model.card.provenance["seed"] = 1
    save_model(model, folder)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    model.card.provenance["seed"] = 2
    with monkeypatch.context() as patch:
        patch.setattr(storage, "sync_folder", lambda folder: None)
        replace = type(folder).replace

        def killed(path, target):
            if target.name == "config.json":
                raise KeyboardInterrupt
            return replace(path, target)

        patch.setattr(type(folder), "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save_model(model, folder)
    again = load_model(folder)
    assert again.card.provenance["seed"] == 2
    torch.testing.assert_close(next(again.parameters()), next(model.parameters()))
    (folder / ".config.json.next").unlink()
    with pytest.raises(ModelError, match="are of two models"):
        load_model(folder)


def test_a_saved_model_may_be_read_by_others(tiny_run, tmp_path):
    save_model(load_model(tiny_run), tmp_path / "model")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()}
    assert modes == dict.fromkeys(("config.json", "model.safetensors"), 0o666 & ~umask())


def umask():
    old = os.umask(0)
    os.umask(old)
    return old


def test_provenance_is_typed_and_keeps_what_later_versions_add(saved):
    card = json.loads((saved / "config.json").read_text())
    for wrong in ({"geometry": {"domain": "air", "interval": 4.0, "unit": "ms"}}, {"steps": "many"}):
        (saved / "config.json").write_text(json.dumps(card | {"provenance": wrong}))
        with pytest.raises(
            ModelError, match=rf"not a model card of this version \(provenance\.{next(iter(wrong))}"
        ):
            load_model(saved)
    (saved / "config.json").write_text(json.dumps(card | {"provenance": {"steps": 7, "moon": "full"}}))
    assert load_model(saved).card.provenance == {"steps": 7, "moon": "full"}
