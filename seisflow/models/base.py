"""What every model offers, and the card that travels with it."""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from seisflow.calibration import Calibration, JointCalibration
from seisflow.config import Config
from seisflow.scaling import AmplitudeScaling
from seisflow.subnets import MixedPrecision


class ModelCard(BaseModel):
    """All that a saved model needs besides its weights (``config.json``).

    Attributes
    ----------
    config : Config
        Architecture, patch geometry, training.
    images : str, optional
        Name of the image data set that the model has learned; None for a model of sections.
    scaling : AmplitudeScaling
        Fitted on the training part.
    calibration : Calibration, optional
        Statistics of the score on held-out data, by depth.
    calibrations : dict of JointCalibration
        The same for other scores than the default, by their names.
    inputs : list of dict
        Files the model was trained on, each with its selection and its split; or the image data set.
    provenance : dict
        What was seen, by what, when: seed, steps, seconds, machine, commit, held-out nats/dim, versions.
    """

    model_config = ConfigDict(extra="forbid")

    config: Config
    images: str | None = None
    scaling: AmplitudeScaling
    calibration: Calibration | None = None
    calibrations: dict[str, JointCalibration] = {}
    inputs: list[dict[str, Any]] = []
    provenance: dict[str, Any] = {}


class Model(nn.Module, ABC):
    """A density of patches ``(B, C, H, W)`` in the scaled units of its card.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of a patch.
    """

    card: ModelCard | None = None

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    @property
    def size(self) -> int:
        """Number of dimensions D of a patch."""
        return math.prod(self.shape)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @abstractmethod
    def initialise(self, x: Tensor) -> None:
        """Set data-dependent parameters from a batch of training patches."""

    @abstractmethod
    def loss(self, x: Tensor, mask: Tensor, l2: float = 0.0) -> tuple[Tensor, Tensor]:
        """Training loss and negative log-density, both in nats a valid sample."""

    @abstractmethod
    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, (B,)."""

    @abstractmethod
    def log_prob_map(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Share of each sample in `log_prob`, (B, 1, H, W)."""

    @abstractmethod
    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        topic: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw n patches, (n, C, H, W)."""

    def bits_per_dim(self, x: Tensor) -> Tensor:
        """Negative log-density in bits for each dimension, (B,)."""
        return -self.log_prob(x) / (self.size * math.log(2))

    def compute_in(self, dtype: torch.dtype) -> None:
        """Let the subnets compute in float32 or bfloat16; the stream and its log-determinant stay float32."""
        for module in self.modules():
            if isinstance(module, MixedPrecision):
                module.dtype = dtype
