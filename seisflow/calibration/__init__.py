"""Held-out statistics of a score: quantiles by depth, maxima, tails, false discoveries."""

from seisflow.calibration.by_depth import Calibration, JointCalibration, by_depth, calibrate, folds
from seisflow.calibration.discoveries import benjamini_hochberg
from seisflow.calibration.extremes import Extremes, extremes, tile_maxima
from seisflow.calibration.smoothing import reach_of, smooth, window_weight
from seisflow.calibration.tail import Tail

__all__ = [
    "Calibration",
    "Extremes",
    "JointCalibration",
    "Tail",
    "benjamini_hochberg",
    "by_depth",
    "calibrate",
    "extremes",
    "folds",
    "reach_of",
    "smooth",
    "tile_maxima",
    "window_weight",
]
