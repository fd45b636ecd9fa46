"""A key that changes nothing is refused, one that an override leaves without effect goes."""

import json

import pytest
import yaml
from pydantic import BaseModel

from seisflow.config import load_config, parse_config, preset_names
from seisflow.config.model import FAMILIES
from seisflow.config.show import as_commented_yaml
from seisflow.errors import ConfigError

WITHOUT_EFFECT = {
    ("seismic", "flow.raster.width=4"): "flow: autoregressive has no effect with flow.input = whiten",
    ("seismic", "flow.pixels=arctanh"): "flow: pixels has no effect with flow.input = whiten",
    ("seismic", "flow.prior={kind: kat, share: none}"): "flow.prior: share has no effect on a kat prior",
    ("seismic", "flow.prior={kind: gaussian, topics: 2}"): "flow.prior: topics has no effect on a gaussian",
    ("seismic", "autoregressive.head=4"): "autoregressive has no effect with model = fractal-flow",
    ("seismic", "data.resize=pad"): "data.resize has no effect with flow.input = whiten",
    ("fractal-ar", "flow.levels=4"): "flow has no effect with model = fractal-ar",
    ("fractal-ar", "training.l2=0.1"): "training.l2 has no effect on a fractal-ar, which has no states",
    ("fractal-ar", "training.transport=0.1"): "training.transport has no effect on a fractal-ar, which",
    ("fractal-mar", "training.l2=0"): "training.l2 has no effect on a fractal-mar, which has no states",
    ("fractal-ar", "autoregressive.rounds=4"): "autoregressive.rounds has no effect on a fractal-ar",
    ("mnist", "flow.bands.couplings=2"): "flow.bands: couplings has no effect on a single band",
    ("mnist", "data.gap=2"): "data.gap has no effect with flow.input = pixels",
    ("seismic", "flow.autoregressive.period=4"): "period has no effect on a step of width 0",
    ("seismic", "data={validation: 0, gap: 8}"): "data.gap has no effect with data.validation = 0",
    ("table1-kat", "flow.start=random"): "flow: mixing_init has no effect without the 1x1 maps",
    ("table1-kat", "flow.autoregressive.depth=2"): "depth has no effect on a step of width 0",
}


@pytest.mark.parametrize(("given", "message"), WITHOUT_EFFECT.items())
def test_a_key_without_effect_is_refused(given, message):
    preset, override = given
    with pytest.raises(ConfigError) as refused:
        load_config(preset, [override])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("preset", "overrides", "gone"),
    [
        ("mnist", ["flow.input=none"], ("flow", "pixels")),
        ("mnist", ["flow.input=none"], ("flow", "autoregressive")),
        ("seismic", ["flow.prior.kind=kat"], ("flow", "prior", "share")),
        ("seismic", ["flow.bands.count=1"], ("flow", "bands", "autoregressive")),
        ("seismic", ["model=fractal-ar", "autoregressive.head=8"], ("flow",)),
        ("fractal-mar", ["model=fractal-ar"], ("autoregressive", "rounds")),
    ],
)
def test_a_key_of_a_preset_that_an_override_leaves_without_effect_goes(preset, overrides, gone):
    values = load_config(preset, overrides).model_dump()
    for key in gone[:-1]:
        values = values[key]
    assert gone[-1] not in values


def test_a_model_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(ConfigError, match=r"model = 'glow': expected one of fractal-flow, fractal-ar, frac"):
        load_config("seismic", ["model=glow"])


@pytest.mark.parametrize("name", preset_names())
def test_a_shown_preset_is_a_config_file_of_the_same_values(name, tmp_path):
    config, path = load_config(name), tmp_path / "shown.yaml"
    path.write_text(as_commented_yaml(config))
    assert load_config(path).model_dump() == config.model_dump()


def test_every_key_shown_has_a_comment_above_it():
    for name in preset_names():
        lines = as_commented_yaml(load_config(name)).splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            assert line.lstrip().startswith("#") or before.lstrip().startswith("#"), (name, line)


def _groups(group):
    yield group
    for field in group.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _groups(field.annotation)


def test_every_number_has_bounds():
    for group in {inner for family in FAMILIES.values() for inner in _groups(family)}:
        for name, field in group.model_fields.items():
            if field.annotation not in (int, float):
                continue
            limits = {type(limit).__name__ for limit in field.metadata}
            assert limits & {"Ge", "Gt"}, (group, name)
            # clip may be as large as anybody likes: no clipping
            assert limits & {"Le", "Lt"} or name == "clip", (group, name)


@pytest.mark.parametrize("huge", ["levels=40", "couplings=1000", "couplings=[1, 1000]", "squeeze=[4,99999]",
                                  "subnet.width=1000000", "subnet.depth=1000", "prior.topics=100000",
                                  "prior.means=100000", "bands.count=1048576"])  # fmt: skip
def test_a_size_beyond_reason_is_refused(huge):
    with pytest.raises(ConfigError, match=huge.partition("=")[0].split(".")[0]):
        load_config("seismic", [f"flow.{huge}"])


def test_a_dump_holds_what_has_an_effect_alone():
    dumped = json.loads(load_config("seismic").model_dump_json())
    assert "pixels" not in dumped["flow"]
    assert "resize" not in dumped["data"]
    assert parse_config(yaml.safe_load(yaml.safe_dump(dumped)), "dump") == load_config("seismic")
