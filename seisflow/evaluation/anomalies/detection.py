"""Detection of injected anomalies: areas under curves, and their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.stats import binomtest

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

MOST = 40_000
"""Samples of each side that a curve is made of."""
FALSE_ALARMS = 0.3
"""False positive rate up to which `aupro` looks."""
SMALLEST = 8
"""Samples below which a region does not count, unless all are as small."""


def auroc(score: Map, positive: Mask, negative: Mask | None = None) -> float:
    """Probability that a sample of ``positive`` scores higher than one of ``negative``, ties counted half.

    Parameters
    ----------
    score : ndarray (T, X)
        NaN, which is not scored, ranks lowest.
    positive, negative : ndarray (T, X) of bool
        ``negative`` is by default all that is not positive. Beyond 40 000 samples, an even subsample serves.
    """
    inside, outside = (
        _evenly(np.nan_to_num(score[mask], nan=-np.inf))
        for mask in (positive, ~positive if negative is None else negative)
    )
    if not inside.size or not outside.size:
        return float("nan")
    outside = np.sort(outside)
    below = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
    return float(below.mean() / (2 * outside.size))


def aupro(score: Map, mask: Mask, negative: Mask | None = None, limit: float = FALSE_ALARMS) -> float:
    """Area under the per-region overlap: each connected region counts the same, however small.

    Over false positive rates from 0 to ``limit``, divided by ``limit``: 1 is best. ``negative`` is as for
    `auroc`.

    References
    ----------
    Bergmann et al., *MVTec AD: a comprehensive real-world dataset for unsupervised anomaly detection*, 2019.
    """
    score = np.nan_to_num(score, nan=-np.inf)
    regions, count = label(mask)
    sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
    chosen = np.flatnonzero(sizes >= min(SMALLEST, sizes.max(initial=0))) + 1
    rates = np.linspace(0, limit, 61)
    limits = np.quantile(_evenly(score[~mask if negative is None else negative]), 1 - rates)
    order = np.argsort(regions[mask], kind="stable")
    values = np.split(score[mask][order], np.cumsum(sizes)[:-1])
    overlap = np.mean(
        [1 - np.searchsorted(np.sort(values[i - 1]), limits, "right") / sizes[i - 1] for i in chosen], axis=0
    )
    return float(np.trapezoid(overlap, rates) / limit)


@dataclass(frozen=True)
class Case:
    """Result of one detector on one injected panel.

    Attributes
    ----------
    detector, kind : str
    severity : int
    line : int
        Panel that it was injected into.
    place : int
        Number of the place for this kind, the same for all severities.
    auroc, interior, boundary, aupro : float
        Areas: over all samples of the mask, its inside, and its rim, each against untouched samples.
    found : bool
        Whether a sample of the mask exceeds the section-wise threshold.
    """

    detector: str
    kind: str
    severity: int
    line: int
    place: int
    auroc: float
    interior: float
    boundary: float
    aupro: float
    found: bool


def by_kind(cases: Sequence[Case], value: Callable[[Case], float]) -> dict[str, float]:
    """Mean of a value over the cases of each kind."""
    kinds = dict.fromkeys(case.kind for case in cases)
    return {kind: float(np.nanmean([value(c) for c in cases if c.kind == kind])) for kind in kinds}


def macro(cases: Sequence[Case], value: Callable[[Case], float]) -> float:
    """Mean over kinds, each of which counts the same, of a value."""
    return float(np.mean(list(by_kind(cases, value).values())))


def bootstrap(
    cases: Sequence[Case],
    value: Callable[[Case], float],
    *,
    against: Sequence[Case] = (),
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval (2.5 %, 97.5 %) of `macro`, or of its lead over that of other cases, over panels drawn anew.

    Panels, not cases, are drawn with replacement: what was injected into one panel stays together. A kind
    that no drawn panel has is left out of that draw. Where there is one panel only, places are
    drawn, for each kind its own: such an interval says nothing on other panels.
    """
    lines = np.unique([case.line for case in cases])
    rng = np.random.default_rng(seed)
    if len(lines) == 1:
        return _over_places(cases, value, against, draws, rng)
    means = [_line_sums(some, value, lines) for some in (cases, against) if some]
    found = []
    for _ in range(draws):
        weight = np.bincount(rng.integers(len(lines), size=len(lines)), minlength=len(lines))
        macros = []
        for sums, counts in means:
            total = counts @ weight
            macros.append(float(np.mean((sums @ weight)[total > 0] / total[total > 0])))
        found.append(macros[0] - macros[1] if against else macros[0])
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def exact_interval(outcomes: Sequence[float]) -> tuple[float, float]:
    """95 % interval of a share from outcomes 0 and 1, as if they were independent.

    References
    ----------
    Clopper & Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial*,
    1934.
    """
    found = binomtest(round(sum(outcomes)), len(outcomes)).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def independent(maps: Sequence[Map]) -> float:
    r"""Number of independent maps whose mean would vary as much as that of these, from 1 to n.

    .. math:: n^2 / \sum_{ij} \max(\rho_{ij}, 0)

    with the correlations of maps, each less what all have in common at its depth.
    """
    known = np.all([np.isfinite(one).any(1) for one in maps], axis=0)
    rows = [
        np.nan_to_num(m - np.nanmedian(m, axis=1, keepdims=True)).ravel()
        for m in (one[known] for one in maps)
    ]
    alike = np.atleast_2d(np.corrcoef(np.stack(rows)))
    return float(len(maps) ** 2 / np.maximum(alike, 0).sum())


def _over_places(
    cases: Sequence[Case],
    value: Callable[[Case], float],
    against: Sequence[Case],
    draws: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Interval of `bootstrap` over the places of each kind."""
    means = _place_means(cases, value)
    if against:
        means = means - _place_means(against, value)
    kinds, places = means.shape
    chosen = rng.integers(places, size=(draws, kinds, places))
    found = np.nanmean(np.take_along_axis(means[None], chosen, 2), axis=(1, 2))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _place_means(cases: Sequence[Case], value: Callable[[Case], float]) -> NDArray[np.float64]:
    """Mean of a value over the cases of each kind at each place, (kinds, places)."""
    kinds = list(dict.fromkeys(case.kind for case in cases))
    places = sorted({case.place for case in cases})
    return np.array(
        [
            [np.nanmean([value(c) for c in cases if c.kind == kind and c.place == place]) for place in places]
            for kind in kinds
        ]
    )


def _line_sums(
    cases: Sequence[Case], value: Callable[[Case], float], lines: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of the values of each kind on each line, (kinds, lines)."""
    kinds = list(dict.fromkeys(case.kind for case in cases))
    sums, counts = np.zeros((2, len(kinds), len(lines)))
    for case in cases:
        at = kinds.index(case.kind), int(np.searchsorted(lines, case.line))
        if np.isfinite(value(case)):
            sums[at] += value(case)
            counts[at] += 1
    return sums, counts


def _evenly(values: Map) -> Map:
    return values[:: max(-(-values.size // MOST), 1)]
