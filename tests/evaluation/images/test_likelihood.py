"""Bits/dim of images: against densities that are known otherwise."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from seisflow.config import AutoregressiveConfig, FlowConfig
from seisflow.errors import ModelError
from seisflow.evaluation.images import likelihood as protocol
from seisflow.models import build_fractal_flow
from seisflow.models.fractal_ar import FractalAR
from seisflow.models.fractal_mar import FractalMAR
from seisflow.runs.sources import ImageSource

from ...conftest import tiny_image_config

FLOW = FlowConfig.model_validate(
    {"levels": 1, "couplings": 1, "squeeze": (2, 2), "use_1x1": False, "input": "pixels",
     "subnet": {"width": 4}, "prior": {"kind": "gaussian"}}
)  # fmt: skip
AR = AutoregressiveConfig.model_validate(
    {"parts": [(8, 8), (4, 4)], "width": 16, "depth": 1, "input": "pixels", "rounds": 2}
)
MODELS = {
    "flow, gaussian": lambda: build_fractal_flow((1, 32, 32), FLOW),
    "flow, lda": lambda: build_fractal_flow((1, 32, 32), tiny_image_config().flow),
    "flow, colour": lambda: build_fractal_flow((3, 32, 32), tiny_image_config().flow),
    "fractal-ar": lambda: FractalAR((1, 32, 32), AR),
    "fractal-mar": lambda: FractalMAR((1, 32, 32), AR),
}


def normal_pixels(count: int) -> np.ndarray:
    values = np.random.default_rng(0).normal(125, 22, (count, 1, 32, 32))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.fixture
def gaussian():
    """A flow that is nothing but independent normals of transformed pixels, one for each squeezed channel."""
    torch.manual_seed(0)
    model = build_fractal_flow((1, 32, 32), FLOW)
    pixels = normal_pixels(64)
    model.initialise(torch.from_numpy(pixels).float() + 0.5)
    return model.eval(), pixels


def test_bits_per_dim_are_those_of_a_factorised_density(gaussian):
    """By scipy: the probability of each 8-bit value is the difference of a normal's distribution function."""
    model, pixels = gaussian
    z = np.arctanh((2 * (pixels + 0.5) - 256) / 258)
    means = [z[..., i::2, j::2].mean() for i in (0, 1) for j in (0, 1)]
    sigmas = [z[..., i::2, j::2].std(ddof=1) for i in (0, 1) for j in (0, 1)]
    edges = np.arctanh((2 * np.arange(257) - 256) / 258)
    exact = np.empty(pixels.shape)
    for k, (i, j) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        probability = np.diff(stats.norm.cdf(edges, means[k], sigmas[k]))
        exact[..., i::2, j::2] = -np.log2(probability)[pixels[..., i::2, j::2]]
    found = protocol.bits_per_dim(model, pixels, draws=8)
    assert found.shape == (8, 64)
    # Jensen: dequantised bits are an upper bound, and a close one where p hardly changes within a cell
    assert 0 <= found.mean() - exact.mean() < 2e-3


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("learned", [False, True], ids=["untrained", "fitted to digits"])
def test_uniform_random_bytes_cost_at_least_8_bits(make, learned):
    torch.manual_seed(0)
    model = make().eval()
    rng = np.random.default_rng(0)
    shape = (8, *model.shape)
    x = torch.from_numpy(rng.normal(110, 35, shape) if learned else rng.uniform(0, 256, shape)).float()
    model.initialise(x.clamp(0, 255.9))
    bits = protocol.bits_per_dim(model, rng.integers(256, size=(16, *model.shape)).astype(np.uint8), draws=2)
    assert bits.mean() >= 8 - 4 * bits.std() / math.sqrt(bits.size) - 1e-4


@pytest.mark.parametrize("make", [MODELS["fractal-ar"], MODELS["fractal-mar"]], ids=["ar", "mar"])
def test_models_of_8_bit_values_do_not_see_the_noise(make):
    model = make().eval()
    model.initialise(torch.from_numpy(normal_pixels(4)).float())
    bits = protocol.bits_per_dim(model, normal_pixels(4), draws=2)
    np.testing.assert_array_equal(bits[0], bits[1])


def test_what_is_exact_and_what_is_a_bound():
    assert [protocol.is_exact(make()) for make in MODELS.values()] == [False, False, False, True, False]


def test_noise_depends_on_the_seed_and_the_place_alone(gaussian):
    model, pixels = gaussian
    a = protocol.bits_per_dim(model, pixels, draws=2, seed=1)
    np.testing.assert_array_equal(a, protocol.bits_per_dim(model, pixels, draws=2, seed=1))
    assert not np.array_equal(a, protocol.bits_per_dim(model, pixels, draws=2, seed=2))
    assert not np.array_equal(a[0], a[1])


def test_a_result_says_what_was_measured(few_images, tmp_path):
    source = ImageSource(path="mnist", folder=str(few_images))
    folder = tmp_path / "run"
    model = protocol.train_model(source, folder, tiny_image_config(), seed=3, max_time=None, overwrite=False)
    one = protocol.model_result(model, source, name="tiny", folder=folder, draws=2)
    assert {"experiment", "dataset", "protocol", "model", "parameters", "metric", "value", "seed", "seconds",
            "machine", "commit"} <= one.keys()  # fmt: skip
    assert one["protocol"] == "32 x 32 by bilinear, 24 test images, uniform dequantisation, 2 draws"
    assert (one["bound"], one["seed"], one["steps"], one["resize"]) == ("upper", 3, 6, "bilinear")
    assert one["parameters"] == sum(p.numel() for p in model.parameters())
    assert one["epochs"] == 1.0  # 6 steps of 8 images are the 48 that are not held out
    pixels = protocol.resize(protocol.read_images("mnist", "test", few_images).pixels, "bilinear")
    assert one["value"] == round(float(protocol.bits_per_dim(model, pixels, draws=2).mean()), 4)
    assert one["bits_per_image"] == pytest.approx(1024 * one["value"], abs=0.1)
    assert one["random_bytes"] > 8 > one["own_samples"] > 0
    assert [step for step, _ in one["curve"]] == [3, 6]
    with pytest.raises(ModelError, match=r"has learned mnist\. Expected one of fashion-mnist"):
        protocol.model_result(model, ImageSource(path="fashion-mnist"), name="tiny")
