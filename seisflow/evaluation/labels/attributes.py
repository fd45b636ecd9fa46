"""Attributes that faults are picked by today, each a map (T, X) of a panel (T, X) in scaled amplitudes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from seisflow.evaluation.anomalies import detectors
from seisflow.evaluation.sections.denoisers import fx_deconvolution

Panel = NDArray[np.float32]

GRADIENT = 1.0
"""Size of the Gaussian that gradients are taken of."""
TENSOR = (6.0, 2.0)
"""Window of the structure tensor: samples and traces, standard deviations."""
WINDOW = (6.0, 1.0)
"""Window of residuals."""
FLOOR = 1e-3


def structure_tensor(panel: Panel) -> Panel:
    r"""Chaos of the gradient structure tensor, :math:`2 \lambda_2 / (\lambda_1 + \lambda_2)`.

    References
    ----------
    Randen et al., *Three-dimensional texture attributes for seismic data analysis*, 2000.
    """
    tt, tx, xx = _tensor(panel)
    trace = tt + xx + FLOOR
    spread = np.sqrt((tt - xx) ** 2 + 4 * tx**2)
    return ((trace - spread) / trace).astype(np.float32)


def plane_wave_residual(panel: Panel) -> Panel:
    """Power left by plane-wave destruction: traces less their neighbours, moved along the local slope.

    The slope is that of the structure tensor; the smaller residual of the two sides counts at the borders.

    References
    ----------
    Fomel, *Applications of plane-wave destruction filters*, 2002.
    """
    tt, tx, xx = _tensor(panel)
    angle = 0.5 * np.arctan2(2 * tx, tt - xx)  # of the gradient, against the vertical
    slope = np.clip(-np.tan(np.clip(angle, -1.4, 1.4)), -4, 4)
    t, x = np.mgrid[: panel.shape[0], : panel.shape[1]].astype(np.float64)
    sides = [
        map_coordinates(panel, [t + side * slope, x + side], order=1, mode="nearest") for side in (-1, 1)
    ]
    residual = sum((panel - one) ** 2 for one in sides)
    return _over_power(residual, panel)


def prediction_error(panel: Panel) -> Panel:
    """Power of what f-x prediction from the neighbouring traces leaves, over the local power.

    References
    ----------
    Canales, *Random noise reduction*, 1984.
    """
    if panel.shape[1] < 16:
        return np.zeros_like(panel)  # too few traces to predict from
    return _over_power((panel - fx_deconvolution(panel.astype(np.float64))) ** 2, panel)


def shifted_misfit(panel: Panel) -> Panel:
    """Least misfit of the traces on both sides over shifts of up to 3 samples, over the local power."""
    left, right = np.roll(panel, 1, axis=1), np.roll(panel, -1, axis=1)
    shifts = [gaussian_filter((left - np.roll(right, k, axis=0)) ** 2, (2.0, 0.0)) for k in range(-3, 4)]
    power = gaussian_filter(panel**2, (4.0, 3.0)) + FLOOR
    return gaussian_filter(np.min(shifts, axis=0) / power, (12.0, 1.0)).astype(np.float32)


def incoherence(panel: Panel) -> Panel:
    """One less the largest semblance over dips: `seisflow.evaluation.anomalies.detectors.semblance`."""
    return 1 - detectors.semblance(panel)


ATTRIBUTES: dict[str, Callable[[Panel], Panel]] = {
    "shifted misfit": shifted_misfit,
    "structure tensor": structure_tensor,
    "plane-wave residual": plane_wave_residual,
    "semblance": incoherence,
    "f-x prediction error": prediction_error,
    "envelope": detectors.envelope,
    "RMS amplitude": detectors.rms,
}
"""Attributes by name: the larger, the more anomalous."""


def _tensor(panel: Panel) -> tuple[Panel, Panel, Panel]:
    """Averaged products of the gradient: down by down, down by across, across by across."""
    down = gaussian_filter(panel, GRADIENT, order=(1, 0))
    across = gaussian_filter(panel, GRADIENT, order=(0, 1))
    return (
        gaussian_filter(down * down, TENSOR),
        gaussian_filter(down * across, TENSOR),
        gaussian_filter(across * across, TENSOR),
    )


def _over_power(residual: NDArray[np.floating], panel: Panel) -> Panel:
    power = gaussian_filter(panel**2, WINDOW) + FLOOR
    return (gaussian_filter(residual, WINDOW) / power).astype(np.float32)
