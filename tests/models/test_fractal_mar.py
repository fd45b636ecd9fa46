"""FractalMAR's log-density is a bound of that of its samples, over random orders; it fills any gap."""

import itertools
import math

import pytest
import torch

from seisflow.config import AutoregressiveConfig
from seisflow.models import FractalMAR, fractal_mar
from seisflow.models.fractal_mar import rounds

SHAPE = (1, 2, 4)  # two parts of 2 x 2, of four parts of one value: 2 x 24 orders for each image


def make(shape=SHAPE, parts=((2, 2), (1, 1)), values=2, rounds=4, seed=0, width=8):
    torch.manual_seed(seed)
    config = AutoregressiveConfig(
        parts=list(parts), width=width, depth=1, head=4, values=values, limit=2.0, rounds=rounds
    )
    model = FractalMAR(shape, config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def all_images(shape=SHAPE, values=2):
    every = itertools.product(range(values), repeat=math.prod(shape))
    return torch.tensor(list(every)).view(-1, *shape)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def by_order(monkeypatch):
    """Log-probabilities (orders, images) of a model of one level, for every order of its parts."""

    def evaluate(model, images):
        parts = math.prod(model.levels[0].grid)
        values = []
        for order in itertools.permutations(range(parts)):
            monkeypatch.setattr(fractal_mar, "_orders", lambda *_, o=order: torch.tensor([o]))
            with torch.no_grad():
                values.append(model.conditionals(images).flatten(1).sum(1))
        monkeypatch.undo()
        return torch.stack(values)

    return evaluate


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_for_an_order_probabilities_of_all_images_sum_to_one(count):
    """However many parts a round takes, and at two levels."""
    with torch.no_grad():
        log_probability = make(rounds=count).conditionals(all_images()).flatten(1).sum(1)
    assert float(log_probability.exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("count", [2, 4])
def test_it_is_a_bound_of_the_log_probability_over_all_orders(by_order, count):
    """By enumeration: E log p(k | order) <= log E p(k | order), which sums to one."""
    model = make((1, 2, 2), [(1, 1)], rounds=count, values=3)
    values = by_order(model, all_images((1, 2, 2), 3))
    assert values.shape == (24, 81)
    exact = values.logsumexp(0) - math.log(24)
    assert float(exact.exp().sum()) == pytest.approx(1, abs=1e-9)
    assert bool((values.mean(0) <= exact).all())
    assert float((exact - values.mean(0)).max()) > 1e-3


@pytest.mark.parametrize("count", [2, 4])
def test_samples_follow_the_probability_over_all_orders(by_order, count):
    model, n = make((1, 2, 2), [(1, 1)], rounds=count, values=3), 5000
    k = model.bins.index(model.sample(n, generator=seeded())).flatten(1)
    found = torch.bincount((k * torch.tensor([27, 9, 3, 1])).sum(1), minlength=81) / n
    p = by_order(model, all_images((1, 2, 2), 3)).logsumexp(0).exp() / 24
    assert float(((found - p).abs() / (p * (1 - p) / n).sqrt()).max()) < 5


@pytest.mark.parametrize("count", [1, 3, 8, 64])
def test_rounds_unmask_each_hidden_part_once(count):
    hidden = torch.rand(5, 64, generator=seeded()) > 0.4
    hidden[0] = False
    order = torch.rand(5, 64, generator=seeded()).argsort(1)
    taken = list(rounds(hidden, order, count))
    assert len(taken) <= count
    assert torch.equal(torch.stack(taken).sum(0), hidden.long())
    first = [[int(i) for i in row if mask[i]] for row, mask in zip(order, hidden, strict=True)]
    found = [[int(i) for now in taken for i in row if now[item, i]] for item, row in enumerate(order)]
    assert found == first


def test_rounds_follow_a_cosine():
    hidden = torch.ones(1, 64, dtype=torch.bool)
    counts = [int(now.sum()) for now in rounds(hidden, torch.arange(64)[None], 8)]
    remaining = [64 - sum(counts[: s + 1]) for s in range(8)]
    assert remaining == [math.floor(64 * math.cos(math.pi / 2 * s / 8)) for s in range(1, 8)] + [0]
    assert [int(now.sum()) for now in rounds(hidden, torch.arange(64)[None], 64)] == [1] * 64


def test_a_gap_is_filled_from_what_is_known_on_all_sides():
    """Unlike with FractalAR: what comes later in its order does not count there."""
    model = make((1, 4, 4), [(1, 1)], values=16)
    x = model.bins.place(torch.randint(16, (1, 1, 4, 4), generator=seeded()), torch.tensor(0.5).double())
    known = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    known[0, 0, 1, 1] = False
    n = 500
    start = model.fill(x.expand(n, -1, -1, -1), known.expand(n, -1, -1, -1), generator=seeded())
    changed = x.clone()
    changed[0, 0, 2:] = -changed[0, 0, 2:]
    other = model.fill(changed.expand(n, -1, -1, -1), known.expand(n, -1, -1, -1), generator=seeded())
    assert not torch.equal(start[:, 0, 1, 1], other[:, 0, 1, 1])


def test_training_masks_follow_from_the_number_of_batches_seen():
    model, x = make((1, 4, 4), [(2, 2)], values=16), torch.randn(6, 1, 4, 4, generator=seeded()).double()
    full = torch.ones_like(x, dtype=torch.bool)
    first, second = model.loss(x, full)[0], model.loss(x, full)[0]
    again = make((1, 4, 4), [(2, 2)], values=16)
    again.load_state_dict(model.state_dict() | {"batches": torch.tensor(1)})
    assert torch.equal(again.loss(x, full)[0], second)
    assert not torch.equal(first, second)


def test_with_all_hidden_the_loss_is_the_density_of_one_round(monkeypatch):
    model, x = make((1, 4, 4), [(2, 2)], values=16, rounds=1), torch.randn(6, 1, 4, 4, dtype=torch.float64)
    full = torch.ones_like(x, dtype=torch.bool)
    monkeypatch.setattr(fractal_mar, "_random_mask", lambda b, t, g: torch.ones(b, t, dtype=torch.bool))
    torch.testing.assert_close(model.loss(x, full)[0], -model.log_prob(x).mean() / 16)
