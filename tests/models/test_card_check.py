"""Cards and weights from elsewhere are looked at before anything is built of them."""

import json
import shutil
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from seisflow.config import load_config, preset_names
from seisflow.errors import ConfigError, ModelError
from seisflow.models import build_model, load_model
from seisflow.models.memory import check_memory, layers, parameters

CHANGES = {
    "an option no reader has": (("inputs", 0, "geometry"), {"password": 1}, "no reader has the option"),
    "an option of another kind": (("inputs", 0, "geometry"), {"dt": "often"}, r"inputs\.geometry: dt: "),
    "a byte order that is none": (("inputs", 0, "geometry"), {"endian": "middle"}, r"geometry: endian: "),
    "an input that is no path": (("inputs", 0, "path"), 7, "path: Input should be a valid string"),
    "rows that are missing": (("calibration", "quantiles"), [], "0 rows of quantiles"),
    "a depth that falls": (("calibration", "depth", 0), 1e9, "depth: not ascending"),
    "a quantile that is none": (
        ("calibration", "quantiles", 0, 0),
        float("nan"),
        "no number to compute with",
    ),
    "no maxima": (("calibration", "maxima"), [], "maxima: none"),
    "no interval": (("provenance", "geometry", "interval"), 0, "greater than 0"),
    "images that nobody knows": (("images",), "dogs", "is no image data set"),
    "a model that no machine holds": (("config", "flow", "subnet", "width"), 8000, "too small for the model"),
    "another model": (("config", "flow", "subnet", "width"), 9, "damaged, or not the weights"),
}


@pytest.mark.parametrize(("place", "value", "message"), CHANGES.values(), ids=CHANGES)
def test_a_card_that_cannot_be_used_is_one_line(tiny_run, tmp_path, place, value, message):
    shutil.copytree(tiny_run, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    card = json.loads(path.read_text())
    inner = card
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(card))
    begin = time.process_time()
    with pytest.raises(ModelError, match=message) as error:
        load_model(tmp_path / "run")
    assert str(error.value).isprintable()
    assert time.process_time() - begin < 5


def test_weights_that_are_no_numbers_are_refused(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    name = next(name for name, value in weights.items() if value.is_floating_point() and value.numel() > 3)
    weights[name].view(-1)[2] = np.nan
    save_file(weights, tmp_path / "run" / "model.safetensors")
    with pytest.raises(ModelError, match="no finite numbers"):
        load_model(tmp_path / "run")


@pytest.mark.parametrize("name", preset_names())
def test_the_estimate_is_a_lower_bound(name):
    config = load_config(name)
    check_memory(config, config.training.batch)
    held = sum(value.numel() for value in build_model(config).state_dict().values())
    assert 0 < parameters(config) <= held
    assert layers(config) < 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["flow.subnet.width=8192", "flow.subnet.depth=64", "flow.couplings=20"], "weights would take"),
        (["training.batch=65536", "data.patch=[16384,16384]"], "training step would take"),
        (["flow.levels=16", "flow.couplings=64", "flow.subnet.depth=64"], "has 65536 layers"),
    ],
)
def test_what_no_machine_holds_is_refused_before_it_is_built(changes, message):
    before = torch.get_rng_state()
    with pytest.raises(ConfigError, match=message):
        check_memory(config := load_config("seismic-small", changes), config.training.batch)
    assert torch.equal(torch.get_rng_state(), before)
