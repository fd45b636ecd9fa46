"""Amplitude scaling: fitted on the training part, stored with the model."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from seisflow.errors import DataError
from seisflow.patches.areas import Area, areas_of, evenly, no_signal
from seisflow.patches.panels import read_panel
from seisflow.patches.splits import Block

Array = TypeVar("Array", NDArray[np.float32], Tensor)

MAX_SAMPLES = 20_000_000
MIN_PANELS = 64
MAX_LEVELS = 1024
OUTLIER_DOUBLINGS, OUTLIER_SHARE = 10, 1e-3
"""Outliers are so many doublings larger than the median, and a smaller share of all samples."""


class AmplitudeScaling(BaseModel):
    """Affine map between amplitudes and the unit variance that models see.

    Attributes
    ----------
    std, mean : float
        In amplitude units; ``mean`` is 0 unless it exceeds a tenth of ``std``.
    step : float
        Width of the uniform dither, in scaled units.
    quantised : bool
        Whether ``step`` is that of the amplitude levels of the data.
    """

    model_config = ConfigDict(frozen=True)

    std: float = Field(gt=0, allow_inf_nan=False)
    mean: float = Field(default=0.0, allow_inf_nan=False)
    step: float = Field(default=1 / 32, ge=0, allow_inf_nan=False)
    quantised: bool = False

    def scale(self, a: Array) -> Array:
        """Amplitudes to scaled units."""
        return (a - self.mean) / self.std if self.mean else a / self.std

    def unscale(self, x: Array) -> Array:
        """Scaled units to amplitudes."""
        return x * self.std + self.mean

    @classmethod
    def fit(
        cls, sections: Sequence[xr.Dataset], blocks: Sequence[Sequence[Block]], dither: float = 1 / 32
    ) -> "AmplitudeScaling":
        """Fit to the usable samples of the training blocks.

        Beyond 2e7 samples, an even subsample of panels and traces is used. Samples more than a thousand times
        the usual size count only where they are many, or small beside all others together: a few, such
        as null values that nobody told, would else be all of the standard deviation.

        Parameters
        ----------
        sections : sequence of xr.Dataset
        blocks : sequence of sequence of Block
            Training blocks of each section.
        dither : float
            Width of the dither of continuous data, in scaled units. Data with levels further apart
            (integer formats, or floats made from them) get the width of a level instead.

        Raises
        ------
        DataError
            If the blocks hold no usable sample.
        """
        areas = areas_of(sections, blocks)
        samples = sum(area.samples for area in areas)
        moments = _Moments()
        levels = 0.0
        for area in areas:
            budget = max(int(MAX_SAMPLES * area.samples / samples), 1)
            section = sections[area.section]
            spacing = float(section.attrs.get("quantisation_step", 0.0))
            for values in _subsample(section, area, budget):
                moments.add(values)
                spacing = spacing or _level_spacing(values)
            levels = max(levels, spacing)
        if moments.count == 0 or moments.variance <= 0:
            raise DataError(no_signal(sections))
        if (most := moments.outliers_from()) is not None:
            moments = _Moments()
            for area in areas:
                budget = max(int(MAX_SAMPLES * area.samples / samples), 1)
                for values in _subsample(sections[area.section], area, budget):
                    moments.add(values[np.abs(values) < most])
        std = float(np.sqrt(moments.variance))
        mean = moments.mean if abs(moments.mean) > 0.1 * std else 0.0
        integer = all(float(section.attrs.get("quantisation_step", 0.0)) > 0 for section in sections)
        quantised = levels > 0 and (integer or levels / std > dither)
        return cls(std=std, mean=mean, step=levels / std if quantised else dither, quantised=quantised)


class _Moments:
    """Mean and variance of batches, merged without cancellation (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0
        self._sizes = np.zeros(256, np.int64)  # samples by exponent of 2, from -127

    def add(self, values: NDArray[np.float32]) -> None:
        if values.size == 0:
            return
        mean = float(values.mean(dtype=np.float64))
        total = self.count + values.size
        shift = mean - self.mean
        self._squares += float(values.var(dtype=np.float64)) * values.size
        self._squares += shift**2 * self.count * values.size / total
        self.mean += shift * values.size / total
        self.count = total
        exponents = (np.ascontiguousarray(values).view(np.uint32) >> 23) & 0xFF
        self._sizes += np.bincount(exponents, minlength=256)

    @property
    def variance(self) -> float:
        return self._squares / self.count

    def outliers_from(self) -> float | None:
        """Return the size of outliers: few, far from the others, and most of the variance; else None."""
        there = np.cumsum(self._sizes[1:])  # exponent 0 is that of zeros
        if not there[-1]:
            return None
        usual = int(np.searchsorted(there, there[-1] / 2)) + 1
        first = usual + OUTLIER_DOUBLINGS
        few = 0 < self._sizes[first:].sum() < OUTLIER_SHARE * there[-1]
        energy = self._sizes * 4.0 ** (np.arange(256) - 127)
        if not few or energy[first:].sum() < 0.5 * energy.sum():
            return None
        return float(2.0 ** (first - 127))


def _subsample(section: xr.Dataset, area: Area, budget: int) -> Iterator[NDArray[np.float32]]:
    """Usable samples, panel by panel, of an even subsample of about ``budget`` samples of an area."""
    per_panel = area.shape[0] * area.shape[1]
    panels = evenly(len(area.leads), max(budget // per_panel, MIN_PANELS))
    stride = ceil(len(panels) * per_panel / budget)
    for k in panels:
        for columns in area.pieces():
            panel = read_panel(section, area.leads[k], columns).crop(area.rows, slice(None))
            yield panel.amplitude[:, ::stride][panel.mask[:, ::stride]]


def _level_spacing(values: NDArray[np.float32]) -> float:
    """Smallest distance between the levels of coarsely quantised floats; 0 for continuous ones."""
    some = values[:: max(len(values) // 100_000, 1)]
    levels = np.unique(some)
    if not 2 <= len(levels) <= min(MAX_LEVELS, len(some) // 16):
        return 0.0
    return float(np.diff(levels).min())
