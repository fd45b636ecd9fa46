"""Denoisers without a model: lateral median, f-x prediction.

All take a panel (T, X) and return it cleaned.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from seisflow.patches import OverlapAdd, window_starts


def median(panel: NDArray[np.float64], *, traces: int = 5) -> NDArray[np.float64]:
    """Median over neighbouring traces."""
    return np.asarray(median_filter(panel, size=(1, traces), mode="nearest"))


def fx_deconvolution(
    panel: NDArray[np.float64],
    *,
    order: int = 4,
    size: tuple[int, int] = (128, 64),
    damping: float = 0.01,
) -> NDArray[np.float64]:
    """Predict each frequency from the traces before and, in turn, those behind (Canales, 1984).

    Parameters
    ----------
    panel : ndarray (T, X)
    order : int
        Traces that one is predicted from.
    size : (int, int)
        Samples and traces of a window.
    damping : float
        Prewhitening.
    """
    size = min(size[0], panel.shape[0]), min(size[1], panel.shape[1])
    sums = OverlapAdd(panel.shape, size)
    for left in window_starts(panel.shape[1], size[1], size[1] // 2):
        for top in window_starts(panel.shape[0], size[0], size[0] // 2):
            window = panel[top : top + size[0], left : left + size[1]]
            spectrum = np.fft.rfft(window, 2 * size[0], axis=0)
            forward = _predicted(spectrum, order, damping)
            backward = _predicted(spectrum[:, ::-1], order, damping)[:, ::-1]
            both = (forward + backward) / 2
            both[:, :order], both[:, -order:] = backward[:, :order], forward[:, -order:]
            clean = np.fft.irfft(both, 2 * size[0], axis=0)[: size[0]]
            sums.add([top], [left], clean[None].astype(np.float32))
    return sums.result().astype(np.float64)


def _predicted(x: NDArray[np.complex128], order: int, damping: float) -> NDArray[np.complex128]:
    """One-step predictions of complex series (F, X), by least squares, each from ``order`` before."""
    before = np.lib.stride_tricks.sliding_window_view(x, order, axis=1)[:, :-1]
    target = x[:, order:, None]
    transposed = before.conj().transpose(0, 2, 1)
    matrix = transposed @ before
    power = np.einsum("fkk->f", matrix).real / order
    matrix = matrix + (damping * power + 1e-12)[:, None, None] * np.eye(order)
    weights = np.linalg.solve(matrix, transposed @ target)
    out = x.copy()
    out[:, order:] = (before @ weights)[:, :, 0]
    return out
