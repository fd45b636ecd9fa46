"""Topics of `fashion-topics`, which ships: kinds of things that its own samples show."""

import torch

from seisflow.models import load_model
from seisflow.models.storage import find_model

TROUSERS, BAGS = 5, 7
EACH = 6


def test_samples_of_each_topic_are_recognised_as_of_it():
    model = load_model(find_model("fashion-topics"))
    with torch.inference_mode():
        for topic in range(model.prior.topics):
            x = model.sample(EACH, topic=topic, generator=torch.Generator().manual_seed(0))
            assert (model.topics(x).argmax(1) == topic).sum() >= EACH - 1


def test_trousers_are_narrow_and_bags_are_wide():
    model = load_model(find_model("fashion-topics"))
    widths = []
    for topic in (TROUSERS, BAGS):
        x = model.sample(EACH, topic=topic, generator=torch.Generator().manual_seed(0))
        widths.append(float((x > 64).any(2).sum(-1).float().mean()))  # columns that hold some cloth
    assert widths[0] < 20 < widths[1]


def test_the_shipped_model_is_small():
    folder = find_model("fashion-topics")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3e6
