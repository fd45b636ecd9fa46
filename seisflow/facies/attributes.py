r"""Attributes that say what a facies is: power, frequency, continuity and dip, from amplitudes alone.

Each is of the window about a block. With lateral and vertical means :math:`\langle\cdot\rangle` over it,

- power :math:`\langle a^2 \rangle`, in dB against the survey's median;
- the mean square frequency of the spectrum, from
  :math:`\langle (a_{t+1} - a_t)^2 \rangle / \langle a^2 \rangle = 2 (1 - \cos 2 \pi f \Delta t)`;
- continuity: the largest correlation of a trace with the next over small shifts;
- dip: the shift at which it is reached, a trace.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from seisflow.patches import Panel

SHIFTS = 4
"""Most samples a trace by which events may dip."""
NAMES = ("power", "frequency", "continuity", "dip")

Floats = NDArray[np.float64]


def attributes(panel: Panel, block: tuple[int, int], window: tuple[int, int]) -> Floats:
    """Attributes at the middle of each block of a panel, (rows, columns, 4); NaN where masked.

    Power is in squares of amplitude, frequency in cycles a sample, dip in samples a trace (its absolute).

    Parameters
    ----------
    panel : Panel
    block : (int, int)
        Samples and traces between places.
    window : (int, int)
        Samples and traces of the window.
    """
    a, mask = panel.amplitude.astype(np.float64), panel.mask

    def mean(values: Floats, known: NDArray[np.bool_]) -> Floats:
        weight = uniform_filter(known.astype(np.float64), window, mode="constant")
        total = uniform_filter(np.where(known, values, 0), window, mode="constant")
        out: Floats = np.divide(total, weight, out=np.full(a.shape, np.nan), where=weight > 0.1)
        return out

    power = mean(a * a, mask)
    steps, both = np.zeros_like(a), np.zeros_like(mask)
    steps[1:], both[1:] = np.diff(a, axis=0), mask[1:] & mask[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = mean(steps**2, both) / power
        frequency = np.arccos(np.clip(1 - ratio / 2, -1, 1)) / (2 * np.pi)
        correlations = []
        for shift in range(-SHIFTS, SHIFTS + 1):
            other, known = np.zeros_like(a), np.zeros_like(mask)
            other[:, :-1] = _moved(a[:, 1:], shift)
            known[:, :-1] = mask[:, :-1] & (_moved(mask[:, 1:].astype(np.float64), shift) > 0)
            cross = mean(a * other, known)
            correlations.append(cross / np.sqrt(mean(a * a, known) * mean(other**2, known)))
    stack = np.stack(correlations)
    some = np.isfinite(stack).any(0)
    best = np.where(np.isfinite(stack), stack, -np.inf).argmax(0)
    continuity = np.where(some, np.take_along_axis(stack, best[None], 0)[0], np.nan)
    dip = np.where(some, np.abs(best - SHIFTS), np.nan)
    rows = np.minimum(np.arange(-(-a.shape[0] // block[0])) * block[0] + block[0] // 2, a.shape[0] - 1)
    columns = np.minimum(np.arange(-(-a.shape[1] // block[1])) * block[1] + block[1] // 2, a.shape[1] - 1)
    return np.stack([power, frequency, continuity, dip], -1)[np.ix_(rows, columns)]


def _moved(values: Floats, shift: int) -> Floats:
    """Value ``shift`` samples below; zero where there is none."""
    out = np.zeros_like(values)
    if shift > 0:
        out[:-shift] = values[shift:]
    elif shift < 0:
        out[-shift:] = values[:shift]
    else:
        out[:] = values
    return out
