"""Physically modelled anomalies for real sections, to measure detectors by."""

import numpy as np

from seisflow.evaluation.anomalies.injection.base import (
    SEVERITIES,
    Host,
    Injected,
    Injection,
    compare,
    estimate_wavelet,
)
from seisflow.evaluation.anomalies.injection.geology import fault, gas_chimney
from seisflow.evaluation.anomalies.injection.noise import burst, powerline, spikes, swell
from seisflow.evaluation.anomalies.injection.reflectivity import bright_spot, dim_spot, flat_spot
from seisflow.evaluation.anomalies.injection.traces import dead, hot, reversed_polarity, shifted, weak
from seisflow.evaluation.anomalies.injection.waves import diffraction, multiples, phase_rotation, smile

__all__ = ["KINDS", "SEVERITIES", "Host", "Injected", "estimate_wavelet", "inject"]

KINDS: dict[str, Injection] = {
    "dead": dead,
    "weak": weak,
    "hot": hot,
    "reversed": reversed_polarity,
    "shifted": shifted,
    "spikes": spikes,
    "burst": burst,
    "swell": swell,
    "powerline": powerline,
    "bright": bright_spot,
    "dim": dim_spot,
    "flat": flat_spot,
    "chimney": gas_chimney,
    "fault": fault,
    "diffraction": diffraction,
    "smile": smile,
    "multiples": multiples,
    "phase": phase_rotation,
}
"""Every kind of anomaly by its name."""


def inject(host: Host, kind: str, severity: int, seed: int | list[int] = 0) -> Injected:
    """Put one anomaly of a kind (or one group of bad traces, of spikes) into a panel.

    Parameters
    ----------
    host : Host
        Untouched panel.
    kind : str
        One of `KINDS`.
    severity : int
        0 mild, 1 moderate, 2 strong.
    seed : int or list of int
        Where it lies, and what is random about it; the place does not depend on the severity.
    """
    return compare(host, KINDS[kind](host, severity, np.random.default_rng(seed)))
