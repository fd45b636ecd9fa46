"""Two-sample test on statistics of panels: whether a calibration holds for a section."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import t as student

LEVEL = 0.01
"""Probability at which a section of the survey itself is taken for one of another, over all statistics."""
TOLERANCE = {"amplitude": 0.15, "frequency": 0.05, "bandwidth": 0.08, "coherence": 0.03, "level": 0.05}
"""Differences that make none, whatever their significance: of logarithms but for ``coherence`` and ``level``.

Panels of one survey can be so alike that any difference is significant.
"""
WORDS = {
    "amplitude": "scale",
    "frequency": "dominant frequency",
    "bandwidth": "bandwidth",
    "coherence": "correlation of neighbouring traces",
    "level": "level of typicality",
}


class PanelStatistics(BaseModel):
    """Statistics of some panels, each a list with one value a panel.

    Attributes
    ----------
    values : dict of list of float
        By name: ``amplitude``, logarithm of the standard deviation in the model's units; ``frequency`` and
        ``bandwidth``, logarithms of centroid and spread of the power spectrum, in cycles a sample;
        ``coherence``, correlation of neighbouring traces; ``level``, mean negative log-density in nats.
    """

    model_config = ConfigDict(frozen=True)

    values: dict[str, list[float]]

    def p_values(self, other: PanelStatistics) -> Mapping[str, float]:
        r"""Probability of medians as far away as those of ``other``, of a section of this survey.

        .. math:: t = \frac{m' - m}{\sqrt{s^2 (1 + 1/n) + \tau^2}}

        with the median m and standard deviation s of n panels here, and :math:`\tau` the `TOLERANCE`. The
        section counts as one panel, however many it has: neighbours are alike, and surveys drift.
        """
        found = {}
        for name, here in self.values.items():
            there = other.values.get(name, [])
            n = len(here)
            if not n or not there:
                continue
            spread = float(np.var(here, ddof=1)) if n > 1 else 0.0
            scale = np.sqrt(spread * (1 + 1 / n) + TOLERANCE[name] ** 2)
            shift = abs(float(np.median(there)) - float(np.median(here)))
            found[name] = 2 * float(student.sf(shift / scale, max(n - 1, 2)))
        return found

    def differences(self, other: PanelStatistics) -> list[str]:
        """Say of what a section of another survey differs; empty where it may be of this one."""
        p_values = self.p_values(other)
        found = []
        for name, p in p_values.items():
            if p * len(p_values) < LEVEL:
                here, there = (float(np.median(one.values[name])) for one in (self, other))
                found.append(f"{WORDS[name]} {_size(name, here, there)}")
        return found


def _size(name: str, here: float, there: float) -> str:
    if name in ("coherence", "level"):
        return f"({there:.2f} against {here:.2f})"
    return f"({np.exp(there - here):.2g} times)"
