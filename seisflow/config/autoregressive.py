"""Config keys of the fractal autoregressive models: the transformers of their levels."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from seisflow.config.base import Group

Side = Annotated[int, Field(ge=1, le=16384)]
WIDEST, DEEPEST = 8192, 256


class AutoregressiveConfig(Group):
    """Transformers of a fractal autoregressive model."""

    parts: list[tuple[Side, Side]] = Field(default=[(16, 16), (4, 4)], max_length=16)
    """Samples and traces of the parts into which each level cuts its blocks, coarsest first. The values of
    the last ones are generated one by one: without parts, those of the whole patch."""
    width: int | list[int] = Field(default=[128, 64, 48])
    """Channels of the transformer of each level: one level more than there are parts."""
    depth: int | list[int] = Field(default=[4, 3, 2])
    """Blocks of the transformer of each level."""
    head: int = Field(default=16, ge=1, le=WIDEST)
    """Channels of an attention head."""
    rounds: int = Field(default=8, ge=1, le=4096)
    """Rounds in which a level of fractal-mar unmasks its parts, by a cosine schedule."""
    input: Literal["amplitudes", "pixels"] = "amplitudes"
    """Meaning of the values: scaled amplitudes from -limit to limit, or within the range of the training data
    if that is narrower; or pixel values, for images."""
    values: int = Field(default=256, ge=2, le=65536)
    """Number of values of a sample."""
    limit: float = Field(default=5.0, gt=0, le=1000)
    """Amplitude, in standard deviations, beyond which all share a value."""

    @model_validator(mode="after")
    def _one_entry_a_level(self) -> "AutoregressiveConfig":
        levels = len(self.parts) + 1
        for name, found, least, most in (
            ("width", self.widths(), 1, WIDEST),
            ("depth", self.depths(), 0, DEEPEST),
        ):
            if len(found) != levels or min(found) < least or max(found) > most:
                raise ValueError(
                    f"{name} {getattr(self, name)}: one number, or one for each of {levels} levels "
                    f"(one more than parts), from {least} to {most}"
                )
        if any(width % self.head for width in self.widths()):
            raise ValueError(f"width {self.width}: expected multiples of head = {self.head}")
        return self

    def without_effect(self) -> dict[str, str]:
        return {"limit": "with autoregressive.input = pixels"} if self.input == "pixels" else {}

    def widths(self) -> list[int]:
        """Width of the transformer of each level, coarsest first."""
        return [self.width] * (len(self.parts) + 1) if isinstance(self.width, int) else self.width

    def depths(self) -> list[int]:
        """Depth of the transformer of each level, coarsest first."""
        return [self.depth] * (len(self.parts) + 1) if isinstance(self.depth, int) else self.depth
