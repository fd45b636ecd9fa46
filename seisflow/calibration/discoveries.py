"""Control of the false discovery rate."""

from collections.abc import Sequence

import numpy as np


def benjamini_hochberg(p_values: Sequence[float], q: float) -> list[bool]:
    r"""Hypotheses to reject so that a share q of those rejected is wrong at most.

    The k smallest, with the largest k for which :math:`p_{(k)} \le q k / n`.

    References
    ----------
    Benjamini & Hochberg, *Controlling the false discovery rate*, 1995.

    Examples
    --------
    >>> benjamini_hochberg([0.001, 0.4, 0.02, 0.9], q=0.05)
    [True, False, True, False]
    """
    if not p_values:
        return []
    p = np.asarray(p_values)
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= q * np.arange(1, len(p) + 1) / len(p))
    chosen = np.zeros(len(p), bool)
    if passed.size:
        chosen[order[: passed[-1] + 1]] = True
    return chosen.tolist()
