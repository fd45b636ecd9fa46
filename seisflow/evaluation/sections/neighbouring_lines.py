"""Prediction of a line of a cube from the lines on both sides: its SNR."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import istft, stft

SAMPLES = 64
"""Samples of a window in time; windows overlap by half."""
OFFSETS = (-2, -1, 0, 1, 2)
"""Traces of each line that take part, from the one predicted."""
DAMPING = 0.01
"""Prewhitening, as a part of the mean power."""


def predicted_by_neighbours(lines: NDArray[np.floating], *, own: bool = False) -> float:
    r"""SNR in dB of lines predicted from the complete lines on both sides.

    .. math:: \hat X_{l,x}(f) = \sum_{m = l \pm 1} \sum_{k=-2}^{2} a_{m,k}(f)\, X_{m,x+k}(f)

    in windows of 64 samples, with the weights of least squares over the first half of the traces; the SNR is
    that of the other half. What is left is incoherent from line to line: noise, and what changes as fast.

    Parameters
    ----------
    lines : ndarray, (L, T, X)
        Neighbouring lines in order, three or more, 0 where nothing is known.
    own : bool
        Predict from the four nearest traces of the line itself, too.
    """
    spectra = stft(np.asarray(lines, float), nperseg=SAMPLES, axis=1)[2]  # (L, F, X, W)
    traces = spectra.shape[2]
    inner = slice(2, traces - 2)
    sides = [(part, k) for part in (spectra[:-2], spectra[2:]) for k in OFFSETS]
    if own:
        sides += [(spectra[1:-1], k) for k in OFFSETS if k]
    inputs = np.stack([part[:, :, 2 + k : traces - 2 + k] for part, k in sides])  # (K, L, F, X, W)
    wanted = spectra[1:-1, :, inner]
    half = wanted.shape[2] // 2
    predicted = np.zeros_like(wanted)
    for f in range(wanted.shape[1]):
        known = inputs[:, :, f, :half].reshape(len(inputs), -1)
        matrix = known @ known.conj().T
        power = np.trace(matrix).real / len(inputs)
        matrix += (DAMPING * power + 1e-12) * np.eye(len(inputs))
        weights = np.linalg.solve(matrix.conj(), known.conj() @ wanted[:, f, :half].ravel())
        predicted[:, f] = np.einsum("k,klxw->lxw", weights, inputs[:, :, f])
    found = istft(predicted, nperseg=SAMPLES, time_axis=-1, freq_axis=1)[1]  # (L, X, T)
    truth = np.asarray(lines, float)[1:-1, :, inner].transpose(0, 2, 1)
    found = found[..., : truth.shape[2]]
    error = np.square(truth - found)[:, half:].sum()
    return float(-10 * np.log10(error / np.square(truth[:, half:]).sum()))
