"""The denoiser: any size of patch, the data themselves where there is no noise, learning, and storage."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import seisflow
from seisflow.errors import ModelError
from seisflow.models import load_model, save_model
from seisflow.models.denoiser import Denoiser, shipped_denoiser
from seisflow.models.storage import DENOISER_WIDTH
from seisflow.training.denoiser import denoising_loss


def depths(count):
    return torch.tensor([[0.2, 0.5]]).expand(count, 2)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (76, 50), (16, 21)])
def test_a_patch_of_any_size_comes_back_in_that_size(height, width):
    y = torch.randn(2, 1, height, width)
    assert Denoiser(16)(y, torch.ones(2), depths(2)).shape == y.shape


def test_an_untrained_denoiser_is_the_best_one_for_white_data_of_unit_variance():
    y = torch.randn(2, 1, 32, 32)
    sigma = torch.tensor([0.001, 3.0])
    found = Denoiser(16)(y, sigma, depths(2))
    torch.testing.assert_close(found, y / (1 + sigma.square())[:, None, None, None])


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0, 3.0])
def test_the_network_that_ships_takes_noise_off_a_section(sigma):
    section = seisflow.open_section("f3-sample")["amplitude"].values[4, 40:168, 100:356]
    x = torch.from_numpy((section.T / section.std()).astype("float32"))[None, None]
    y = x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        errors = [
            (network(y, torch.tensor([sigma]), torch.tensor([[0.2, 0.7]])) - x).square().mean()
            for network in (shipped_denoiser(), Denoiser())  # the other knows the variance alone
        ]
    assert errors[0] < 0.7 * errors[1]


def learned(steps=120):
    """Denoiser of patches of one event, whose time is random and whose polarity the depth tells."""
    torch.manual_seed(0)
    network, generator = Denoiser(16), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(steps):
        x, depth = events(generator)
        loss = denoising_loss(network, x, torch.ones_like(x, dtype=torch.bool), depth, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return network.eval(), losses


def events(generator, count=8):
    deep = torch.rand(count, generator=generator) < 0.5
    time = 32 * torch.rand(count, generator=generator)
    polarity = torch.where(deep, -2.0, 2.0)
    trace = polarity[:, None] * torch.exp(-((torch.arange(32.0) - time[:, None]) ** 2) / 8)
    first = torch.where(deep, 0.6, 0.0)
    return trace[:, None, :, None].expand(-1, 1, -1, 16), torch.stack([first, first + 0.4], 1)


def test_learning_takes_off_more_noise_than_the_linear_filter_and_the_depth_tells():
    network, losses = learned()
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    generator = torch.Generator().manual_seed(9)
    x, depth = events(generator, 32)
    noise = torch.randn(x.shape, generator=generator)

    def error(level, where):
        with torch.inference_mode():
            found = network(x + level * noise, torch.full((32,), level), where)
        return (found - x).square().mean()

    linear = ((x + noise) / 2 - x).square().mean()
    assert error(1.0, depth) < 0.5 * linear
    assert error(8.0, depth) < 0.8 * error(8.0, 1 - depth.flip(1))


def test_masked_samples_do_not_count_in_the_loss():
    network = Denoiser(16)
    x, depth = torch.randn(4, 1, 32, 32), depths(4)
    mask = torch.ones(4, 1, 32, 32, dtype=torch.bool)
    mask[..., 16:] = False
    found = [
        denoising_loss(network, torch.where(mask, x, filler), mask, depth, torch.Generator().manual_seed(1))
        for filler in (0.0, 1e3)
    ]
    torch.testing.assert_close(*found)  # untrained, it sees no further than each sample


def test_a_model_is_stored_with_its_denoiser_and_counts_its_own_parameters(tiny_run, tmp_path):
    model = load_model(tiny_run)
    count = model.parameter_count
    model.denoiser, _ = learned(3)
    assert model.parameter_count == count
    save_model(model, tmp_path / "with")
    again = load_model(tmp_path / "with")
    y = torch.randn(2, 1, 32, 32)
    arguments = y, torch.ones(2), depths(2)
    with torch.inference_mode():
        torch.testing.assert_close(again.denoiser(*arguments), model.denoiser(*arguments), rtol=0, atol=0)
    assert load_model(tiny_run).denoiser is None


def test_a_file_that_is_too_small_for_its_denoiser_is_refused_before_that_is_made(tiny_run, tmp_path):
    model = load_model(tiny_run)
    save_model(model, tmp_path / "huge")
    path = tmp_path / "huge" / "model.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(path) | {DENOISER_WIDTH: torch.zeros(4096, 1)}, path, metadata)
    with pytest.raises(ModelError, match="too small for a denoiser of 4096 channels"):
        load_model(tmp_path / "huge")
