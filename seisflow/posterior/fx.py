"""Prediction of each trace from those beside it, frequency by frequency (f-x)."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from seisflow.patches import OverlapAdd, window_starts
from seisflow.posterior.examples import Mask, Values

SIZE = (128, 128)
"""Samples and traces of a window, which overlap by half; one filter for each frequency of it."""
ORDER = 4
"""Traces that one is predicted from, on either side."""
DAMPING = 0.01
"""Prewhitening, as a part of the mean power."""
FOLDS = 8
"""A trace is predicted by filters fitted to the others of these parts, so that its noise is not in them."""

Complex = NDArray[np.complex128]


def around(columns: slice, traces: int) -> slice:
    """Traces that must be read to predict some: those of all windows that reach into them."""
    lefts = [int(left) for left in _lefts(traces)]
    reach = [left for left in lefts if left < columns.stop and left + SIZE[1] > columns.start]
    return slice(reach[0], min(reach[-1] + SIZE[1], traces))


def fx_prediction(
    values: Values, known: Mask, *, distance: int = 1, first: int = 0, traces: int | None = None
) -> tuple[Values, Mask]:
    r"""Each trace predicted from those on its left and, in turn, on its right: the mean of both.

    .. math:: \hat X_n(f) = \sum_{k=0}^{3} a_k(f)\, X_{n - d - k}(f)

    with the filter a of least squares over a window, and d the ``distance`` of the nearest trace taken.

    Parameters
    ----------
    values : ndarray of float32, (T, X)
        Zero where not known; the part of a panel that starts at trace ``first``.
    known : ndarray of bool, (T, X)
    distance : int
    first, traces : int
        First trace of the part, and traces of the whole panel, so that a part of it has the same predictions.

    Returns
    -------
    prediction : ndarray of float32, (T, X)
    usable : ndarray of bool, (T, X)
        Where all samples that a prediction is made from are known, and its windows lie within the part.

    References
    ----------
    Canales, *Random noise reduction*, 1984.
    """
    shape = values.shape
    whole = shape[1] if traces is None else traces
    height, width = min(SIZE[0], shape[0]), min(SIZE[1], whole)
    reach = ORDER + distance - 1
    prediction, covered = OverlapAdd(shape, (height, width)), np.zeros(shape[1], bool)
    if width <= 2 * reach:
        return np.zeros(shape, np.float32), np.zeros(shape, bool)
    for left in (int(left) - first for left in _lefts(whole)):
        if left < 0 or left + width > shape[1]:
            continue
        covered[left : left + width] = True
        place = np.arange(left, left + width) + first
        for top in window_starts(shape[0], height, max(height // 2, 1)):
            window = values[top : top + height, left : left + width]
            spectra = np.fft.rfft(window.astype(np.float64), 2 * height, axis=0)
            found = np.fft.irfft(_from_both_sides(spectra, place, distance), 2 * height, axis=0)[:height]
            prediction.add([top], [left], found[None].astype(np.float32))
    beside = minimum_filter1d(known, 2 * reach + 1, axis=1, mode="nearest")
    usable: Mask = beside & covered
    return np.where(usable, prediction.result(), np.float32(0)), usable


def _lefts(traces: int) -> NDArray[np.int64]:
    width = min(SIZE[1], traces)
    return window_starts(traces, width, max(width // 2, 1))


def _from_both_sides(spectra: Complex, place: NDArray[np.int64], distance: int) -> Complex:
    reach = ORDER + distance - 1
    forward = _predicted(spectra, place, distance)
    backward = _predicted(spectra[:, ::-1], place[::-1], distance)[:, ::-1]
    both: Complex = (forward + backward) / 2
    both[:, :reach], both[:, -reach:] = backward[:, :reach], forward[:, -reach:]
    return both


def _predicted(x: Complex, place: NDArray[np.int64], distance: int) -> Complex:
    """Predict series (F, X) from earlier values; zero where there are too few."""
    target = np.arange(ORDER + distance - 1, x.shape[1])
    before = x[:, target[:, None] - distance - np.arange(ORDER)]
    matrix, vector = _normal_equations(before, x[:, target])
    power = np.einsum("fkk->f", matrix).real / ORDER
    matrix = matrix + (DAMPING * power + 1e-12)[:, None, None] * np.eye(ORDER)
    out = np.zeros_like(x)
    for fold in range(FOLDS):
        inside = place[target] % FOLDS == fold
        if inside.any():
            of_fold = _normal_equations(before[:, inside], x[:, target[inside]])
            filters = np.linalg.solve(matrix - of_fold[0], vector - of_fold[1])
            out[:, target[inside]] = (before[:, inside] @ filters)[:, :, 0]
    return out


def _normal_equations(before: Complex, target: Complex) -> tuple[Complex, Complex]:
    transposed = before.conj().transpose(0, 2, 1)
    return transposed @ before, transposed @ target[:, :, None]
