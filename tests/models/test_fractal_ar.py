"""FractalAR is an exact, normalised probability of every image of values, and FractalMAR shares its ways."""

import itertools
import math
from typing import Any

import pytest
import torch

from seisflow.config import AutoregressiveConfig
from seisflow.errors import ConfigError
from seisflow.models import FractalAR, FractalMAR
from seisflow.models.bins import Bins
from seisflow.models.fractal_ar import cut, paste

TINY = {"width": 8, "depth": 1, "head": 4, "values": 3}

STRUCTURES = {
    "full length": ((1, 2, 3), []),
    "two levels": ((1, 2, 4), [(1, 2)]),
    "three levels": ((1, 2, 4), [(2, 2), (1, 1)]),
    "three channels": ((3, 1, 2), [(1, 1)]),
}

every_structure = pytest.mark.parametrize(("shape", "parts"), STRUCTURES.values(), ids=STRUCTURES)

every_model = pytest.mark.parametrize("kind", [FractalAR, FractalMAR])


def make(kind: type = FractalAR, shape=(1, 8, 8), parts=((4, 4), (2, 2)), seed=0, **changes: Any):
    """Tiny model whose parameters are all away from where they start."""
    torch.manual_seed(seed)
    config = AutoregressiveConfig.model_validate(TINY | {"parts": parts, "limit": 2.0} | changes)
    model = kind(shape, config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def all_images(shape, values=3):
    every = itertools.product(range(values), repeat=math.prod(shape))
    return torch.tensor(list(every)).view(-1, *shape)


def data(n, shape=(1, 8, 8), seed=1):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def generation_order(shape, parts):
    """Flat positions of the values in the order in which they are generated, by plain loops."""

    def visit(top, left, height, width, sizes):
        if not sizes:
            for i, j in itertools.product(range(height), range(width)):
                for c in range(shape[0]):
                    yield (c * shape[1] + top + i) * shape[2] + left + j
            return
        h, w = sizes[0]
        for i, j in itertools.product(range(0, height, h), range(0, width, w)):
            yield from visit(top + i, left + j, h, w, sizes[1:])

    return list(visit(0, 0, *shape[1:], parts))


@every_structure
def test_probabilities_of_all_images_sum_to_one(shape, parts):
    model = make(shape=shape, parts=parts)
    with torch.no_grad():
        log_probability = model.conditionals(all_images(shape)).flatten(1).sum(1)
    assert float(log_probability.exp().sum()) == pytest.approx(1, abs=1e-9)
    assert float(log_probability.std()) > 0.5  # far from uniform


@every_structure
def test_a_later_value_never_changes_an_earlier_conditional(shape, parts):
    model, order = make(shape=shape, parts=parts), generation_order(shape, parts)
    k = torch.randint(3, (1, *shape), generator=seeded())
    with torch.no_grad():
        before = model.conditionals(k).flatten()
        for place, position in enumerate(order):
            other = k.clone().flatten()
            other[position] = (other[position] + 1) % 3
            after = model.conditionals(other.view_as(k)).flatten()
            assert torch.equal(after[order[:place]], before[order[:place]])
            assert bool((after[order[place:]] != before[order[place:]]).all())  # and all later ones see it


@every_structure
def test_samples_follow_the_probabilities(shape, parts):
    model, n = make(shape=shape, parts=parts), 4000
    images = all_images(shape)
    k = model.bins.index(model.sample(n, generator=seeded()))
    powers = 3 ** torch.arange(math.prod(shape) - 1, -1, -1)
    found = torch.bincount((k.flatten(1) * powers).sum(1), minlength=len(images)) / n
    with torch.no_grad():
        p = model.conditionals(images).flatten(1).sum(1).exp()
    error = (found - p).abs() / (p * (1 - p) / n).sqrt()
    assert float(error[p > 10 / n].max()) < 6
    assert float((found - p).square().sum() / (p * (1 - p) / n).sum()) == pytest.approx(1, abs=0.5)


@every_model
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_samples_are_the_same_with_and_without_cache(kind, temperature):
    model = make(kind, depth=2)
    draws = [
        model.sample(4, cached=cached, temperature=temperature, generator=seeded())
        for cached in (True, False)
    ]
    assert torch.equal(*draws)
    assert temperature == 0 or bool((draws[0] != draws[0][:1]).any())


@pytest.mark.parametrize("n_fit", [0, 5000])
def test_a_density_integrates_to_one(n_fit):
    """Also beyond the range, where the end bins are open."""
    model = make(shape=(1, 1, 1), parts=[], values=16)
    if n_fit:
        model.initialise(1.5 * data(n_fit, (1, 1, 1)))
    x = torch.linspace(-60, 60, 4_800_001, dtype=torch.float64).view(-1, 1, 1, 1)
    with torch.no_grad():
        k = torch.arange(16).view(-1, 1, 1, 1)
        p = (
            model.conditionals(k)[model.bins.index(x[:, 0, 0, 0])]
            + model.bins.log_density(x, model.bins.index(x))
        ).exp()
    assert float(p.sum() * (x[1, 0, 0, 0] - x[0, 0, 0, 0])) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("pixels", [False, True])
def test_bins_place_what_they_index(pixels):
    bins = Bins(16, 2.0, pixels=pixels).double()
    bins.fit(data(500))
    k = torch.arange(16)[:, None].expand(16, 50)
    u = torch.rand(16, 50, dtype=torch.float64, generator=seeded())
    assert torch.equal(bins.index(bins.place(k, u)), k)


def test_the_range_is_that_of_the_data_up_to_the_limit():
    bins = Bins(256, 5.0)
    bins.fit(torch.tensor([-3.0, 2.0]))
    assert (float(bins.low), float(bins.width)) == (-3, 6 / 256)
    bins.fit(torch.tensor([-3.0, 26.0]))
    assert (float(bins.low), float(bins.width)) == (-5, 10 / 256)
    assert float(bins.excess[1]) > 10


def test_log_prob_is_that_of_the_bin_less_the_log_of_its_width():
    model, x = make(values=64), 0.3 * data(3)
    with torch.no_grad():
        expected = model.conditionals(model.bins.index(x)).sum((1, 2, 3)) - 64 * math.log(4 / 64)
        torch.testing.assert_close(model.log_prob(x), expected)


@every_model
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_map_sums_to_log_prob(kind, masked, dtype):
    model, x = make(kind).to(dtype), data(4).to(dtype)
    mask = torch.rand(4, 1, 8, 8, generator=seeded()) > 0.3 if masked else None
    with torch.no_grad():
        share = model.log_prob_map(x, mask)
        torch.testing.assert_close(share.sum((1, 2, 3)), model.log_prob(x, mask))
    assert share.shape == (4, 1, 8, 8)
    if mask is not None:
        assert not share[~mask].any()


@every_model
def test_log_prob_of_a_patch_does_not_depend_on_its_batch(kind):
    model, x = make(kind), data(5)
    with torch.no_grad():
        torch.testing.assert_close(model.log_prob(x)[2:4], model.log_prob(x[2:4]))


def test_loss_is_minus_log_prob_for_each_valid_sample():
    model, x = make(), data(4)
    mask = torch.rand(4, 1, 8, 8, generator=seeded()) > 0.3
    loss, nll = model.loss(x, mask)
    torch.testing.assert_close(loss, -model.log_prob(x, mask).sum() / mask.sum())
    assert not nll.requires_grad


@every_model
def test_every_parameter_learns(kind):
    model, x = make(kind, depth=2), data(4)
    for _ in range(4):  # a random mask may hide all
        model.loss(x, torch.ones_like(x, dtype=torch.bool))[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()), name


@every_model
def test_initialised_it_gives_every_value_its_frequency(kind):
    model, x = make(kind, values=16), data(50)
    model.initialise(x)
    frequency = torch.bincount(model.bins.index(x).flatten(), minlength=16) + 1
    frequency = frequency / frequency.sum()
    with torch.no_grad():
        k = model.bins.index(x)
        torch.testing.assert_close(model.conditionals(k), frequency.log().double()[k], rtol=1e-5, atol=0)


@every_model
def test_filling_keeps_what_is_known(kind):
    model, x = make(kind, values=64), data(3)
    known = torch.rand(3, 1, 8, 8, generator=seeded()) > 0.4
    filled = model.fill(x, known, generator=seeded())
    assert torch.equal(filled[known], x[known])
    assert bool((filled != x)[~known].all())
    assert torch.equal(filled, model.fill(torch.where(known, x, 99.0), known, generator=seeded()))


def test_a_filled_suffix_has_the_conditional_probability():
    """p(suffix | known) = p(all) / p(known), on all images of which the first values are known."""
    shape, n = (1, 2, 2), 20000
    model = make(shape=shape, parts=[(1, 2)])
    images = all_images(shape)
    with torch.no_grad():
        p = model.conditionals(images).flatten(1).sum(1).exp()[:9]  # those that begin with 0, 0
    known = torch.tensor([[True, True], [False, False]]).expand(n, 1, 2, 2)
    x = model.bins.place(torch.zeros(n, *shape, dtype=torch.int64), torch.tensor(0.5, dtype=torch.float64))
    k = model.bins.index(model.fill(x, known, generator=seeded())).flatten(1)
    found = torch.bincount(3 * k[:, 2] + k[:, 3], minlength=9) / n
    torch.testing.assert_close(found.double(), p / p.sum(), rtol=0, atol=4 * math.sqrt(0.25 / n))


@every_model
def test_bfloat16_transformers_leave_log_prob_in_float32(kind):
    model, x = make(kind).float(), data(2).float()
    with torch.no_grad():
        exact = model.log_prob(x)
        model.compute_in(torch.bfloat16)
        coarse = model.log_prob(x)
        assert coarse.dtype == torch.float32
        assert not torch.equal(coarse, exact)
        torch.testing.assert_close(coarse, exact, rtol=0.05, atol=0)
        assert model.fill(x, torch.ones_like(x, dtype=torch.bool).tril()).dtype == torch.float32


@pytest.mark.parametrize(
    ("shape", "size"), [((3, 8, 12), (4, 3)), ((1, 8, 12), (8, 12)), ((2, 4, 4), (1, 1))]
)
def test_paste_undoes_cut(shape, size):
    k = torch.arange(2 * math.prod(shape)).view(2, *shape)
    parts = cut(k, size)
    assert parts.shape == (2, shape[1] * shape[2] // math.prod(size), shape[0], *size)
    assert torch.equal(parts[:, 0], k[:, :, : size[0], : size[1]])
    assert torch.equal(paste(parts, k.shape), k)


def test_topics_and_other_shapes_are_refused():
    with pytest.raises(ConfigError, match="topic 0: a fractal-ar has none"):
        make().sample(1, topic=0)
    with pytest.raises(ConfigError, match=r"patch of shape \(1, 8, 4\): the model takes \(1, 8, 8\)"):
        make().log_prob(data(1, (1, 8, 4)))
