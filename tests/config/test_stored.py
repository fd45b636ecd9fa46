"""Configs that older versions stored: their keys have other names today, and some have no effect."""

import json
from importlib import resources

import pytest
import yaml
from pydantic import ValidationError

from seisflow.config import FlowConfig, as_stored, load_config, parse_config, parse_stored_config
from seisflow.errors import ConfigError
from seisflow.models.card import ModelCard
from seisflow.models.storage import shipped_models

OLD = {
    "start": "random",
    "mix": True,
    "bound": 1.5,
    "recompute": True,
    "bands": {"count": 2, "raster": {"width": 8, "disturbed": 0.25}},
}
NEW = {
    "mixing_init": "random",
    "use_1x1": True,
    "max_log_scale": 1.5,
    "reversible": True,
    "bands": {"count": 2, "autoregressive": {"width": 8, "context_noise": 0.25}},
}
OLD_PIXELS = {"input": "pixels", "pixels": "bells", "raster": {"width": 4, "period": 8}}
NEW_PIXELS = {"input": "pixels", "pixels": "logistic-ends", "autoregressive": {"width": 4, "period": 8}}


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), (OLD_PIXELS, NEW_PIXELS)], ids=["seismic", "pixels"])
def test_old_keys_are_read_as_those_of_today(old, new):
    today = FlowConfig.model_validate(new)
    assert FlowConfig.model_validate(old) == today
    for read in (parse_config, parse_stored_config):
        assert read({"flow": old}, "old.yaml").flow == today


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("flow.mix=false", "flow.use_1x1=false"),
        ("flow.start=random", "flow.mixing_init=random"),
        ("flow.bound=1", "flow.max_log_scale=1"),
        ("flow.recompute=false", "flow.reversible=false"),
        ("flow.bands.raster.width=5", "flow.bands.autoregressive.width=5"),
        ("flow.bands.raster.disturbed=0", "flow.bands.autoregressive.context_noise=0"),
        (
            "flow.bands.raster={width: 5, disturbed: 1}",
            "flow.bands.autoregressive={width: 5, context_noise: 1}",
        ),
        ("flow={levels: 2, bound: 1}", "flow={levels: 2, max_log_scale: 1}"),
    ],
)
def test_overrides_may_use_old_keys(old, new):
    assert load_config("seismic-small", [old]) == load_config("seismic-small", [new])
    assert load_config("seismic-small", [old]) != load_config("seismic-small")


def test_an_override_of_today_replaces_an_old_key_of_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"flow": OLD}))
    assert load_config(path, ["flow.max_log_scale=3"]).flow.max_log_scale == 3


def test_a_key_under_both_names_is_refused():
    with pytest.raises(ConfigError, match=r"flow.mix: given twice, as flow.use_1x1 too"):
        parse_config({"flow": {"mix": False, "use_1x1": True}}, "mine.yaml")


@pytest.mark.parametrize("name", shipped_models())
def test_cards_of_shipped_models_load_and_are_stored_with_the_keys_of_today(name):
    folder = resources.files("seisflow.models") / "shipped" / name
    card = ModelCard.model_validate_json((folder / "config.json").read_text())
    stored = json.loads(card.model_dump_json())
    assert "autoregressive" not in stored["config"]
    assert not {"raster", "mix", "start", "bound", "recompute"} & set(stored["config"]["flow"])
    assert ModelCard.model_validate(stored) == card


FORGIVEN = {
    "transformers of a flow": ({"model": "fractal-flow", "autoregressive": {"head": 4}}, {}),
    "a flow of transformers": ({"model": "fractal-ar", "flow": {"levels": 7}}, {"model": "fractal-ar"}),
    "share of kat": (
        {"flow": {"prior": {"kind": "kat", "share": "none"}}},
        {"flow": {"prior": {"kind": "kat"}}},
    ),
    "raster of a section": ({"flow": {"input": "whiten", "raster": {"width": 5}}}, {}),
    "l2 of transformers": ({"model": "fractal-mar", "training": {"l2": 1.0}}, {"model": "fractal-mar"}),
}


@pytest.mark.parametrize(("stored", "today"), FORGIVEN.values(), ids=FORGIVEN)
def test_stored_keys_without_effect_are_left_out(stored, today):
    assert as_stored(stored) == parse_config(today, "today")
    with pytest.raises(ConfigError, match="no effect"):
        parse_config(stored, "written by hand")


def test_stored_keys_that_never_were_are_refused():
    with pytest.raises(ConfigError, match=r"run.yaml: flow.levls: there is no such key"):
        parse_stored_config({"flow": {"levls": 3}}, "run.yaml")


@pytest.mark.parametrize(
    "values", [7, None, "x", [], [1], True, {"model": []}, {"model": {}}, {"model": None}]
)
def test_what_is_no_config_is_refused_as_other_damage_is(values):
    with pytest.raises(ValidationError):
        as_stored(values)
