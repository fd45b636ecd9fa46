"""The configuration of a run: one class for each family of models, told apart by the key ``model``."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag, TypeAdapter

from seisflow.config.autoregressive import AutoregressiveConfig
from seisflow.config.base import LENIENT, Group, current_names
from seisflow.config.flow import FlowConfig
from seisflow.config.training import DataConfig, TrainingConfig

DEFAULT = "fractal-flow"


class RunConfig(Group, ABC):
    """Everything that defines a run besides its data files and its seed."""

    model: str
    """Kind of model: fractal-flow, fractal-ar or fractal-mar."""
    data: DataConfig = DataConfig()
    """Patches of sections, or images: their size, augmentation and split."""
    training: TrainingConfig = TrainingConfig()
    """Optimisation: steps, batch, learning rate, regularisation."""

    @property
    @abstractmethod
    def input_key(self) -> str:
        """Key that says what the model takes: amplitudes or pixel values."""

    @property
    @abstractmethod
    def input(self) -> str:
        """Value of that key."""

    def without_effect(self) -> dict[str, str]:
        why = f"with {self.input_key} = {self.input}"
        if self.input == "pixels":
            of_sections = (
                "data.dither", "data.polarity", "data.gap", "data.min_valid", "training.denoiser_steps"
            )  # fmt: skip
            return dict.fromkeys(of_sections, why)
        nothing_held_out = {} if self.data.validation else {"data.gap": "with data.validation = 0"}
        return {"data.resize": why} | nothing_held_out


class FlowModelConfig(RunConfig):
    """A run of a Fractal Flow."""

    model: Literal["fractal-flow"] = "fractal-flow"
    """Kind of model: fractal-flow, fractal-ar or fractal-mar."""
    flow: FlowConfig = FlowConfig()
    """Recursion, couplings, input map and prior."""

    @property
    def input_key(self) -> str:
        return "flow.input"

    @property
    def input(self) -> str:
        return self.flow.input


class AutoregressiveModelConfig(RunConfig):
    """A run of a fractal autoregressive model."""

    model: Literal["fractal-ar", "fractal-mar"]
    """Kind of model: fractal-flow, fractal-ar or fractal-mar."""
    autoregressive: AutoregressiveConfig = AutoregressiveConfig()
    """Transformers of the model."""

    @property
    def input_key(self) -> str:
        return "autoregressive.input"

    @property
    def input(self) -> str:
        return self.autoregressive.input

    def without_effect(self) -> dict[str, str]:
        no_states = f"on a {self.model}, which has no states"
        found = super().without_effect() | dict.fromkeys(("training.l2", "training.transport"), no_states)
        if self.model == "fractal-ar":
            found["autoregressive.rounds"] = "on a fractal-ar, which takes its parts one by one"
        return found


FAMILIES: dict[str, type[RunConfig]] = {
    "fractal-flow": FlowModelConfig,
    "fractal-ar": AutoregressiveModelConfig,
    "fractal-mar": AutoregressiveModelConfig,
}
GROUPS = {"flow", "autoregressive"}
"""Groups that only one family has. Older versions stored both with every model."""


def _kind(values: Any) -> str | None:
    """Return the family that values say they are of; None where they are no config."""
    kind = values.get("model", DEFAULT) if isinstance(values, dict) else getattr(values, "model", None)
    return kind if isinstance(kind, str) else None


Config = Annotated[
    Annotated[FlowModelConfig, Tag("fractal-flow")]
    | Annotated[AutoregressiveModelConfig, Tag("fractal-ar")]
    | Annotated[AutoregressiveModelConfig, Tag("fractal-mar")],
    Discriminator(_kind),
]
"""One of the families, by ``model``."""

VALIDATOR: TypeAdapter[FlowModelConfig | AutoregressiveModelConfig] = TypeAdapter(Config)


def as_stored(values: Any) -> Any:
    """RunConfig of a stored model or run, whose keys without effect are left out.

    Older versions stored every key of every family, and took those without effect.

    Raises
    ------
    pydantic.ValidationError
        If it is not a config at all.
    """
    family = FAMILIES.get(_kind(values) or "")
    if family is None or not isinstance(values, dict):
        return VALIDATOR.validate_python(values)
    others = GROUPS - set(family.model_fields)
    known = current_names({key: value for key, value in values.items() if key not in others}, family)
    return VALIDATOR.validate_python(VALIDATOR.validate_python(known, context=LENIENT).model_dump())
