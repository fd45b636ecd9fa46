"""The configuration of a run: what a preset holds, what ``--set`` changes, what a model stores."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from seisflow.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubnetConfig(_Strict):
    """The network inside every coupling."""

    kind: Literal["cnn", "mlp", "kan"] = "cnn"
    width: int = Field(default=64, ge=1)
    depth: int = Field(default=2, ge=1)


class PriorConfig(_Strict):
    """The density of the latent space. ``topics`` is Q (K for ``kat``), ``means`` M."""

    kind: Literal["gaussian", "kat", "lda"] = "lda"
    topics: int = Field(default=4, ge=1)
    means: int = Field(default=7, ge=1)
    share: Literal["none", "position"] = "position"


class RasterConfig(_Strict):
    """A step that takes element after element by mixtures of logistics, given those before.

    Attributes
    ----------
    width, depth : int
        Channels and residual convolutions of the causal network; width 0 leaves the step out.
    components : int
        Logistics of each mixture.
    """

    width: int = Field(default=0, ge=0)
    depth: int = Field(default=3, ge=0)
    components: int = Field(default=4, ge=2)


class TraceRasterConfig(RasterConfig):
    """The same for sections, trace after trace.

    Attributes
    ----------
    disturbed : float
        Share of training patches drawn after noise in the place of signal. It keeps a model of few lines
        from fading from trace to trace; where there are many, it costs density and coherence.
    """

    disturbed: float = Field(default=0.0, ge=0, le=1)


class PixelRasterConfig(RasterConfig):
    """The same for images, pixel after pixel.

    Attributes
    ----------
    period : int
        Of the pixels' way of mixing neighbours, 8 for images of 28 x 28 made 32 x 32; 0 for none.
    """

    period: int = Field(default=0, ge=0)


class BandsConfig(_Strict):
    """The first level's view of a section: bands of lateral wavenumbers instead of neighbourhoods.

    Fine bands are conditioned on coarser ones, the coarsest gets couplings of its own, and the couplings of
    the level act on all bands together.

    Attributes
    ----------
    count : int
        Number of bands, a power of 2; 1 leaves them out.
    couplings : int
        Couplings of the coarsest band.
    raster : RasterConfig
        A step of the coarsest band before its couplings: trace after trace and down each of them.
    """

    count: PositiveInt = 1
    couplings: PositiveInt = 6
    raster: TraceRasterConfig = TraceRasterConfig()

    @field_validator("count")
    @classmethod
    def _power_of_two(cls, count: int) -> int:
        if count & (count - 1):
            raise ValueError("a power of 2")
        return count


class FlowConfig(_Strict):
    """The flow itself.

    Attributes
    ----------
    levels : int
        Depth of the fractal recursion: blocks of H x W, H/2 x W/2, ...
    couplings : int or list of int
        Couplings in the step of each level; the last of a list counts for all deeper levels too.
    squeeze : (int, int)
        Samples and traces that a step gathers into channels.
    mix : bool
        Invertible 1x1 maps between couplings (the paper's Fig. 9 leaves them out).
    start : "cosine" or "random"
        What these maps start from: the local cosine transform, or random orthogonal matrices.
    input : "whiten", "pixels" or "none"
        What comes before the first level: spectral whitening (seismic), a map of pixel values (images),
        nothing.
    pixels : "arctanh" or "bells"
        That map: the paper's, or one that gives the values 0 and 255 room of their own.
    bound : float
        Largest absolute log-scale of a coupling.
    recompute : bool
        Recompute states in the backward pass instead of storing them: training memory then does not grow
        with the number of couplings, at one more evaluation of each subnet. The raster of bands keeps its
        inputs alone, too.
    """

    levels: int = Field(default=4, ge=1)
    couplings: int | list[int] = 4
    squeeze: tuple[PositiveInt, PositiveInt] = (4, 4)
    bands: BandsConfig = BandsConfig()
    mix: bool = True
    start: Literal["cosine", "random"] = "cosine"
    input: Literal["whiten", "pixels", "none"] = "whiten"
    pixels: Literal["arctanh", "bells"] = "arctanh"
    raster: PixelRasterConfig = PixelRasterConfig()
    bound: float = Field(default=2.0, gt=0)
    recompute: bool = False
    subnet: SubnetConfig = SubnetConfig()
    prior: PriorConfig = PriorConfig()

    @model_validator(mode="after")
    def _some_couplings(self) -> "FlowConfig":
        counts = [self.couplings] if isinstance(self.couplings, int) else self.couplings
        if not counts or min(counts) < 1:
            raise ValueError(f"couplings {self.couplings}: one positive number, or some for the first levels")
        return self

    @model_validator(mode="after")
    def _period_of_pixels(self) -> "FlowConfig":
        if self.raster.period and self.pixels != "bells":
            raise ValueError(f"raster.period = {self.raster.period}: needs pixels: bells")
        return self

    def couplings_by_level(self) -> list[int]:
        """Number of couplings in the step of each level, coarsest first."""
        counts = [self.couplings] if isinstance(self.couplings, int) else self.couplings
        return [counts[min(level, len(counts) - 1)] for level in range(self.levels)]


class AutoregressiveConfig(_Strict):
    """Transformers of a fractal autoregressive model (``model: fractal-ar`` or ``fractal-mar``).

    Attributes
    ----------
    parts : list of (int, int)
        Samples and traces of the parts into which each level cuts its blocks, coarsest first. The values of
        the last ones are generated one by one: without parts, those of the whole patch.
    width, depth : int or list of int
        Channels and blocks of the transformer of each level: one more than there are ``parts``.
    head : int
        Channels of an attention head.
    rounds : int
        Rounds in which a level of ``fractal-mar`` unmasks its parts, by a cosine schedule.
    input : "amplitudes" or "pixels"
        What the values stand for: scaled amplitudes from -``limit`` to ``limit``, or from the least to the
        largest one of the training data if these are nearer; 0 to ``values`` for images.
    values : int
        Number of values of a sample.
    limit : float
        Amplitudes beyond it, in standard deviations, share a value.
    """

    parts: list[tuple[PositiveInt, PositiveInt]] = [(16, 16), (4, 4)]
    width: PositiveInt | list[PositiveInt] = [128, 64, 48]
    depth: int | list[int] = [4, 3, 2]
    head: int = Field(default=16, ge=1)
    rounds: int = Field(default=8, ge=1)
    input: Literal["amplitudes", "pixels"] = "amplitudes"
    values: int = Field(default=256, ge=2)
    limit: float = Field(default=5.0, gt=0)

    @model_validator(mode="after")
    def _one_entry_a_level(self) -> "AutoregressiveConfig":
        levels = len(self.parts) + 1
        for name, found in (("width", self.widths()), ("depth", self.depths())):
            if len(found) != levels or min(found) < 0:
                raise ValueError(
                    f"{name} {getattr(self, name)}: one number, or one for each of {levels} levels "
                    f"(one more than parts)"
                )
        if any(width % self.head for width in self.widths()):
            raise ValueError(f"width {self.width}: expected multiples of head = {self.head}")
        return self

    def widths(self) -> list[int]:
        """Width of the transformer of each level, coarsest first."""
        return [self.width] * (len(self.parts) + 1) if isinstance(self.width, int) else self.width

    def depths(self) -> list[int]:
        """Depth of the transformer of each level, coarsest first."""
        return [self.depth] * (len(self.parts) + 1) if isinstance(self.depth, int) else self.depth


class DataConfig(_Strict):
    """Patches and what is done to them.

    Attributes
    ----------
    patch : (int, int)
        Time (or depth) samples and traces of a patch; rows and columns of an image.
    channels : int
        3 for colour images.
    resize : "bilinear" or "pad"
        How images come to 32 x 32: interpolated and rounded to 8 bits, or with a border of zeros. Their
        bits/dim do not compare.
    dither : float
        Width of the uniform dither of continuous amplitudes, in standard deviations. Integer data get
        the width of their own step.
    flip, polarity : bool
        Augment by lateral flips; by polarity reversals (not physical unless the source says so).
    validation : float
        Part of each survey held out as one contiguous block, or part of the training images; 0 holds
        nothing out.
    gap : int, optional
        Lines or traces left out between the two; by default a patch width.
    min_valid : float
        Least part of a training window that must hold data.
    """

    patch: tuple[PositiveInt, PositiveInt] = (256, 64)
    channels: Literal[1, 3] = 1
    resize: Literal["bilinear", "pad"] = "bilinear"
    dither: float = Field(default=1 / 32, gt=0)
    flip: bool = True
    polarity: bool = False
    validation: float = Field(default=0.15, ge=0, lt=0.5)
    gap: int | None = Field(default=None, ge=0)
    min_valid: float = Field(default=0.5, gt=0, le=1)


class TrainingConfig(_Strict):
    """How long and how hard.

    Attributes
    ----------
    steps : int
        Optimiser steps; a time limit may end training earlier, the learning rate follows whichever is nearer.
    batch : int
        Patches a step, over all devices.
    learning_rate, warmup, weight_decay, clip : float, int, float, float
        AdamW with linear warm-up over ``warmup`` steps and a cosine decay; gradient norm clipped at ``clip``.
    ema : float
        Decay of the averaged weights, which are the ones validated and saved.
    l2 : float
        Weight of the mean squared step between successive states (Eq. 3 and 11 of the paper).
    validate_every : int
        Steps between validations (and checkpoints).
    workers : int
        Processes that read patches; 0 reads in the training process.
    precision : "auto", "fp32" or "bf16"
        Of the subnets; the stream, scales and log-determinants are always float32. "auto" is bf16 where the
        hardware has it.
    """

    steps: int = Field(default=2000, ge=1)
    batch: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=1.0, gt=0)
    ema: float = Field(default=0.998, ge=0, lt=1)
    l2: float = Field(default=0.0, ge=0)
    validate_every: int = Field(default=250, ge=1)
    workers: int = Field(default=0, ge=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class Config(_Strict):
    """Everything that defines a run besides its data files and its seed."""

    model: Literal["fractal-flow", "fractal-ar", "fractal-mar"] = "fractal-flow"
    data: DataConfig = DataConfig()
    flow: FlowConfig = FlowConfig()
    autoregressive: AutoregressiveConfig = AutoregressiveConfig()
    training: TrainingConfig = TrainingConfig()


def preset_names() -> list[str]:
    """Names of the presets that ship, sorted."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in resources.files("seisflow.configs").iterdir()
        if entry.name.endswith(".yaml")
    )


def load_config(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a preset or a YAML file and apply ``key.sub=value`` overrides.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a preset (`preset_names`) or path of a YAML file.
    overrides : sequence of str
        ``"flow.levels=3"`` and the like; values are read as YAML.

    Raises
    ------
    ConfigError
        For a missing file, a key that does not exist, or a value out of range: one line that names it.
    """
    source = str(name_or_path)
    if source in preset_names():
        text = (resources.files("seisflow.configs") / f"{source}.yaml").read_text()
    else:
        try:
            text = Path(source).read_text()
        except OSError as error:
            presets = ", ".join(preset_names())
            raise ConfigError(f"{source}: no such config. Pass a YAML file or one of: {presets}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{source}: not valid YAML, nor text at all. Pass a config file") from error
    try:
        values = yaml.safe_load(text) or {}
        changes = [_override(item) for item in overrides]
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: holds {type(values).__name__}. Expected a mapping of config keys")
    for keys, value in changes:
        _put(values, keys, value)
    return parse_config(values, source)


def parse_config(values: dict[str, Any], source: str) -> Config:
    """Validate a mapping; raises ConfigError that names the first offending key of ``source``."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("list[", "int")))
        unknown = first["type"] == "extra_forbidden"
        value = "" if unknown or isinstance(first["input"], dict) else f" = {first['input']!r}"
        remedy = "there is no such key" if unknown else first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{source}: {key}{value}: {remedy}") from error


def _override(item: str) -> tuple[list[str], Any]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {item}: expected KEY=VALUE, for instance --set flow.levels=3")
    return key.strip().split("."), yaml.safe_load(value)


def _put(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {'.'.join(keys)}: {key} is a single value, not a group of keys")
        values = inner
    values[keys[-1]] = value
