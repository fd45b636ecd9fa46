"""Images to train on, and which configurations fit them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch
from matplotlib.figure import Figure

from seisflow import plotting, progress
from seisflow.config import Config
from seisflow.errors import ConfigError
from seisflow.generation.batches import generate_batches
from seisflow.io.images import SIDE, card, read_images, resize
from seisflow.models import Model, ModelCard
from seisflow.models.provenance import density_key
from seisflow.patches.images import ImageDataset, split_training
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.sources import ImageSource
from seisflow.training.calibration import TIMED, seconds_each
from seisflow.training.data import TrainingData
from seisflow.training.record import Record

PIXELS = AmplitudeScaling(std=1.0, step=1.0, quantised=True)
"""Scaling of images: none, as models of images take pixel values."""
GALLERY = 64


class ImageData(TrainingData):
    """Training images of a data set, some of them held out; the test images are not touched.

    Parameters
    ----------
    record : Record
        With ``images``.
    config : Config

    Raises
    ------
    ConfigError
        If the model is not one of such images.
    """

    looked_at = 2048
    patches: ImageDataset
    held_out: ImageDataset | None

    def __init__(self, record: Record, config: Config) -> None:
        super().__init__(record, config)
        assert record.images is not None
        self.source = record.images
        check_fits(config, self.source.path, card(self.source.path).shape[0])

    @classmethod
    def of_source(
        cls, source: ImageSource, config: Config, *, seed: int, max_time: timedelta | None
    ) -> ImageData:
        """Begin a run of a data set."""
        return cls(Record(images=source, scaling=PIXELS, seed=seed, max_time=max_time), config)

    def read(self) -> None:
        data, training, seed = self.config.data, self.config.training, self.record.seed
        with progress.bar(f"Reading {self.source.name}"):
            pixels = resize(read_images(self.source.path, "train", self.source.folder).pixels, data.resize)
        learn, hold = split_training(len(pixels), data.validation)
        length = max(training.steps * training.batch, len(learn))
        self.patches = ImageDataset(pixels[learn], seed=seed, length=length, flip=data.flip)
        self.held_out = None
        if len(hold):
            self.held_out = ImageDataset(pixels[hold], seed=seed, length=len(hold), shuffle=False)

    def overview(self) -> Iterator[str]:
        channels, height, width = self.patches.pixels.shape[1:]
        yield f"trains on {self.source.name}:"
        yield f"  {len(self.patches.pixels):,} images to learn from"
        yield f"  {0 if self.held_out is None else len(self.held_out):,} held out"
        yield f"images       {channels} x {height} x {width} pixels"

    def card(self) -> ModelCard:
        return ModelCard(
            config=self.config,
            images=self.source.path,
            scaling=self.record.scaling,
            inputs=[self.source.as_input()],
        )

    def measured_on(self, card: ModelCard) -> str:
        judged = card.provenance.get("judged_images")
        return "all images" if judged is None else f"{judged} images, as the time was short"

    def evaluation_seconds(self, model: Model) -> tuple[float, float]:
        x = self.first(TIMED).to(model.device)
        each = seconds_each(model.log_prob, x)
        return each * self._judged, each * TIMED

    def evaluate(
        self, model: Model, folder: Path, seconds: float | None = None, *, calibrate: bool = True
    ) -> None:
        """Store the nats/dim of held-out images, or of as many training ones where none are."""
        assert model.card is not None
        images, began = self.held_out or self.patches, time.monotonic()
        total, done, count = 0.0, 0, self._judged
        with torch.inference_mode(), progress.bar("Judging held-out images") as report:
            while done < count and not (done and seconds is not None and time.monotonic() - began > seconds):
                last = min(done + self.config.training.batch, count)
                x = torch.stack([images[i]["x"] for i in range(done, last)])
                total -= float(model.log_prob(x).double().sum())
                done = last
                report(done, count)
        key = density_key(held_out=self.held_out is not None)
        model.card.provenance[key] = round(total / (done * model.size), 4)
        if done < count:
            model.card.provenance["judged_images"] = done

    @property
    def _judged(self) -> int:
        return min(len(self.held_out or self.patches), len(self.patches))

    def gallery(self, model: Model) -> Figure:
        samples = next(generate_batches(model, GALLERY, batch=GALLERY))
        real = self.first(min(GALLERY, len(self.patches)))
        return plotting.draw_images({"Real": real.numpy(), "Generated": samples})


def default_preset(name: str) -> str:
    """Name of the preset for a data set."""
    return "mnist" if card(name).shape[0] == 1 else "cifar10-automobile"


def check_fits(config: Config, name: str, channels: int) -> None:
    """Refuse a configuration that is not one for images of so many channels."""
    if config.data.patch != (SIDE, SIDE) or config.data.channels != channels or config.input != "pixels":
        height, width = config.data.patch
        raise ConfigError(
            f"{name}: images are {channels} x {SIDE} x {SIDE} pixels, the config has data.channels = "
            f"{config.data.channels}, data.patch = [{height}, {width}], {config.input_key} = {config.input}. "
            f"Pass -c {default_preset(name)}, or another preset for images"
        )
