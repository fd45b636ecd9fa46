"""Windows: where patches lie on a panel, and cutting them out."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from seisflow.errors import ConfigError
from seisflow.patches.panels import Panel


def window_starts(length: int, size: int, stride: int) -> NDArray[np.int64]:
    """Starts of windows of ``size`` that together cover ``[0, length)``.

    The last window is shifted inward to end at ``length``; if ``length < size`` there is one, at 0,
    to be padded.

    Raises
    ------
    ConfigError
        If ``stride`` is not in ``1..size``: larger ones would leave samples uncovered.

    Examples
    --------
    >>> window_starts(463, 256, 128).tolist()
    [0, 128, 207]
    """
    _check(stride, size)
    last = max(length - size, 0)
    starts = np.arange(0, last + 1, stride)
    return starts if starts[-1] == last else np.append(starts, last)


def even_starts(length: int, size: int, stride: int) -> NDArray[np.int64]:
    """Starts of the fewest windows, evenly spaced, that cover ``[0, length)`` at no more than ``stride``.

    Raises
    ------
    ConfigError
        As `window_starts`.

    Examples
    --------
    >>> even_starts(463, 256, 208).tolist()
    [0, 207]
    >>> even_starts(500, 256, 208).tolist()
    [0, 122, 244]
    """
    _check(stride, size)
    last = max(length - size, 0)
    return np.linspace(0, last, -(-last // stride) + 1).round().astype(np.int64)


def _check(stride: int, size: int) -> None:
    if not 1 <= stride <= size:
        raise ConfigError(f"stride {stride} with patches of {size}. Expected 1 to {size}: change the stride.")


def window_grid(
    shape: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``tops (N,)`` and ``lefts (N,)`` of the windows that cover a panel of ``shape``, row by row."""
    tops, lefts = np.meshgrid(
        window_starts(shape[0], size[0], stride[0]),
        window_starts(shape[1], size[1], stride[1]),
        indexing="ij",
    )
    return tops.ravel(), lefts.ravel()


def cut(
    panel: Panel, tops: ArrayLike, lefts: ArrayLike, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Copy windows out of a panel.

    Parameters
    ----------
    panel : Panel
        Amplitude and mask, (T, X).
    tops, lefts : array_like of int, (N,)
        First sample and first trace of each window, not negative.
    size : (h, w)
        Samples and traces of a window.

    Returns
    -------
    x : ndarray (N, 1, h, w) of float32
    mask : ndarray (N, 1, h, w) of bool
        Samples beyond the end of the panel are 0 and False.
    """
    tops, lefts = np.atleast_1d(tops), np.atleast_1d(lefts)
    below = max(int(tops.max(initial=0)) + size[0] - panel.shape[0], 0)
    beside = max(int(lefts.max(initial=0)) + size[1] - panel.shape[1], 0)
    arrays = (panel.amplitude, panel.mask)
    if below or beside:
        arrays = (np.pad(arrays[0], ((0, below), (0, beside))), np.pad(arrays[1], ((0, below), (0, beside))))
    x, mask = (sliding_window_view(array, size)[tops, lefts][:, None] for array in arrays)
    return x, mask


def valid_windows(mask: NDArray[np.bool_], size: tuple[int, int], least: int) -> NDArray[np.bool_]:
    """Windows with at least ``least`` usable samples, as a mask over positions.

    Parameters
    ----------
    mask : ndarray (T, X) of bool
    size : (h, w)
    least : int

    Returns
    -------
    ndarray of bool, (max(T - h, 0) + 1, max(X - w, 0) + 1)
        Indexed by top and left. A panel smaller than a window has one position along that axis.
    """
    h, w = min(size[0], mask.shape[0]), min(size[1], mask.shape[1])
    total = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    np.cumsum(mask, axis=0, dtype=np.int32, out=total[1:, 1:])
    np.cumsum(total, axis=1, out=total)
    columns = total[h:] - total[:-h]
    return columns[:, w:] - columns[:, :-w] >= least
