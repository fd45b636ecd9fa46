"""The noise that goes into patches: dither on every sample, a fill where samples are masked.

Both keep densities finite: dither spreads the levels of quantised amplitudes, the fill replaces
constant regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seisflow.patches.scaling import AmplitudeScaling

FILL_STD = 0.1
"""Standard deviation of the fill, in scaled units."""


def gaussian_fill(x: NDArray[np.float32], mask: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Write small Gaussian noise into ``x``, in place, where ``mask`` is False."""
    missing = mask.size - int(np.count_nonzero(mask))
    if missing:
        x[~mask] = rng.standard_normal(missing, dtype=np.float32) * np.float32(FILL_STD)


def prepare(
    x: NDArray[np.float32], mask: NDArray[np.bool_], scaling: AmplitudeScaling, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Turn amplitudes into what a model sees: scaled, dithered, filled where masked.

    Parameters
    ----------
    x : ndarray of float32, any shape
        Amplitudes as cut; not modified.
    mask : ndarray of bool, same shape
    scaling : AmplitudeScaling
        Gives scale and width of the (centred, uniform) dither.
    rng : numpy.random.Generator
        Its state alone decides the noise.

    Returns
    -------
    ndarray of float32, contiguous, same shape
    """
    out = rng.random(x.shape, dtype=np.float32)
    out -= np.float32(0.5)
    out *= np.float32(scaling.step)
    out += scaling.scale(x)
    gaussian_fill(out, mask, rng)
    return out
