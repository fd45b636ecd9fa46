"""Config keys of a Fractal Flow: recursion, couplings, input map, autoregressive steps, prior."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from seisflow.config.base import Group, renamed

MOST_COUPLINGS = 64

Side = Annotated[int, Field(ge=1, le=1024)]
"""Samples or traces gathered by a squeeze."""


def _value_of_today(name: object) -> object:
    return "logistic-ends" if name == "bells" else name


class SubnetConfig(Group):
    """The network inside every coupling."""

    kind: Literal["cnn", "mlp", "kan"] = "cnn"
    """Convolutions, a multilayer perceptron, or a Kolmogorov-Arnold network."""
    width: int = Field(default=64, ge=1, le=8192)
    """Channels of the hidden layers."""
    depth: int = Field(default=2, ge=1, le=64)
    """Hidden layers, or residual blocks."""


class PriorConfig(Group):
    """The density of the latent space."""

    kind: Literal["gaussian", "kat", "lda"] = "lda"
    """Standard normal; a Gaussian mixture (Eq. 4-5 of the paper); latent Dirichlet allocation (Eq. 6-9)."""
    topics: int = Field(default=4, ge=1, le=1024)
    """Topics Q of lda, components K of kat."""
    means: int = Field(default=7, ge=1, le=1024)
    """Means M: of each dimension on a fixed grid in lda, of each component in kat."""
    share: Literal["none", "position"] = "position"
    """Sharing of parameters: none, a set for each dimension; position, one for all positions of a channel."""
    init: Literal["clusters", "halfway", "blended", "noise"] = "clusters"
    """First topics: clusters of the first patches; halfway there; blended, a little there; or noise."""

    def without_effect(self) -> dict[str, str]:
        if self.kind == "gaussian":
            return dict.fromkeys(("topics", "means", "share", "init"), "on a gaussian prior")
        return {"share": "on a kat prior"} if self.kind == "kat" else {}


class AutoregressiveStepConfig(Group):
    """A step that takes element after element by mixtures of logistics, given those before."""

    width: int = Field(default=0, ge=0, le=8192)
    """Channels of its causal network; 0 leaves the step out."""
    depth: int = Field(default=3, ge=0, le=64)
    """Residual convolutions of the network."""
    components: int = Field(default=4, ge=2, le=1024)
    """Logistics of each mixture."""

    def without_effect(self) -> dict[str, str]:
        if self.width:
            return {}
        keys = [key for key in type(self).model_fields if key != "width"]
        return dict.fromkeys(keys, "on a step of width 0, which is left out")


class TraceAutoregressiveConfig(AutoregressiveStepConfig):
    """The autoregressive step of sections, trace after trace and down each of them."""

    context_noise: float = renamed(0.0, "context_noise", "disturbed", ge=0, le=1)
    """Share of training patches whose context gets noise in the place of signal: keeps a model of few lines
    from fading from trace to trace; where there are many, it costs density and coherence."""


class PixelAutoregressiveConfig(AutoregressiveStepConfig):
    """The autoregressive step of images, pixel after pixel."""

    period: int = Field(default=0, ge=0, le=1024)
    """Period of the mixing of neighbours in resized images, 8 for 28 x 28 made 32 x 32; 0 for none."""


class BandsConfig(Group):
    """Bands of lateral wavenumbers in place of neighbourhoods, for the first level of a section.

    Fine bands are conditioned on coarser ones, the coarsest gets couplings of its own, and the couplings of
    the level act on all bands together.
    """

    count: int = Field(default=1, ge=1, le=1024)
    """Number of bands, a power of 2; 1 leaves them out."""
    couplings: int = Field(default=6, ge=1, le=MOST_COUPLINGS)
    """Couplings of the coarsest band."""
    autoregressive: TraceAutoregressiveConfig = renamed(
        TraceAutoregressiveConfig(), "autoregressive", "raster"
    )
    """Step of the coarsest band before its couplings."""

    @field_validator("count")
    @classmethod
    def _power_of_two(cls, count: int) -> int:
        if count & (count - 1):
            raise ValueError("a power of 2")
        return count

    def without_effect(self) -> dict[str, str]:
        return dict.fromkeys(("couplings", "autoregressive"), "on a single band") if self.count == 1 else {}


class FlowConfig(Group):
    """Recursion, couplings, input map and prior of a Fractal Flow."""

    levels: int = Field(default=4, ge=1, le=16)
    """Depth of the fractal recursion: blocks of H x W, H/2 x W/2, ..."""
    couplings: int | list[int] = 4
    """Couplings in the step of each level; the last of a list counts for all deeper levels too."""
    squeeze: tuple[Side, Side] = (4, 4)
    """Samples and traces that a step gathers into channels."""
    bands: BandsConfig = BandsConfig()
    """Bands of lateral wavenumbers in the first level."""
    use_1x1: bool = renamed(True, "use_1x1", "mix")
    """Invertible 1x1 maps between couplings (the paper's Fig. 9 leaves them out)."""
    mixing_init: Literal["cosine", "random"] = renamed("cosine", "mixing_init", "start")
    """First values of these maps: the local cosine transform, or random orthogonal matrices."""
    mask: Literal["halves", "learned"] = "halves"
    """Channels that condition a coupling: one half and the other in turns, or a mask that is learned in the
    first fifth of training. Couplings between bands keep theirs."""
    input: Literal["whiten", "pixels", "none"] = "whiten"
    """Map before the first level: spectral whitening (seismic), a map of pixel values (images), or none."""
    pixels: Annotated[Literal["arctanh", "logistic-ends"], BeforeValidator(_value_of_today)] = "arctanh"
    """Map of pixel values: the paper's, or one that gives the values 0 and 255 room of their own."""
    autoregressive: PixelAutoregressiveConfig = renamed(
        PixelAutoregressiveConfig(), "autoregressive", "raster"
    )
    """Step after the map of pixel values."""
    max_log_scale: float = renamed(2.0, "max_log_scale", "bound", gt=0, le=20)
    """Largest absolute log-scale of a coupling."""
    reversible: bool = renamed(False, "reversible", "recompute")
    """Recompute states in the backward pass instead of storing them: training memory then does not grow with
    the number of couplings, at one more evaluation of each network."""
    subnet: SubnetConfig = SubnetConfig()
    """Network inside every coupling."""
    prior: PriorConfig = PriorConfig()
    """Density of the latent space."""

    @model_validator(mode="after")
    def _some_couplings(self) -> "FlowConfig":
        counts = [self.couplings] if isinstance(self.couplings, int) else self.couplings
        if not counts or min(counts) < 1 or max(counts) > MOST_COUPLINGS:
            raise ValueError(
                f"couplings {self.couplings}: one positive number, or some for the first levels, "
                f"each at most {MOST_COUPLINGS}"
            )
        return self

    @model_validator(mode="after")
    def _period_of_pixels(self) -> "FlowConfig":
        period = self.autoregressive.period
        if self.input == "pixels" and period and self.pixels != "logistic-ends":
            raise ValueError(f"autoregressive.period = {period}: needs pixels: logistic-ends")
        return self

    def without_effect(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.input != "pixels":
            found |= dict.fromkeys(("pixels", "autoregressive"), f"with flow.input = {self.input}")
        if not self.use_1x1:
            found["mixing_init"] = "without the 1x1 maps of flow.use_1x1"
        return found

    def couplings_by_level(self) -> list[int]:
        """Number of couplings in the step of each level, coarsest first."""
        counts = [self.couplings] if isinstance(self.couplings, int) else self.couplings
        return [counts[min(level, len(counts) - 1)] for level in range(self.levels)]
