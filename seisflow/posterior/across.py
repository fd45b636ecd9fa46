"""Predictions of a cube's missing traces across its lines, beside those along them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from seisflow.patches import layout
from seisflow.posterior.examples import Mask, Values

LEAST_LINES = 4
"""Lines from which on a section is filled across them, too."""
CERTAIN = np.float32(1e-30)
"""Standard deviation in files of samples that are certain, as those of a mute are."""


@dataclass(frozen=True)
class Across:
    """Missing samples of a cube as the other lines predict them.

    Attributes
    ----------
    folder : Path
        Of ``mean.npy`` and ``std.npy``, (lines, traces, T); the standard deviation is 0 where there is none.
    factor : float
        Times the standard deviation that two independent predictions would have together, for 90 %
        intervals to hold 90 % of kept traces.
    """

    folder: Path
    factor: float

    def tile(self, line: int, columns: slice) -> tuple[Values, Values, Mask]:
        """Mean and standard deviation of some traces of a line, and what is predicted at all, (T, X)."""
        mean, std = (
            np.array(np.load(self.folder / f"{name}.npy", mmap_mode="r")[line, columns]).T
            for name in ("mean", "std")
        )
        return mean, np.where(std > CERTAIN, std, np.float32(0)), std > 0


def is_cube(section: xr.Dataset) -> bool:
    """Whether a section has lines beside each other that can be looked across."""
    lead = layout(section).lead
    return len(lead) == 1 and section.sizes[lead[0]] >= LEAST_LINES


def combined(
    mean: Values, std: Values, other: Values, spread: Values, factor: float
) -> tuple[Values, Values]:
    r"""Mean of two predictions, weighted by inverse variance, and its standard deviation.

    .. math:: \mu = \frac{\mu_a / \sigma_a^2 + \mu_b / \sigma_b^2}{1 / \sigma_a^2 + 1 / \sigma_b^2}, \qquad
        \sigma = f \left(1 / \sigma_a^2 + 1 / \sigma_b^2\right)^{-1/2}

    The factor f makes up for errors that both share: that of two equal ones is :math:`\sqrt 2`.
    """
    variance, other_variance = (np.square(x, dtype=np.float64) for x in (std, spread))  # of any unit
    total = variance + other_variance
    share = np.divide(variance, total, out=np.zeros_like(total), where=total > 0).astype(np.float32)
    return mean + share * (other - mean), np.float32(factor) * spread * np.sqrt(share)
