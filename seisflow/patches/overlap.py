"""Overlap-add: maps of windows put back together into a map of the panel."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def raised_cosine(size: int) -> NDArray[np.float32]:
    """Taper of ``size`` samples, 1 in the middle and small, but never zero, at the ends."""
    return (np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2).astype(np.float32)


class OverlapAdd:
    r"""Weighted mean of overlapping windows.

    .. math:: m(t, x) = \frac{\sum_n w_n(t, x)\, v_n(t, x)}{\sum_n w_n(t, x)}

    with a raised-cosine :math:`w_n`, so that a window counts most where its context is complete.

    Parameters
    ----------
    shape : (T, X)
        Shape of the panel.
    size : (h, w)
        Shape of a window.
    lead : tuple of int
        Shape of what each sample of a window has: (K,) for K maps.
    """

    def __init__(self, shape: tuple[int, int], size: tuple[int, int], lead: tuple[int, ...] = ()) -> None:
        self._taper = np.outer(raised_cosine(size[0]), raised_cosine(size[1]))
        self._total = np.zeros((*lead, *shape), np.float32)
        self._weight = np.zeros(shape, np.float32)

    def add(
        self,
        tops: ArrayLike,
        lefts: ArrayLike,
        values: NDArray[np.float32],
        mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add windows.

        Parameters
        ----------
        tops, lefts : array_like of int, (N,)
        values : ndarray (N, ..., h, w)
            What reaches beyond the panel is dropped.
        mask : ndarray (N, h, w) of bool, optional
            Samples to count; the others may hold anything, NaN too.
        """
        if mask is None:
            weights = np.broadcast_to(self._taper, (len(values), *self._taper.shape))
            weighted = values * self._taper
        else:
            weights = self._taper * mask
            each = mask.reshape(len(mask), *(1,) * (values.ndim - 3), *mask.shape[1:])
            weighted = np.where(each, values, 0) * self._taper
        for top, left, value, weight in zip(
            np.atleast_1d(tops), np.atleast_1d(lefts), weighted, weights, strict=True
        ):
            target = slice(top, top + weight.shape[0]), slice(left, left + weight.shape[1])
            known = self._weight[target]
            inside = slice(known.shape[0]), slice(known.shape[1])
            known += weight[inside]
            self._total[..., *target] += value[..., *inside]

    def result(self) -> NDArray[np.float32]:
        """Maps (..., T, X) of float32, NaN where no sample was counted."""
        out = np.full_like(self._total, np.nan)
        np.divide(self._total, self._weight, out=out, where=self._weight > 0)
        return out
