"""Images to train on, and which configurations fit them."""

from seisflow.config import Config
from seisflow.errors import ConfigError
from seisflow.io.images import SIDE, card, read_images, resize
from seisflow.patches.images import ImageDataset, split_training
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.sources import ImageSource
from seisflow.training.data import PatchData

VALIDATION_IMAGES = 2048
"""Images looked at in each validation during training."""
PIXELS = AmplitudeScaling(std=1.0, step=1.0, quantised=True)
"""Scaling of images: none, as models of images take pixel values."""


def image_data(source: ImageSource, config: Config, seed: int) -> PatchData:
    """Training images of a data set, some of them held out; the test images are not touched.

    Raises
    ------
    ConfigError
        If the model is not one of such images.
    DataError
        If the files cannot be read.
    """
    data, training = config.data, config.training
    pixels = resize(read_images(source.path, "train", source.folder).pixels, data.resize)
    check_fits(config, source.path, pixels.shape[1])
    learn, hold = split_training(len(pixels), data.validation)
    images = ImageDataset(
        pixels[learn], seed=seed, length=max(training.steps * training.batch, len(learn)), flip=data.flip
    )
    held_out = None
    if len(hold):
        held_out = ImageDataset(pixels[hold], seed=seed, length=len(hold), shuffle=False)
    return PatchData(images, held_out, training, looked_at=VALIDATION_IMAGES)


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


def check_fits_sections(config: Config) -> None:
    """Refuse a configuration for images where sections are to be learned."""
    if config.data.channels != 1 or config.input == "pixels":
        raise ConfigError(
            f"the config has data.channels = {config.data.channels} and {config.input_key} = {config.input}, "
            f"which is for images. Pass a preset for sections, such as -c seismic-small"
        )
