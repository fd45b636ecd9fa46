"""A config becomes a model, or one line says why it cannot."""

import pytest
import torch

from seisflow.config import load_config, preset_names
from seisflow.errors import ConfigError
from seisflow.models import build_model


@pytest.mark.parametrize(
    ("patch", "flow", "message"),
    [
        ((16, 6), {"levels": 3, "squeeze": (2, 1)}, r"blocks of 8 x 3 cannot be .* --set flow.levels=2"),
        ((20, 8), {"squeeze": (4, 4)}, r"does not divide a block of 10 x 4. Pass --set flow.squeeze=\[2,4\]"),
        (
            (16, 6),
            {"levels": 1, "squeeze": (2, 1), "bands": {"count": 4}},
            r"does not divide 6 traces. Pass --set flow.bands.count=2",
        ),
        (
            (16, 8),
            {"levels": 1, "squeeze": (3, 1), "bands": {"count": 4}},
            r"squeezed by 3 in time. Pass --set flow.squeeze=\[2,1\]",
        ),
        ((16, 8), {"squeeze": (1, 1)}, r"leaves one channel.*Pass --set flow.squeeze=\[2,2\]"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused_with_a_remedy(make_config, patch, flow, message):
    with pytest.raises(ConfigError, match=message) as refused:
        build_model(make_config(patch, **flow))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("patch", [(8, 64), (48, 24), (64, 8), (20, 12)])
def test_other_patch_sizes_build(make_config, patch):
    model = build_model(make_config(patch))
    assert model.log_prob(torch.randn(2, 1, *patch)).shape == (2,)


@pytest.mark.parametrize("preset", preset_names())
def test_presets_build(preset):
    config = load_config(preset)
    assert build_model(config).shape == (config.data.channels, *config.data.patch)
