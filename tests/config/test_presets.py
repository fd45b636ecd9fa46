"""Configurations: presets hold, overrides change one value, mistakes are one line that names them."""

import json

import pytest
import yaml

from seisflow.config import FlowConfig, load_config, parse_config, preset_names
from seisflow.errors import ConfigError

FLOW = {"levels": 3, "couplings": [4, 2, 1], "squeeze": [2, 2], "prior": {"kind": "kat", "topics": 2}}


def test_presets_are_those_of_the_folder():
    assert {"seismic", "seismic-small"} <= set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_and_survive_yaml(name):
    config = load_config(name)
    assert parse_config(yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json"))), name) == config
    assert parse_config(json.loads(config.model_dump_json()), name) == config


@pytest.mark.parametrize("name", ["seismic", "seismic-small"])
def test_seismic_presets_are_for_256_x_64(name):
    assert load_config(name).data.patch == (256, 64)


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("flow.levels=3", lambda c: c.flow.levels == 3),
        ("flow.couplings=[1,2,3,4]", lambda c: c.flow.couplings_by_level() == [1, 2, 3, 4]),
        ("data.patch=[128,64]", lambda c: c.data.patch == (128, 64)),
        ("data.validation=0", lambda c: c.data.validation == 0),
        ("data.gap=7", lambda c: c.data.gap == 7),
        ("flow.subnet.kind=kan", lambda c: c.flow.subnet.kind == "kan"),
        ("flow.prior={kind: gaussian}", lambda c: c.flow.prior.kind == "gaussian"),
        ("training.learning_rate=1.0e-3", lambda c: c.training.learning_rate == 1e-3),
        ("training.learning_rate=1e-3", lambda c: c.training.learning_rate == 1e-3),
        ("flow.use_1x1=false", lambda c: c.flow.use_1x1 is False),
    ],
)
def test_an_override_changes_one_value(override, value):
    before, after = load_config("seismic-small"), load_config("seismic-small", [override])
    assert value(after)
    changed = [
        group for group in ("data", "flow", "training") if getattr(before, group) != getattr(after, group)
    ]
    assert changed == [override.partition(".")[0]]


def test_the_last_override_counts():
    assert load_config("seismic", ["flow.levels=2", "flow.levels=3"]).flow.levels == 3


def test_overrides_reach_groups_that_a_file_does_not_have(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert load_config(path, ["flow.subnet.width=3"]).flow.subnet.width == 3


def test_a_file_is_read_as_a_preset_is(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"flow": FLOW}))
    assert load_config(path).flow == FlowConfig.model_validate(FLOW)


@pytest.mark.parametrize(
    ("couplings", "by_level"), [(2, [2, 2, 2]), ([5, 1], [5, 1, 1]), ([4, 3, 2, 1], [4, 3, 2])]
)
def test_the_last_count_of_couplings_is_for_all_deeper_levels(couplings, by_level):
    assert FlowConfig(levels=3, couplings=couplings).couplings_by_level() == by_level


MISTAKES = {
    "flow.levls=3": "seismic: flow.levls: there is no such key",
    "levels=3": "seismic: levels: there is no such key",
    "flow.levels=0": "seismic: flow.levels = 0: ",
    "flow.levels=many": "seismic: flow.levels = 'many': ",
    "flow.levels=2.5": "seismic: flow.levels = 2.5: ",
    "flow.couplings=[1,0]": "seismic: flow: couplings [1, 0]: one positive number, or some for",
    "flow.couplings=[]": "seismic: flow: couplings []: one positive number, or some for",
    "flow.couplings=0": "seismic: flow: couplings 0: one positive number",
    "flow.couplings=few": "seismic: flow.couplings = 'few': ",
    "flow.squeeze=[0,4]": "seismic: flow.squeeze.0 = 0: ",
    "flow.squeeze=4": "seismic: flow.squeeze = 4: ",
    "flow.subnet.kind=transformer": "seismic: flow.subnet.kind = 'transformer': Input should be 'cnn', 'mlp'",
    "flow.subnet=3": "seismic: flow.subnet = 3: ",
    "flow.max_log_scale=-1": "seismic: flow.max_log_scale = -1: ",
    "data.patch=[256]": "seismic: data.patch.1",
    "data.patch=[-1,64]": "seismic: data.patch.0 = -1: ",
    "data.validation=0.5": "seismic: data.validation = 0.5: ",
    "training.ema=1": "seismic: training.ema = 1: ",
    "training.batch=0": "seismic: training.batch = 0: ",
    "training.learning_rate=.nan": "seismic: training.learning_rate = nan: ",
    "training.precision=fp16": "seismic: training.precision = 'fp16': ",
    "flow.levels.deep=3": "--set flow.levels.deep: levels is a single value, not a group of keys",
    "flow": "--set flow: expected KEY=VALUE",
    "=3": "--set =3: expected KEY=VALUE",
    "flow.levels=[": "--set flow.levels=[: not valid YAML",
}


@pytest.mark.parametrize(("override", "message"), MISTAKES.items())
def test_a_mistake_is_one_line_that_names_it(override, message):
    with pytest.raises(ConfigError) as refused:
        load_config("seismic", [override])
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n- 2\n", "holds list. Expected a mapping"),
        ("flow: [", "not valid YAML"),
        ("flow:\n  levels: 3\n\tsqueeze: 2\n", "not valid YAML"),
        ("colour: red\n", "colour: there is no such key"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as refused:
        load_config(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["sesmic", "folder/none.yaml", "."])
def test_a_missing_config_is_answered_with_the_presets(name):
    with pytest.raises(ConfigError, match=r"no such config. Pass a YAML file or one of: .*seismic-small"):
        load_config(name)


def test_a_binary_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "line.sgy"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(ConfigError, match="not valid YAML") as refused:
        load_config(path)
    assert "\n" not in str(refused.value)


def test_parsing_names_the_source():
    with pytest.raises(ConfigError, match=r"^run/config.yaml: flow.levels = -1: "):
        parse_config({"flow": {"levels": -1}}, "run/config.yaml")
