"""Models compute on the device of their parameters, and a training step never waits for the host.

On torch's ``meta`` device tensors have shapes and no values: mixing devices raises, and so does every read of
a value by the host (``.item()``, a branch on a tensor), which on a GPU would stall the step.
"""

import pytest
import torch

from seisflow.config import load_config, preset_names
from seisflow.models import build_model

# fractal-mar unmasks in rounds and asks after each whether any are left
STEADY = [name for name in preset_names() if load_config(name).model != "fractal-mar"]
FLOWS = [name for name in preset_names() if load_config(name).model == "fractal-flow"]


def on_meta(preset):
    model = build_model(load_config(preset)).to("meta")
    x = torch.empty(2, *model.shape, device="meta")
    mask = torch.empty(2, 1, *model.shape[1:], dtype=torch.bool, device="meta")
    return model, x, mask


@pytest.mark.parametrize("preset", STEADY)
def test_a_training_step_stays_on_the_device_and_reads_no_value(preset):
    model, x, mask = on_meta(preset)
    loss, nll = model.loss(x, mask)
    loss.backward()
    assert loss.device.type == nll.device.type == "meta"
    assert {p.grad.device.type for p in model.parameters() if p.grad is not None} == {"meta"}


@pytest.mark.parametrize("preset", STEADY)
def test_densities_stay_on_the_device(preset):
    model, x, mask = on_meta(preset)
    with torch.inference_mode():
        assert model.log_prob(x, mask).device.type == "meta"
        assert model.log_prob_map(x, mask).shape == (2, 1, *model.shape[1:])


@pytest.mark.parametrize("preset", FLOWS)
def test_states_and_topics_stay_on_the_device(preset):
    model, x, _ = on_meta(preset)
    assert {state.device.type for state in model.steps(x)} == {"meta"}
    assert model.topics(x).device.type == "meta"


def test_a_tensor_of_the_host_would_be_noticed():
    model, x, mask = on_meta("mnist")
    with pytest.raises(RuntimeError):
        model.loss(x + torch.ones(x.shape), mask)
    with pytest.raises(RuntimeError):
        model.loss(x, mask)[0].item()
