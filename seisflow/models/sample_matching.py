"""Range, continuity, spectra and variety of training patches, which generated patches are matched to."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator
from scipy.fft import dctn, idctn

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Places of a draw among all, by what does not go on from trace to trace in it, whose gains are known."""

NORMAL_SCORES = np.linspace(-2.4, 2.4, 17)
"""Normal scores, from the least to the most, whose quantiles of powers are known."""


class Incoherent(BaseModel):
    """Gains of what does not go on from trace to trace, for draws that have little or much of it.

    Attributes
    ----------
    share : list of float, (Q,)
        Quantiles, over draws, of its power over that of the draw.
    gain : list of list of float, (Q, F)
        For each of them, gains at the frequencies of a real Fourier transform in time.
    level : list of float, (8,)
        Factor of each trace's amplitudes after, by its place after one of those that are kept, one of 8.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    share: list[PositiveFloat]
    gain: list[list[Annotated[float, Field(ge=0, le=1)]]]
    level: Annotated[list[PositiveFloat], Field(min_length=8, max_length=8)]


class Variety(BaseModel):
    """Way of the levels and spectra of a draw to those of a training patch (`seisflow.generation.variety`).

    Attributes
    ----------
    bounds : three lists of int
        First sample of each part of a patch, and where the last one ends; the same of bands of frequency,
        k / H cycles a sample, and of wavenumber, k / W cycles a trace.
    drawn, training : list of list of float, (K, Q)
        Quantiles of the logarithms of the powers of draws, and of training patches, in these parts and bands,
        one after the other: those at `NORMAL_SCORES`.
    matrix : list of list of float, (K, K)
        What takes the normal scores of a draw to those of a training patch.
    time_gain : list of float, (H,)
        Gains in time after that, at the frequencies k / 2H of a cosine transform.
    dither : float
        Width of the uniform noise that training patches have.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    bounds: tuple[list[int], list[int], list[int]]
    drawn: list[list[float]]
    training: list[list[float]]
    matrix: list[list[float]]
    time_gain: list[PositiveFloat]
    dither: Annotated[float, Field(ge=0)]


class SampleMatching(BaseModel):
    r"""Range of patches that are kept of those drawn from a model, and the zero-phase filter they go through.

    A flow is trained to give data much probability, which costs it little if patches like none of the data
    get some as well: spectra of its draws are a little off, and some draws far too strong. Patches whose root
    mean square or peak lies beyond that of training patches are not kept. Of those kept, traces and samples
    are levelled, what does not go on from trace to trace is weakened, and they are filtered,

    .. math:: X(f, k) \to G(f)\, H(k)\, X(f, k),

    symmetrically continued at their edges, so that their mean amplitude spectra in time and across traces
    become those of training patches. Then each is given levels and spectra of its own.

    Attributes
    ----------
    rms : (float, float)
        Least and largest root mean square of a patch, in scaled units.
    peak : float
        Largest absolute amplitude.
    time_gain, trace_gain : list of float
        G and H at the frequencies k / 2n, k = 0 ... n - 1, of a cosine transform, cycles a sample or a trace.
    level, time_level : list of float
        Factors of the amplitudes of each trace, and of each sample, before: first traces, which know no
        others, and first samples are often too strong. Empty where none are known.
    incoherent : Incoherent, optional
        Gains, before the filter, of what does not go on from trace to trace
        (`seisflow.generation.continuity`); None if all of it stays.
    variety : Variety, optional
        Way to levels and spectra that vary from draw to draw, after the filter; None where patches are too
        few, or too large, to tell it.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    rms: tuple[PositiveFloat, PositiveFloat]
    peak: PositiveFloat
    time_gain: list[PositiveFloat]
    trace_gain: list[PositiveFloat]
    level: list[PositiveFloat] = []
    time_level: list[PositiveFloat] = []
    incoherent: Incoherent | None = None
    variety: Variety | None = None

    @model_validator(mode="before")
    @classmethod
    def _bounds_of_older_versions(cls, values: Any) -> Any:
        """Add the bounds that varieties had before they told them."""
        variety = values.get("variety") if isinstance(values, dict) else None
        if not isinstance(variety, dict) or "bounds" in variety:
            return values
        height, width = len(values["time_gain"]), len(values["trace_gain"])
        bounds = (
            _even(0, height, min(8, height // 8)),
            _even(1, height // 2 + 1, min(16, height // 8)),
            _even(1, width // 2 + 1, min(16, width // 4)),
        )
        return values | {"variety": variety | {"bounds": bounds}}

    def keeps(self, patches: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell of patches (N, 1, H, W) which are as strong as training patches, in rms and peak, (N,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            rms = root_mean_square(patches)
            peak = np.abs(patches).max((1, 2, 3))
            kept: NDArray[np.bool_] = (rms >= self.rms[0]) & (rms <= self.rms[1]) & (peak <= self.peak)
        return kept

    def scaled(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches (N, 1, H, W), those beyond the range as strong as it allows; 0 where one is not finite."""
        patches = np.where(np.isfinite(patches).all((1, 2, 3), keepdims=True), patches, np.float32(0))
        rms, peak = root_mean_square(patches), np.abs(patches).max((1, 2, 3))
        factor = rms.clip(*self.rms) / rms.clip(min=1e-30)
        factor = np.minimum(factor, self.peak / peak.clip(min=1e-30))
        return (patches * factor[:, None, None, None]).astype(np.float32)

    def levelled(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches (..., H, W) after the factors of traces and samples, of the same shape."""
        if self.level:
            patches = patches * np.asarray(self.level, np.float32)
        if self.time_level:
            patches = patches * np.asarray(self.time_level, np.float32)[:, None]
        return patches

    def filter(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches (..., H, W) after the filter, of the same shape."""
        gain = np.outer(self.time_gain, self.trace_gain).astype(np.float32)
        spectra = dctn(patches, axes=(-2, -1), norm="ortho")
        filtered: NDArray[np.float32] = idctn(spectra * gain, axes=(-2, -1), norm="ortho")
        return filtered.astype(np.float32, copy=False)


def _even(first: int, end: int, count: int) -> list[int]:
    """Bounds of parts that are as long as each other, the first ones longer by one if need be."""
    parts = np.array_split(np.arange(first, end), max(count, 1))
    return [first, *(int(part[-1]) + 1 for part in parts)]


def root_mean_square(patches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square of each of patches (N, 1, H, W), (N,)."""
    return np.asarray(np.sqrt(np.square(patches, dtype=np.float64).mean((1, 2, 3))))


class Refinement(BaseModel):
    """Way of refined draws to the spectra of training patches (`seisflow.generation.refining`).

    Attributes
    ----------
    depths : list of (float, float)
        Where some training patches begin and end in their sections, as parts of these.
    matching : SampleMatching
        Range and filter of refined draws.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    depths: Annotated[list[tuple[float, float]], Field(min_length=1)]
    matching: SampleMatching
