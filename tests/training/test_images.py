"""Training on images: items, what is held out, resumed runs, and what a run leaves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import seisflow
from seisflow import training
from seisflow.cli.main import cli
from seisflow.errors import ConfigError, ModelError
from seisflow.io.images import read_images, resize
from seisflow.models import load_model
from seisflow.patches.images import ImageDataset, split_training
from seisflow.runs.sources import ImageSource, Source

from ..conftest import tiny_image_config
from .conftest import SAMPLE, same, state, weights

PIXELS = np.random.default_rng(0).integers(256, size=(10, 1, 32, 32)).astype(np.uint8)


def test_items_depend_on_seed_and_number_alone():
    a, b = (ImageDataset(PIXELS, seed=5, length=30) for _ in range(2))
    forward = [a[i]["x"] for i in range(30)]
    backward = [b[i]["x"] for i in reversed(range(30))][::-1]
    assert all(torch.equal(x, y) for x, y in zip(forward, backward, strict=True))
    other = ImageDataset(PIXELS, seed=6, length=30)
    assert not any(torch.equal(forward[i], other[i]["x"]) for i in range(30))


def test_every_epoch_has_every_image_once_in_another_order():
    images = ImageDataset(PIXELS, seed=0, length=40)
    shown = np.array([images[i]["x"].numpy().astype(np.uint8) for i in range(40)])
    numbers = np.array([(one == PIXELS).all((1, 2, 3)).argmax() for one in shown]).reshape(4, 10)
    assert (np.sort(numbers, 1) == np.arange(10)).all()
    assert len({tuple(order) for order in numbers}) == 4


def test_items_are_those_of_sections():
    item = ImageDataset(PIXELS, seed=0, length=10, shuffle=False)[3]
    assert item["x"].dtype == torch.float32
    np.testing.assert_array_equal(item["x"].floor(), PIXELS[3])
    assert item["mask"].shape == (1, 32, 32)
    assert bool(item["mask"].all())


def test_half_of_the_images_are_mirrored():
    images = ImageDataset(PIXELS[:1], seed=0, length=400, flip=True)
    mirrored = [np.array_equal(images[i]["x"].floor()[0], PIXELS[0, 0, :, ::-1]) for i in range(400)]
    assert 150 < sum(mirrored) < 250


def test_held_out_images_are_no_training_images_and_the_same_for_all_runs():
    learn, hold = split_training(100, 0.2)
    assert len(hold) == 20
    assert sorted([*learn, *hold]) == list(range(100))
    np.testing.assert_array_equal(hold, split_training(100, 0.2)[1])


@pytest.fixture
def source(few_images):
    return ImageSource(path="mnist", folder=str(few_images))


def test_a_run_learns_from_training_images_alone(source, tmp_path, monkeypatch):
    parts = []
    monkeypatch.setattr(
        training.images,
        "read_images",
        lambda name, part, folder: parts.append(part) or read_images(name, part, folder),
    )
    run = training.train(source, tiny_image_config(), tmp_path / "run", device="cpu")
    assert parts == ["train"]
    card = load_model(run.folder).card
    assert card.images == "mnist"
    assert card.calibration is None
    assert np.isfinite(card.provenance["held_out_nats_per_dim"])
    for name in ("samples.png", "loss.png"):
        assert (run.folder / name).read_bytes().startswith(b"\x89PNG")


def test_a_resumed_run_goes_on_with_the_items_it_has_not_seen(source, tmp_path, monkeypatch):
    training.train(source, tiny_image_config(steps=3), tmp_path / "part", device="cpu")
    asked = []
    monkeypatch.setattr(
        ImageDataset,
        "__getitem__",
        lambda self, i, read=ImageDataset.__getitem__: (self.shuffle and asked.append(i)) or read(self, i),
    )
    again = training.resume(tmp_path / "part", steps=6, device="cpu")
    assert again.steps == 6
    assert asked[:24] == list(range(24, 48))


def test_resuming_where_it_stopped_changes_nothing(source, tmp_path):
    done = training.train(source, tiny_image_config(steps=6), tmp_path / "run", device="cpu")
    before = weights(done.folder)
    training.resume(done.folder, device="cpu")
    assert same(before, weights(done.folder))
    assert state(done.folder)["global_step"] == 6


def test_validation_is_the_mean_over_held_out_images(source, tmp_path):
    run = training.train(source, tiny_image_config(), tmp_path / "run", device="cpu")
    pixels = resize(read_images("mnist", "train", source.folder).pixels, "bilinear")
    held_out = ImageDataset(pixels[split_training(64, 0.25)[1]], seed=0, length=16, shuffle=False)
    with torch.no_grad():
        nats = -run.model.log_prob(torch.stack([held_out[i]["x"] for i in range(16)])).mean() / 1024
    assert run.model.card.provenance["held_out_nats_per_dim"] == pytest.approx(float(nats), abs=1e-4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (tiny_image_config(channels=3), "data.channels = 3"),
        (tiny_image_config(patch=(16, 16)), r"data.patch = \[16, 16\]"),
        (
            tiny_image_config().model_copy(
                update={"flow": tiny_image_config().flow.model_copy(update={"input": "whiten"})}
            ),
            "flow.input",
        ),
    ],
)
def test_a_config_that_is_not_for_the_images_is_refused(source, tmp_path, config, message):
    with pytest.raises(ConfigError, match=message):
        training.train(source, config, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_config_for_images_is_refused_for_sections(tmp_path):
    with pytest.raises(ConfigError, match="for images"):
        training.train([Source(path=str(SAMPLE))], tiny_image_config(), tmp_path / "run", device="cpu")


def test_the_command_trains_and_generates_images_and_refuses_to_score(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    small = [f"--set={key}" for key in ("flow.levels=2", "flow.couplings=1", "flow.subnet.width=4",
             "training.batch=4", "training.precision=fp32", "data.validation=0.1")]  # fmt: skip
    result = call("train", "mnist", "--data", source.folder, "--max-steps", 2, "--device", "cpu", *small)
    assert result.exit_code == 0, result.stderr
    assert "config mnist, chosen for mnist" in result.stderr
    assert result.stdout.startswith("runs/mnist-1: 2 steps in ")
    assert "bits/dim on held-out data" in result.stdout
    result = call("train", "mnist", "--data", source.folder, "--dry-run", "--device", "cpu", *small)
    assert result.stdout.startswith("trains on mnist:\n  58 images to learn from\n  6 held out\n"), (
        result.stderr
    )
    assert "steps/s (batch 4)" in result.stdout
    result = call("train", "mnist", "--data", source.folder, "--refine")
    assert (result.exit_code, "--refine is for sections" in result.stderr) == (2, True)
    config = Path("runs/mnist-1/config.yaml").read_text()
    result = call("train", "--resume", "--refine", "-o", "runs/mnist-1")
    assert (result.exit_code, "--refine is for sections" in result.stderr) == (1, True)
    assert Path("runs/mnist-1/config.yaml").read_text() == config
    result = call("generate", "--n", 3)
    assert result.stdout == "runs/latest/generated.zarr: 3 images; gallery runs/latest/generated.png\n" or (
        result.stdout == "runs/mnist-1/generated.zarr: 3 images; gallery runs/mnist-1/generated.png\n"
    ), result.stderr
    import xarray as xr

    found = xr.open_zarr("runs/mnist-1/generated.zarr")["pixels"]
    assert (found.dtype, found.shape) == (np.uint8, (3, 1, 32, 32))
    np.testing.assert_array_equal(found, seisflow.generate(load_model("runs/mnist-1"), 3)["pixels"])
    for arguments in (("score", SAMPLE), ("score",), ("generate", "--n", 2, "-o", "x.sgy")):
        refused = call("-q", *arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
    assert "the model is one of images (mnist)" in call("score", SAMPLE).stderr
    assert call("train", "mnist", "fashion-mnist").exit_code == 2


def test_python_trains_on_images_by_their_name(few_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = seisflow.train("mnist", config=tiny_image_config(steps=2), data=few_images, device="cpu")
    assert run.folder.name == "mnist-1"
    assert run.model.card.images == "mnist"


def test_a_model_of_sections_generates_no_images(tiny_run):
    from seisflow.generation.images import generate_images

    with pytest.raises(ModelError, match="not one of images"):
        generate_images(load_model(tiny_run), 2)
