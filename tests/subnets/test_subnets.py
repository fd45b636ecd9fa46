import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from seisflow.errors import ConfigError
from seisflow.flows.pixels.periodic import PeriodicPrediction
from seisflow.subnets import build_subnet
from seisflow.subnets.causal import CausalCNN, Walk
from seisflow.subnets.kan import KANConv, KANLinear

SIZES = {"cnn": (16, 8), "mlp": (4, 4), "kan": (4, 4), "kan, large block": (16, 16)}
every_subnet = pytest.mark.parametrize(
    ("kind", "size"), [(k.split(",")[0], s) for k, s in SIZES.items()], ids=SIZES
)


def started(kind, size, depth=2):
    """Return a subnet 3 -> 4 whose last layer no longer is zero."""
    torch.manual_seed(0)
    subnet = build_subnet(kind, 3, 4, width=12, depth=depth, size=size).double()
    with torch.no_grad():
        for parameter in subnet.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    return subnet


@every_subnet
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 5])
def test_maps_blocks_to_zero_blocks_of_the_same_size_at_start(kind, size, depth, batch):
    subnet = build_subnet(kind, 3, 4, width=12, depth=depth, size=size)
    out = subnet(torch.randn(batch, 3, *size))
    assert out.shape == (batch, 4, *size)
    assert not out.any()


@every_subnet
def test_only_the_last_layer_starts_at_zero_and_gets_a_gradient_first(kind, size):
    subnet = build_subnet(kind, 3, 4, width=12, depth=2, size=size)
    subnet(torch.randn(2, 3, *size)).sum().backward()
    weights = [p for p in subnet.parameters() if p.dim() > 1]
    assert [bool(p.any()) for p in weights] == [True, True, False]
    assert weights[-1].grad.any()


@every_subnet
def test_gradient_reaches_every_parameter_and_the_input(kind, size):
    subnet, x = started(kind, size), torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    subnet(x).square().sum().backward()
    assert x.grad.any()
    for name, parameter in subnet.named_parameters():
        assert parameter.grad.any(), name


@every_subnet
def test_items_of_a_batch_do_not_mix(kind, size):
    subnet, x = started(kind, size), torch.randn(3, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(subnet(x)[1:2], subnet(x[1:2]))


@every_subnet
def test_memory_format_does_not_change_values(kind, size):
    subnet, x = started(kind, size), torch.randn(3, 3, *size, dtype=torch.float64)
    expected = subnet(x)
    torch.testing.assert_close(subnet(x.to(memory_format=torch.channels_last)), expected)
    nhwc = subnet.to(memory_format=torch.channels_last)
    torch.testing.assert_close(nhwc(x.to(memory_format=torch.channels_last)), expected)


@every_subnet
def test_the_input_is_left_as_it_was(kind, size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    before = x.clone()
    started(kind, size)(x)
    assert torch.equal(x, before)


def test_cnn_keeps_the_memory_format_of_its_input():
    subnet = build_subnet("cnn", 3, 4, width=12, depth=2, size=(16, 8)).to(memory_format=torch.channels_last)
    out = subnet(torch.randn(2, 3, 16, 8).to(memory_format=torch.channels_last))
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_cnn_takes_any_size():
    assert build_subnet("cnn", 3, 4, width=12, depth=2, size=(4, 4))(torch.randn(1, 3, 9, 5)).shape == (
        1,
        4,
        9,
        5,
    )


def test_flattened_subnets_see_the_whole_block():
    for kind in ("mlp", "kan"):
        x = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
        started(kind, (4, 4))(x)[0, 0, 0, 0].backward()
        assert x.grad.all(), kind


def edge(x, w, c, grid, step):
    """One edge function of a KAN layer, in plain Python."""
    bumps = (a * math.exp(-(((x - g) / step) ** 2)) for a, g in zip(c, grid, strict=True))
    return w * x / (1 + math.exp(-x)) + sum(bumps)


def test_kan_layer_is_the_sum_of_its_edge_functions():
    torch.manual_seed(0)
    inputs, outputs, bumps = 3, 2, 5
    layer, x = KANLinear(inputs, outputs, bumps).double(), torch.randn(4, inputs, dtype=torch.float64)
    matrix, bias = layer[1].weight.view(outputs, bumps + 1, inputs).tolist(), layer[1].bias.tolist()
    grid = [-2.5 + 1.25 * k for k in range(bumps)]
    expected = [
        [
            bias[o]
            + sum(
                edge(value, matrix[o][0][i], [matrix[o][k + 1][i] for k in range(bumps)], grid, 1.25)
                for i, value in enumerate(row)
            )
            for o in range(outputs)
        ]
        for row in x.tolist()
    ]
    torch.testing.assert_close(layer(x), torch.tensor(expected, dtype=torch.float64))


def test_kan_convolution_is_the_kan_layer_of_every_neighbourhood():
    torch.manual_seed(0)
    conv, linear = KANConv(2, 3, 4).double(), KANLinear(2 * 9, 3, 4).double()
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64)
    with torch.no_grad():  # (3, 5, 2, 3, 3): features, channels, neighbourhood, as unfold orders the last two
        linear[1].weight.copy_(conv[1].weight.view(3, -1))
        linear[1].bias.copy_(conv[1].bias)
    neighbourhoods = torch.nn.functional.unfold(x, 3)  # (2, 18, 3 * 4), inner positions only
    expected = linear(neighbourhoods.transpose(1, 2).reshape(-1, 18)).view(2, 12, 3).transpose(1, 2)
    torch.testing.assert_close(conv(x)[:, :, 1:-1, 1:-1].flatten(2), expected)


def test_kan_parameters_do_not_grow_with_large_blocks():
    sizes = [(32, 32), (64, 64)]
    counts = [
        sum(p.numel() for p in build_subnet("kan", 3, 4, width=8, depth=1, size=s).parameters())
        for s in sizes
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", ["cnn", "mlp", "kan"])
def test_learns_a_smooth_function(kind):
    torch.manual_seed(0)
    x = torch.randn(256, 1, 2, 2)
    y = torch.sin(2 * x)
    subnet = build_subnet(kind, 1, 1, width=32, depth=1, size=(2, 2))
    optimiser = torch.optim.Adam(subnet.parameters(), lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        loss = (subnet(x) - y).square().mean()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.1 * float(y.var())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="Expected one of cnn, mlp, kan"):
        build_subnet("transformer", 1, 1, width=8, depth=1, size=(4, 4))


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("shape", [(1, 9, 12), (3, 5, 4)])
def test_a_walk_over_pixels_gives_what_the_causal_network_gives_at_once(shape, depth):
    torch.manual_seed(0)
    network = CausalCNN(shape, 2, width=6, depth=depth).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, *shape, dtype=torch.float64)
    expected, walk = network(x), Walk(network, len(x))
    for i in range(shape[1]):
        for j in range(shape[2]):
            pixel = x[:, :, i : i + 1, j : j + 1]
            actual = network.outputs_of(walk.hidden(i, j), pixel)
            torch.testing.assert_close(actual[..., 0, 0], expected[..., i, j], rtol=0, atol=1e-10)
            walk.see(pixel[..., 0, 0], j)


def test_what_is_known_reaches_its_position_and_those_beside_it():
    torch.manual_seed(0)
    network = CausalCNN((1, 3, 7), 1, width=6, depth=0, context_channels=2, context_reach=1).double()
    torch.nn.init.normal_(network.last.weight)
    x, known = torch.zeros(1, 1, 3, 7, dtype=torch.float64), torch.zeros(1, 2, 3, 7, dtype=torch.float64)
    before = network(x, known)
    known[0, :, 1, 3] = 1.0
    changed = (network(x, known) != before)[0, 0]
    assert changed.nonzero().tolist() == [[1, 2], [1, 3], [1, 4]]


def resized(n, size=32):
    """Smooth images made from 28 x 28 pixels, as the benchmarks' are."""
    small = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return F.interpolate(small, (size, size), mode="bilinear", antialias=True)


def test_a_periodic_prediction_starts_from_the_least_squares_that_numpy_finds():
    x = resized(300)
    flow = PeriodicPrediction((1, 32, 32), 8).double()
    flow.initialise(x)
    predicted = flow(x).numpy()
    padded = np.pad(x.numpy()[:, 0], ((0, 0), (8, 0), (8, 8)))
    a, b = 2, 5
    rows, wanted = [], []
    for i in range(a, 32, 8):
        for j in range(b, 32, 8):
            window = padded[:, i - a : i - a + 16, j - b : j - b + 24]
            above, left = window[:, : 8 + a].reshape(300, -1), window[:, 8 + a, : 8 + b]
            rows.append(np.hstack((above, left, np.ones((300, 1)))))
            wanted.append(x.numpy()[:, 0, i, j])
    design, target = np.concatenate(rows), np.concatenate(wanted)
    ridge = np.sqrt(1e-6 * len(design)) * np.eye(design.shape[1])
    solution, *_ = np.linalg.lstsq(
        np.vstack((design, ridge)), np.append(target, np.zeros(design.shape[1])), rcond=None
    )
    np.testing.assert_allclose(predicted[:, 0, a, b], rows[0] @ solution, atol=1e-8)
    # the eighth row and column say little that is new
    error = (predicted - x.numpy())[:, 0, 8:, 8:-8]
    assert np.std(error[:, 6::8, 6::8]) < 0.2 * np.std(error[:, 1::8, 1::8])


def test_a_periodic_prediction_of_one_pixel_is_that_of_the_whole():
    flow = PeriodicPrediction((2, 8, 4), 4).double()
    torch.manual_seed(0)
    flow.weight.normal_()
    flow.bias.normal_()
    x = torch.randn(3, 2, 8, 4, dtype=torch.float64)
    whole, around = flow(x), torch.zeros(3, 2, 16, 20, dtype=torch.float64)
    for i in range(8):
        for j in range(4):
            torch.testing.assert_close(flow.at(around, i, j)[..., 0, 0], whole[..., i, j])
            around[:, :, 8 + i, 8 + j] = x[:, :, i, j]
