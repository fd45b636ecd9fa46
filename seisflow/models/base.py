"""The contract of every model."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seisflow.errors import ModelError
from seisflow.models.allocator import keep_freed_memory
from seisflow.models.card import ModelCard
from seisflow.models.denoiser import Denoiser
from seisflow.models.recognition import scaling_of
from seisflow.models.section_density import section_log_prob
from seisflow.subnets import MixedPrecision

if TYPE_CHECKING:
    import xarray as xr

RAW = 30.0
"""Times beyond scaled training patches from which on patches are taken for amplitudes, never scaled."""
MARGIN = 2.0
"""The same where amplitudes of a survey of the model would be nearer by as much."""
USUAL = (1 / 3, 3.0)
"""Root mean square of scaled patches, where the card does not tell that of training patches."""


class Model(nn.Module, ABC):
    """A density of patches ``(B, C, H, W)`` in the scaled units of its card.

    Parameters
    ----------
    shape : (int, int, int)
        (C, H, W) of a patch.

    Attributes
    ----------
    card : ModelCard or None
        What belongs to the weights.
    denoiser : Denoiser or None
        Network that has learned to take noise off training patches, for generated ones.
    """

    card: ModelCard | None = None
    denoiser: Denoiser | None

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        keep_freed_memory()
        self.shape = shape
        self.denoiser = None

    @property
    def size(self) -> int:
        """Number of dimensions D of a patch."""
        return math.prod(self.shape)

    @property
    def parameter_count(self) -> int:
        """Number of parameters of the density, without those of a denoiser."""
        beside = sum(p.numel() for p in self.denoiser.parameters()) if self.denoiser is not None else 0
        return sum(p.numel() for p in self.parameters()) - beside

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.parameters()).device

    @abstractmethod
    def initialise(self, x: Tensor) -> None:
        """Set data-dependent parameters from a batch of training patches."""

    @abstractmethod
    def loss(self, x: Tensor, mask: Tensor, l2: float = 0.0, transport: float = 0.0) -> tuple[Tensor, Tensor]:
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

    def __init_subclass__(cls, **options: Any) -> None:
        """Let `log_prob` of every kind of model refuse amplitudes that are not scaled."""
        super().__init_subclass__(**options)
        if "log_prob" not in cls.__dict__:
            return
        inner = cls.__dict__["log_prob"]

        @wraps(inner)
        def log_prob(self: Model, x: Tensor, *arguments: Any, **options: Any) -> Tensor:
            self._refuse_raw(x)
            result: Tensor = inner(self, x, *arguments, **options)
            return result

        cls.log_prob = log_prob  # type: ignore[method-assign]

    def _refuse_raw(self, x: Tensor) -> None:
        """Catch a caller who passes amplitudes; what seisflow itself passes, in inference mode, is scaled."""
        if not isinstance(x, Tensor):
            raise ModelError(
                f"{type(x).__name__}: a tensor of scaled patches (B, {', '.join(map(str, self.shape))}) was "
                "expected. Of a section take model.log_prob_of(section), which scales"
            )
        card = self.card
        if card is None or card.images is not None or torch.is_inference_mode_enabled():
            return
        size = float(x.detach().float().square().mean().sqrt())
        if not size or not math.isfinite(size):
            return
        scales = {card.scaling.std, *(survey.scaling.std for survey in card.surveys)}
        low, high = card.provenance.get("patch_rms", USUAL)

        def beyond(value: float) -> float:
            return max(value / high, low / value, 1.0)

        as_scaled, as_raw = beyond(size), min(beyond(size / std) for std in scales)
        if as_scaled > RAW or (as_scaled > MARGIN and as_scaled > MARGIN * as_raw):
            raise ModelError(
                f"the patches have a root mean square of {size:.3g}; the model takes scaled amplitudes, of "
                f"{low:.2g} to {high:.2g}. Use model.log_prob_of(section), which scales, or "
                f"model.card.scaling.scale(x)"
            )

    def log_prob_of(self, section: xr.Dataset, seed: int = 0) -> xr.DataArray:
        """Log-density in nats of each patch of a section, which is scaled as its survey is.

        Parameters
        ----------
        section : xr.Dataset
            As `seisflow.open_section` gives it.
        seed : int
            Seed of the dither.

        Returns
        -------
        xr.DataArray
            As `seisflow.models.section_density.section_log_prob` gives it.
        """
        scaling = scaling_of(section, section_card(self))
        size = (self.shape[1], self.shape[2])
        return section_log_prob(section, size, scaling, self.log_prob, device=self.device, seed=seed)

    def bits_per_dim(self, x: Tensor) -> Tensor:
        """Negative log-density in bits for each dimension, (B,)."""
        return -self.log_prob(x) / (self.size * math.log(2))

    def compute_in(self, dtype: torch.dtype) -> None:
        """Let the subnets compute in float32 or bfloat16; the stream and its log-determinant stay float32."""
        for module in self.modules():
            if isinstance(module, MixedPrecision):
                module.dtype = dtype


def section_card(model: Model) -> ModelCard:
    """Return the card of a model of sections.

    Raises
    ------
    ModelError
        If it has none, or is a model of images.
    """
    if model.card is None:
        raise ModelError(
            "the model has no card, so its scale is not known. Expected one made by `seisflow train`"
        )
    if model.card.images is not None:
        raise ModelError(
            f"the model is one of images ({model.card.images}). A section needs one trained on sections"
        )
    if model.shape[0] != 1:
        raise ModelError(
            f"the model's patches have {model.shape[0]} channels. A section needs one of one channel"
        )
    return model.card


def judging_card(model: Model) -> ModelCard:
    """Return the card of a model that can score sections.

    Raises
    ------
    ModelError
        If it has no calibration, or is no model of sections.
    """
    card = section_card(model)
    if card.calibration is None:
        raise ModelError("the model has no calibration. Make one: seisflow calibrate -m MODEL SURVEY")
    return card
