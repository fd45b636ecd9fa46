"""Config keys of the training data and of the optimisation."""

from typing import Annotated, Literal

from pydantic import Field

from seisflow.config.base import Group

Side = Annotated[int, Field(ge=1, le=16384)]


class DataConfig(Group):
    """Patches of sections, or images: their size, augmentation and split."""

    patch: tuple[Side, Side] = (256, 64)
    """Time (or depth) samples and traces of a patch; rows and columns of an image."""
    channels: Literal[1, 3] = 1
    """Channels of a patch: 3 for colour images."""
    resize: Literal["bilinear", "pad"] = "bilinear"
    """Way of images to 32 x 32: interpolated and rounded to 8 bits, or with a border of zeros. Their bits/dim
    do not compare."""
    dither: float = Field(default=1 / 32, gt=0, le=10)
    """Width of the uniform dither of continuous amplitudes, in standard deviations. Integer data get the
    width of their own step."""
    flip: bool = True
    """Augment by lateral flips."""
    polarity: bool = False
    """Augment by polarity reversals (not physical unless the source says so)."""
    validation: float = Field(default=0.15, ge=0, lt=0.5)
    """Part of each survey held out as one contiguous block, or part of the training images; 0 for none."""
    gap: int | None = Field(default=None, ge=0, le=1_000_000)
    """Lines or traces left out between training and held-out blocks; null for a patch width."""
    min_valid: float = Field(default=0.5, gt=0, le=1)
    """Least part of a training window that must hold data."""


class TrainingConfig(Group):
    """Optimisation: steps, batch, learning rate, regularisation."""

    steps: int = Field(default=2000, ge=1, le=1_000_000_000)
    """Optimiser steps. A time limit may end training earlier; the learning rate follows the nearer."""
    batch: int = Field(default=16, ge=1, le=65536)
    """Patches a step, over all devices."""
    learning_rate: float = Field(default=2e-3, gt=0, le=10)
    """Highest learning rate of AdamW, before its cosine decay."""
    warmup: int = Field(default=100, ge=0, le=1_000_000_000)
    """Steps of linear warm-up."""
    weight_decay: float = Field(default=0.0, ge=0, le=10)
    """Decoupled weight decay of AdamW."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    ema: float = Field(default=0.998, ge=0, lt=1)
    """Decay of the averaged weights, which are the ones validated and saved; 0 for none."""
    l2: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of the mean squared step between successive states (Eq. 3 and 11 of the paper)."""
    transport: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of the straightness of the way through the levels, less 1: optimal transport has none."""
    denoiser_steps: int = Field(default=0, ge=0, le=1_000_000_000)
    """Steps in which a network learns, after the flow, to take noise off patches, by which generated sections
    are refined; at most as many as of the flow, 0 for none."""
    validate_every: int = Field(default=250, ge=1, le=1_000_000_000)
    """Steps between validations (and checkpoints)."""
    workers: int = Field(default=0, ge=0, le=1024)
    """Processes that read patches; 0 reads in the training process."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of the subnets; the stream, scales and log-determinants are always float32. auto is bf16
    where the hardware has it."""
