"""YAML of bounded size: what is none, or would grow without end, is one line."""

import time

import pytest

from seisflow.config import load_config
from seisflow.config.yaml_text import read_yaml
from seisflow.errors import ConfigError

BOMB = "a: &a [" + ", ".join("x" * 9) + "]\n"
for one, other in zip("abcdefgh", "bcdefghi", strict=True):
    BOMB += f"{other}: &{other} [" + ", ".join([f"*{one}"] * 9) + "]\n"
BAD = {
    "an anchor bomb": (BOMB, "more than 10000 values"),
    "an anchor within itself": ("a: &a [*a]", "more than 10000 values"),
    "deep lists": ("a: " + "[" * 5000, "not valid YAML"),
    "deep groups": ("a: " + "{b: " * 30 + "1" + "}" * 30, "nested more than 20 deep"),
    "a number that is none": ("a: !!int x", "not valid YAML"),
    "a time that is none": ("a: !!timestamp x", "not valid YAML"),
    "a number without end": ("a: " + "9" * 5000, "not valid YAML"),
    "code": ("a: !!python/object/apply:os.system [ls]", "not valid YAML"),
    "a sign that moves the cursor": ("a: \x1b", "not valid YAML"),
    "a book": ("a: " + "x" * 2_000_000, "characters"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_what_is_no_config_is_one_printable_line(tmp_path, text, message):
    begin = time.process_time()
    with pytest.raises(ConfigError, match=message) as error:
        read_yaml(text, "a.yaml")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400
    assert time.process_time() - begin < 5


def test_anchors_are_read():
    assert read_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {d: 1}}", "a.yaml") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": 1},
    }


@pytest.mark.parametrize(
    "change",
    [
        "training.learning_rate=1e308",
        "training.workers=1000000000",
        "training.steps=!!int x",
        "flow.levels=" + "9" * 5000,
        "flow.levels=" + "[" * 5000,
        "flow.subnet.width=1000000",
        "data.patch=[1000000,1000000]",
    ],
)
def test_an_override_out_of_bounds_is_one_line(change):
    with pytest.raises(ConfigError) as error:
        load_config("seismic-small", [change])
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400
