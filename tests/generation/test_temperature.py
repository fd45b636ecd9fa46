"""Images are drawn at the temperature at which they are as probable as training images."""

import pytest
import torch

from seisflow.generation.batches import default_temperature, generate_batches
from seisflow.generation.images import generate_images
from seisflow.generation.temperature import matched_temperature
from seisflow.models import load_model

STD = 30.0


class Normal:
    """Independent normal pixels: at temperature T their log-density is -T^2 / 2 each, and a constant."""

    device = torch.device("cpu")

    def sample(self, n, *, topic, temperature, generator):
        return 128 + STD * temperature * torch.randn(n, 1, 16, 16, generator=generator)

    def log_prob(self, x):
        return -0.5 * ((x - 128) / STD).square().flatten(1).sum(1)


@pytest.mark.parametrize(
    ("spread", "expected"), [(1.0, 1.0), (0.93, 0.93), (0.75, 0.75), (0.4, 0.7), (2.0, 1.0)]
)
def test_temperature_is_that_of_data_less_spread_than_the_model(spread, expected):
    training = 128 + spread * STD * torch.randn(512, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert matched_temperature(Normal(), training) == pytest.approx(expected, abs=0.01)


def test_where_time_is_over_the_last_temperature_tried_has_to_do():
    training = 128 + 0.4 * STD * torch.randn(64, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert matched_temperature(Normal(), training, seconds=0.0) == 1.0


def test_the_model_draws_at_its_temperature_unless_asked_otherwise():
    model = load_model("mnist")
    temperature = model.card.temperature
    assert 0.7 <= temperature < 1
    assert (default_temperature(model), default_temperature(model, exact=True)) == (temperature, 1.0)
    plain, asked, exact = (
        next(generate_batches(model, 2, batch=2, **options))
        for options in ({}, {"temperature": temperature}, {"exact": True})
    )
    assert (plain == asked).all()
    assert not (plain == exact).all()
    for options, expected in (({}, temperature), ({"exact": True}, 1.0), ({"temperature": 0.5}, 0.5)):
        assert generate_images(model, 1, batch=1, **options).attrs["temperature"] == expected
